// Secrets of the Worker's: sent where they are right; where they are not, nothing goes on that would need them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createLocalJWKSet, jwtVerify } from 'jose';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const KEY_SET = '/.well-known/portcullis/jwks.json';
const KEYGEN = fileURLToPath(new URL('../../scripts/keygen.mjs', import.meta.url));
const key = newKey('ES256');
const origin = await startOrigin();
const received = [];
const text = JSON.stringify;

function privateJwk(type, options) {
  return generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
}

const jwk = privateJwk('ec', { namedCurve: 'P-256' });
const another = privateJwk('ec', { namedCurve: 'P-256' });
const { d: _, ...publicJwk } = jwk;

/** What the secret is → the reason in the log. */
const WRONG_KEYS = {
  'absent': [undefined, 'is absent'],
  'empty': ['', 'is not a JWK'],
  'garbage': ['hunter2hunter2', 'is not a JWK'],
  'public only': [text(publicJwk), 'it has no d'],
  'of another curve': [text(privateJwk('ec', { namedCurve: 'P-384' })), 'is not a key for ES256'],
  'Ed25519 for ES256': [text(privateJwk('ed25519')), 'is not a key for ES256'],
  'RSA': [text(privateJwk('rsa', { modulusLength: 2048 })), 'is not a key for ES256'],
  'two halves of different keys': [text({ ...jwk, d: another.d }), 'is refused'],
  'no object but JSON of a variable': [jwk, 'is absent'],
};
const WRONG_SECRETS = {
  'absent': [undefined, 'is absent'],
  'empty': ['', 'is empty'],
  'with a line break': ['hunter2\nx-evil: 1', 'is not a valid header value'],
  'not ASCII': ['hunter2é', 'is not a valid header value'],
};

const routes = [
  { path: '/a', audience: API },
  { path: '/service', audience: API, origin: 'service:API' },
  { path: '/optional', access: 'optional', audience: API },
  { path: '/public', access: 'public' },
];

function gateWith(identity, bindings) {
  const issuers = { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } };
  const services = {
    API: async (request) => {
      received.push(request.headers.get('x-auth-secret'));
      return new Response('ok');
    },
  };
  const known = Object.fromEntries(Object.entries(bindings).filter(([, value]) => value !== undefined));
  return { policy: { version: 1, origin: origin.url, issuers, identity, routes }, bindings: known, services };
}

const assertion = { issuer: 'https://gate.test', keys: ['KEY'] };
const generated = ['ES256', 'EdDSA'].map((algorithm) => [algorithm, execFileSync(process.execPath, [KEYGEN, algorithm], { encoding: 'utf8' })]);
const gates = await startGates([
  gateWith({ secret: { binding: 'SHARED' } }, { SHARED: 's3cret-~!' }),
  gateWith({ secret: { binding: 'SHARED', header: 'x-auth-gate' } }, { SHARED: 's3cret' }),
  ...generated.map(([algorithm, KEY]) => gateWith({ assertion: { ...assertion, algorithm } }, { KEY })),
  ...Object.values(WRONG_KEYS).map(([KEY]) => gateWith({ assertion }, { KEY })),
  ...Object.values(WRONG_SECRETS).map(([SHARED]) => gateWith({ secret: { binding: 'SHARED' } }, { SHARED })),
]);
const [sharing, renamed, es256, eddsa, ...wrong] = gates;
const wrongKeys = wrong.slice(0, Object.keys(WRONG_KEYS).length);
const wrongSecrets = wrong.slice(wrongKeys.length);

beforeEach(() => origin.take());
after(async () => {
  for (const gate of gates) await gate.close();
  await origin.close();
});

const token = () => mint(key, claims(ISSUER));

describe('the shared secret', () => {
  const forged = [['x-auth-secret', 'mine'], ['X_Auth_Secret', 'mine'], ['x-auth-gate', 'mine'], ['X_AUTH_GATE', 'mine']];
  test('goes with every request, and a client\'s own does not', async () => {
    for (const path of ['/public', '/optional']) {
      const record = assertForwarded(await sharing.request(path, { headers: forged }), origin);
      assert.deepEqual(record.names('x-auth-'), ['x-auth-secret'], path);
      assert.equal(record.header('x-auth-secret'), 's3cret-~!');
    }
    const record = assertForwarded(await sharing.bearer(token(), '/a', { headers: forged }), origin);
    assert.equal(record.header('x-auth-secret'), 's3cret-~!');
    assert.deepEqual(record.names('x-auth-gate'), []);
  });
  test('goes to services', async () => {
    assert.equal((await sharing.bearer(token(), '/service', { headers: forged })).status, 200);
    assert.deepEqual(received.splice(0), ['s3cret-~!']);
  });
  test('has the header that the policy names', async () => {
    const record = assertForwarded(await renamed.request('/public', { headers: forged }), origin);
    assert.deepEqual(record.names('x-auth-'), ['x-auth-gate']);
    assert.equal(record.header('x-auth-gate'), 's3cret');
  });
  for (const [index, [name, [, why]]] of Object.entries(WRONG_SECRETS).entries()) {
    test(`${name}: nothing goes on`, async () => {
      const gate = wrongSecrets[index];
      const since = gate.logs.length;
      for (const path of ['/public', '/optional']) assertRefused(await gate.request(path), 'gate.misconfigured', { origin });
      assertRefused(await gate.bearer(token(), '/a'), 'gate.misconfigured', { origin });
      assertRefused(await gate.request('/a'), 'auth.authorization_header_missing', { origin });
      assert.ok(await gate.logged((line) => line.includes(`the secret SHARED ${why}`), since));
      assert.ok(!(await gate.logText(since)).includes('hunter2'));
    });
  }
});

describe('the key of assertions', () => {
  for (const [gate, [algorithm]] of [[es256, generated[0]], [eddsa, generated[1]]]) {
    test(`as keygen makes it for ${algorithm} signs`, async () => {
      const record = assertForwarded(await gate.bearer(token(), '/a'), origin);
      const set = createLocalJWKSet((await gate.request(KEY_SET)).json);
      await jwtVerify(record.header('x-auth-assertion'), set, { issuer: assertion.issuer, audience: origin.url, algorithms: [algorithm] });
    });
  }
  for (const [index, [name, [value, why]]] of Object.entries(WRONG_KEYS).entries()) {
    test(`${name}: nothing goes on that would need it`, async () => {
      const gate = wrongKeys[index];
      const since = gate.logs.length;
      assertRefused(await gate.bearer(token(), '/a'), 'gate.misconfigured', { origin });
      assertRefused(await gate.request(KEY_SET), 'gate.misconfigured', { origin });
      for (const path of ['/public', '/optional']) {
        assert.deepEqual(assertForwarded(await gate.request(path), origin).names('x-auth-'), []);
      }
      assert.ok(await gate.logged((line) => line.includes('the secret KEY ') && line.includes(why), since));
      const log = await gate.logText(since);
      const numbers = typeof value === 'string' && value.startsWith('{') ? Object.values(JSON.parse(value)) : ['hunter2'];
      for (const number of numbers.filter((member) => member.length > 10)) assert.ok(!log.includes(number));
    });
  }
});
