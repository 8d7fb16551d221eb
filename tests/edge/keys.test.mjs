// Where keys come from: discovery, jwks_uri, a literal set; what KV holds; what is no key set.

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { startProvider } from '../../demo/provider.mjs';
import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGate, startGates, temporaryDirectory, until } from './support/gate.mjs';
import { bytes, json, redirect, reset, silence, startKeyServer, status } from './support/keyserver.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const KEY_LIMIT = 100;
const SIZE_LIMIT = 256 * 1024;

const key = newKey('ES256');
const origin = await startOrigin();
const provider = await startProvider();
const server = await startKeyServer();
beforeEach(() => origin.take());
after(async () => {
  await origin.close();
  await provider.close();
  await server.close();
});

function policyOf(issuers) {
  return { version: 1, origin: origin.url, issuers, routes: [{ path: '/a', audience: API }] };
}

const tokenOf = (issuer, signer = key) => mint(signer, claims(issuer.issuer));

async function forwards(gate, token) {
  return assertForwarded(await gate.bearer(token, '/a'), origin);
}

/** The KV entry is what the contract says, and nothing else. */
function assertEntry(entry, expected, started) {
  const { fetched_at: fetchedAt, ...rest } = entry;
  assert.deepEqual(rest, { version: 1, ...expected });
  assert.ok(Number.isInteger(fetchedAt) && fetchedAt >= started && fetchedAt <= now(), `fetched_at is ${fetchedAt}`);
}

async function keysOf(gate) {
  return (await (await gate.kv()).list()).keys.map(({ name }) => name);
}

describe('sources', () => {
  test('discovery of a real provider: one request each, and KV holds what the contract says', async (t) => {
    const started = now();
    const gate = await startGate({ policy: policyOf({ logto: { issuer: provider.issuer } }) });
    t.after(() => gate.close());
    provider.resetCounts();
    for (let i = 0; i < 3; i += 1) {
      await forwards(gate, await provider.token({ resource: API }));
    }
    assert.equal(provider.counts.discovery, 1);
    assert.equal(provider.counts.jwks, 1);
    assert.deepEqual(await keysOf(gate), [`jwks:v1:${provider.issuer}`]);
    assertEntry(await gate.entry(provider.issuer), {
      issuer: provider.issuer, jwks_uri: provider.jwksUri, keys: provider.jwks.keys,
    }, started);
  });

  test('every request says what it asks for and who asks', async (t) => {
    const issuer = server.issuer('polite', [key.jwk]);
    const gate = await startGate({ policy: policyOf({ polite: { issuer: issuer.issuer } }) });
    t.after(() => gate.close());
    await forwards(gate, tokenOf(issuer));
    assert.deepEqual(issuer.requests.map(({ kind }) => kind), ['discovery', 'jwks']);
    for (const { headers } of issuer.requests) {
      assert.equal(headers.accept, 'application/json, application/jwk-set+json');
      assert.match(headers['user-agent'], /^portcullis\/\d+\.\d+\.\d+$/);
    }
  });

  test('tenants share one fetch and one entry; any other iss causes no fetch', async (t) => {
    const issuer = server.issuer('tenants', [key.jwk]);
    const iss = (tenant) => `${server.url}/${tenant}/v2.0`;
    const settings = { issuer: iss('{tenant}'), tenants: ['acme', 'umbrella'], jwks_uri: issuer.jwksUri };
    const gate = await startGate({ policy: policyOf({ entra: settings }) });
    t.after(() => gate.close());
    const from = (name) => mint(key, claims(name));
    for (const name of [iss('other'), iss('{tenant}'), iss('ACME'), iss('acme/x'), iss(''), `${iss('acme')}/`, server.url]) {
      assertRefused(await gate.bearer(from(name), '/a'), 'auth.invalid_token', { origin });
    }
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 0 });
    for (const tenant of ['acme', 'umbrella', 'acme']) {
      const record = await forwards(gate, from(iss(tenant)));
      assert.deepEqual(record.headers('x-auth-issuer'), [iss(tenant)]);
    }
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 1 });
    assert.ok(await until(() => gate.entry(iss('{tenant}'))));
    assert.deepEqual(await keysOf(gate), [`jwks:v1:${iss('{tenant}')}`]);
  });

  test('jwks_uri: no discovery; the issuer may be any string; the ETag is kept', async (t) => {
    const started = now();
    const issuer = server.issuer('direct', [key.jwk]);
    issuer.jwks = json(() => ({ keys: issuer.keys }), { etag: '"v1"' });
    const gate = await startGate({ policy: policyOf({ direct: { issuer: 'urn:any', jwks_uri: issuer.jwksUri } }) });
    t.after(() => gate.close());
    await forwards(gate, mint(key, claims('urn:any')));
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 1 });
    assertEntry(await gate.entry('urn:any'), { issuer: 'urn:any', jwks_uri: issuer.jwksUri, etag: '"v1"', keys: [key.jwk] }, started);
  });

  test('an issuer with a slash at its end is discovered below it, and compared exactly', async (t) => {
    const issuer = server.issuer('slash', [key.jwk]);
    const name = `${issuer.issuer}/`;
    issuer.discovery = json({ issuer: name, jwks_uri: issuer.jwksUri });
    const gate = await startGate({ policy: policyOf({ slash: { issuer: name } }) });
    t.after(() => gate.close());
    await forwards(gate, mint(key, claims(name)));
    assertRefused(await gate.bearer(tokenOf(issuer), '/a'), 'auth.invalid_token', { origin });
  });

  test('a literal key set: nothing is fetched, nothing is kept in KV', async (t) => {
    const issuer = server.issuer('literal', [newKey('ES256').jwk]);
    const gate = await startGate({ policy: policyOf({ literal: { issuer: issuer.issuer, jwks: { keys: [key.jwk] } } }) });
    t.after(() => gate.close());
    await forwards(gate, tokenOf(issuer));
    assertRefused(await gate.bearer(tokenOf(issuer, newKey('ES256')), '/a'), 'auth.invalid_token', { origin });
    await gate.scheduled();
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 0 });
    assert.deepEqual(await keysOf(gate), []);
  });

  test('nothing is fetched for a token that is refused before its key is needed', async (t) => {
    const issuer = server.issuer('early', [key.jwk]);
    const gate = await startGate({ policy: policyOf({ early: { issuer: issuer.issuer } }) });
    t.after(() => gate.close());
    for (const token of [
      'garbage', mint(key, claims(issuer.issuer), { header: { alg: 'none' } }), mint(key, claims('https://evil.test')),
      mint(key, claims(issuer.issuer, { exp: 1 })), mint(key, claims(issuer.issuer, { aud: 7 })),
    ]) {
      assert.equal((await gate.bearer(token, '/a')).status, 401);
    }
    assert.deepEqual(issuer.counts, { discovery: 0, jwks: 0 });
  });
});

describe('a second isolate starts from KV', () => {
  test('in the same workerd, while the issuer is down', async (t) => {
    const issuer = server.issuer('shared', [key.jwk]);
    const policy = policyOf({ shared: { issuer: issuer.issuer } });
    const gates = await startGates([{ policy, kv: 'shared' }, { policy, kv: 'shared' }]);
    t.after(() => Promise.all(gates.map((gate) => gate.close())));
    await forwards(gates[0], tokenOf(issuer));
    assert.ok(await until(() => gates[0].entry(issuer.issuer)));
    issuer.discovery = status(500);
    issuer.jwks = status(500);
    await forwards(gates[1], tokenOf(issuer));
    assert.deepEqual(issuer.counts, { discovery: 1, jwks: 1 });
  });

  test('after a restart, without asking the real provider', async (t) => {
    const policy = policyOf({ logto: { issuer: provider.issuer } });
    const kvDirectory = temporaryDirectory(t);
    const first = await startGates([{ policy, kv: 'kept' }], { kvDirectory });
    await forwards(first[0], await provider.token({ resource: API }));
    // The write may come after the answer.
    assert.ok(await until(() => first[0].entry(provider.issuer)));
    await first[0].close();
    provider.resetCounts();
    const second = await startGates([{ policy, kv: 'kept' }], { kvDirectory });
    t.after(() => second[0].close());
    await forwards(second[0], await provider.token({ resource: API }));
    assert.equal(provider.counts.discovery, 0);
    assert.equal(provider.counts.jwks, 0);
  });
});

/** Each breaks a sound issuer in one way; the address of a sound key set is at hand for redirects. */
const BROKEN = {
  'discovery names another issuer': (issuer) => { issuer.discovery = json({ issuer: 'https://evil.test', jwks_uri: issuer.jwksUri }); },
  'discovery names the issuer with a slash more': (issuer) => { issuer.discovery = json({ issuer: `${issuer.issuer}/`, jwks_uri: issuer.jwksUri }); },
  'discovery names no issuer': (issuer) => { issuer.discovery = json({ jwks_uri: issuer.jwksUri }); },
  'discovery names no jwks_uri': (issuer) => { issuer.discovery = json({ issuer: issuer.issuer }); },
  'discovery names a jwks_uri that is no string': (issuer) => { issuer.discovery = json({ issuer: issuer.issuer, jwks_uri: [issuer.jwksUri] }); },
  'discovery names a plain http jwks_uri elsewhere': (issuer) => { issuer.discovery = json({ issuer: issuer.issuer, jwks_uri: 'http://keys.test/jwks' }); },
  'discovery names a relative jwks_uri': (issuer) => { issuer.discovery = json({ issuer: issuer.issuer, jwks_uri: '/jwks' }); },
  'discovery is no JSON': (issuer) => { issuer.discovery = bytes('<html>'); },
  'discovery is an array': (issuer) => { issuer.discovery = json([]); },
  'discovery is 404': (issuer) => { issuer.discovery = status(404); },
  'discovery is 500': (issuer) => { issuer.discovery = status(500); },
  'discovery redirects': (issuer, sound) => { issuer.discovery = redirect(`${sound.issuer}/.well-known/openid-configuration`); },
  'discovery is cut': (issuer) => { issuer.discovery = reset(); },
  'discovery is silent': (issuer) => { issuer.discovery = silence(); },
  'the key set is no JSON': (issuer) => { issuer.jwks = bytes('nonsense'); },
  'the key set is empty text': (issuer) => { issuer.jwks = bytes(''); },
  'the key set is an array': (issuer) => { issuer.jwks = json([key.jwk]); },
  'the key set has no keys': (issuer) => { issuer.jwks = json({}); },
  'keys is no array': (issuer) => { issuer.jwks = json({ keys: { 0: key.jwk } }); },
  'keys is empty': (issuer) => { issuer.jwks = json({ keys: [] }); },
  'no key is usable': (issuer) => { issuer.jwks = json({ keys: [newKey('ES256', { use: 'enc' }).jwk, newKey('RS256', { bits: 1024 }).jwk] }); },
  'the key set is invalid UTF-8': (issuer) => { issuer.jwks = bytes(Buffer.from(`{"keys":[${JSON.stringify(key.jwk)}],"x":"\xff"}`, 'latin1')); },
  'the key set is 404': (issuer) => { issuer.jwks = status(404); },
  'the key set is 503': (issuer) => { issuer.jwks = status(503); },
  'the key set is 204': (issuer) => { issuer.jwks = status(204); },
  'the key set comes from a redirect': (issuer, sound) => { issuer.jwks = redirect(sound.jwksUri); },
  'the key set is cut': (issuer) => { issuer.jwks = reset(); },
  'the key set is silent': (issuer) => { issuer.jwks = silence(); },
  'the key set stops in the middle': (issuer) => {
    issuer.jwks = (request, response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[');
  },
  'the key set is over 256 KiB': (issuer) => { issuer.jwks = bytes(padded({ keys: [key.jwk] }, SIZE_LIMIT + 1)); },
  'the key set has over 100 keys': (issuer) => { issuer.jwks = json({ keys: manyKeys(KEY_LIMIT + 1) }); },
  'the key set has no end': (issuer) => {
    issuer.jwks = (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => { while (!response.destroyed && response.write(' '.repeat(65536))); };
      response.on('drain', more);
      more();
    };
  },
};

const SOUND = {
  'exactly 256 KiB': (issuer) => { issuer.jwks = bytes(padded({ keys: [key.jwk] }, SIZE_LIMIT)); },
  'exactly 100 keys': (issuer) => { issuer.jwks = json({ keys: manyKeys(KEY_LIMIT) }); },
  'any content type': (issuer) => { issuer.jwks = bytes(JSON.stringify({ keys: [key.jwk] }), 'text/plain'); },
  'other members beside keys': (issuer) => { issuer.jwks = json({ keys: [key.jwk], more: { a: 1 } }); },
  'keys that are passed over': (issuer) => { issuer.jwks = json({ keys: [null, { kty: 'oct', k: 'AA' }, newKey('RS256', { bits: 1024 }).jwk, key.jwk] }); },
};

function padded(value, size) {
  return JSON.stringify(value).padEnd(size, ' ');
}

function manyKeys(count) {
  const other = newKey('ES384');
  return [...Array.from({ length: count - 1 }, (_, index) => ({ ...other.jwk, kid: `k${index}` })), key.jwk];
}

const sound = server.issuer('sound', [key.jwk]);
const issuers = Object.entries({ ...BROKEN, ...SOUND }).map(([name, prepare], index) => {
  const issuer = server.issuer(`case-${index}`, [key.jwk]);
  prepare(issuer, sound);
  return [name, issuer];
});
const gate = await startGate({
  policy: policyOf({
    sound: { issuer: sound.issuer },
    ...Object.fromEntries(issuers.map(([, { issuer }], index) => [`i${index}`, { issuer, timeout_ms: 300 }])),
  }),
});
after(() => gate.close());

describe('what is no key set', () => {
  for (const [name, issuer] of issuers) {
    if (Object.hasOwn(SOUND, name)) {
      test(`200: ${name}`, () => forwards(gate, tokenOf(issuer)));
      continue;
    }
    test(`503: ${name}`, async () => {
      assertRefused(await gate.bearer(tokenOf(issuer), '/a'), 'gate.keys_unavailable', { origin });
      assert.equal(await gate.entry(issuer.issuer), null);
    });
  }

  test('a failure is not tried again and again', async () => {
    const down = issuers.find(([name]) => name === 'the key set is 503')[1];
    for (let i = 0; i < 6; i += 1) {
      assertRefused(await gate.bearer(tokenOf(down), '/a'), 'gate.keys_unavailable', { origin });
    }
    // The first fetch does not start the cooldown, the one that its failure triggers does.
    assert.ok(down.counts.jwks <= 2, `${down.counts.jwks} fetches`);
  });

  test('one issuer that is down does not touch another', () => forwards(gate, tokenOf(sound)));
});
