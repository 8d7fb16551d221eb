// The built Worker and `portcullis explain` decide alike: the corpus of tests/parity, the attack tables, and random requests
// of the differential test. Each request goes to both; status, headers, body and what the origin received are equal.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { attacks } from './attacks/all.mjs';
import { policyFor } from './attacks/world.mjs';
import { build, newCase } from './differential/cases.mjs';
import { Random } from './differential/random.mjs';
import { newWorld, policyOf } from './differential/world.mjs';
import { compare, explain } from './parity/compare.mjs';
import { corpora } from './parity/corpus.mjs';
import { REFUSALS } from './support/expect.mjs';
import { HOST, startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { buildTool } from './support/tool.mjs';

const SEED = Math.floor(Math.random() * 2 ** 32);
const RANDOM_CASES = 150;
/** Some rows have hundreds of requests that differ in little. */
const PER_ROW = 2;

const tool = buildTool();
const origin = await startOrigin();
const folder = mkdtempSync(join(tmpdir(), 'portcullis-parity-'));
const random = new Random(SEED);
const world = newWorld(random);
const files = corpora(origin.url);
const policies = {
  ...Object.fromEntries(Object.entries(files).map(([name, { policy }]) => [name, policy])),
  attacks: policyFor(origin),
  random: policyOf(world, origin.url),
};
const started = await startGates(Object.values(policies).map((policy) => ({ policy })));
const gates = Object.fromEntries(Object.keys(policies).map((name, index) => [name, started[index]]));
for (const [name, policy] of Object.entries(policies)) writeFileSync(join(folder, name), JSON.stringify(policy));
after(async () => {
  await Promise.all(started.map((gate) => gate.close()));
  await origin.close();
  rmSync(folder, { recursive: true, force: true });
});

const seen = new Set();
for (const [name, { requests }] of Object.entries(files)) {
  describe(name, () => {
    for (const [title, members] of Map.groupBy(requests, (request) => request.name)) {
      test(`${title} (${members.length})`, async () => {
        const found = new Set();
        for (const each of members) found.add(await decide(name, { ...each }));
        const [{ expect }] = members;
        assert.deepEqual([...found].sort(), [...expect].sort());
        found.forEach((outcome) => seen.add(outcome));
      });
    }
  });
}

test('every decision of the contract came up', () => {
  // What goes wrong behind a decision, a policy that is none, and a list of revocations are not the tool's to say.
  const others = [
    'gate.misconfigured', 'gate.origin_unreachable', 'gate.origin_timeout', 'auth.token_revoked', 'gate.revocations_unavailable',
    'gate.bad_request', 'gate.bad_signature', 'gate.too_large',
  ];
  assert.deepEqual([...seen].sort(), ['allow', 'serve', ...Object.keys(REFUSALS).filter((code) => !others.includes(code))].sort());
});

test('the attack tables', { timeout: 120_000 }, async (t) => {
  let count = 0;
  for (const request of attacks(PER_ROW).filter(isSayable)) {
    await decide('attacks', { host: HOST, headers: [], ...request });
    count += 1;
  }
  t.diagnostic(`${count} requests`);
  assert.ok(count > 200, `${count} requests`);
});

test(`random requests of seed ${SEED}`, { timeout: 120_000 }, async (t) => {
  const requests = Array.from({ length: RANDOM_CASES }, () => build(newCase(random), world));
  const sayable = requests.map(({ path, request }) => ({ host: HOST, path, headers: request.headers })).filter(isSayable);
  t.diagnostic(`${sayable.length} requests`);
  for (const request of sayable) await decide('random', request);
});

/** Whether the tool can be asked this: with text that is ASCII. */
function isSayable({ host = HOST, path, headers = [], body, raw }) {
  const texts = [host, path, ...headers.flat()];
  return !raw && !body && texts.every((text) => /^[\t\x20-\x7e]*$/.test(text)) && !/ /.test(host + path);
}

/** What becomes of a request at both: `allow`, `serve`, or the code of the refusal. */
async function decide(name, request) {
  origin.take();
  const [explanation, answer] = await Promise.all([
    explain(tool, join(folder, name), request),
    gates[name].request(request.path, request),
  ]);
  try {
    compare(explanation, answer, origin.take(), request);
  } catch (error) {
    throw new Error(`${error.message}\n${JSON.stringify(request)}`, { cause: error });
  }
  return explanation.decision === 'deny' ? JSON.parse(explanation.effect.body).code : explanation.decision;
}
