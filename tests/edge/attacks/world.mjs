// What the attack tables attack: two issuers with keys of every algorithm under the same names, and a policy with a
// route of each kind. The tables import it to forge; attacks.test.mjs starts it.

import http from 'node:http';

import { API, ISSUER } from '../support/fixture.mjs';
import { ALGORITHM_NAMES, base64url, claims, mint, newKey, signature } from '../support/tokens.mjs';

export { API, ISSUER };
export const OTHER_ISSUER = 'https://other.test/oidc';
export const ORG = 'urn:logto:organization:';

/** What the rows expect beside the codes of refusals. */
export const ACCEPTED = 'accepted';
/** workerd answers before the Worker is asked. */
export const workerd = (status) => ({ workerd: status });

export const INVALID = 'auth.invalid_token';
export const EXPIRED = 'auth.token_expired';
export const EARLY = 'auth.token_not_yet_valid';
export const MISSING = 'auth.authorization_header_missing';
export const SCHEME = 'auth.authorization_token_type_not_supported';
export const FORMAT = 'auth.authorization_token_invalid_format';
export const AUDIENCE = 'auth.invalid_audience';
export const ORGANIZATION = 'auth.organization_mismatch';
export const SCOPE = 'auth.insufficient_scope';
export const BAD_PATH = 'gate.bad_path';
export const NO_ROUTE = 'gate.no_route';
export const METHOD = 'gate.method_not_allowed';
export const DENIED = 'gate.denied';

const keyRing = () => Object.fromEntries(ALGORITHM_NAMES.map((alg) => [alg, newKey(alg, { kid: alg })]));

/** The issuer's keys, by algorithm; each has its algorithm's name as `kid`. */
export const keys = keyRing();
/** The other issuer's keys: the same algorithms, the same `kid`s. */
export const otherKeys = keyRing();
/** A key of the issuer's set that names no algorithm. */
export const openRsa = newKey('RS256', { kid: 'open-rsa', as: null, use: null });
/** The attacker's own key, under the `kid` of the issuer's. */
export const ownKey = newKey('ES256', { kid: 'ES256' });
export const ownRsa = newKey('RS256', { kid: 'RS256' });
/** The key that most rows use, where the algorithm does not matter. */
export const key = keys.ES256;

/** A sound payload but for the changes. */
export const sound = (changes) => claims(ISSUER, changes);
/** A well signed token, sound but for the changes. */
export const token = (changes, options) => mint(key, sound(changes), options);
/** A well signed token with these header members. */
export const withHeader = (members, signer = key) => mint(signer, sound(), { header: members });
/** A well signed token with this text as its payload. */
export const withPayload = (text) => mint(key, text);
/** A well signed token whose payload holds more text, behind the last member. */
export const withMembers = (text, changes) => mint(key, `${JSON.stringify(sound(changes)).slice(0, -1)},${text}}`);
/** A well signed token whose claim is this JSON text, which JSON.stringify would not write. */
export const withClaimText = (name, text) => withMembers(`"${name}":${text}`, { [name]: undefined });
/** Header and payload of a token, without a signature: what a signature covers. */
export const unsigned = (header, changes) => `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(sound(changes)))}`;
/** A sound token with other bytes as its signature. */
export function withSignature(signer, change) {
  const input = mint(signer, sound()).split('.').slice(0, 2).join('.');
  return `${input}.${base64url(change(signature(signer, input)))}`;
}

export const WEAK_HOST = 'weak.test';
export const PREFIX_HOST = 'prefix.test';

/** A server that nothing may ever reach: what `jku` and `x5u` name. It publishes the attacker's keys. */
export const trap = await startTrap();

async function startTrap() {
  const hits = [];
  const server = http.createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.end(JSON.stringify({ keys: [ownKey.jwk, ownRsa.jwk] }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}`, hits };
}

export const policyFor = (origin) => ({
  version: 1,
  origin: origin.url,
  limits: { max_token_bytes: 65536 },
  issuers: {
    main: { issuer: ISSUER, jwks: { keys: [...Object.values(keys), openRsa].map(({ jwk }) => jwk) } },
    other: { issuer: OTHER_ISSUER, jwks: { keys: Object.values(otherKeys).map(({ jwk }) => jwk) } },
  },
  routes: [
    { path: '/a', audience: API },
    { path: '/main', audience: API, issuers: ['main'] },
    { path: '/public', access: 'public' },
    { path: '/scoped', audience: API, scopes: ['read:data'] },
    { path: '/o/{org}', audience: `${ORG}{org}` },
    { path: '/o-header', audience: `${ORG}{header.x-organization}` },
    { path: '/o-query', audience: `${ORG}{query.org}` },
    { path: '/org/{org}', audience: API, organization: '{org}' },
    { path: '/org-header', audience: API, organization: '{header.x-organization}' },
    { path: '/org-query', audience: API, organization: '{query.org}' },
    { path: '/read-only', methods: ['GET'], access: 'public' },
    { path: '/methods', methods: ['GET'], access: 'public' },
    { path: '/methods', methods: ['DELETE'], audience: API, scopes: ['delete:data'] },
    // A literal route beside a catch-all with weaker rules.
    { path: '/admin/users', hosts: [WEAK_HOST], audience: API, scopes: ['admin'] },
    { path: '/{*rest}', hosts: [WEAK_HOST], access: 'public' },
    // A prefix that is taken off before the origin sees the path.
    { path: '/v1/{*rest}', hosts: [PREFIX_HOST], access: 'public', strip_prefix: '/v1', origin: `${origin.url}/base` },
    { path: '/v1', hosts: [PREFIX_HOST], access: 'public', strip_prefix: '/v1', origin: `${origin.url}/base` },
    // Hosts with stronger rules than what has no host.
    { path: '/public', hosts: ['closed.test'], access: 'deny' },
    { path: '/public', hosts: ['{tenant}.tenants.test'], audience: API, organization: '{tenant}' },
  ],
});
