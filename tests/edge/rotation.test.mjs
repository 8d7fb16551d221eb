// Rotation at a real provider while requests flow: no answer may be wrong at any moment.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { signingKey, startProvider } from '../../demo/provider.mjs';
import { API } from './support/fixture.mjs';
import { startGate, until } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { assertAnswered } from './support/stage.mjs';

const LANES = 3;

const origin = await startOrigin();
after(() => origin.close());

/** A provider and a gate. */
async function stage(t, settings = {}) {
  const provider = await startProvider();
  const gate = await startGate({
    policy: {
      version: 1,
      origin: origin.url,
      issuers: { logto: { issuer: provider.issuer, ...settings } },
      routes: [{ path: '/a', audience: API }],
    },
  });
  t.after(async () => {
    await gate.close();
    await provider.close();
  });
  return { provider, gate, token: () => provider.token({ resource: API }) };
}

/**
 * Sends tokens through several lanes at once, until it is stopped. `good` and `bad` are what is to be answered so now;
 * what is in neither may be answered either way. A request counts by the lists at its start and its end.
 */
function flow(gate) {
  const lists = { good: [], bad: [] };
  const wrong = [];
  let [answers, stopped] = [0, false];
  const expectation = (token) => (lists.good.includes(token) ? 200 : lists.bad.includes(token) ? 401 : null);
  const lane = async (offset) => {
    for (let turn = offset; !stopped; turn += 1) {
      const tokens = [...lists.good, ...lists.bad];
      if (tokens.length === 0) {
        await sleep(5);
        continue;
      }
      const token = tokens[turn % tokens.length];
      const before = expectation(token);
      const answer = await gate.bearer(token, '/a');
      answers += 1;
      if (before === expectation(token) && answer.status !== before) wrong.push(`${answer.status}, not ${before}: ${answer.text}`);
    }
  };
  const start = () => Array.from({ length: LANES }, (_, index) => lane(index));
  let lanes = [];
  return {
    /** These are the tokens from now on. */
    expect(good, bad = []) {
      Object.assign(lists, { good, bad });
      if (lanes.length === 0) lanes = start();
    },
    /** Lets a number of answers pass. */
    async run(count = 30) {
      const target = answers + count;
      assert.ok(await until(() => answers >= target, { timeout: 15_000 }), 'requests flow');
    },
    async stop() {
      stopped = true;
      await Promise.all(lanes);
      assert.deepEqual(wrong, [], `of ${answers} answers`);
    },
  };
}

describe('rotation', { concurrency: true, timeout: 40_000 }, () => {
  test('a new key is accepted after one refetch; a withdrawn one is refused after the cron', async (t) => {
    const { provider, gate, token } = await stage(t);
    const requests = flow(gate);
    const first = await token();
    requests.expect([first]);
    await requests.run();
    assert.deepEqual([provider.counts.discovery, provider.counts.jwks], [1, 1]);

    const fresh = provider.rotate();
    const second = await token();
    requests.expect([first, second]);
    await requests.run();
    assert.deepEqual([provider.counts.discovery, provider.counts.jwks], [2, 2], 'one refetch, whoever sees the key first');

    provider.setKeys({ published: [fresh] });
    requests.expect([second]);
    await requests.run();
    await gate.scheduled();
    requests.expect([second], [first]);
    await requests.run();
    await requests.stop();
    assert.deepEqual((await gate.entry(provider.issuer)).keys.map(({ kid }) => kid), [provider.signingKid]);
  });

  test('key after key, of other algorithms too', async (t) => {
    const { provider, gate, token } = await stage(t, { jwks_cooldown: 1 });
    const requests = flow(gate);
    const tokens = [await token()];
    requests.expect([...tokens]);
    for (const alg of ['RS256', 'ES256', 'PS256']) {
      await requests.run();
      await sleep(1100); // the cooldown that the former new key started
      provider.rotate({ alg });
      tokens.push(await token());
      requests.expect([...tokens]);
    }
    await requests.run(60);
    await requests.stop();
    assert.equal(provider.counts.jwks, 4);
  });

  test('the set that brings the new key takes the withdrawn one away', async (t) => {
    const { provider, gate, token } = await stage(t);
    const requests = flow(gate);
    const first = await token();
    requests.expect([first]);
    await requests.run();
    requests.expect([]);
    provider.rotate({ withdraw: true });
    const second = await token();
    assertAnswered(await gate.bearer(second, '/a'));
    requests.expect([second], [first]);
    await requests.run();
    await requests.stop();
    assert.equal(provider.counts.jwks, 2, 'the withdrawn kid is unknown now, and asks under the cooldown');
  });

  test('the refresh of a stale set replaces it whole, with no unknown kid about', async (t) => {
    const [kept, withdrawn] = [signingKey(), signingKey()];
    const { provider, gate, token } = await stage(t, { jwks_ttl: 1 });
    provider.setKeys({ published: [withdrawn, kept] });
    const old = await token();
    provider.setKeys({ published: [kept, withdrawn] });
    const good = await token();
    const requests = flow(gate);
    requests.expect([good, old]);
    await requests.run();
    provider.setKeys({ published: [kept] });
    requests.expect([good]);
    const before = provider.counts.jwks;
    // A refresh that began before the withdrawal may still bring the former set.
    assert.ok(await until(() => provider.counts.jwks >= before + 2), 'refreshed while requests flow');
    await until(async () => (await gate.bearer(old, '/a')).status === 401);
    requests.expect([good], [old]);
    await requests.run();
    await requests.stop();
    assertAnswered(await gate.bearer(good, '/a'));
  });
});
