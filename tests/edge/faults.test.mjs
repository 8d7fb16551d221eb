// What a broken instance does. The Worker under test is built to panic, to use up its memory or its stack when a header
// says so: at once, or behind an await.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertNothingForwarded, assertRefused } from './support/expect.mjs';
import { API, fixture } from './support/fixture.mjs';
import { FAULTY_BUILD } from './support/gate.mjs';

const CANARY = 'canary-of-a-panic';
const { gate, origin, token, accepts } = await fixture({
  policy: { routes: [{ path: '/{*any}', audience: API }, { path: '/public', access: 'public' }] },
  build: FAULTY_BUILD,
});
const good = await token();

const FAULTS = ['panic', 'memory', 'stack'].flatMap((fault) => [fault, `${fault} later`]);

describe('a broken instance', () => {
  for (const fault of FAULTS) {
    const headers = [['x-fault', fault], ['Authorization', `Bearer ${CANARY}`]];

    test(`${fault}: 500, nothing is forwarded, the next request works`, async () => {
      for (let round = 0; round < 3; round += 1) {
        assertRefused(await gate.request('/public', { headers }), 'gate.misconfigured', { origin, secret: CANARY });
        await accepts(good);
        origin.take();
      }
    });

    test(`${fault}: who waits at the same time is answered at once, with 200 or 500`, async () => {
      const struck = (i) => i % 5 === 4;
      const send = (_, i) => (struck(i) ? gate.request('/public', { headers }) : gate.bearer(good, '/a'));
      const started = Date.now();
      const statuses = (await Promise.all(Array.from({ length: 20 }, send))).map(({ status }) => status);
      assert.ok(Date.now() - started < 1000, `${Date.now() - started} ms`);
      statuses.forEach((status, i) => assert.ok(status === 500 || (status === 200 && !struck(i)), `${statuses}`));
      origin.take();
      await accepts(good);
    });
  }

  test('the log says where, and nothing of the request', async () => {
    assert.ok(await gate.logged((line) => /^internal error: src\/edge\/faults\.rs:\d+:\d+$/.test(line)));
    const lines = (await gate.logText()).split('\n');
    assert.ok(!lines.some((line) => line.includes(CANARY) || line.includes(good)), lines.join('\n'));
    assertNothingForwarded(origin);
  });
});

test('what breaks is told as the policy says, though a new instance has to tell it', async () => {
  for (const [decisions, expected] of [['none', 0], ['refused', 1]]) {
    const { gate: broken } = await fixture({ policy: { log: { decisions }, routes: [{ path: '/public', access: 'public' }] }, build: FAULTY_BUILD });
    assert.equal((await broken.request('/public', { headers: [['x-fault', 'panic']] })).status, 500);
    const lines = (await broken.logText()).split('\n').filter((line) => line.startsWith('{"event":"decision"'));
    assert.equal(lines.length, expected, decisions);
  }
});
