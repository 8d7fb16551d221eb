// What the gate signs about callers, and what it publishes, read with jose: by an origin's eyes.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';

import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const KEY_SET = '/.well-known/portcullis/jwks.json';
const ISS = 'https://gate.test';
const PARTNER = 'https://partner.test/oidc';
const [key, partner] = [newKey('ES256'), newKey('ES256')];
const origin = await startOrigin();
const service = [];

const routes = [
  { path: '/a', audience: API, organization: '*' },
  { path: '/b', audience: API, origin: `${origin.url}/base`, strip_prefix: '/b' },
  { path: '/orgs/{org}', audience: 'urn:logto:organization:{org}' },
  { path: '/service', audience: API, origin: 'service:API' },
  { path: '/optional', access: 'optional', audience: API },
  { path: '/public', access: 'public' },
];

function policy(identity, more = {}) {
  const issuers = { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } }, partner: { issuer: PARTNER, jwks: { keys: [partner.jwk] } } };
  return { version: 1, origin: origin.url, issuers, identity, routes, ...more };
}

function asserting(settings = {}) {
  return policy({ assertion: { issuer: ISS, keys: ['KEY'], ...settings } });
}

function privateJwk(type, options) {
  return generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
}

const p256 = () => privateJwk('ec', { namedCurve: 'P-256' });
const [signing, former] = [p256(), p256()];
const ed25519 = privateJwk('ed25519');
const text = JSON.stringify;

const services = {
  API: async (request) => {
    service.push(request.headers.get('x-auth-assertion'));
    return new Response('ok');
  },
};
const [gate, rotating, edwards, short] = await startGates([
  { policy: asserting(), bindings: { KEY: text(signing) }, services },
  { policy: asserting({ keys: ['KEY', 'OLD'] }), bindings: { KEY: text(signing), OLD: text(former) } },
  { policy: asserting({ algorithm: 'EdDSA', audience: 'urn:origin' }), bindings: { KEY: text({ ...ed25519, alg: 'Ed25519' }) } },
  { policy: asserting({ ttl: 10 }), bindings: { KEY: text(signing) } },
]);
beforeEach(() => origin.take());
after(async () => {
  for (const one of [gate, rotating, edwards, short]) await one.close();
  await origin.close();
});

async function published(from) {
  const answer = await from.request(KEY_SET);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** What the assertion says that the origin receives, verified as an origin verifies it. */
async function said(from, token, path = '/a', { audience = origin.url, algorithm = 'ES256', headers } = {}) {
  const record = assertForwarded(await from.bearer(token, path, { headers }), origin);
  const assertion = record.header('x-auth-assertion');
  const verified = await verify(assertion, await published(from), audience, algorithm);
  return { ...verified, assertion, record };
}

function verify(assertion, set, audience, algorithm = 'ES256') {
  return jwtVerify(assertion, createLocalJWKSet(set), { issuer: ISS, audience, algorithms: [algorithm], typ: 'JWT', requiredClaims: ['exp', 'iat'] });
}

describe('an assertion', () => {
  test('says who calls, and holds under the published key', async () => {
    const token = mint(key, claims(ISSUER, { scope: 'read write', organization_id: 'örg' }));
    const { payload, protectedHeader } = await said(gate, token);
    const { iat, exp, ...rest } = payload;
    assert.deepEqual(rest, {
      iss: ISS, aud: origin.url, sub: 'user-1', client_id: 'client-1', organization_id: 'örg', scope: 'read write',
      sub_id: { format: 'iss_sub', iss: ISSUER, sub: 'user-1' },
    });
    assert.equal(exp - iat, 300);
    assert.deepEqual(protectedHeader, { alg: 'ES256', kid: await calculateJwkThumbprint(signing), typ: 'JWT' });
  });
  test('says no more than the token', async () => {
    const { payload } = await said(gate, mint(key, claims(ISSUER, { sub: undefined, client_id: undefined })));
    assert.deepEqual(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss']);
  });
  test('tells users of two issuers apart, whatever is kept of them', async () => {
    const tokens = [[ISSUER, key], [PARTNER, partner]].map(([iss, signer]) => [iss, mint(signer, claims(iss, { sub: 'admin-1' }))]);
    for (const [iss, token] of [...tokens, ...tokens]) {
      const { payload } = await said(gate, token);
      assert.deepEqual([payload.iss, payload.sub, payload.sub_id], [ISS, 'admin-1', { format: 'iss_sub', iss, sub: 'admin-1' }]);
    }
  });
  test('names the organization of the matched audience', async () => {
    const token = mint(key, claims(ISSUER, { aud: ['urn:logto:organization:o1', 'urn:logto:organization:o2'] }));
    for (const organization of ['o1', 'o2', 'o1']) {
      assert.equal((await said(gate, token, `/orgs/${organization}`)).payload.organization_id, organization);
    }
  });
  test('is for the origin, without its base path', async () => {
    assert.equal((await said(gate, mint(key, claims(ISSUER)), '/b')).payload.aud, origin.url);
  });
  test('is for the service', async () => {
    assert.equal((await gate.bearer(mint(key, claims(ISSUER)), '/service')).status, 200);
    await verify(service.pop(), await published(gate), 'service:API');
  });
  test('is signed once and used again', async () => {
    const token = mint(key, claims(ISSUER));
    const { assertion } = await said(gate, token);
    for (let i = 0; i < 3; i += 1) assert.equal((await said(gate, token)).assertion, assertion);
    assert.notEqual((await said(gate, mint(key, claims(ISSUER)))).assertion, assertion, 'another token has another');
  });
  test('is good no longer than the token', async () => {
    const payload = claims(ISSUER);
    payload.exp = payload.iat + 20;
    assert.equal((await said(gate, mint(key, payload))).payload.exp, payload.exp + 30, 'and the leeway');
  });
  test('is signed anew after half of its life', async () => {
    const token = mint(key, claims(ISSUER));
    const first = await said(short, token);
    const second = await waitFor(() => said(short, token), ({ assertion }) => assertion !== first.assertion);
    const age = second.payload.iat - first.payload.iat;
    assert.ok(age >= 5 && age <= 7, `after ${age} seconds`);
  });
  test('is not sent for who was not verified', async () => {
    for (const path of ['/public', '/optional']) {
      assert.deepEqual(assertForwarded(await gate.request(path), origin).names('x-auth-'), [], path);
    }
    const token = mint(key, claims(ISSUER));
    assert.deepEqual(assertForwarded(await gate.bearer(token, '/public'), origin).names('x-auth-'), []);
    await said(gate, token, '/optional');
  });
  test('of a client\'s making goes no further', async () => {
    const forged = [['x-auth-assertion', 'a.b.c'], ['X_AUTH_ASSERTION', 'a.b.c'], ['x_auth-Assertion', 'a.b.c'], ['X-Auth-Secret', 's']];
    const { record } = await said(gate, mint(key, claims(ISSUER)), '/a', { headers: forged });
    assert.deepEqual(record.names('x-auth-assertion'), ['x-auth-assertion']);
    assert.deepEqual(record.names('x-auth-secret'), []);
    for (const path of ['/public', '/optional']) {
      assert.deepEqual(assertForwarded(await gate.request(path, { headers: forged }), origin).names('x-auth-'), [], path);
    }
  });
  test('is signed with Ed25519 where the policy says so', async () => {
    const { protectedHeader } = await said(edwards, mint(key, claims(ISSUER)), '/a', { audience: 'urn:origin', algorithm: 'EdDSA' });
    assert.deepEqual(protectedHeader, { alg: 'EdDSA', kid: await calculateJwkThumbprint(ed25519), typ: 'JWT' });
  });
});

describe('the key set', () => {
  test('has the public keys and nothing private', async () => {
    const { keys } = await published(rotating);
    const expected = await Promise.all([signing, former].map(async ({ d, ...jwk }) => (
      { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' }
    )));
    assert.deepEqual(keys, expected);
    await said(rotating, mint(key, claims(ISSUER)));
  });
  test('is for everyone to read and to cache', async () => {
    const answer = await gate.request(KEY_SET, { host: 'another.test' });
    assert.equal(answer.header('content-type'), 'application/jwk-set+json');
    assert.equal(answer.header('cache-control'), 'public, max-age=300');
    assert.equal(answer.header('access-control-allow-origin'), '*');
    const head = await gate.request(KEY_SET, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    const post = await gate.request(KEY_SET, { method: 'POST' });
    assertRefused(post, 'gate.method_not_allowed', { origin, allow: ['GET', 'HEAD'] });
  });
});

async function waitFor(attempt, condition) {
  for (;;) {
    const result = await attempt();
    if (condition(result)) return result;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
