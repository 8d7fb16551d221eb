// How key sets age: fresh, stale, too stale; unknown kid; rotation. Ages are made by writing KV entries of the past,
// so that hardly a test has to wait for a ttl.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { signingKey, startProvider } from '../../demo/provider.mjs';
import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGate, until } from './support/gate.mjs';
import { bytes, json, redirect, silence, status } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { claims, mint, newKey, now, signerOf } from './support/tokens.mjs';

const INVALID = 'auth.invalid_token';
const DOWN = 'gate.keys_unavailable';

const { origin, stage } = await theatre();

const [former, current] = [newKey('ES256'), newKey('ES256')];

describe('age', () => {
  test('a fresh entry of KV is used, the issuer is not asked', async (t) => {
    const { issuer, accepts } = await stage(t, { keys: [current], entry: { age: 100, keys: [former] } });
    await accepts(former);
    await sleep(100);
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 0 });
  });

  test('a stale one is used, and refreshed after the response', async (t) => {
    const { gate, issuer, accepts, refuses } = await stage(t, { keys: [current], entry: { age: 1000, keys: [former] } });
    await accepts(former);
    assert.ok(await until(async () => (await gate.entry(issuer.issuer)).fetched_at > now() - 100), 'KV was refreshed');
    assert.deepEqual((await gate.entry(issuer.issuer)).keys, [current.jwk]);
    assert.equal(issuer.counts.jwks, 1);
    await accepts(current);
    await refuses(former);
  });

  test('a stale one does not make the answer wait for a silent issuer', async (t) => {
    const { issuer, accepts } = await stage(t, { keys: [current], entry: { age: 1000, keys: [former] } });
    issuer.discovery = silence();
    issuer.jwks = silence();
    const started = Date.now();
    await accepts(former);
    assert.ok(Date.now() - started < 2500, `took ${Date.now() - started} ms`);
  });

  test('a stale one is still used while the issuer is down', async (t) => {
    const { gate, issuer, accepts } = await stage(t, { keys: [current], entry: { age: 1000, keys: [former] } });
    issuer.discovery = status(500);
    issuer.jwks = status(500);
    await accepts(former);
    await until(() => issuer.counts.discovery + issuer.counts.jwks > 0);
    await accepts(former);
    assert.deepEqual((await gate.entry(issuer.issuer)).keys, [former.jwk]);
  });

  test('past jwks_max_stale it is not used: the issuer is asked first', async (t) => {
    const { issuer, accepts, refuses } = await stage(t, { keys: [current], entry: { age: 90_000, keys: [former] } });
    await accepts(current);
    await refuses(former);
    assert.ok(issuer.counts.jwks >= 1);
  });

  test('past jwks_max_stale with the issuer down is 503', async (t) => {
    const { issuer, refuses } = await stage(t, {
      keys: [current], settings: { jwks_ttl: 1, jwks_max_stale: 10 }, entry: { age: 60, keys: [former] },
    });
    issuer.discovery = status(500);
    issuer.jwks = status(500);
    await refuses(former, DOWN);
  });

  test('jwks_ttl of one second: the memory of the isolate ages too', async (t) => {
    const { issuer, accepts, refuses } = await stage(t, { keys: [former], settings: { jwks_ttl: 1 } });
    await accepts(former);
    issuer.keys = [current.jwk];
    await sleep(2100); // a ttl of one second, in whole seconds
    await accepts(former);
    assert.ok(await until(() => issuer.counts.jwks === 2), 'refreshed in the background');
    await until(async () => (await accepts(current).then(() => true, () => false)));
    await refuses(former);
  });

  test('an ETag is sent back, and 304 makes the set fresh again', async (t) => {
    const { gate, issuer, accepts } = await stage(t, { keys: [current], entry: { age: 1000, keys: [current], etag: '"v7"' } });
    issuer.jwks = (request, response) => {
      if (request.headers['if-none-match'] === '"v7"') response.writeHead(304, { etag: '"v7"' }).end();
      else json({ keys: [current.jwk] }, { etag: '"v7"' })(request, response);
    };
    await accepts(current);
    assert.ok(await until(async () => (await gate.entry(issuer.issuer)).fetched_at > now() - 100));
    const { etag, keys } = await gate.entry(issuer.issuer);
    assert.deepEqual({ etag, keys }, { etag: '"v7"', keys: [current.jwk] });
    await accepts(current);
  });
});

describe('entries of KV that are not what they should be are not used', () => {
  const cases = {
    'of another issuer': { issuer: 'https://evil.test' },
    'of another version': { version: 2 },
    'without keys': { keys: [] },
    'with no usable key': { keys: [{ jwk: { kty: 'oct', k: 'AAAA' } }] },
    'without fetched_at': { fetched_at: undefined },
    'with a fetched_at that is no number': { fetched_at: 'now' },
  };
  for (const [name, changes] of Object.entries(cases)) {
    test(name, async (t) => {
      const { gate, issuer, accepts, write } = await stage(t, { keys: [current] });
      await write({ keys: [former], ...changes });
      await accepts(current);
      assert.deepEqual((await gate.entry(issuer.issuer)).keys, [current.jwk]);
    });
  }
  test('no JSON at all', async (t) => {
    const { gate, issuer, accepts } = await stage(t, { keys: [current] });
    await (await gate.kv()).put(`jwks:v1:${issuer.issuer}`, '{"version":1,');
    await accepts(current);
  });
});

describe('an unknown kid', () => {
  test('refetches once, at once after a first fetch', async (t) => {
    const { gate, issuer, accepts } = await stage(t, { keys: [former] });
    await accepts(former);
    issuer.keys = [current.jwk, former.jwk];
    await accepts(current);
    await accepts(former);
    assert.equal(issuer.counts.jwks, 2);
    assert.ok(await until(async () => (await gate.entry(issuer.issuer)).keys.length === 2), 'KV has the new set');
  });

  test('does not refetch again within the cooldown', async (t) => {
    const { issuer, accepts, refuses } = await stage(t, { keys: [former] });
    await accepts(former);
    for (let i = 0; i < 5; i += 1) await refuses(newKey('ES256'));
    assert.equal(issuer.counts.jwks, 2);
    await accepts(former);
  });

  test('refetches again after the cooldown', async (t) => {
    const { issuer, accepts, refuses } = await stage(t, { keys: [former], settings: { jwks_cooldown: 1 } });
    await accepts(former);
    await refuses(current);
    issuer.keys = [former.jwk, current.jwk];
    await sleep(1100);
    await accepts(current);
  });

  test('a token without kid that no key fits refetches too', async (t) => {
    const es384 = newKey('ES384');
    const { issuer, accepts } = await stage(t, { keys: [former] });
    await accepts(former);
    issuer.keys = [former.jwk, es384.jwk];
    await accepts({ ...es384, kid: undefined });
    assert.equal(issuer.counts.jwks, 2);
  });

  test('a wrong signature under a known kid does not refetch', async (t) => {
    const { issuer, accepts, refuses } = await stage(t, { keys: [former] });
    await accepts(former);
    await refuses({ ...newKey('ES256'), kid: former.kid });
    assert.equal(issuer.counts.jwks, 1);
  });

  for (const [name, answer] of [
    ['500', status(500)], ['a redirect', redirect('/')], ['no JSON', bytes('{')], ['no keys', json({ keys: [] })],
    ['no usable key', json({ keys: [{ kty: 'oct', k: 'AA' }] })],
  ]) {
    test(`when the refetch gives ${name}: 401, and the good set stays`, async (t) => {
      const { gate, issuer, accepts, refuses } = await stage(t, { keys: [former] });
      await accepts(former);
      issuer.jwks = answer;
      await refuses(current);
      await accepts(former);
      assert.deepEqual((await gate.entry(issuer.issuer)).keys, [former.jwk]);
    });
  }
});

describe('rotation of a real provider', () => {
  test('a new key signs, the former stays, then is withdrawn', async (t) => {
    const provider = await startProvider();
    const gate = await startGate({
      policy: {
        version: 1,
        origin: origin.url,
        issuers: { logto: { issuer: provider.issuer, jwks_cooldown: 1 } },
        routes: [{ path: '/a', audience: API }],
      },
    });
    t.after(async () => {
      await gate.close();
      await provider.close();
    });
    const accepts = async (token) => assertForwarded(await gate.bearer(token, '/a'), origin);
    const first = await provider.token({ resource: API });
    await accepts(first);
    provider.rotate();
    const second = await provider.token({ resource: API });
    await accepts(second);
    await accepts(first);
    provider.rotate({ alg: 'RS256', withdraw: true });
    const third = await provider.token({ resource: API });
    await sleep(1100);
    await accepts(third);
    for (const token of [first, second]) assertRefused(await gate.bearer(token, '/a'), INVALID, { origin });
    const hidden = signingKey();
    const forged = mint(signerOf(hidden), claims(provider.issuer));
    assertRefused(await gate.bearer(forged, '/a'), INVALID, { origin });
  });
});
