// What the origin is told about the caller, and what it is not told.

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { assertForwarded, assertIdentity } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { base64url, claims, mint, newKey } from './support/tokens.mjs';

const ORG = 'urn:logto:organization:';
const key = newKey('ES256');
const origin = await startOrigin();
const routes = [
  { path: '/a', audience: API, organization: '*' },
  { path: '/any', audience: '*', organization: '*' },
  { path: '/o/{org}', audience: `${ORG}{org}` },
  { path: '/o2/{org}', audience: [API, `${ORG}{org}`], organization: '*' },
  { path: '/optional', access: 'optional', audience: API },
  { path: '/public', access: 'public' },
];
const policy = {
  version: 1,
  origin: origin.url,
  issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } }, odd: { issuer: 'ïssuer, 100%', jwks: { keys: [key.jwk] } } },
  routes,
};
const [plain, full, hidden] = await startGates([
  { policy },
  {
    policy: {
      ...policy,
      identity: {
        prefix: 'x-gate-2-',
        payload_header: true,
        claims: { 'x-gate-2-email': 'email', 'X-Gate-2-Plan': 'profile.plan', 'x-gate-2-roles': 'roles', 'x-gate-2-raw': 'raw' },
      },
    },
  },
  { policy: { ...policy, identity: { forward_token: false } } },
]);
beforeEach(() => origin.take());
after(async () => {
  for (const gate of [plain, full, hidden]) await gate.close();
  await origin.close();
});

async function forwarded(gate, payload, path = '/a', options) {
  return assertForwarded(await gate.bearer(mint(key, payload), path, options), origin);
}

describe('identity headers', () => {
  const BASE = { subject: 'user-1', 'client-id': 'client-1', audience: API, issuer: ISSUER };
  const cases = {
    'all of them': [
      { scope: 'read write', organization_id: 'org1' },
      { ...BASE, scopes: 'read write', 'organization-id': 'org1' },
    ],
    'what is absent is not sent': [{ sub: undefined, client_id: undefined }, { audience: API, issuer: ISSUER }],
    'azp where there is no client_id': [{ client_id: undefined, azp: 'app-7' }, { ...BASE, 'client-id': 'app-7' }],
    'client_id before azp': [{ azp: 'app-7' }, BASE],
    'several audiences': [{ aud: [API, 'urn:x', 'https://b.test'] }, { ...BASE, audience: `${API},urn:x,https://b.test` }],
    'scopes of a list': [{ scope: ['read', 'write'] }, { ...BASE, scopes: 'read write' }],
    'scopes of scp': [{ scp: ['read', 'write'] }, { ...BASE, scopes: 'read write' }],
    'blanks between scopes are one': [{ scope: ' read   write ' }, { ...BASE, scopes: 'read write' }],
    'percent signs': [{ sub: '100%25' }, { ...BASE, subject: '100%2525' }],
    'non-ASCII': [{ sub: 'Zoë 😀' }, { ...BASE, subject: 'Zo%C3%AB %F0%9F%98%80' }],
    'control characters': [{ sub: 'a\r\nx-evil: 1\t\u0000\u007f' }, { ...BASE, subject: 'a%0D%0Ax-evil: 1%09%00%7F' }],
    'C1 control characters are non-ASCII': [{ sub: 'a\u0085b' }, { ...BASE, subject: 'a%C2%85b' }],
    'a comma in a single value stays': [{ sub: 'Doe, Jane' }, { ...BASE, subject: 'Doe, Jane' }],
    'a comma in an audience is escaped': [{ aud: [API, 'a,b%'] }, { ...BASE, audience: `${API},a%2Cb%25` }],
    'the organization': [{ organization_id: 'örg' }, { ...BASE, 'organization-id': '%C3%B6rg' }],
  };
  for (const [name, [changes, identity]] of Object.entries(cases)) {
    test(name, async () => assertIdentity(await forwarded(plain, claims(ISSUER, changes)), identity));
  }
  test('the issuer is encoded too', async () => {
    const record = await forwarded(plain, claims('ïssuer, 100%'));
    assert.equal(record.header('x-auth-issuer'), '%C3%AFssuer, 100%25');
  });
  test('the organization of the matched audience', async () => {
    const record = await forwarded(plain, claims(ISSUER, { aud: ['x', `${ORG}org1`] }), '/o/org1');
    assert.equal(record.header('x-auth-organization-id'), 'org1');
    assert.equal(record.header('x-auth-audience'), `x,${ORG}org1`);
  });
  test('matched is the first of the route\'s audiences that the token has', async () => {
    const both = await forwarded(plain, claims(ISSUER, { aud: [`${ORG}org1`, API] }), '/o2/org1');
    assert.equal(both.header('x-auth-organization-id'), null);
    const one = await forwarded(plain, claims(ISSUER, { aud: [`${ORG}org1`] }), '/o2/org1');
    assert.equal(one.header('x-auth-organization-id'), 'org1');
  });
  test('the claim comes before the audience', async () => {
    const record = await forwarded(plain, claims(ISSUER, { aud: [`${ORG}org1`], organization_id: 'org2' }), '/o2/org1');
    assert.equal(record.header('x-auth-organization-id'), 'org2');
  });
  test('no audience, no header', async () => {
    for (const aud of [undefined, []]) {
      const record = await forwarded(plain, claims(ISSUER, { aud }), '/any');
      assert.equal(record.header('x-auth-audience'), null);
    }
  });
});

describe('extra claims, with a prefix of its own', () => {
  const cases = {
    'strings, nested ones too': [{ email: 'jane@x.test', profile: { plan: 'pro' } }, { email: 'jane@x.test', plan: 'pro' }],
    'an array of strings': [{ roles: ['a', 'b,c', 'd e', 'é%'] }, { roles: 'a,b%2Cc,d e,%C3%A9%25' }],
    'an empty array is not sent': [{ roles: [] }, {}],
    'absent ones are not sent': [{ profile: 'x' }, {}],
    'a number': [{ raw: 7 }, { raw: '7' }],
    'a boolean': [{ raw: false }, { raw: 'false' }],
    'an object as JSON': [{ raw: { a: [1, 'é'] } }, { raw: '{"a":[1,"%C3%A9"]}' }],
    'a mixed array as JSON': [{ raw: ['a', 1] }, { raw: '["a",1]' }],
    'a string with a comma': [{ raw: 'a,b' }, { raw: 'a,b' }],
  };
  for (const [name, [changes, extra]] of Object.entries(cases)) {
    test(name, async () => {
      const payload = claims(ISSUER, changes);
      const record = await forwarded(full, payload);
      assertIdentity(record, {
        subject: 'user-1', 'client-id': 'client-1', audience: API, issuer: ISSUER,
        claims: base64url(JSON.stringify(payload)), ...extra,
      }, 'x-gate-2-');
      assertIdentity(record, {}, 'x-auth-');
    });
  }
  test('the payload header is the verified bytes as they were signed', async () => {
    const bytes = ` { "exp": 9999999999,\n "iss":"${ISSUER}", "aud":"${API}", "x": 1.0, "y":"\\u00e9é" } `;
    const record = await forwarded(full, bytes);
    assert.equal(record.header('x-gate-2-claims'), base64url(bytes));
  });
});

describe('spoofed headers are removed on every route', () => {
  const SPOOFED = [
    ['x-auth-subject', 'root'], ['X-Auth-Subject', 'root'], ['X_Auth_Subject', 'root'], ['x_auth-scopes', 'admin'],
    ['x-auth_issuer', 'evil'], ['X-AUTH-CLIENT_ID', 'evil'], ['x-auth-organization-id', 'evil'], ['x-auth-anything', '1'], ['x-auth-', '1'],
    ['x_auth_', '1'], ['x-auth-claims', 'e30'],
  ];
  const KEPT = [['x-authority', 'kept'], ['x-author', 'kept'], ['x-auth', 'kept'], ['x-gate-subject', 'kept'], ['my-x-auth-subject', 'kept']];
  const headers = [...SPOOFED, ...KEPT];
  const assertKept = (record) => {
    for (const [name, value] of KEPT) assert.equal(record.header(name), value);
  };
  test('token', async () => {
    const record = await forwarded(plain, claims(ISSUER), '/a', { headers });
    assertIdentity(record, { subject: 'user-1', 'client-id': 'client-1', audience: API, issuer: ISSUER });
    assertKept(record);
  });
  test('token, where a spoofed one stands for a claim that is absent', async () => {
    const record = await forwarded(plain, claims(ISSUER, { sub: undefined, client_id: undefined }), '/a', { headers });
    assertIdentity(record, { audience: API, issuer: ISSUER });
  });
  test('optional with a token', async () => {
    const record = await forwarded(plain, claims(ISSUER), '/optional', { headers });
    assertIdentity(record, { subject: 'user-1', 'client-id': 'client-1', audience: API, issuer: ISSUER });
  });
  for (const path of ['/optional', '/public']) {
    test(`${path} without a token`, async () => {
      const record = assertForwarded(await plain.request(path, { headers }), origin);
      assertIdentity(record, {});
      assertKept(record);
    });
  }
  test('a prefix of its own', async () => {
    const own = [['X_Gate_2_Subject', 'root'], ['x-gate-2-x', '1'], ['x-auth-subject', 'not ours']];
    const record = assertForwarded(await full.request('/public', { headers: own }), origin);
    assertIdentity(record, {}, 'x-gate-2-');
    assert.equal(record.header('x-auth-subject'), 'not ours');
  });
});

describe('the token', () => {
  test('is forwarded as it came by default', async () => {
    const token = mint(key, claims(ISSUER));
    const record = assertForwarded(await plain.request('/a', { headers: [['Authorization', `bearer  ${token}`]] }), origin);
    assert.equal(record.header('authorization'), `bearer  ${token}`);
  });
  test('forward_token = false removes it on a token route', async () => {
    assert.deepEqual((await forwarded(hidden, claims(ISSUER))).headers('authorization'), []);
  });
  for (const path of ['/public', '/optional']) {
    test(`forward_token = false removes it on ${path}`, async () => {
      const value = path === '/public' ? 'Basic abc' : `Bearer ${mint(key, claims(ISSUER))}`;
      const record = assertForwarded(await hidden.request(path, { headers: [['Authorization', value]] }), origin);
      assert.deepEqual(record.headers('authorization'), []);
    });
  }
});

describe('x-forwarded-host and x-forwarded-proto', () => {
  for (const [host, value] of [['gate.test', 'gate.test'], ['gate.test:8443', 'gate.test:8443'], ['127.0.0.1:8787', '127.0.0.1:8787']]) {
    test(`Host ${host} gives ${value}`, async () => {
      const record = assertForwarded(await plain.request('/public', { host }), origin);
      assert.equal(record.header('x-forwarded-host'), value);
      assert.equal(record.header('x-forwarded-proto'), 'http');
    });
  }
  test('https, and a port that is not its own', async () => {
    for (const host of ['gate.test', 'gate.test:8443']) {
      const record = assertForwarded(await plain.https('/public', { host }), origin);
      assert.equal(record.header('x-forwarded-host'), host);
      assert.equal(record.header('x-forwarded-proto'), 'https');
    }
  });
  test('what the client sent is replaced', async () => {
    const headers = [['X-Forwarded-Host', 'evil.test'], ['X-Forwarded-Proto', 'https'], ['x-forwarded-host', 'evil2.test']];
    const record = assertForwarded(await plain.request('/public', { headers }), origin);
    assert.deepEqual(record.headers('x-forwarded-host'), ['gate.test']);
    assert.deepEqual(record.headers('x-forwarded-proto'), ['http']);
  });
  test('the origin gets its own Host', async () => {
    assert.equal(assertForwarded(await plain.request('/public'), origin).header('host'), origin.host);
  });
});
