// The three permission models of the guides, with tokens of a real OpenID provider whose keys come by discovery.

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { startProvider } from '../../demo/provider.mjs';
import { assertForwarded, assertIdentity, assertRefused } from './support/expect.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';

const API = 'https://api.yourapp.com';
const OTHER = 'https://other.yourapp.com';

const provider = await startProvider();
const origin = await startOrigin();
const gate = await startGate({
  policy: {
    version: 1,
    origin: origin.url,
    issuers: { logto: { issuer: provider.issuer } },
    routes: [
      { path: '/api/products/{id}', methods: ['GET'], audience: API, scopes: ['read:products'] },
      { path: '/orgs/{org}/members', methods: ['POST'], audience: 'urn:logto:organization:{org}', scopes: ['invite:member'] },
      {
        path: '/orgs/{org}/data/{*rest}',
        audience: API,
        organization: '{org}',
        scopes: { all: ['read:data'], any: ['plan:pro', 'plan:team'] },
      },
      { path: '/healthz', access: 'public' },
    ],
  },
});
beforeEach(() => origin.take());
after(async () => {
  await gate.close();
  await origin.close();
  await provider.close();
});

const GLOBAL = { resource: API, scope: 'api:read read:products' };
const ORGANIZATION = { organizationId: 'org1', scope: 'invite:member' };
const ORGANIZATION_API = { resource: API, organizationId: 'org1', scope: 'read:data plan:pro' };

const MODELS = {
  'global API resource': {
    request: ['GET', '/api/products/7'],
    scope: 'read:products',
    accepted: [
      ['the scope is there', GLOBAL, { scopes: 'api:read read:products', audience: API }],
    ],
    refused: [
      ['the scope is missing', { resource: API, scope: 'api:read' }, 'auth.insufficient_scope'],
      ['no scope at all', { resource: API }, 'auth.insufficient_scope'],
      ['the client may not have the scope', { ...GLOBAL, client: 'demo-limited' }, 'auth.insufficient_scope'],
      ['another API', { resource: OTHER, scope: 'read:products' }, 'auth.invalid_audience'],
      ['an organization token', ORGANIZATION, 'auth.invalid_audience'],
      ['an organization-level API token', { resource: API, organizationId: 'org1', scope: 'read:products' }, 'auth.organization_mismatch'],
    ],
  },
  'organization permission': {
    request: ['POST', '/orgs/org1/members'],
    scope: 'invite:member',
    accepted: [
      ['the scope is there', ORGANIZATION, {
        scopes: 'invite:member', audience: 'urn:logto:organization:org1', 'organization-id': 'org1',
      }],
    ],
    refused: [
      ['the scope is missing', { organizationId: 'org1', scope: 'manage:billing' }, 'auth.insufficient_scope'],
      ['another organization', { organizationId: 'org2', scope: 'invite:member' }, 'auth.organization_mismatch'],
      ['a global token', GLOBAL, 'auth.invalid_audience'],
      ['an organization-level API token', ORGANIZATION_API, 'auth.invalid_audience'],
    ],
  },
  'organization-level API resource': {
    request: ['GET', '/orgs/org1/data/reports/1'],
    scope: 'read:data plan:pro plan:team',
    accepted: [
      ['one of the plans', ORGANIZATION_API, {
        scopes: 'read:data plan:pro', audience: API, 'organization-id': 'org1',
      }],
      ['the other plan', { ...ORGANIZATION_API, scope: 'plan:team read:data' }, {
        scopes: 'plan:team read:data', audience: API, 'organization-id': 'org1',
      }],
    ],
    refused: [
      ['the required scope is missing', { ...ORGANIZATION_API, scope: 'plan:pro' }, 'auth.insufficient_scope'],
      ['none of the alternatives', { ...ORGANIZATION_API, scope: 'read:data' }, 'auth.insufficient_scope'],
      ['another organization', { ...ORGANIZATION_API, organizationId: 'org2' }, 'auth.organization_mismatch'],
      ['another API', { ...ORGANIZATION_API, resource: OTHER }, 'auth.invalid_audience'],
      ['a global token', { resource: API, scope: 'read:data plan:pro' }, 'auth.organization_mismatch'],
      ['an organization token', ORGANIZATION, 'auth.invalid_audience'],
    ],
  },
};

const HEADERLESS = [
  ['no Authorization header', [], 'auth.authorization_header_missing'],
  ['an empty Authorization header', [['Authorization', '']], 'auth.authorization_header_missing'],
  ['another scheme', [['Authorization', 'Basic dXNlcjpwYXNz']], 'auth.authorization_token_type_not_supported'],
  ['garbage', [['Authorization', 'Bearer garbage']], 'auth.invalid_token'],
  ['garbage in three segments', [['Authorization', 'Bearer a.b.c']], 'auth.invalid_token'],
];

for (const [model, { request: [method, path], scope, accepted, refused }] of Object.entries(MODELS)) {
  describe(model, () => {
    for (const [name, tokenRequest, identity] of accepted) {
      test(`200: ${name}`, async () => {
        const token = await provider.token(tokenRequest);
        const answer = await gate.bearer(token, path, { method });
        const record = assertForwarded(answer, origin);
        assertIdentity(record, { subject: 'demo-m2m', 'client-id': 'demo-m2m', issuer: provider.issuer, ...identity });
      });
    }
    for (const [name, tokenRequest, code] of refused) {
      test(`403 ${code}: ${name}`, async () => {
        const token = await provider.token(tokenRequest);
        const answer = await gate.bearer(token, path, { method });
        assertRefused(answer, code, { origin, scope, secret: 'demo-m2m' });
      });
    }
    for (const [name, headers, code] of HEADERLESS) {
      test(`401 ${code}: ${name}`, async () => {
        assertRefused(await gate.request(path, { method, headers }), code, { origin });
      });
    }
    test('401 auth.invalid_token: a signature that was changed', async () => {
      const token = await provider.token(accepted[0][1]);
      const [head, payload, signature] = token.split('.');
      const changed = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
      const answer = await gate.bearer(`${head}.${payload}.${changed}`, path, { method });
      assertRefused(answer, 'auth.invalid_token', { origin });
    });
  });
}

// Without a resource the provider issues an opaque token, as Logto does. It is no JWT at all, and is told so.
for (const [name, request] of [['no resource', {}], ['scopes but no resource', { scope: 'read:products' }]]) {
  test(`an opaque token, asked for with ${name}, is told apart from a bad signature`, async () => {
    const token = await provider.token(request);
    assert.match(token, /^[\w-]{20,}$/);
    const answer = await gate.bearer(token, '/api/products/7');
    assertRefused(answer, 'auth.invalid_token', { origin, secret: token });
    assert.equal(
      answer.header('www-authenticate'),
      'Bearer realm="gate.test", error="invalid_token", error_description="The token is not a JWT: it does not have three parts"',
    );
  });
}

test('a public route asks for nothing', async () => {
  assertIdentity(assertForwarded(await gate.request('/healthz'), origin), {});
});

test('the whole suite cost the provider one discovery and one key set at first', () => {
  // Requests came one after the other within the ttl, and none of them had an unknown kid.
  assert.deepEqual({ discovery: provider.counts.discovery, jwks: provider.counts.jwks }, { discovery: 1, jwks: 1 });
});
