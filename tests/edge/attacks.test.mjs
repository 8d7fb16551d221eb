// The attacks of attacks/*.mjs, each run against the built Worker: the whole answer is the expected one, and the origin
// received nothing. A row that is to be accepted is a control, or a case that a standard wants accepted.
//
// A row:
// - `attack`, `why`, `cve`: what it is, why it must be answered like this, the numbers of such bugs in other products
// - `token`: one token or a list, sent as Bearer to `path` (`/a`) with `headers`; or `request`: one or a list, each with
//   `path`, `method`, `headers`, `host`, `body`, or `raw` for the bytes. Functions make them when their turn comes.
// - `before`: good tokens to send first
// - `answer`: the code of the refusal, in full; `ACCEPTED`; `workerd(status)` where workerd refuses without the Worker
// - `scope`, `allow`, `realm`: what the refusal names
// - `url`, `identity`, `received`: what the origin gets, where it is accepted

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { FAMILIES, listOf, requestsOf } from './attacks/all.mjs';
import { ACCEPTED, policyFor, token, trap } from './attacks/world.mjs';
import { assertForwarded, assertIdentity, assertNothingForwarded, assertRefused } from './support/expect.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';

const origin = await startOrigin();
const gate = await startGate({ policy: policyFor(origin) });
beforeEach(() => origin.take());
after(async () => {
  await gate.close();
  await origin.close();
});

for (const { family, rows } of FAMILIES) {
  describe(family, () => {
    for (const row of rows) {
      const { attack, why, cve } = row;
      assert.ok(why && row.answer && (row.token || row.request), `${family}: ${attack} is complete`);
      test([attack, why, cve].flat().filter(Boolean).join(' | '), () => run(row));
    }
    test('a sound token still passes', async () => {
      assertForwarded(await gate.bearer(token(), '/a'), origin);
    });
  });
}

async function run(row) {
  for (const good of listOf(row.before ?? [])) assertForwarded(await gate.bearer(good, '/a'), origin);
  const requests = requestsOf(row);
  assert.ok(requests.length > 0, 'a row attacks');
  for (const each of requests) {
    try {
      check(await send(each), row, each);
    } catch (error) {
      throw new Error(`${error.message}\n${JSON.stringify(each).slice(0, 1000)}`, { cause: error });
    }
  }
  assert.deepEqual(trap.hits, [], 'nothing that a token names is fetched');
}

function send({ path, raw, ...options }) {
  return raw ? gate.raw(raw) : gate.request(path, options);
}

function check(answer, { answer: expected, scope, allow, realm, url, identity, received = {} }, { method }) {
  if (expected === ACCEPTED) {
    const record = assertForwarded(answer, origin);
    if (url) assert.equal(record.url, url);
    if (identity) assertIdentity(record, identity);
    for (const [name, value] of Object.entries(received)) assert.equal(record.header(name), value, name);
    return;
  }
  if (expected.workerd) {
    assert.equal(answer.status, expected.workerd, answer.text);
    assert.doesNotMatch(answer.text, /"code"/, 'the gate was not asked');
    assertNothingForwarded(origin);
    return;
  }
  assertRefused(answer, expected, { origin, scope, allow, realm, secret: 'user-1', head: method === 'HEAD' });
}
