// A policy that is absent or invalid lets nothing through, and the log names every place that is wrong.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

/** One workerd holds so many gates at a time. */
const BATCH = 40;

const key = newKey('ES256');
const jwks = { keys: [key.jwk] };
const origin = await startOrigin();
after(() => origin.close());

const BASE = {
  version: 1,
  origin: origin.url,
  issuers: { main: { issuer: ISSUER, jwks } },
  routes: [{ path: '/a', audience: API }],
};
const without = (name) => Object.fromEntries(Object.entries(BASE).filter(([other]) => other !== name));
const top = (changes) => ({ ...BASE, ...changes });
const issuer = (changes) => top({ issuers: { main: { issuer: ISSUER, jwks, ...changes } } });
const issuerOnly = (value) => top({ issuers: { main: value } });
const route = (changes) => top({ routes: [{ path: '/a', audience: API, ...changes }] });
const routeOnly = (...routes) => top({ routes });
const open = (path, more) => ({ path, access: 'public', ...more });
const identity = (value) => top({ identity: value });

/** Name → [POLICY, what the log must name]. */
const INVALID = {
  'absent': [undefined, []],
  'an empty string': ['', []],
  'no JSON': ['version = 1', []],
  'broken JSON': [JSON.stringify(BASE).slice(0, -1), []],
  'a JSON array': ['[]', []],
  'a JSON string in a string': [JSON.stringify(JSON.stringify(BASE)), []],
  'JSON null': ['null', []],
  'a number': [7, []],
  'an empty object': [{}, ['version', 'routes']],

  'an unknown key at the top': [top({ route: [] }), ['route']],
  'an unknown key of an issuer': [issuer({ jwks_url: 'https://x.test' }), ['issuers.main', 'jwks_url']],
  'an unknown key of a route': [route({ scope: ['a'] }), ['routes[0]', 'scope']],
  'an unknown key of scopes': [route({ scopes: { every: ['a'] } }), ['routes[0].scopes', 'every']],
  'an unknown key of a claim': [route({ claims: { a: { none: ['x'] } } }), ['routes[0].claims', 'none']],
  'an unknown key of identity': [identity({ suffix: 'a' }), ['identity', 'suffix']],
  'an unknown key of limits': [top({ limits: { max_tokens: 1 } }), ['limits', 'max_tokens']],

  'version absent': [without('version'), ['version']],
  'version 2': [top({ version: 2 }), ['version']],
  'version as a string': [top({ version: '1' }), ['version']],
  'routes absent': [without('routes'), ['routes']],
  'routes empty': [top({ routes: [] }), ['routes']],
  'routes as an object': [top({ routes: {} }), ['routes']],
  'a route that is no object': [top({ routes: [BASE.routes[0], 'x'] }), ['routes[1]']],
  'issuers as a list': [top({ issuers: [] }), ['issuers']],
  'no issuer where a route takes tokens': [top({ issuers: {} }), []],
  'issuers absent where a route takes tokens': [without('issuers'), []],
  'a route without any origin': [without('origin'), ['routes[0]']],

  'max_token_bytes too small': [top({ limits: { max_token_bytes: 255 } }), ['limits.max_token_bytes']],
  'max_token_bytes too large': [top({ limits: { max_token_bytes: 65537 } }), ['limits.max_token_bytes']],
  'leeway too large': [issuer({ leeway: 301 }), ['issuers.main.leeway']],
  'leeway negative': [issuer({ leeway: -1 }), ['issuers.main.leeway']],
  'leeway with a fraction': [issuer({ leeway: 1.5 }), ['issuers.main.leeway']],
  'leeway as a string': [issuer({ leeway: '30' }), ['issuers.main.leeway']],
  'max_age negative': [issuer({ max_age: -1 }), ['issuers.main.max_age']],
  'jwks_ttl 0': [issuer({ jwks_ttl: 0 }), ['issuers.main.jwks_ttl']],
  'cache of a route as a string': [route({ cache: 'no-store' }), ['routes[0].cache']],
  'timeout_ms of a route as a string': [route({ timeout_ms: '1s' }), ['routes[0].timeout_ms']],

  'an issuer without issuer': [issuerOnly({ jwks }), ['issuers.main.issuer']],
  'an empty issuer': [issuer({ issuer: '' }), ['issuers.main.issuer']],
  'an issuer to discover that is no URL': [issuerOnly({ issuer: 'logto' }), ['issuers.main.issuer']],
  'an issuer to discover over plain http': [issuerOnly({ issuer: 'http://tenant.test/oidc' }), ['issuers.main.issuer']],
  'an issuer to discover that only begins like a loopback host': [issuerOnly({ issuer: 'http://127.0.0.1.evil.test' }), ['issuers.main.issuer']],
  'a jwks_uri over plain http': [issuerOnly({ issuer: ISSUER, jwks_uri: 'http://keys.test/jwks' }), ['issuers.main.jwks_uri']],
  'a jwks_uri that is no URL': [issuerOnly({ issuer: ISSUER, jwks_uri: '/jwks' }), ['issuers.main.jwks_uri']],
  'jwks and jwks_uri': [issuer({ jwks_uri: 'https://keys.test/jwks' }), ['issuers.main']],
  'a literal set without keys': [issuer({ jwks: { keys: [] } }), ['issuers.main.jwks']],
  'a literal set without a usable key': [issuer({ jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }), ['issuers.main.jwks']],
  'a literal set that is a list': [issuer({ jwks: [key.jwk] }), ['issuers.main.jwks']],
  'an unknown algorithm': [issuer({ algorithms: ['ES256', 'ES999'] }), ['issuers.main.algorithms']],
  'none as an algorithm': [issuer({ algorithms: ['none'] }), ['issuers.main.algorithms']],
  'HMAC as an algorithm': [issuer({ algorithms: ['HS256'] }), ['issuers.main.algorithms']],
  'no algorithm': [issuer({ algorithms: [] }), ['issuers.main.algorithms']],
  'bound tokens that are neither': [issuer({ bound_tokens: 'accept' }), ['issuers.main.bound_tokens']],
  'bound tokens as a boolean': [issuer({ bound_tokens: false }), ['issuers.main.bound_tokens']],
  'no types': [issuer({ types: [] }), ['issuers.main.types']],
  'two issuers with one issuer': [top({ issuers: { one: { issuer: ISSUER, jwks }, two: { issuer: ISSUER, jwks } } }), ['issuers.two']],

  'a path absent': [routeOnly({ audience: API }), ['routes[0].path']],
  'a path without its slash': [route({ path: 'a' }), ['routes[0].path']],
  'a path with an escape': [route({ path: '/a%20b' }), ['routes[0].path']],
  'a rest that is not last': [route({ path: '/{*a}/b' }), ['routes[0].path']],
  'a capture of a part of a segment': [route({ path: '/a{b}' }), ['routes[0].path']],
  'a capture without a name': [route({ path: '/{}' }), ['routes[0].path']],
  'a capture that is not closed': [route({ path: '/{a' }), ['routes[0].path']],
  'a capture twice': [route({ path: '/{a}/{a}' }), ['routes[0].path']],
  'methods in lower case': [route({ methods: ['get'] }), ['routes[0].methods']],
  'no methods': [route({ methods: [] }), ['routes[0].methods']],
  'methods as a string': [route({ methods: 'GET' }), ['routes[0].methods']],
  'no hosts': [route({ hosts: [] }), ['routes[0].hosts']],
  'a host with a port': [route({ hosts: ['api.test:80'] }), ['routes[0].hosts']],
  'a host with a trailing dot': [route({ hosts: ['api.test.'] }), ['routes[0].hosts']],
  'a host with a capture in the middle': [route({ hosts: ['a.{b}.test'] }), ['routes[0].hosts']],
  'a host with a capture of a part of a label': [route({ hosts: ['a{b}.test'] }), ['routes[0].hosts']],
  'an access of its own': [route({ access: 'private' }), ['routes[0].access']],
  'an issuer that is not there': [route({ issuers: ['main', 'auth0'] }), ['routes[0].issuers', 'auth0']],
  'no issuers of a route': [route({ issuers: [] }), ['routes[0].issuers']],
  'no audience on a token route': [routeOnly({ path: '/a' }), ['routes[0].audience']],
  'no audience on an optional route': [routeOnly({ path: '/a', access: 'optional' }), ['routes[0].audience']],
  'an empty list of audiences': [route({ audience: [] }), ['routes[0].audience']],
  'no scopes': [route({ scopes: [] }), ['routes[0].scopes']],
  'no scopes in all': [route({ scopes: { all: [] } }), ['routes[0].scopes.all']],
  'no scopes in any': [route({ scopes: { all: ['a'], any: [] } }), ['routes[0].scopes.any']],
  'scopes with neither': [route({ scopes: {} }), ['routes[0].scopes']],
  'scopes as a string': [route({ scopes: 'read' }), ['routes[0].scopes']],
  'a scope that is no string': [route({ scopes: ['a', 1] }), ['routes[0].scopes[1]']],
  'no alternatives of a claim': [route({ claims: { a: { any: [] } } }), ['routes[0].claims']],
  'any and contains': [route({ claims: { a: { any: ['x'], contains: 'y' } } }), ['routes[0].claims']],

  'a template that is not closed': [route({ audience: 'urn:{org' }), ['routes[0].audience']],
  'a template without a name': [route({ audience: 'urn:{}' }), ['routes[0].audience']],
  'a template of an unknown source': [route({ audience: '{cookie.org}' }), ['routes[0].audience']],
  'a template of a header without a name': [route({ organization: '{header.}' }), ['routes[0].organization']],
  'a template of a query parameter without a name': [route({ organization: '{query.}' }), ['routes[0].organization']],
  'a template of a capture that the route lacks': [route({ path: '/{a}', audience: 'urn:{org}' }), ['routes[0].audience', 'org']],
  'an organization of a capture that the route lacks': [route({ organization: '{org}' }), ['routes[0].organization', 'org']],
  'a claim of a capture that the route lacks': [route({ claims: { sub: '{user}' } }), ['routes[0].claims', 'user']],

  'an audience on a public route': [routeOnly(open('/a', { audience: API })), ['routes[0].audience']],
  'scopes on a public route': [routeOnly(open('/a', { scopes: ['a'] })), ['routes[0].scopes']],
  'an organization on a public route': [routeOnly(open('/a', { organization: '*' })), ['routes[0].organization']],
  'claims on a deny route': [routeOnly({ path: '/a', access: 'deny', claims: { a: 'b' } }), ['routes[0].claims']],
  'issuers on a deny route': [routeOnly({ path: '/a', access: 'deny', issuers: ['main'] }), ['routes[0].issuers']],

  'two equal routes': [routeOnly(open('/a'), open('/b'), open('/a')), ['routes[2]']],
  'two routes that differ in a trailing slash': [routeOnly(open('/a'), open('/a/')), ['routes[1]']],
  'two routes that differ in a capture\'s name': [routeOnly(open('/{a}/x'), open('/{b}/x')), ['routes[1]']],
  'two rests that differ in their name': [routeOnly(open('/{*a}'), open('/{*b}')), ['routes[1]']],
  'two routes that share a method': [routeOnly(open('/a', { methods: ['GET', 'PUT'] }), open('/a', { methods: ['POST', 'PUT'] })), ['routes[1]']],
  'two routes that share a host': [routeOnly(open('/a', { hosts: ['a.test'] }), open('/a', { hosts: ['b.test', 'A.test'] })), ['routes[1]']],
  'two routes that share a host pattern': [routeOnly(open('/a', { hosts: ['{x}.test'] }), open('/a', { hosts: ['{y}.test'] })), ['routes[1]']],

  'an origin without a scheme': [top({ origin: 'origin.test' }), ['origin']],
  'an origin of another scheme': [top({ origin: 'ftp://origin.test' }), ['origin']],
  'an origin of a route that is none': [route({ origin: 'service:' }), ['routes[0].origin']],
  'a strip_prefix that is no path': [route({ strip_prefix: 7 }), ['routes[0].strip_prefix']],

  'a prefix without its dash': [identity({ prefix: 'x-auth' }), ['identity.prefix']],
  'a prefix in upper case': [identity({ prefix: 'X-Auth-' }), ['identity.prefix']],
  'a prefix that is too short': [identity({ prefix: '-' }), ['identity.prefix']],
  'a prefix that is too long': [identity({ prefix: `${'a'.repeat(32)}-` }), ['identity.prefix']],
  'a prefix with an underscore': [identity({ prefix: 'x_auth-' }), ['identity.prefix']],
  'forward_token as a string': [identity({ forward_token: 'no' }), ['identity.forward_token']],
  'a secret for hosts that the caller names': [
    top({ identity: { secret: { binding: 'S' } }, routes: [open('/a', { origin: 'passthrough' }), { path: '/b', audience: API, origin: 'passthrough' }] }),
    ['routes[0].hosts', 'routes[1].hosts'],
  ],
  'a secret for hosts that the caller names, by the policy\'s origin': [
    top({ origin: 'passthrough', identity: { secret: { binding: 'S' } }, routes: [{ path: '/b', access: 'deny' }, open('/a')] }), ['routes[1].hosts'],
  ],
  'a claim header without the prefix': [identity({ claims: { 'x-email': 'email' } }), ['identity.claims', 'x-email']],

  'many errors, all at once': [
    {
      version: 3,
      origin: 'nowhere',
      extra: 1,
      issuers: { main: { issuer: ISSUER, jwks, leeway: 999, algorithms: ['none'] } },
      routes: [{ path: '/a' }, open('/b', { scopes: ['x'] }), { path: '/c', audience: '{d}', issuers: ['no'] }],
      identity: { prefix: 'X' },
      limits: { max_token_bytes: 1 },
    },
    [
      'version', 'origin', 'extra', 'issuers.main.leeway', 'issuers.main.algorithms', 'routes[0].audience', 'routes[1].scopes',
      'routes[2].audience', 'routes[2].issuers', 'identity.prefix', 'limits.max_token_bytes',
    ],
  ],
};

const SENT = [
  ['a route', '/a', {}],
  ['a route, with a sound token', '/a', { headers: [['Authorization', `Bearer ${mint(key, claims(ISSUER))}`]] }],
  ['no route', '/nowhere', { method: 'DELETE' }],
  ['the root', '/', { method: 'OPTIONS' }],
  ['a bad path', '/a//../%00', {}],
];

const invalid = Object.entries(INVALID);
for (let start = 0; start < invalid.length; start += BATCH) {
  const batch = invalid.slice(start, start + BATCH);
  describe(`500 on everything (${start} to ${start + batch.length - 1})`, () => {
    let gates;
    const ready = () => {
      gates ??= startGates(batch.map(([, [policy]]) => ({ policy })));
      return gates;
    };
    after(async () => {
      if (gates) await Promise.all((await gates).map((gate) => gate.close()));
    });
    for (const [index, [name, [, places]]] of batch.entries()) {
      test(name, async () => {
        const gate = (await ready())[index];
        const since = gate.logs.length;
        for (const [, path, options] of SENT) {
          const answer = await gate.request(path, options);
          assertRefused(answer, 'gate.misconfigured', { origin });
          for (const place of ['routes[', 'issuers.', 'identity.', 'version']) assert.ok(!answer.text.includes(place), 'the reason is for the log');
        }
        assertRefused(await gate.request('/a', { method: 'HEAD' }), 'gate.misconfigured', { origin, head: true });
        const named = await gate.logged((message) => places.every((place) => message.includes(place)), since);
        assert.ok(named, `the log names ${places.join(', ')}; it says: ${await gate.logText(since)}`);
      });
    }
  });
}

const VALID = {
  'an object': BASE,
  'a JSON string': JSON.stringify(BASE),
  'a JSON string with white space around it': `\n ${JSON.stringify(BASE, null, 2)}\n`,
  'the least and the most of numbers': {
    ...issuer({ leeway: 0, jwks_ttl: 1, max_age: 100_000 }), limits: { max_token_bytes: 65536 },
  },
  'issuers on loopback hosts over plain http': top({
    issuers: {
      main: BASE.issuers.main,
      a: { issuer: 'http://localhost:3001/oidc' },
      b: { issuer: 'http://127.0.0.1:3001/oidc' },
      c: { issuer: 'http://[::1]:3001/oidc' },
      d: { issuer: 'urn:any', jwks_uri: 'http://localhost:1/jwks' },
      e: { issuer: 'https://tenant.test/oidc' },
    },
  }),
  'routes that only look alike': routeOnly(
    BASE.routes[0], open('/b', { methods: ['GET'] }), open('/b', { methods: ['HEAD'] }), open('/b', { methods: ['POST'] }), open('/b'),
    open('/b', { hosts: ['a.test'] }), open('/b', { hosts: ['{x}.test'] }), open('/b/{x}'), open('/b/{*x}'), open('/B'),
  ),
  'every key at once': {
    ...BASE,
    issuers: {
      main: {
        issuer: ISSUER, jwks, algorithms: ['ES256'], leeway: 10, max_age: 1000, types: ['at+jwt'], scope_claim: 'scp', jwks_ttl: 60, bound_tokens: 'ignore',
        jwks_max_stale: 600, jwks_cooldown: 10, timeout_ms: 1000,
      },
    },
    routes: [{
      path: '/a', methods: ['GET'], hosts: ['gate.test'], name: 'a', access: 'token', issuers: ['main'], audience: [API, 'urn:x'], organization: '*',
      claims: { sub: { any: ['user-1', 'x'] } }, origin: origin.url, strip_prefix: '/a', cache: true, timeout_ms: 5000,
    }],
    identity: { prefix: 'x-me-', forward_token: false, payload_header: true, claims: { 'x-me-mail': 'email' } },
    limits: { max_token_bytes: 4096 },
  },
};

describe('valid policies', () => {
  const ready = startGates(Object.values(VALID).map((policy) => ({ policy })));
  after(async () => Promise.all((await ready).map((gate) => gate.close())));
  for (const [index, name] of Object.keys(VALID).entries()) {
    test(name, async () => {
      const gate = (await ready)[index];
      origin.take();
      const { status } = await gate.request('/nowhere');
      assert.equal(status, 404, await gate.logText());
      assertForwarded(await gate.bearer(mint(key, claims(ISSUER)), '/a'), origin);
    });
  }
});
