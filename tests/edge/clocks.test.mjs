// Keys under clocks that are wrong: entries of KV that are dated ahead, a clock that jumps and comes back, isolates whose
// clocks differ. None keeps a new key out, or a withdrawn one in.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { WITH_CLOCK, setAhead } from './support/clock.mjs';
import { until } from './support/gate.mjs';
import { json, status } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { newKey, now } from './support/tokens.mjs';

const HOUR = 3600;
const [former, current] = [newKey('ES256'), newKey('ES256')];
const { stage, company } = await theatre();

describe('an entry of KV', () => {
  for (const ahead of [1, 20, 60, 61, HOUR, 1_000_000_000]) {
    test(`dated ${ahead} seconds ahead keeps no newer set out`, async (t) => {
      const { gate, issuer, accepts, refuses } = await stage(t, { keys: [current], entry: { age: -ahead, keys: [former] } });
      await accepts(current);
      await refuses(former);
      assert.ok(await until(async () => (await gate.entry(issuer.issuer)).fetched_at <= now()), 'KV has the newer one');
      assert.deepEqual((await gate.entry(issuer.issuer)).keys, [current.jwk]);
    });
  }

  test('dated a little ahead is as old as now', async (t) => {
    const { issuer, accepts } = await stage(t, { keys: [current], entry: { age: -20, keys: [former] } });
    await accepts(former);
    await sleep(100); // for a refresh that should not be
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 0 });
  });

  test('dated an hour ahead is used where the issuer is down, and only there', async (t) => {
    const entry = { age: -HOUR, keys: [former] };
    const { issuer, accepts, refuses } = await stage(t, { keys: [current], settings: { jwks_cooldown: 1 }, entry });
    issuer.discovery = status(500);
    await accepts(former);
    issuer.restore();
    await sleep(1100);
    await accepts(former); // and refreshed behind it
    assert.ok(await until(() => issuer.counts.jwks === 1));
    await refuses(former);
    await accepts(current);
  });

  test('dated ahead does not undo what the issuer has just said', async (t) => {
    const { issuer, accepts, refuses, write } = await stage(t, { keys: [current], settings: { jwks_cooldown: 1 } });
    await accepts(current);
    await write({ age: -20, keys: [former] });
    for (let round = 0; round < 2; round += 1) {
      await refuses(former);
      await accepts(current);
      await sleep(1100);
    }
    assert.ok(issuer.counts.jwks <= 3, `${issuer.counts.jwks} fetches`);
  });

  test('with a cooldown that began ahead holds a new key up no longer than a cooldown', async (t) => {
    const { gate, issuer, accepts, refuses } = await stage(t, { keys: [former], settings: { jwks_cooldown: 2 } });
    const value = { version: 1, issuer: issuer.issuer, jwks_uri: issuer.jwksUri, fetched_at: now(), keys: [former.jwk] };
    const metadata = { triggered_at_ms: Date.now() + 20_000 };
    await (await gate.kv()).put(`jwks:v1:${issuer.issuer}`, JSON.stringify(value), { metadata });
    await refuses(current);
    issuer.keys = [former.jwk, current.jwk];
    await sleep(2100);
    await accepts(current);
  });
});

describe('a clock that jumped ahead and came back', () => {
  /** A gate whose keys were fetched an hour ahead of the time. */
  async function back(t, settings = {}, { scheduled = false } = {}) {
    const [actor] = await company(t, [{ keys: [former], settings }], { entry: WITH_CLOCK });
    await setAhead(actor.gate, HOUR);
    if (scheduled) await actor.gate.scheduled();
    else await actor.accepts(former);
    await setAhead(actor.gate, 0);
    return actor;
  }

  test('keeps no new key out', async (t) => {
    const actor = await back(t);
    actor.issuer.keys = [former.jwk, current.jwk];
    await actor.accepts(current);
    await actor.accepts(former);
    assert.equal(actor.issuer.counts.jwks, 2);
  });

  for (const [name, settings, options, later] of [
    ['at once', {}, {}, 0],
    ['a ttl later', {}, {}, 600],
    ['where no stale set is used', { jwks_ttl: 2, jwks_max_stale: 0 }, {}, 0],
    ['with keys that the cron fetched', {}, { scheduled: true }, 0],
  ]) {
    test(`keeps no withdrawn key in ${name}`, async (t) => {
      const actor = await back(t, settings, options);
      actor.issuer.keys = [current.jwk];
      await setAhead(actor.gate, later);
      await actor.send(former);
      assert.ok(await until(async () => (await actor.send(former)).status === 401));
      await actor.accepts(current);
      const { jwks } = actor.issuer.counts;
      for (let i = 0; i < 10; i += 1) await actor.accepts(current);
      assert.equal(actor.issuer.counts.jwks, jwks, 'what was fetched since is fresh');
    });
  }

  test('lets a refresh end with 304', async (t) => {
    const [actor] = await company(t, [{ keys: [former] }], { entry: WITH_CLOCK });
    const { issuer, gate } = actor;
    issuer.jwks = (request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else json({ keys: [former.jwk] }, { etag: '"v1"' })(request, response);
    };
    await setAhead(gate, HOUR);
    await actor.accepts(former);
    await setAhead(gate, 0);
    await actor.accepts(former);
    assert.ok(await until(async () => (await actor.entry()).fetched_at <= now()));
    for (let i = 0; i < 5; i += 1) await actor.accepts(former);
    assert.equal(issuer.counts.jwks, 2);
  });

  test('is no outage while the issuer is down', async (t) => {
    const actor = await back(t);
    actor.issuer.discovery = status(500);
    for (let i = 0; i < 5; i += 1) await actor.accepts(former);
  });
});

describe('isolates whose clocks differ', () => {
  for (const [one, other] of [[20, 0], [0, 20], [HOUR, 0], [0, HOUR], [-HOUR, HOUR]]) {
    test(`by ${one} and ${other} seconds keep nothing from each other, and do not fetch in turns`, async (t) => {
      const [actor] = await company(t, [{ keys: [former] }], { gates: 2, entry: WITH_CLOCK });
      const { issuer, gates: [first, second] } = actor;
      await setAhead(first, one);
      await setAhead(second, other);
      await actor.accepts(former, first);
      assert.ok(await until(() => actor.entry()));
      issuer.keys = [current.jwk];
      for (const gate of [second, first]) {
        await actor.accepts(current, gate);
        await actor.refuses(former, undefined, gate);
        assert.ok(await until(async () => (await actor.entry()).keys[0].kid === current.kid));
      }
      const { jwks } = issuer.counts;
      for (const gate of [first, second, first, second]) {
        await actor.accepts(current, gate);
        await actor.refuses(former, undefined, gate);
      }
      assert.equal(issuer.counts.jwks, jwks);
    });
  }

  test('by an hour: the cron of one leaves nothing that the other is misled by', async (t) => {
    const [actor] = await company(t, [{ keys: [former] }], { gates: 2, entry: WITH_CLOCK });
    const { issuer, gates: [first, second] } = actor;
    await setAhead(first, HOUR);
    await first.scheduled();
    issuer.keys = [current.jwk];
    await actor.refuses(former, undefined, second);
    await actor.accepts(current, second);
    await first.scheduled();
    await actor.accepts(current, first);
    await actor.refuses(former, undefined, first);
  });
});
