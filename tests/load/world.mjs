// What the load run loads: the policy, and tokens for each of its models. The attack tables' world is a part of it, so
// that their rows mean the same here.

import { API, ISSUER, ORG, keys, policyFor } from '../edge/attacks/world.mjs';
import { startKeyServer } from '../edge/support/keyserver.mjs';
import { ALGORITHM_NAMES, base64url, claims, now, signature } from '../edge/support/tokens.mjs';
import { Rotating, Silent, Unsteady } from './issuers.mjs';

export { API, ISSUER, ORG };

/** Where tokens of any issuer open the door. */
export const PLAIN = '/load/plain';
export const PUBLIC = '/load/public';

/** Tokens that come again and again. */
const REPEATED = 64;

/** RSA and the large curves cost whoever signs ten times as much, so fewer of the new tokens are theirs. */
const SIGNERS = [...Array(5).fill(['ES256', 'EdDSA']).flat(), ...ALGORITHM_NAMES].map((name) => keys[name]);

export async function startWorld({ origin, seconds }) {
  const server = await startKeyServer();
  const issuers = { rotating: new Rotating(server), unsteady: new Unsteady(server), silent: new Silent(server) };
  // They outlive the run, whatever its length.
  const repeated = Array.from({ length: REPEATED }, (_, index) => (
    goodRequest(MODELS[index % MODELS.length], keys[ALGORITHM_NAMES[index % ALGORITHM_NAMES.length]], `again-${index}`, { exp: now() + seconds + 3600 })
  ));
  return {
    issuers,
    repeated,
    policy: extended(policyFor(origin), issuers),
    start: () => Object.values(issuers).forEach((issuer) => issuer.start()),
    /** Forgets what the key server noted; its counts stay. */
    tidy: () => Object.values(issuers).forEach(({ source }) => source.requests.splice(0)),
    async close() {
      for (const issuer of Object.values(issuers)) issuer.stop();
      await server.close();
    },
  };
}

/** The attack tables' policy, and more: their rows use no path below /load and no host of load.test. */
function extended(policy, issuers) {
  const dynamic = Object.entries(issuers).map(([name, { issuer, settings }]) => [name, { issuer, ...settings }]);
  return {
    ...policy,
    issuers: { ...policy.issuers, ...Object.fromEntries(dynamic) },
    routes: [
      ...policy.routes,
      { path: PLAIN, audience: API },
      { path: `${PUBLIC}/{*rest}`, access: 'public' },
      { path: '/load/products/{id}', methods: ['GET'], audience: API, scopes: ['read:products'] },
      { path: '/load/orgs/{org}/members', methods: ['POST'], audience: `${ORG}{org}`, scopes: ['invite:member'] },
      {
        path: '/load/orgs/{org}/data/{*rest}', audience: API, organization: '{org}', scopes: { all: ['read:data'], any: ['plan:pro', 'plan:team'] },
      },
      { path: '/load/tenant/{*rest}', hosts: ['{tenant}.load.test'], audience: API, organization: '{tenant}' },
      { path: '/load/old/{*rest}', access: 'deny' },
    ],
  };
}

/** The three permission models: what a caller of this name sends, and what the origin is told of it. */
export const MODELS = [
  (name) => ({
    path: `/load/products/${name}`,
    claims: { scope: 'read:products' },
    identity: { scopes: 'read:products', audience: API },
    missing: 'read:products',
  }),
  (name) => ({
    method: 'POST',
    path: `/load/orgs/${name}/members`,
    claims: { aud: `${ORG}${name}`, scope: 'invite:member x' },
    identity: { scopes: 'invite:member x', audience: `${ORG}${name}`, 'organization-id': name },
    missing: 'invite:member',
  }),
  (name) => ({
    path: `/load/orgs/${name}/data/a/b`,
    claims: { organization_id: name, scope: 'plan:team read:data' },
    identity: { scopes: 'plan:team read:data', audience: API, 'organization-id': name },
    missing: 'read:data plan:pro plan:team',
  }),
];

/** A request with a token of its own, and what the origin is told of it. */
export function goodRequest(model, signer, name, changes = {}) {
  const { path, method, claims: own, identity } = model(name);
  const payload = claims(ISSUER, { sub: `user-${name}`, ...own, ...changes });
  return { request: { method, path, headers: [bearer(mint(signer, payload))] }, expected: { identity: { ...identityOf(payload), ...identity } } };
}

/** What the origin is told of a token without scopes and organization. */
export const identityOf = ({ sub, iss }) => ({ subject: sub, 'client-id': 'client-1', audience: API, issuer: iss });

/** The static issuer's keys, each as often as new tokens are of it. */
export const anySigner = (random) => random.of(SIGNERS);

export const bearer = (token) => ['Authorization', `Bearer ${token}`];

/** A token that nothing remembers: `mint` of tokens.mjs does, which would grow with the run. */
export function mint(key, payload, header = {}) {
  const input = `${segment({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })}.${segment(payload)}`;
  return `${input}.${signature(key, input).toString('base64url')}`;
}

/** A token that nobody signed, with as many bytes as a signature has. */
export function unsignedToken(payload, header, bytes = 64) {
  return `${segment({ typ: 'at+jwt', ...header })}.${segment(payload)}.${base64url(Buffer.alloc(bytes, 1))}`;
}

const segment = (value) => base64url(JSON.stringify(value));
