// Several issuers at one gate: none vouches for another, none waits for another, and the cron asks all at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { assertRefused } from './support/expect.mjs';
import { until } from './support/gate.mjs';
import { drip, hold, silence, status } from './support/keyserver.mjs';
import { assertAnswered, theatre } from './support/stage.mjs';
import { keyOf } from './support/store.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const DOWN = 'gate.keys_unavailable';
const key = newKey('ES256');
/** The same kid, alg and curve at two issuers, and only the key differs. */
const [one, two] = [newKey('ES256', { kid: 'k' }), newKey('ES256', { kid: 'k' })];

const { company } = await theatre();
const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

describe('several issuers', { concurrency: true, timeout: 40_000 }, () => {
  describe('keys', { concurrency: true }, () => {
    /** The token says `issuer`, and `signer` has signed it. */
    const send = (actor, signer) => actor.gate.bearer(mint(signer, claims(actor.issuer.issuer)), '/a');

    test('of one never verify a token of another, with the same kid or with none', async (t) => {
      const [a, b] = await company(t, [{ keys: [one] }, { keys: [two] }]);
      for (let round = 0; round < 2; round += 1) {
        for (const strip of [(signer) => signer, (signer) => ({ ...signer, kid: undefined })]) {
          assertAnswered(await send(a, strip(one)));
          assertAnswered(await send(b, strip(two)));
          assertRefused(await send(a, strip(two)), 'auth.invalid_token');
          assertRefused(await send(b, strip(one)), 'auth.invalid_token');
        }
      }
      assert.deepEqual([(await a.entry()).keys, (await b.entry()).keys], [[one.jwk], [two.jwk]]);
    });

    test('of one do not stand in for those of another that is down, or lost its key', async (t) => {
      const [a, b, c] = await company(t, [{ keys: [one] }, { keys: [] }, { keys: [newKey('ES256', { kid: 'other' })] }]);
      b.issuer.discovery = status(500);
      assertAnswered(await send(a, one));
      for (let i = 0; i < 2; i += 1) {
        assertRefused(await send(b, one), DOWN);
        assertRefused(await send(c, one), 'auth.invalid_token');
      }
      // What another isolate finds in KV is by issuer too.
      const { keys } = await (await a.gate.kv()).list();
      assert.deepEqual(keys.map(({ name }) => name).sort(), [a, c].map(({ issuer }) => keyOf(issuer.issuer)).sort());
    });

    test('of one do not come in by the address of another', async (t) => {
      const [a, b] = await company(t, [{ keys: [one] }, { keys: [two] }]);
      assertAnswered(await send(a, one));
      // An entry that says it is another's, at this one's place.
      await until(() => a.entry());
      await (await b.gate.kv()).put(keyOf(b.issuer.issuer), JSON.stringify(await a.entry()));
      assertRefused(await send(b, one), 'auth.invalid_token');
      assertAnswered(await send(b, two));
    });
  });

  describe('one that hangs', { concurrency: true }, () => {
    test('holds up no request for another, be its keys known or not', async (t) => {
      const [hanging, known, unknown, late] = await company(t, times(4, () => ({ keys: [key], settings: { timeout_ms: 3000 } })));
      await known.accepts(key);
      hanging.issuer.discovery = silence();
      let ended = 0;
      const stuck = times(20, () => hanging.send(key).finally(() => { ended += 1; }));
      assert.ok(await until(() => hanging.issuer.counts.discovery > 0));
      await Promise.all([...times(20, () => known.accepts(key)), ...times(20, () => unknown.accepts(key))]);
      await late.accepts(key);
      assert.equal(ended, 0, 'all of this while the others wait');
      assert.deepEqual([known, unknown, late].map(({ issuer }) => issuer.counts.jwks <= 2), [true, true, true]);
      for (const answer of await Promise.all(stuck)) assertRefused(answer, DOWN);
      assert.ok(hanging.issuer.counts.discovery <= 2, `${hanging.issuer.counts.discovery} fetches`);
    });

    test('and is stale holds up nobody at all', async (t) => {
      const [hanging, other] = await company(t, times(2, () => ({ keys: [key], settings: { timeout_ms: 3000, jwks_ttl: 1 } })));
      await hanging.accepts(key);
      await sleep(1100);
      const held = hold(hanging.issuer.discovery);
      hanging.issuer.discovery = held;
      await hanging.accepts(key);
      assert.ok(await until(() => held.asked > 0));
      await Promise.all(times(10, () => [hanging.accepts(key), other.accepts(key)]).flat());
      assert.equal(held.asked, 1);
      held.release();
      assert.ok(await until(() => hanging.issuer.counts.jwks === 2), 'and the refresh goes on when it may');
    });
  });

  describe('the cron', { concurrency: true }, () => {
    test('asks all issuers side by side', async (t) => {
      const actors = await company(t, times(5, () => ({ keys: [key], settings: { timeout_ms: 4000 } })));
      // Each answers once all have been asked.
      const helds = actors.map(({ issuer }) => (issuer.discovery = hold(issuer.discovery)));
      const run = actors[0].gate.scheduled();
      assert.ok(await until(() => helds.every(({ asked }) => asked === 1)), 'all are asked before any has answered');
      for (const held of helds) held.release();
      await run;
      for (const actor of actors) assert.deepEqual((await actor.entry())?.keys, [key.jwk]);
    });

    test('is held up for none by those that hang, drip or fail, and ends in time', async (t) => {
      const settings = { timeout_ms: 2000 };
      const [hanging, dripping, failing, ...good] = await company(t, times(5, () => ({ keys: [key], settings })));
      hanging.issuer.jwks = silence();
      dripping.issuer.discovery = drip('{"issuer":"');
      failing.issuer.jwks = status(500);
      let ended = false;
      const started = Date.now();
      const run = good[0].gate.scheduled().finally(() => { ended = true; });
      for (const actor of good) assert.ok(await until(() => actor.entry()), 'the good ones are in KV');
      await Promise.all(good.map((actor) => actor.accepts(key)));
      assert.equal(ended, false, 'while the others still hang');
      await run;
      assert.ok(Date.now() - started < 6000, `took ${Date.now() - started} ms`);
      for (const actor of good) assert.deepEqual(actor.issuer.counts, { discovery: 1, jwks: 1 }, 'no request paid for a fetch');
      for (const actor of [hanging, dripping, failing]) {
        assert.equal(await actor.entry(), null);
        assert.ok(await actor.logged(/cannot be fetched/));
      }
    });

    test('spares every isolate the fetch, also when sets were stale', async (t) => {
      const actors = await company(t, times(3, () => ({ keys: [key], settings: { jwks_ttl: 3 } })), { gates: 2 });
      const [mine, other] = actors[0].gates;
      await actors[0].accepts(key, mine);
      await sleep(3100);
      await mine.scheduled();
      const counts = actors.map(({ issuer }) => issuer.counts.jwks);
      assert.deepEqual(counts, [2, 1, 1]);
      await Promise.all(actors.flatMap((actor) => [mine, other].map((gate) => actor.accepts(key, gate))));
      await sleep(100);
      assert.deepEqual(actors.map(({ issuer }) => issuer.counts.jwks), counts);
    });
  });
});
