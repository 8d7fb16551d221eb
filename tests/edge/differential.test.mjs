// The built Worker and an independent checker (jose, and plain rules for what routes ask) decide thousands of random
// requests: they must agree on accept, 401 and 403, but for the list in differential/stricter.mjs.
//
// DIFFERENTIAL_SEED repeats a run but for its keys, DIFFERENTIAL_CASES sets its length.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, test } from 'node:test';

import { build, newCase } from './differential/cases.mjs';
import { Checker, bearer } from './differential/checker.mjs';
import { Random } from './differential/random.mjs';
import { STRICTER, view } from './differential/stricter.mjs';
import { newWorld, policyOf } from './differential/world.mjs';
import { HOST, startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { now } from './support/tokens.mjs';

const SEED = Number(process.env.DIFFERENTIAL_SEED ?? Math.floor(Math.random() * 2 ** 32));
const CASES = Number(process.env.DIFFERENTIAL_CASES ?? 3000);
const PARALLEL = 16;

const random = new Random(SEED);
const world = newWorld(random);
const checker = await Checker.of(world.issuers);
const origin = await startOrigin();
const gate = await startGate({ policy: policyOf(world, origin.url) });
const agent = new http.Agent({ keepAlive: true, maxSockets: PARALLEL });
after(async () => {
  agent.destroy();
  await gate.close();
  await origin.close();
});

test(`${CASES} cases of seed ${SEED}`, async (t) => {
  const cases = Array.from({ length: CASES }, () => newCase(random));
  const seen = { accept: 0, 401: 0, 403: 0 };
  const decisive = {};
  let next = 0;
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (next < cases.length) {
      const index = next;
      next += 1;
      const { verdict, answer, because } = await decide(cases[index]);
      if (verdict !== answer) assert.fail(await explain(index, cases[index]));
      seen[answer] += 1;
      if (because) decisive[because] = (decisive[because] ?? 0) + 1;
    }
  }));
  t.diagnostic(`seed ${SEED}: ${JSON.stringify(seen)}; stricter than jose: ${JSON.stringify(decisive)}`);
  assert.equal(origin.records.length, seen.accept, 'the origin received what was accepted and nothing else');
  if (CASES < 3000) return;
  for (const verdict of Object.keys(seen)) assert.ok(seen[verdict] > CASES / 20, `${verdict}: ${seen[verdict]}`);
  assert.deepEqual(Object.keys(STRICTER).filter((name) => !decisive[name]), [], 'entries of the list that decided nothing');
});

/** What the checker says (`because` of an entry of the list, if it alone decided), and what the gate does. */
async function decide(one) {
  const { route, path, request } = build(one, world);
  const time = now();
  const [lax, answer] = await Promise.all([checker.judge(route, request, time), send(path, request.headers)]);
  const token = bearer(request.headers);
  const table = token && checker.issuer(route, token);
  const seen = table && view(token, time);
  const because = seen && Object.keys(STRICTER).find((name) => STRICTER[name].applies(seen, table));
  return { verdict: because ? '401' : lax, answer, because: because && lax !== '401' ? because : undefined };
}

/** `accept`, or the status of the refusal. */
function send(path, headers) {
  return new Promise((resolve, reject) => {
    const lines = ['Host', HOST, ...headers.flat()];
    const message = http.request({ host: '127.0.0.1', port: gate.port, agent, path, setHost: false, headers: lines });
    message.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 ? 'accept' : String(response.statusCode)));
    });
    message.on('error', reject);
    message.end();
  });
}

/** A failure, with the fewest mutations that still show it. */
async function explain(index, failed) {
  const one = await shrink(failed);
  const { route, path, request } = build(one, world);
  const { verdict, answer } = await decide(one);
  const token = bearer(request.headers) ?? '';
  const [header, payload] = token.split('.').map((text) => Buffer.from(text, 'base64url').toString());
  const named = world.issuers.find(({ table }) => payload?.includes(table.issuer));
  return [
    `the gate says ${answer}, the checker ${verdict} (DIFFERENTIAL_SEED=${SEED}, case ${index})`,
    `mutations: ${one.mutations.map(({ name }) => name).join(', ') || 'none'} (of ${failed.mutations.map(({ name }) => name).join(', ')})`,
    `route: ${JSON.stringify(route)}`,
    `request: ${path} ${JSON.stringify(request.headers)}`,
    `header: ${header}`,
    `payload: ${payload}`,
    `issuer: ${JSON.stringify(named?.table)}`,
  ].join('\n');
}

/** Drops one mutation after the other while the case still fails. */
async function shrink(failed) {
  for (const dropped of failed.mutations) {
    const less = { ...failed, mutations: failed.mutations.filter((mutation) => mutation !== dropped) };
    const { verdict, answer } = await decide(less);
    if (verdict !== answer) return shrink(less);
  }
  return failed;
}
