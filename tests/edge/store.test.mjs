// Workers KV that fails in every way: requests go on, and what is wrong in it is replaced. It is read once in an
// isolate's ttl, not for each request, and what another isolate wrote spares the issuer a question.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGate, until } from './support/gate.mjs';
import { json, silence, status } from './support/keyserver.mjs';
import { assertAnswered, theatre } from './support/stage.mjs';
import { Store, keyOf } from './support/store.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const [former, current, foreign] = [newKey('ES256'), newKey('ES256'), newKey('ES256')];
const { origin, server, company } = await theatre();
const forever = () => new Promise(() => {});
const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

function entryOf({ issuer, jwksUri }, keys, { age = 0, ...members } = {}) {
  return { version: 1, issuer, jwks_uri: jwksUri, fetched_at: now() - age, keys: keys.map(({ jwk }) => jwk), ...members };
}

/** The entry of the issuer's own set, as the gate writes it. */
const isGood = (store, { issuer, keys }) => {
  const entry = store.entry(issuer);
  return entry?.version === 1 && entry.issuer === issuer && JSON.stringify(entry.keys) === JSON.stringify(keys);
};

function fail(message) {
  return () => { throw new Error(message); };
}

/** What reading and writing come to, and what the log says of it. */
const FAULTS = {
  'is empty': {},
  'throws on reading': { read: fail('KV GET failed: 503'), log: /read.*503/ },
  'throws on writing': { write: fail('KV PUT failed: 500'), log: /written.*500/ },
  'refuses the write': { write: fail('KV PUT failed: 429 Too Many Requests'), log: /written.*429/ },
  'throws on everything': { read: fail('broken'), write: fail('broken'), log: /read.*broken/ },
  'is slow': { read: () => sleep(300), write: () => sleep(300) },
  'never answers a read': { read: forever, log: /read/ },
  'never answers a write': { write: forever },
  'never answers at all': { read: forever, write: forever, log: /read/ },
};

const faulty = new Store();
const names = Object.keys(FAULTS);
const settings = { jwks_ttl: 1, jwks_cooldown: 1 };
const actors = await company({ after }, names.map(() => ({ keys: [former], settings })), { store: faulty });
const faultAt = (key) => FAULTS[names[actors.findIndex(({ issuer }) => keyOf(issuer.issuer) === key)]];
faulty.onRead = (key) => faultAt(key).read?.();
faulty.onWrite = (key) => faultAt(key).write?.();

/** Texts in place of an entry. Whatever key they hold is not the issuer's. */
const GARBAGE = {
  'no JSON': () => '{"version":1,',
  'an empty text': () => '',
  'null': () => 'null',
  'an array': () => '[]',
  'a number too big': (issuer) => JSON.stringify(entryOf(issuer, [foreign])).replace(/"fetched_at":\d+/, '"fetched_at":1e999'),
  'an entry of another version': (issuer) => entryOf(issuer, [foreign], { version: 2 }),
  'an entry of another issuer': (issuer) => entryOf(issuer, [foreign], { issuer: 'https://evil.test' }),
  'an entry from the future': (issuer) => entryOf(issuer, [foreign], { age: -1_000_000 }),
  'an entry without keys': (issuer) => entryOf(issuer, []),
  'a private key': (issuer) => entryOf(issuer, [{ jwk: foreign.privateKey.export({ format: 'jwk' }) }]),
  'bytes without end': () => 'x'.repeat(1_000_000),
};

const littered = new Store();
const kinds = Object.keys(GARBAGE);
const readers = await company({ after }, kinds.map(() => ({ keys: [former] })), { store: littered });

/** Metadata that no gate wrote. */
const METADATA = [
  null, 7, 'text', [], { triggered_at: 'now', fresh_for: {} }, { triggered_at: -1, fresh_for: -1 }, { triggered_at: now() + 1000 },
  { fresh_for: Number.MAX_SAFE_INTEGER }, { fresh_for: 1e300 },
];
const noted = new Store();
const annotated = await company({ after }, METADATA.map(() => ({ keys: [current] })), { store: noted });

describe('the store', { concurrency: 2 }, () => {
  describe('a store that', { concurrency: true, timeout: 40_000 }, () => {
    for (const [index, name] of names.entries()) {
      test(name, async () => {
        const actor = actors[index];
        const { issuer } = actor;

        const started = Date.now();
        await Promise.all(times(5, () => actor.accepts(former)));
        assert.ok(Date.now() - started < 8000, `took ${Date.now() - started} ms`);
        assert.ok(issuer.counts.jwks <= 2, `${issuer.counts.jwks} fetches`);
        if (FAULTS[name].log) assert.ok(await actor.logged(FAULTS[name].log), 'the log says so');

        // The set ages and is replaced all the same.
        issuer.keys = [current.jwk];
        await sleep(1100);
        await actor.send(former);
        assert.ok(await until(async () => (await actor.send(current)).status === 200, { every: 100, timeout: 6000 }));
        await actor.refuses(former);
      });
    }

    test('is not there at all', async (t) => {
      const issuer = server.issuer('homeless', [former.jwk]);
      const gate = await startGate({
        kv: null,
        policy: {
          version: 1,
          origin: origin.url,
          issuers: { main: { issuer: issuer.issuer } },
          routes: [{ path: '/a', audience: API }],
        },
      });
      t.after(() => gate.close());
      for (let i = 0; i < 3; i += 1) assertAnswered(await gate.bearer(mint(former, claims(issuer.issuer)), '/a'));
      assert.equal(issuer.counts.jwks, 1);
      assert.ok(await gate.logged((line) => /issuer main:.*JWKS/.test(line)));
    });

    test('fails while the issuer does: 503, and all is well with either', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former], settings: { jwks_cooldown: 1 } }], { store });
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former]));
      store.onRead = fail('broken');
      actor.issuer.discovery = status(500);
      await actor.refuses(former, 'gate.keys_unavailable');
      store.onRead = () => {};
      await sleep(1100);
      assert.ok(await until(async () => (await actor.send(former)).status === 200), 'the store alone is enough');
    });

    test('fails under the cron: the memory is refreshed all the same', async (t) => {
      const store = new Store();
      Object.assign(store, { onRead: fail('broken'), onWrite: fail('broken') });
      const [actor] = await company(t, [{ keys: [former] }], { store });
      await actor.gate.scheduled();
      await actor.accepts(former);
      assert.equal(actor.issuer.counts.jwks, 1);
      assert.ok(await actor.logged(/written/));
    });
  });

  describe('garbage in the store', { concurrency: true, timeout: 30_000 }, () => {
    for (const [index, kind] of kinds.entries()) {
      test(`${kind} is not used, and is replaced`, async () => {
        const actor = readers[index];
        littered.write(actor.issuer.issuer, GARBAGE[kind](actor.issuer));
        await actor.refuses(foreign);
        await actor.accepts(former);
        assert.ok(await until(() => isGood(littered, actor.issuer)), 'the good set is in its place');
      });
    }

    test('appears later: the set in memory goes on', async (t) => {
      const own = new Store();
      const [actor] = await company(t, [{ keys: [former], settings: { jwks_ttl: 1 } }], { store: own });
      await actor.accepts(former);
      await until(() => isGood(own, actor.issuer));
      own.write(actor.issuer.issuer, 'garbage');
      await sleep(1100);
      await actor.accepts(former);
      await actor.refuses(foreign);
      assert.ok(await until(() => isGood(own, actor.issuer)), 'and replaces it');
    });
  });

  describe('what stands beside an entry', { concurrency: true, timeout: 30_000 }, () => {
    for (const [index, metadata] of METADATA.entries()) {
      test(`${JSON.stringify(metadata)} does no harm`, async () => {
        const actor = annotated[index];
        noted.write(actor.issuer.issuer, entryOf(actor.issuer, [former], { age: 4000 }), metadata);
        assert.ok([200, 401].includes((await actor.send(former)).status));
        assert.ok(await until(() => isGood(noted, actor.issuer)), 'refreshed, for nothing keeps a set fresh for so long');
        await actor.accepts(current);
        await actor.refuses(former);
      });
    }

    test('says for how long the issuer called the set fresh', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former, current] }], { store, gates: 2 });
      const { issuer } = actor;
      issuer.jwks = json(() => ({ keys: issuer.keys }), { 'cache-control': 'max-age=300' });
      await actor.accepts(former);
      assert.ok(await until(() => isGood(store, issuer)));
      const { metadata } = store.entries.get(keyOf(issuer.issuer));
      store.write(issuer.issuer, entryOf(issuer, [former], { age: 310 }), metadata);
      await actor.accepts(former, actor.gates[1]);
      assert.ok(await until(() => issuer.counts.jwks === 2), 'stale, though the policy says 600 seconds');
    });
  });

  describe('reads', { concurrency: true, timeout: 30_000 }, () => {
    test('happen once for many requests, and may be answered by the edge\'s copy', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former] }], { store });
      await actor.accepts(former);
      for (let round = 0; round < 4; round += 1) await Promise.all(times(10, () => actor.accepts(former)));
      assert.equal(store.reads.length, 1, 'one read in a ttl');
      const [{ key, options }] = store.reads;
      assert.equal(key, keyOf(actor.issuer.issuer));
      assert.ok(options?.cacheTtl >= 30, `cacheTtl is ${options?.cacheTtl}`);
      assert.ok(await until(() => store.writes.length > 0));
      assert.deepEqual(store.writes.map((write) => write.key), [key], 'one write for one fetch');
    });

    test('happen once in a ttl', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former], settings: { jwks_ttl: 1 } }], { store });
      const started = now();
      while (now() < started + 3) await Promise.all(times(5, () => actor.accepts(former)));
      const seconds = now() - started + 1;
      assert.ok(store.reads.length <= seconds + 1, `${store.reads.length} reads in ${seconds} s`);
      assert.ok(store.writes.length <= seconds + 1, `${store.writes.length} writes in ${seconds} s`);
      assert.ok(actor.issuer.counts.jwks >= 2 && actor.issuer.counts.jwks <= seconds + 1, `${actor.issuer.counts.jwks} fetches`);
    });

    test('happen no more often in a flood of unknown keys', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former] }], { store });
      await actor.accepts(former);
      for (let i = 0; i < 20; i += 1) await actor.refuses({ ...foreign, kid: `random-${i}` });
      assert.ok(store.reads.length <= 2, `${store.reads.length} reads`);
      assert.ok(await until(() => store.writes.length === 2));
    });

    test('happen once while there is no set to be had', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former] }], { store });
      actor.issuer.discovery = status(500);
      for (let i = 0; i < 20; i += 1) await actor.refuses(former, 'gate.keys_unavailable');
      assert.ok(store.reads.length <= 3, `${store.reads.length} reads`);
      assert.equal(store.writes.length, 0);
    });

    test('of other issuers do not happen', async (t) => {
      const store = new Store();
      const [one, other] = await company(t, [{ keys: [former] }, { keys: [current] }], { store });
      await one.accepts(former);
      assert.deepEqual([store.readsOf(one.issuer.issuer).length, store.readsOf(other.issuer.issuer).length], [1, 0]);
    });
  });

  describe('a newer set in the store', { concurrency: true, timeout: 30_000 }, () => {
    /** An isolate whose set, read from the store, is stale in two seconds: a ttl under ten seconds has no room for an early refresh. */
    async function nearlyStale(t) {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [current], settings: { timeout_ms: 300, jwks_ttl: 9 } }], { store });
      actor.issuer.discovery = silence(); // it would hang
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former], { age: 7 }));
      await actor.accepts(former);
      return { store, actor };
    }

    test('is taken up when the isolate\'s own is stale, and the issuer is not asked', async (t) => {
      const { store, actor } = await nearlyStale(t);
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [current]));
      await sleep(2100);
      await actor.accepts(former); // with the stale one; what is newer comes after the answer
      assert.ok(await until(async () => (await actor.send(former)).status === 401), 'the newer set has replaced it whole');
      await actor.accepts(current);
      // The withdrawn key is an unknown kid now, which may ask. Nothing else did.
      assert.ok(actor.issuer.counts.discovery <= 1, `${actor.issuer.counts.discovery} fetches`);
    });

    test('costs no fetch', async (t) => {
      const { store, actor } = await nearlyStale(t);
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former, current]));
      await sleep(2100);
      await actor.accepts(former);
      assert.ok(await until(() => store.reads.length === 2));
      await actor.accepts(current);
      for (let i = 0; i < 10; i += 1) await actor.accepts(former);
      assert.deepEqual(actor.issuer.counts, { discovery: 0, jwks: 0 });
      assert.equal(store.reads.length, 2);
      assert.equal(store.writes.length, 0);
    });

    test('with a new key is taken up at the first token that has it', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [former] }], { store });
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former], { age: 100 }));
      await actor.accepts(former);
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former, current], { age: -2 }));
      await actor.accepts(current);
      assert.equal(actor.issuer.counts.jwks, 0);
    });

    test('is not one that is older than the set in memory', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [current] }], { store });
      await actor.accepts(current);
      assert.ok(await until(() => isGood(store, actor.issuer)));
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former, foreign], { age: 100 }));
      for (const key of [former, foreign]) assertRefused(await actor.send(key), 'auth.invalid_token');
      await actor.accepts(current);
    });

    test('is not one that is stale itself', async (t) => {
      const store = new Store();
      const [actor] = await company(t, [{ keys: [current] }], { store });
      store.write(actor.issuer.issuer, entryOf(actor.issuer, [former], { age: 5000 }));
      await actor.accepts(former);
      assert.ok(await until(() => isGood(store, actor.issuer)), 'the issuer\'s set replaces it');
      await actor.refuses(former);
      await actor.accepts(current);
    });
  });
});
