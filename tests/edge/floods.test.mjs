// Floods: tokens of keys that never were, many first requests at once, clients that go away. What counts is how often
// the issuer is asked, and that nobody waits for what somebody else did.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { assertRefused } from './support/expect.mjs';
import { until } from './support/gate.mjs';
import { deserter } from './support/http.mjs';
import { hold, silence, status } from './support/keyserver.mjs';
import { assertAnswered, theatre } from './support/stage.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const INVALID = 'auth.invalid_token';
const [former, current] = [newKey('ES256'), newKey('ES256')];
const forger = newKey('ES256');
let forged = 0;
/** A key of a kid that never was. */
const random = () => ({ ...forger, kid: `random-${(forged += 1)}` });

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const all = (count, make) => Promise.all(times(count, make));
const each = (answers, check) => answers.forEach((answer) => check(answer));
const assertInvalid = (answer) => assertRefused(answer, INVALID);

const { company } = await theatre();
const actors = (settings, options) => company({ after }, times(9, () => ({ keys: [former], settings })), options);
/** Issuers, one for each test, at one gate and at two that share their KV. */
const lone = await actors({});
const pairs = await actors({}, { gates: 2 });

/** The issuer's timeout where clients go away, and what follows is answered within it and this. */
const TIMEOUT = 1000;
const GRACE = 3000;
const crowd = await actors({ timeout_ms: TIMEOUT });

describe('many requests', { concurrency: true }, () => {
  describe('tokens of keys that never were', { concurrency: true, timeout: 30_000 }, () => {
    test('make one fetch in a cooldown', async () => {
      const actor = lone.pop();
      await actor.accepts(former);
      for (let round = 0; round < 4; round += 1) each(await all(15, () => actor.send(random())), assertInvalid);
      assert.deepEqual(actor.issuer.counts, { discovery: 2, jwks: 2 });
      await actor.accepts(former);
    });

    test('make one fetch in a cooldown, however short', async (t) => {
      const [actor] = await company(t, [{ keys: [former], settings: { jwks_cooldown: 2 } }]);
      await actor.accepts(former);
      const started = now();
      while (now() < started + 5) each(await all(5, () => actor.send(random())), assertInvalid);
      const { jwks } = actor.issuer.counts;
      assert.ok(jwks >= 3 && jwks <= 1 + Math.ceil((now() - started + 1) / 2), `${jwks} fetches in ${now() - started} s`);
    });

    test('make one failing fetch in a cooldown', async () => {
      const actor = lone.pop();
      await actor.accepts(former);
      actor.issuer.jwks = status(503);
      for (let round = 0; round < 3; round += 1) each(await all(10, () => actor.send(random())), assertInvalid);
      assert.deepEqual(actor.issuer.counts, { discovery: 2, jwks: 2 });
      await actor.accepts(former);
    });

    test('leave good tokens their speed: none waits for the fetch', async () => {
      const actor = lone.pop();
      await actor.accepts(former);
      const held = hold(actor.issuer.jwks);
      actor.issuer.jwks = held;
      const flood = all(40, () => actor.send(random()));
      assert.ok(await until(() => held.asked > 0));
      // The issuer answers no sooner than these are answered.
      each(await all(40, () => actor.send(former)), assertAnswered);
      held.release();
      each(await flood, assertInvalid);
      assert.equal(actor.issuer.counts.jwks, 2);
    });

    test('with no kid, or of an algorithm that no key fits, are under the cooldown too', async () => {
      const actor = lone.pop();
      await actor.accepts(former);
      const es384 = newKey('ES384');
      each(await all(12, (index) => actor.send({ ...es384, kid: index % 2 ? undefined : former.kid })), assertInvalid);
      assert.ok(actor.issuer.counts.jwks === 2, `${actor.issuer.counts.jwks} fetches`);
    });
  });

  describe('two isolates that share KV', { concurrency: true, timeout: 30_000 }, () => {
    const flood = async (actor, gate, count = 10) => each(await all(count, () => actor.send(random(), gate)), assertInvalid);

    test('one after the other: the second starts cold, and does not ask the issuer', async () => {
      const actor = pairs.pop();
      const [first, second] = actor.gates;
      await actor.accepts(former, first);
      await flood(actor, first);
      assert.equal(actor.issuer.counts.jwks, 2);
      await sleep(200); // the write to KV comes after the answers
      await flood(actor, second);
      await actor.accepts(former, second);
      assert.equal(actor.issuer.counts.jwks, 2, 'one fetch in a cooldown, not one for each isolate');
      const { issuer: { issuer, jwksUri } } = actor;
      const { fetched_at: _, ...entry } = await actor.entry();
      assert.deepEqual(entry, { version: 1, issuer, jwks_uri: jwksUri, keys: [former.jwk] }, 'the entry itself is what it was');
    });

    test('one after the other: the second knows the keys, and does not ask the issuer', async () => {
      const actor = pairs.pop();
      const [first, second] = actor.gates;
      await actor.accepts(former, first);
      assert.ok(await until(() => actor.entry()));
      await actor.accepts(former, second);
      assert.equal(actor.issuer.counts.jwks, 1);
      await flood(actor, first);
      await sleep(200);
      await flood(actor, second);
      await actor.accepts(former, second);
      assert.equal(actor.issuer.counts.jwks, 2, 'one fetch in a cooldown, not one for each isolate');
    });

    test('what an isolate fetched for a new key, the other finds in KV', async () => {
      const actor = pairs.pop();
      const [first, second] = actor.gates;
      await actor.accepts(former, first);
      assert.ok(await until(() => actor.entry()));
      await actor.accepts(former, second);
      await sleep(1100); // what is newer is told by whole seconds
      actor.issuer.keys = [former.jwk, current.jwk];
      await actor.accepts(current, first);
      assert.ok(await until(async () => (await actor.entry()).keys.length === 2));
      await actor.accepts(current, second);
      assert.equal(actor.issuer.counts.jwks, 2);
    });

    test('at the same time: one fetch each at the most', async () => {
      const actor = pairs.pop();
      await actor.accepts(former, actor.gates[0]);
      assert.ok(await until(() => actor.entry()));
      await actor.accepts(former, actor.gates[1]);
      await all(2, (index) => flood(actor, actor.gates[index], 20));
      assert.ok(actor.issuer.counts.jwks <= 3, `${actor.issuer.counts.jwks} fetches`);
      for (const gate of actor.gates) await actor.accepts(former, gate);
    });
  });

  describe('fifty first requests at once', { concurrency: true, timeout: 30_000 }, () => {
    test('make two fetches at the most, and all are answered rightly', async () => {
      const actor = lone.pop();
      const { issuer, gate } = actor;
      const held = hold(issuer.jwks);
      issuer.jwks = held;
      const expired = mint(former, claims(issuer.issuer, { exp: now() - 100 }));
      const kinds = [
        [() => actor.send(former), assertAnswered],
        [() => actor.send({ ...former, kid: undefined }), assertAnswered],
        [() => actor.send({ ...forger, kid: former.kid }), assertInvalid],
        [() => actor.send(random()), assertInvalid],
        [() => gate.bearer(expired, '/a'), (answer) => assertRefused(answer, 'auth.token_expired')],
      ];
      const flood = all(50, (index) => kinds[index % kinds.length][0]());
      assert.ok(await until(() => held.asked > 0));
      await sleep(200);
      held.release();
      (await flood).forEach((answer, index) => kinds[index % kinds.length][1](answer));
      assert.ok(issuer.counts.jwks <= 2, `${issuer.counts.jwks} fetches`);
      assert.ok(issuer.counts.discovery <= 2, `${issuer.counts.discovery} discoveries`);
    });

    test('at an issuer that is down make two fetches at the most', async () => {
      const actor = lone.pop();
      actor.issuer.discovery = status(500);
      each(await all(50, () => actor.send(former)), (answer) => assertRefused(answer, 'gate.keys_unavailable'));
      assert.ok(actor.issuer.counts.discovery <= 2, `${actor.issuer.counts.discovery} fetches`);
    });
  });

  test('requests that wait for keys are bounded, their clients gone or not: more are refused at once', async (t) => {
    const settings = { timeout_ms: 20_000 };
    const [hanging, good, cold] = await company(t, [1, 2, 3].map(() => ({ keys: [current], settings })));
    await good.accepts(current);
    hanging.issuer.jwks = silence();
    const token = mint(current, claims(hanging.issuer.issuer));
    const headers = [['Authorization', `Bearer ${token}`], ['x-large', 'x'.repeat(30_000)]];
    const leaving = times(1000, () => deserter(hanging.gate.port, '/a', { headers }));
    await until(() => hanging.issuer.counts.jwks === 2, { timeout: 5000 });
    await sleep(500);
    for (const client of leaving) client.leave();

    const started = Date.now();
    assertRefused(await hanging.send(current), 'gate.keys_unavailable');
    assert.ok(Date.now() - started < 1000, `refused after ${Date.now() - started} ms`);
    await good.accepts(current);
    // The keys of another issuer can still be waited for.
    for (const answer of await all(20, () => cold.send(current))) assertAnswered(answer);
  });

  describe('a client that resets its connection', { concurrency: true, timeout: 30_000 }, () => {
    /** Sends requests, and resets them once the issuer was asked. */
    async function desert({ gate, issuer }, key, count = 1) {
      const asked = issuer.counts.discovery;
      const headers = [['Authorization', `Bearer ${mint(key, claims(issuer.issuer))}`]];
      const clients = times(count, () => deserter(gate.port, '/a', { headers }));
      assert.ok(await until(() => issuer.counts.discovery > asked));
      await sleep(50);
      for (const client of clients) client.leave();
    }

    async function quickly(work, limit = TIMEOUT + GRACE) {
      const started = Date.now();
      const value = await work();
      assert.ok(Date.now() - started < limit, `took ${Date.now() - started} ms`);
      return value;
    }

    for (const [name, count] of [['one', 1], ['twenty', 20]]) {
      test(`during the first fetch: ${name}, and the next is answered`, async (t) => {
        // On a busy machine the fetch is held for longer than the sleeps add up to; it must not time out.
        const [actor] = await company(t, [{ keys: [former], settings: { timeout_ms: 2 * TIMEOUT } }]);
        const { issuer } = actor;
        const held = hold(issuer.discovery);
        issuer.discovery = held;
        await desert(actor, former, count);
        const waiting = actor.send(former);
        await sleep(100);
        held.release();
        assertAnswered(await quickly(() => waiting));
        await actor.accepts(former);
        assert.ok(issuer.counts.jwks <= 2, `${issuer.counts.jwks} fetches`);
      });
    }

    test('during a first fetch that takes too long: the next is answered, with the issuer or without', async () => {
      const actor = crowd.pop();
      const { issuer } = actor;
      const sound = issuer.discovery;
      issuer.discovery = silence();
      await desert(actor, former);
      issuer.discovery = sound;
      const next = await quickly(() => actor.send(former));
      if (next.status === 503) assertRefused(next, 'gate.keys_unavailable');
      else assertAnswered(next);
      await actor.accepts(former);
      assert.ok(issuer.counts.discovery <= 3, `${issuer.counts.discovery} fetches`);
    });

    test('during a first fetch that takes long: the next need not wait for its end', async (t) => {
      const [actor] = await company(t, [{ keys: [former], settings: { timeout_ms: 20_000 } }]);
      const { issuer } = actor;
      const sound = issuer.discovery;
      issuer.discovery = silence();
      await desert(actor, former);
      issuer.discovery = sound;
      assertAnswered(await quickly(() => actor.send(former), 8000));
      assert.equal(issuer.counts.discovery, 2);
    });

    // On a busy machine the first fetch can time out.
    const hasKeys = (actor) => until(async () => (await actor.send(former)).status === 200);

    test('during the fetch for an unknown key: good ones go on, and the new key is accepted', async (t) => {
      const [actor] = await company(t, [{ keys: [former], settings: { timeout_ms: TIMEOUT, jwks_cooldown: 1 } }]);
      const { issuer } = actor;
      assert.ok(await hasKeys(actor));
      const sound = issuer.discovery;
      issuer.discovery = silence();
      await desert(actor, current);
      issuer.discovery = sound;
      issuer.keys = [former.jwk, current.jwk];
      for (let i = 0; i < 5; i += 1) assertAnswered(await quickly(() => actor.send(former), 1000));
      assert.ok(await quickly(() => until(async () => (await actor.send(current)).status === 200)));
    });

    test('during the refresh of a stale set: the next refresh happens', async (t) => {
      const [actor] = await company(t, [{ keys: [former], settings: { timeout_ms: TIMEOUT, jwks_ttl: 1, jwks_cooldown: 1 } }]);
      const { issuer } = actor;
      assert.ok(await hasKeys(actor));
      await sleep(1100);
      const sound = issuer.discovery;
      issuer.discovery = silence();
      await desert(actor, former);
      issuer.discovery = sound;
      issuer.keys = [current.jwk];
      const isRefreshed = async () => (await actor.send(former)).status === 401;
      assert.ok(await until(isRefreshed, { timeout: 6000, every: 100 }), 'the set was refreshed');
      await actor.accepts(current);
    });
  });
});
