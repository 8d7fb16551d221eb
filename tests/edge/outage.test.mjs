// Issuers that are down, or answer what is no key set: known keys go on working, the good set stays, the log says what
// was wrong, a gate without any set says 503 in time, and all is well again once the issuer is.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGate, until } from './support/gate.mjs';
import { bytes, drip, json, redirect, reset, silence, startKeyServer, status, truncate } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const DOWN = 'gate.keys_unavailable';
const TIMEOUT = 1000;
/** A set ages and a cooldown passes within little more than a second. */
const SETTINGS = { jwks_ttl: 1, jwks_max_stale: 3600, jwks_cooldown: 1, timeout_ms: TIMEOUT };
/** Discovery and key set, each with its timeout, and what a busy machine takes. */
const QUICKLY = 2 * TIMEOUT + 2000;

const [former, current, foreign] = [newKey('ES256'), newKey('ES256'), newKey('ES256')];
const { server, origin, company } = await theatre();
const elsewhere = server.issuer('elsewhere', [foreign.jwk]);
const set = (keys) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
const metadataOf = ({ issuer }) => `${issuer}/.well-known/openid-configuration`;
const metadata = (issuer, jwksUri) => json({ issuer, jwks_uri: jwksUri });
const latin1 = Buffer.from(`${set([foreign]).slice(0, -1)},"x":"\xff"}`, 'latin1');
const many = Array.from({ length: 200 }, (_, index) => ({ ...foreign.jwk, kid: `k${index}` }));

/** Each: what is wrong, what breaks a sound issuer in that way, what the log says about it. */
const OUTAGES = [
  ['the connection is reset', (issuer) => { issuer.discovery = reset(); }, /discovery|openid-configuration/],
  ['discovery is 500', (issuer) => { issuer.discovery = status(500); }, /openid-configuration.*500/],
  ['the key set is 500', (issuer) => { issuer.jwks = status(500); }, /\/jwks.*500/],
  ['discovery hangs', (issuer) => { issuer.discovery = silence(); }, new RegExp(`openid-configuration.*${TIMEOUT} ms`)],
  ['the key set hangs', (issuer) => { issuer.jwks = silence(); }, new RegExp(`/jwks.*${TIMEOUT} ms`)],
  ['discovery drips', (issuer) => { issuer.discovery = drip(`{"issuer":"${issuer.issuer}"`); }, /openid-configuration.* ms/],
  ['the key set drips', (issuer) => { issuer.jwks = drip(set([foreign])); }, /\/jwks.* ms/],
  ['discovery is HTML', (issuer) => { issuer.discovery = bytes('<html>sign in</html>', 'text/html'); }, /JSON/],
  ['the key set is HTML', (issuer) => { issuer.jwks = bytes('<html>sign in</html>', 'text/html'); }, /JSON/],
  ['the set is empty', (issuer) => { issuer.jwks = json({ keys: [] }); }, /no usable key/],
  ['the set has no usable key', (issuer) => { issuer.jwks = json({ keys: [{ kty: 'oct', k: 'AAAA' }] }); }, /no usable key: keys\[0\]: a private or symmetric key: it has k/],
  ['the body is cut short of its length', (issuer) => { issuer.jwks = truncate(set([foreign, current])); }, /\/jwks/],
  ['the JSON is cut short', (issuer) => { issuer.jwks = bytes(set([foreign]).slice(0, -2)); }, /JSON/],
  ['the body is over 256 KiB', (issuer) => { issuer.jwks = bytes(set([foreign]).padEnd(256 * 1024 + 1)); }, /262144/],
  ['the set has 200 keys', (issuer) => { issuer.jwks = json({ keys: many }); }, /200 keys/],
  ['301 to a good set', (issuer) => { issuer.jwks = redirect(elsewhere.jwksUri, 301); }, /\/jwks.*301/],
  ['302 to a good set', (issuer) => { issuer.jwks = redirect(elsewhere.jwksUri, 302); }, /\/jwks.*302/],
  ['308 from discovery', (issuer) => { issuer.discovery = redirect(metadataOf(elsewhere), 308); }, /openid-configuration.*308/],
  ['discovery names another issuer', (issuer) => { issuer.discovery = metadata(elsewhere.issuer, elsewhere.jwksUri); }, /another issuer/],
  ['jwks_uri has another scheme', (issuer) => { issuer.discovery = metadata(issuer.issuer, 'ftp://127.0.0.1/jwks'); }, /jwks_uri/],
  ['jwks_uri is plain http elsewhere', (issuer) => { issuer.discovery = metadata(issuer.issuer, 'http://keys.test/jwks'); }, /jwks_uri/],
  ['the body is invalid UTF-8', (issuer) => { issuer.jwks = bytes(latin1); }, /utf-8|decode/i],
];

const rows = OUTAGES.map(() => ({ keys: [former], settings: SETTINGS }));
const warm = await company({ after }, rows);
const cold = await company({ after }, rows);
// One after the other: all at once could take a busy machine longer than the timeout.
for (const actor of warm) await actor.accepts(former);

/** Tries until the key is accepted, as clients of a gate do, and at most for a few seconds. */
async function recovers(send) {
  const answer = await until(async () => {
    const tried = await send();
    return tried.status === 200 && tried;
  }, { every: 100 });
  assert.ok(answer, 'no restart is needed');
}

describe('an issuer that fails', { concurrency: true }, () => {
  after(() => assert.deepEqual(elsewhere.counts, { discovery: 0, jwks: 0 }, 'no redirect is followed'));

  describe('a gate that knows the keys', { concurrency: true }, () => {
    for (const [index, [name, spoil, reason]] of OUTAGES.entries()) {
      test(name, async () => {
        const actor = warm[index];
        const { issuer } = actor;
        const kept = await until(() => actor.entry());
        assert.deepEqual(kept.keys, [former.jwk]);
        spoil(issuer);
        await sleep(1100);

        await actor.accepts(former);
        assert.ok(await actor.logged(reason), 'the log says what was wrong');
        for (const stranger of [current, foreign]) await actor.refuses(stranger);
        await actor.accepts(former);
        assert.deepEqual(await actor.entry(), kept, 'the good set stays in KV');

        issuer.restore();
        issuer.keys = [current.jwk];
        await sleep(1100);
        await recovers(() => actor.send(current));
        await actor.refuses(former);
        assert.ok(await until(async () => (await actor.entry()).keys[0].kid === current.kid), 'and KV has the new set');
      });
    }
  });

  describe('a gate without any set', { concurrency: true }, () => {
    for (const [index, [name, spoil, reason]] of OUTAGES.entries()) {
      test(name, async () => {
        const actor = cold[index];
        spoil(actor.issuer);
        const started = Date.now();
        for (const key of [former, foreign]) await actor.refuses(key, DOWN);
        assert.ok(Date.now() - started < 2 * QUICKLY, `took ${Date.now() - started} ms`);
        assert.ok(await actor.logged(reason), 'the log says what was wrong');
        assert.equal(await actor.entry(), null, 'nothing is kept');

        actor.issuer.restore();
        await sleep(1100);
        await recovers(() => actor.send(former));
        await actor.refuses(foreign);
      });
    }
  });

  describe('a provider that refuses connections', { concurrency: true }, () => {
    /** A key server of one issuer, that can be closed without touching others. */
    async function start(t, settings = {}) {
      const lone = await startKeyServer();
      const issuer = lone.issuer('lone', [former.jwk]);
      const gate = await startGate({
        policy: {
          version: 1,
          origin: origin.url,
          issuers: { main: { issuer: issuer.issuer, ...SETTINGS, ...settings } },
          routes: [{ path: '/a', audience: API }],
        },
      });
      t.after(() => Promise.all([gate.close(), lone.close()]));
      const send = (key) => gate.bearer(mint(key, claims(issuer.issuer)), '/a');
      return { lone, issuer, gate, send };
    }

    test('is done without until it is back', async (t) => {
      const { lone, issuer, gate, send } = await start(t);
      assert.equal((await send(former)).status, 200);
      const kept = await until(() => gate.entry(issuer.issuer));
      await lone.close();
      await sleep(1100);
      assert.equal((await send(former)).status, 200);
      assert.ok(await gate.logged((line) => /issuer main:/.test(line)), 'the log says what was wrong');
      assertRefused(await send(current), 'auth.invalid_token');
      assert.equal((await send(former)).status, 200);
      assert.deepEqual(await gate.entry(issuer.issuer), kept);
      issuer.keys = [current.jwk];
      await lone.reopen();
      await recovers(() => send(current));
      assertRefused(await send(former), 'auth.invalid_token');
    });

    test('from the start is 503 at once, until it is back', async (t) => {
      const { lone, send } = await start(t);
      await lone.close();
      const started = Date.now();
      assertRefused(await send(former), DOWN);
      assert.ok(Date.now() - started < QUICKLY, `took ${Date.now() - started} ms`);
      await lone.reopen();
      await recovers(() => send(former));
    });

    test('past jwks_max_stale is 503, and not before', async (t) => {
      const { lone, send } = await start(t, { jwks_max_stale: 3 });
      const started = Date.now();
      assert.equal((await send(former)).status, 200);
      await lone.close();
      const last = await until(async () => {
        const answer = await send(former);
        return answer.status !== 200 && answer;
      }, { timeout: 8000, every: 100 });
      assertRefused(last, DOWN);
      assert.ok(Date.now() - started >= 2000, `${Date.now() - started} ms, in whole seconds`);
      await lone.reopen();
      await recovers(() => send(former));
    });
  });
});
