// Each example behind the built Worker, as a real server: the scenarios of the guides, and attempts to go around the
// gate. Tokens come from a real OpenID provider, or are made with its key.

import assert from 'node:assert/strict';
import { createHmac, createPublicKey } from 'node:crypto';
import { after, describe, test } from 'node:test';

import { calculateJwkThumbprint } from 'jose';

import { ASSERTION_KEY, demoPolicy } from '../../demo/policy.mjs';
import { freePort } from '../../demo/ports.mjs';
import { signingKey, startProvider } from '../../demo/provider.mjs';
import { EXAMPLES, startExample } from '../../examples/start.mjs';
import { assertRefused } from '../edge/support/expect.mjs';
import { HOST, startGates } from '../edge/support/gate.mjs';
import { request } from '../edge/support/http.mjs';
import { base64url, claims, mint, newKey, now, signerOf } from '../edge/support/tokens.mjs';

const API = 'https://api.yourapp.com';
const OTHER = 'https://other.yourapp.com';

const providerKey = signingKey();
const provider = await startProvider({ keys: [providerKey] });
const assertionKey = signingKey('ES256');
const gateKey = { ...signerOf(assertionKey), kid: await calculateJwkThumbprint(assertionKey) };
const stranger = newKey('ES256');
const stages = await Promise.all(EXAMPLES.map(async (name) => ({ name, gatePort: await freePort(), port: await freePort() })));
/** Another issuer behind the same gate, which numbers its users by itself. */
const partner = { issuer: 'https://partner.test/oidc', key: newKey('ES256') };
const gates = await startGates(stages.map(({ gatePort, port }) => ({
  port: gatePort,
  policy: policyOf({ issuer: provider.issuer, origin: urlOf(port), gate: urlOf(gatePort) }),
  bindings: { [ASSERTION_KEY]: JSON.stringify(assertionKey) },
})));
const origins = await Promise.all(stages.map(({ name, gatePort, port }) => startExample(name, { port, gate: urlOf(gatePort) })));
after(async () => {
  for (const server of [...gates, ...origins, provider]) await server.close();
});

/** What the provider's tokens of the client say. */
const CLIENT = { issuer: provider.issuer, sub: 'demo-m2m', clientId: 'demo-m2m' };
const ORGANIZATION = 'urn:logto:organization:acme';

/** Of each permission model: a request, the tokens that it takes, with what the origin is told, and those that it refuses. */
const MODELS = {
  'global API resource': {
    request: ['GET', '/api/protected'],
    scope: 'api:read',
    accepted: [
      [{ resource: API, scope: 'api:read' }, { organizationId: null, scopes: ['api:read'], audience: [API] }],
      [{ resource: API, scope: 'api:read api:write' }, { organizationId: null, scopes: ['api:read', 'api:write'], audience: [API] }],
    ],
    refused: {
      'scope missing': [{ resource: API, scope: 'api:write' }, 'auth.insufficient_scope'],
      'no scope': [{ resource: API }, 'auth.insufficient_scope'],
      'wrong audience': [{ resource: OTHER, scope: 'api:read' }, 'auth.invalid_audience'],
      'an organization\'s token': [{ organizationId: 'acme', scope: 'invite:member' }, 'auth.invalid_audience'],
      'a token of the API within an organization': [{ resource: API, organizationId: 'acme', scope: 'api:read' }, 'auth.organization_mismatch'],
    },
  },
  'organization permission': {
    request: ['POST', '/orgs/acme/members'],
    scope: 'invite:member',
    accepted: [
      [{ organizationId: 'acme', scope: 'invite:member' }, { organizationId: 'acme', scopes: ['invite:member'], audience: [ORGANIZATION] }],
    ],
    refused: {
      'scope missing': [{ organizationId: 'acme', scope: 'manage:billing' }, 'auth.insufficient_scope'],
      'wrong organization': [{ organizationId: 'globex', scope: 'invite:member' }, 'auth.organization_mismatch'],
      'a token of the API': [{ resource: API, scope: 'api:read' }, 'auth.invalid_audience'],
    },
  },
  'API resource within an organization': {
    request: ['GET', '/orgs/acme/data/reports/2026'],
    scope: 'read:data',
    accepted: [
      [{ resource: API, organizationId: 'acme', scope: 'read:data' }, { organizationId: 'acme', scopes: ['read:data'], audience: [API] }],
    ],
    refused: {
      'scope missing': [{ resource: API, organizationId: 'acme', scope: 'api:read' }, 'auth.insufficient_scope'],
      'wrong organization': [{ resource: API, organizationId: 'globex', scope: 'read:data' }, 'auth.organization_mismatch'],
      'wrong audience': [{ resource: OTHER, organizationId: 'acme', scope: 'read:data' }, 'auth.invalid_audience'],
      'no organization': [{ resource: API, scope: 'read:data' }, 'auth.organization_mismatch'],
    },
  },
};

/** Requests without a token that any model would take. */
const TOKENLESS = {
  'no token': [undefined, 'auth.authorization_header_missing'],
  'another scheme': ['Basic dXNlcjpwYXNz', 'auth.authorization_token_type_not_supported'],
  'no JWT': ['Bearer invalid-token', 'auth.invalid_token'],
  'an expired token': [`Bearer ${token({ exp: now() - 60 })}`, 'auth.token_expired'],
  'a key that the provider does not publish': [`Bearer ${mint(newKey('ES384'), claims(provider.issuer))}`, 'auth.invalid_token'],
  'another issuer': [`Bearer ${token({ iss: 'https://evil.test/oidc' })}`, 'auth.invalid_token'],
};

/** Identity that no gate gave. */
const FORGED = [
  ['x-auth-subject', 'root'], ['x-auth-client-id', 'root'], ['x-auth-organization-id', 'acme'],
  ['x-auth-scopes', 'api:read read:data'], ['x-auth-audience', API], ['X_Auth_Subject', 'root'], ['X_Auth_Audience', 'root'],
];

EXAMPLES.forEach((name, index) => {
  const { gatePort, port } = stages[index];
  const through = (path, options) => request(gatePort, path, { host: HOST, ...options });
  const around = (path, options) => request(port, path, { host: `127.0.0.1:${port}`, ...options });
  const assertion = (changes, key = gateKey, header = {}) => mint(key, {
    iss: urlOf(gatePort), aud: urlOf(port), client_id: 'app-1', scope: 'api:read', iat: now(), exp: now() + 300,
    ...whose(provider.issuer, 'user-1'), ...changes,
  }, { header: { typ: 'JWT', ...header } });

  describe(name, () => {
    for (const [model, { request: [method, path], scope, accepted, refused }] of Object.entries(MODELS)) {
      for (const [form, auth] of accepted) {
        test(`${model}: 200 for ${form.scope}`, async () => {
          const answer = await through(path, { method, headers: bearer(await provider.token(form)) });
          assert.equal(answer.status, 200, answer.text);
          assert.deepEqual(answer.json.auth, { ...CLIENT, ...auth });
        });
      }
      for (const [what, [form, code]] of Object.entries(refused)) {
        test(`${model}: ${code}, ${what}`, async () => {
          assertRefused(await through(path, { method, headers: bearer(await provider.token(form)) }), code, { scope });
        });
      }
      for (const [what, [authorization, code]] of Object.entries(TOKENLESS)) {
        test(`${model}: ${code}, ${what}`, async () => {
          assertRefused(await through(path, { method, headers: authorization ? [['Authorization', authorization]] : [] }), code);
        });
      }
    }

    test('no redirect leads around the gate', async () => {
      const answer = await through('/api/protected/', { headers: bearer(token({ scope: 'api:read' })) });
      assert.deepEqual([answer.status, answer.headers('location')], [404, []]);
    });

    test('the whole answer is the identity', async () => {
      const compact = token({ sub: 'user-1', client_id: 'app-1', scope: 'api:read api:write' });
      const answer = await through('/api/protected', { headers: bearer(compact) });
      const auth = {
        issuer: provider.issuer, sub: 'user-1', clientId: 'app-1', organizationId: null, scopes: ['api:read', 'api:write'], audience: [API],
      };
      assert.deepEqual(answer.json, { auth });
    });

    test('what no header can carry arrives as it was', async () => {
      const identity = { sub: 'Zo\u00eb \u65e5\u672c \u{1f511} %41, 50%', client_id: 'caf\u00e9,%2C', scope: 'api:read l\u00e4s:\u00e5,b%20c \u2003x' };
      const aud = [API, 'https://a,b.test/%2C', 'urn:\u00fc 1'];
      const answer = await through('/api/protected', { headers: bearer(token({ ...identity, aud })) });
      const scopes = ['api:read', 'l\u00e4s:\u00e5,b%20c', '\u2003x'];
      const auth = { issuer: provider.issuer, sub: identity.sub, clientId: identity.client_id, organizationId: null, scopes, audience: aud };
      assert.deepEqual(answer.json, { auth });
    });

    test('a token that says little: no user, of no issuer', async () => {
      const answer = await through('/catalog', { headers: bearer(token({ sub: undefined, client_id: undefined, jti: undefined })) });
      const auth = { issuer: null, sub: null, clientId: null, organizationId: null, scopes: [], audience: [API] };
      assert.deepEqual(answer.json, { auth });
    });

    test('one subject of two issuers is two users', async () => {
      const claim = { sub: 'admin-1', client_id: 'app-1', scope: 'api:read' };
      const tokens = [[provider.issuer, token(claim)], [partner.issuer, mint(partner.key, claims(partner.issuer, claim))]];
      // In turns, so that nothing that is kept of one can stand for the other.
      for (const [issuer, compact] of [...tokens, ...tokens]) {
        const answer = await through('/api/protected', { headers: bearer(compact) });
        const auth = { issuer, sub: 'admin-1', clientId: 'app-1', organizationId: null, scopes: ['api:read'], audience: [API] };
        assert.deepEqual(answer.json, { auth });
      }
    });

    test('an optional route: the caller if there is one', async () => {
      assert.deepEqual((await through('/catalog')).json, { auth: null });
      const answer = await through('/catalog', { headers: bearer(await provider.token({ resource: API, scope: 'api:read' })) });
      assert.deepEqual(answer.json, { auth: { ...CLIENT, organizationId: null, scopes: ['api:read'], audience: [API] } });
    });

    test('a public route', async () => {
      assert.deepEqual((await through('/healthz')).json, { status: 'ok' });
    });

    test('forged identity does not pass the gate', async () => {
      const headers = [...FORGED, ['x-auth-assertion', assertion(whose(provider.issuer, 'root'))], ['X_Auth_Assertion', assertion(whose(provider.issuer, 'root'))]];
      assert.deepEqual((await through('/catalog', { headers })).json, { auth: null });
      const answer = await through('/api/protected', { headers: [...headers, ...bearer(token({ scope: 'api:read' }))] });
      const auth = {
        issuer: provider.issuer, sub: 'user-1', clientId: 'client-1', organizationId: null, scopes: ['api:read'], audience: [API],
      };
      assert.deepEqual(answer.json, { auth });
    });

    test('around the gate: an assertion of the gate\'s key would be taken', async () => {
      const answer = await around('/api/protected', { headers: [['x-auth-assertion', assertion()], ['x-auth-audience', `${API},a%2Cb`]] });
      const auth = {
        issuer: provider.issuer, sub: 'user-1', clientId: 'app-1', organizationId: null, scopes: ['api:read'], audience: [API, 'a,b'],
      };
      assert.deepEqual(answer.json, { auth });
    });
    test('around the gate: a subject that is of no issuer is no user', async () => {
      const answer = await around('/api/protected', { headers: [['x-auth-assertion', assertion({ sub_id: undefined })]] });
      const { issuer, sub } = answer.json.auth;
      assert.deepEqual([issuer, sub], [null, null]);
    });

    const hold = { ...claims(urlOf(gatePort)), aud: urlOf(port) };
    /** Assertions that are none. */
    const FALSE = {
      'text': 'garbage',
      'nothing': '',
      'another key': assertion({}, stranger),
      'another key under the gate\'s kid': assertion({}, { ...stranger, kid: gateKey.kid }),
      'another key, brought along': assertion({}, stranger, { kid: gateKey.kid, jwk: stranger.jwk, jku: 'https://evil.test' }),
      'no kid': assertion({}, gateKey, { kid: undefined }),
      'no signature': `${input({ alg: 'none', kid: gateKey.kid }, hold)}.`,
      'HMAC with the public key': hmac(input({ alg: 'HS256', kid: gateKey.kid }, hold)),
      'the signature of another': mixed(assertion(whose(provider.issuer, 'root')), assertion()),
      'the signature of another issuer\'s user': mixed(assertion(whose('https://evil.test', 'user-1')), assertion()),
      'a sub_id of another format': assertion({ sub_id: { format: 'opaque', id: 'user-1' } }),
      'a sub_id without issuer': assertion({ sub_id: { format: 'iss_sub', sub: 'user-1' } }),
      'a sub_id without subject': assertion({ sub_id: { format: 'iss_sub', iss: provider.issuer } }),
      'a sub_id of other types': assertion({ sub_id: { format: 'iss_sub', iss: [provider.issuer], sub: 1 } }),
      'a sub_id that is a text': assertion({ sub_id: 'user-1' }),
      'expired': assertion({ iat: now() - 400, exp: now() - 60 }),
      'of the future': assertion({ iat: now() + 120, exp: now() + 300 }),
      'without end': assertion({ exp: undefined }),
      'for another origin': assertion({ aud: 'http://127.0.0.1:1' }),
      'for nobody': assertion({ aud: undefined }),
      'of another gate': assertion({ iss: 'https://evil.test' }),
      'of nobody': assertion({ iss: undefined }),
      'an access token': token({ scope: 'api:read' }),
    };
    test('around the gate: refused without an assertion', async () => {
      for (const headers of [[], FORGED, bearer(token({ scope: 'api:read' })), [['X_Auth_Assertion', assertion()]]]) {
        for (const [method, path] of Object.values(MODELS).map(({ request: line }) => line)) {
          assert.equal((await around(path, { method, headers })).status, 403, `${path} ${JSON.stringify(headers)}`);
        }
      }
    });
    for (const [what, forged] of Object.entries(FALSE)) {
      test(`around the gate: refused with a false assertion, ${what}`, async () => {
        const headers = [...FORGED, ['x-auth-assertion', forged]];
        for (const path of ['/api/protected', '/catalog']) {
          const answer = await around(path, { headers });
          assert.equal(answer.status, 403, answer.text);
          assert.ok(!answer.text.includes('root') && !answer.text.includes('user-1'), answer.text);
        }
      });
    }
  });
});

/** The demonstration's policy, with a second issuer and without revocations. */
function policyOf(urls) {
  const { issuers, revocation: _, ...policy } = demoPolicy(urls);
  return { ...policy, issuers: { ...issuers, partner: { issuer: partner.issuer, jwks: { keys: [partner.key.jwk] } } } };
}

/** What an assertion says of the user. */
function whose(iss, sub) {
  return { sub, sub_id: { format: 'iss_sub', iss, sub } };
}

/** A token of the provider's key, sound but for the changes. */
function token(changes) {
  return mint(signerOf(providerKey), claims(provider.issuer, changes));
}

function bearer(compact) {
  return [['Authorization', `Bearer ${compact}`]];
}

function input(header, payload) {
  return `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
}

function hmac(signed) {
  const secret = createPublicKey({ key: assertionKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** The header and payload of one, the signature of another. */
function mixed(one, other) {
  return [...one.split('.').slice(0, 2), other.split('.')[2]].join('.');
}

function urlOf(port) {
  return `http://127.0.0.1:${port}`;
}
