// Real origins behind the built Worker: of thousands of generated requests, each that the gate lets through is read by the
// origin's own framework as the gate judged it. Under plain workerd, and fewer under Miniflare.
//
// ORIGINS names the origins (all by default), ORIGINS_SEED repeats a run but for its keys, ORIGINS_CASES sets its length for
// each origin.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { freePort } from '../../demo/ports.mjs';
import { signingKey } from '../../demo/provider.mjs';
import { Random } from '../edge/differential/random.mjs';
import { startGates } from '../edge/support/gate.mjs';
import { rawExchange } from '../edge/support/http.mjs';
import { startPlainGate } from '../edge/support/plain.mjs';
import { judge } from './judge.mjs';
import { AUDIENCE, SECRET, policyFor } from './policy.mjs';
import { build, newCase } from './requests.mjs';
import { ORIGINS, startOrigin } from './roster.mjs';

const NAMES = process.env.ORIGINS?.split(',') ?? ORIGINS;
const SEED = Number(process.env.ORIGINS_SEED ?? Math.floor(Math.random() * 2 ** 32));
const CASES = Number(process.env.ORIGINS_CASES ?? 600);
const PARALLEL = 4;
/** Of the failures, those that are explained, each with as few twists as still show it. */
const SHOWN = 3;
/** Of the cases, those that must have been read at least; or else the run says little. */
const READ_AT_LEAST = 1 / 3;

process.setMaxListeners(50); // each program that is started ends with this process
const secrets = { SHARED: SECRET, KEY: JSON.stringify(signingKey('ES256')) };
const stages = await Promise.all(NAMES.map(async (name) => {
  const [port, gatePort] = [await freePort(), await freePort()];
  const gate = `http://127.0.0.1:${gatePort}`;
  const policy = policyFor(gate);
  // The examples fetch the gate's keys when they are first asked for a caller, so the gate may come first.
  const plain = await startPlainGate({ policy, secrets, services: { ORIGIN: 'outbound' }, outbound: port, port: gatePort });
  return { name, port, policy, plain, origin: await startOrigin(name, { port, gate, audience: AUDIENCE }) };
}));
const wrapped = await startGates(stages.map(({ policy, port }) => ({ policy, bindings: secrets, outbound: port, services: { ORIGIN: port } })));
after(async () => {
  for (const { plain, origin } of stages) {
    await origin.close();
    await plain.close();
  }
  for (const gate of wrapped) await gate.close();
});

for (const [kind, cases, gateOf] of [
  ['plain workerd', CASES, ({ plain }) => plain],
  ['Miniflare', Math.ceil(CASES / 8), (stage) => wrapped[stages.indexOf(stage)]],
]) {
  describe(`${kind}, seed ${SEED}`, { concurrency: stages.length }, () => {
    for (const stage of stages) {
      test(`${stage.name}: ${cases} requests`, async (t) => {
        const exchange = exchangeWith(gateOf(stage), stage.origin);
        const seen = await run(cases, new Random(SEED + stages.indexOf(stage)), exchange);
        t.diagnostic(`${stage.name}: ${JSON.stringify(seen)}`);
        assert.ok(seen.read >= cases * READ_AT_LEAST, `the origin read ${seen.read} of ${cases}`);
      });
    }
  });
}

/** Goes through the cases, and says what became of how many; fails with the first that are wrong. */
async function run(count, random, exchange) {
  const cases = Array.from({ length: count }, () => newCase(random));
  const seen = { read: 0, refused: 0, unread: 0 };
  const failed = [];
  let next = 0;
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (next < cases.length) {
      const index = next;
      next += 1;
      const { what, wrong } = await exchange(cases[index]);
      if (wrong) failed.push(index);
      seen[what] += 1;
    }
  }));
  const shown = [];
  for (const index of failed.slice(0, SHOWN)) shown.push(await explain(index, cases[index], exchange));
  assert.equal(failed.length, 0, `${failed.length} of ${count} are wrong\n${shown.join('\n')}`);
  return seen;
}

/**
 * What came of a case: `read` by the origin, `refused` by the gate or workerd, or `unread`: the origin gave an answer of its
 * own that says nothing of the request. `wrong` says how an origin read it otherwise than it was judged.
 */
function exchangeWith(gate, { view }) {
  return async (one) => {
    const sent = build(one);
    // Unwatched: the origins tell all they hear, tokens too.
    const answer = await rawExchange(gate.port, sent.bytes);
    if (answer.status !== 200 || answer.text === '') return { what: answer.json?.code || answer.status === 400 ? 'refused' : 'unread', sent };
    const seen = view(bodyOf(answer));
    return { what: 'read', sent, seen, wrong: judge(seen, sent) };
  };
}

/** Whether it was sent in chunks is the origin's choice. */
function bodyOf({ header, text }) {
  const bytes = header('transfer-encoding') === null ? text : unchunked(text);
  return Buffer.from(bytes, 'latin1').toString();
}

function unchunked(text) {
  const [size, rest] = text.split(/\r\n(.*)/s, 2);
  const length = Number.parseInt(size, 16);
  return length > 0 ? rest.slice(0, length) + unchunked(rest.slice(length + 2)) : '';
}

async function explain(index, failed, exchange) {
  const one = await shrink(failed, exchange);
  const { sent, seen, wrong } = await exchange(one);
  const short = (_, value) => (typeof value === 'string' && value.length > 60 ? `${value.slice(0, 30)}...` : value);
  const names = ({ twists }) => twists.map(({ name }) => name).join(', ') || 'none';
  return [
    `${wrong} (ORIGINS_SEED=${SEED}, case ${index})`,
    `twists: ${names(one)} (of ${names(failed)})`,
    `token: ${sent.token}`,
    `request: ${JSON.stringify(sent.bytes.replace(/Bearer [^\r]*/, 'Bearer ...'))}`,
    `read as: ${JSON.stringify(seen, short)}`,
  ].join('\n');
}

/** Drops one twist after the other while the case still fails. */
async function shrink(failed, exchange) {
  for (const dropped of failed.twists) {
    const less = { ...failed, twists: failed.twists.filter((twist) => twist !== dropped) };
    if ((await exchange(less)).wrong) return shrink(less, exchange);
  }
  return failed;
}
