// The built Worker and the check that the guides describe (guides/reference.py) answer the same generated requests:
// they must agree on 200, 401 and 403, but for the lists in guides/differences.mjs.
//
// DIFFERENTIAL_SEED repeats a run but for its keys, DIFFERENTIAL_CASES sets its length.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';

import { build, newCase } from '../edge/differential/cases.mjs';
import { Random } from '../edge/differential/random.mjs';
import { view } from '../edge/differential/stricter.mjs';
import { HOST, startGate } from '../edge/support/gate.mjs';
import { startKeyServer } from '../edge/support/keyserver.mjs';
import { startOrigin } from '../edge/support/origin.mjs';
import { now } from '../edge/support/tokens.mjs';
import { STRICTER, WIDER } from './guides/differences.mjs';
import { startReference } from './guides/reference.mjs';
import { FAVOURITES, newWorld, policyOf, servicesOf } from './guides/world.mjs';

const SEED = Number(process.env.DIFFERENTIAL_SEED ?? Math.floor(Math.random() * 2 ** 32));
const CASES = Number(process.env.DIFFERENTIAL_CASES ?? 3000);
const PARALLEL = 16;
/** Few, so that no token grows old before both have seen it. */
const AT_ONCE = 500;

const random = new Random(SEED);
const keys = await startKeyServer();
const world = newWorld(keys);
const origin = await startOrigin();
const gate = await startGate({ policy: policyOf(world, origin.url) });
const reference = await startReference(servicesOf(world));
const agent = new http.Agent({ keepAlive: true, maxSockets: PARALLEL });
after(async () => {
  agent.destroy();
  await reference.close();
  await gate.close();
  await origin.close();
  await keys.close();
});

test(`${CASES} cases of seed ${SEED}`, async (t) => {
  const seen = { 200: 0, 401: 0, 403: 0 };
  const decisive = {};
  for (let first = 0; first < CASES; first += AT_ONCE) {
    const cases = Array.from({ length: Math.min(AT_ONCE, CASES - first) }, () => requestOf(newCase(random, FAVOURITES)));
    const { statuses: agreed, differences } = await compare(cases, first);
    for (const status of agreed) seen[status] += 1;
    for (const name of differences) decisive[name] = (decisive[name] ?? 0) + 1;
  }
  t.diagnostic(`seed ${SEED}: ${JSON.stringify(seen)}; differences: ${JSON.stringify(decisive)}`);
  assert.equal(origin.records.length, seen[200], 'the origin received what was accepted and nothing else');
  if (CASES < 3000) return;
  for (const [status, count] of Object.entries(seen)) assert.ok(count > CASES / 20, `${status}: ${count}`);
  const listed = [...Object.keys(STRICTER), ...Object.keys(WIDER)];
  assert.deepEqual(listed.filter((name) => !decisive[name]), [], 'differences that are listed and do not occur');
});

/** What both say, and the entries of the lists that decided; fails where they differ for no entry. */
async function compare(cases, first) {
  const guides = await statuses(cases, []);
  const widened = await statuses(cases, Object.keys(WIDER));
  const answers = await answersOf(cases);
  const expected = cases.map((one, index) => stricter(one, widened[index]));
  expected.forEach(({ status, because }, index) => {
    const verdicts = { guides: guides[index], widened: widened[index], because };
    assert.equal(answers[index], status, explain(first + index, cases[index], verdicts));
  });
  const wider = await widerOf(cases.filter((_, index) => guides[index] !== widened[index]));
  return { statuses: answers, differences: [...wider, ...expected.map(({ because }) => because).filter(Boolean)] };
}

function requestOf(one) {
  const { route, path, request } = build(one, world);
  const values = request.headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value.trim());
  // As servers give it to a framework; an empty value is none.
  return { one, route, path, org: request.org, headers: request.headers, authorization: values.join(',') || null };
}

function statuses(cases, wider) {
  return reference.statuses(cases.map(({ route, org, authorization }) => ({ service: route.name, org, authorization, wider })));
}

/** The answer with the gate's own strictness, and the entry of the list that changes it. */
function stricter({ route, authorization }, status) {
  const token = tokenIn(authorization);
  const seen = view(token, now());
  const bytes = token.split('.').slice(0, 2).map((text) => Buffer.from(text, 'base64url'));
  const found = { seen, bytes, claims: seen?.documents[1], route };
  const applies = Object.entries(STRICTER).filter(([, entry]) => entry.applies(found));
  const [because, entry] = applies.find(([, { status: own }]) => own === 401) ?? applies[0] ?? [];
  if (entry === undefined || status === 401 || status === entry.status) return { status };
  return { status: entry.status, because };
}

/** Of cases in which the gate takes more: the rules without which it would not. */
async function widerOf(cases) {
  const rules = Object.keys(WIDER);
  const widened = await statuses(cases, rules);
  const found = [];
  for (const rule of rules) {
    const without = await statuses(cases, rules.filter((name) => name !== rule));
    found.push(...without.filter((status, index) => status !== widened[index]).map(() => rule));
  }
  return found;
}

async function answersOf(cases) {
  const answers = [];
  let next = 0;
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (next < cases.length) {
      const index = next;
      next += 1;
      answers[index] = await send(cases[index]);
    }
  }));
  return answers;
}

function send({ path, headers }) {
  return new Promise((resolve, reject) => {
    const lines = ['Host', HOST, ...headers.flat()];
    const message = http.request({ host: '127.0.0.1', port: gate.port, agent, path, setHost: false, headers: lines });
    message.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    message.on('error', reject);
    message.end();
  });
}

/** What follows the scheme, whatever it is. */
function tokenIn(authorization) {
  return /^bearer +(.*)$/i.exec(authorization)?.[1] ?? '';
}

function explain(index, { one, route, path, headers, authorization }, verdicts) {
  const [header, payload] = tokenIn(authorization).split('.').map((text) => Buffer.from(text, 'base64url').toString());
  return [
    `DIFFERENTIAL_SEED=${SEED}, case ${index}: ${JSON.stringify(verdicts)}`,
    `mutations: ${one.mutations.map(({ name }) => name).join(', ') || 'none'}`,
    `route: ${JSON.stringify(route)}`,
    `request: ${path} ${JSON.stringify(headers)}`,
    `header: ${header}`,
    `payload: ${payload}`,
  ].join('\n');
}
