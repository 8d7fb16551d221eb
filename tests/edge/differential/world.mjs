// A random policy: issuers with key sets of every kind, and routes that ask for every combination of things.

import { generateKeyPairSync } from 'node:crypto';

import { newKey } from '../support/tokens.mjs';

export const API = 'https://api.test';
export const ORGANIZATION = 'urn:logto:organization:';
const ROUTES = 120;
const FAMILIES = ['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/**
 * `issuers`: name, policy table (with its literal key set), and `signers`: keys whose tokens are good, each with the
 * `kid` that its tokens carry. `routes`: policy tables. `strangers`: a key of each kind that nobody publishes.
 */
export function newWorld(random) {
  // Making RSA keys is slow, so all issuers share two: what tells issuers apart is `iss`.
  const rsa = [newKey('RS256', { kid: 'rsa-0' }), newKey('RS256', { kid: 'rsa-1' })];
  const strangers = Object.fromEntries(FAMILIES.map((alg) => [kind(alg), newKey(alg)]));
  const useless = uselessEntries(strangers);
  const issuers = Array.from({ length: 6 }, (_, index) => newIssuer(index, rsa, useless, random));
  const routes = Array.from({ length: ROUTES }, (_, index) => newRoute(index, issuers, random));
  return { issuers, routes, strangers };
}

export function kind(alg) {
  return RSA.includes(alg) ? 'RSA' : alg;
}

export function policyOf({ issuers, routes }, origin) {
  return { version: 1, origin, issuers: Object.fromEntries(issuers.map(({ name, table }) => [name, table])), routes };
}

function newIssuer(index, rsa, useless, random) {
  const keys = [rsa[index % 2], ...random.some(FAMILIES.slice(2)).map((alg) => newKey(alg, { kid: `${alg}-${index}` }))];
  const signers = [];
  const entries = [];
  for (const key of keys) {
    const form = random.below(4);
    const { kty, crv, x, y, n, e } = key.jwk;
    const numbers = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e }));
    const named = form === 3 ? {} : { kid: key.kid };
    // With `alg` a key is for that one; an RSA key without is for all of its type.
    const alg = kind(key.alg) === 'RSA' ? random.pick(RSA) : key.alg;
    const more = [{}, { alg, use: 'sig' }, { key_ops: ['verify'] }, { use: 'sig' }][form];
    entries.push({ ...numbers, ...named, ...more });
    signers.push({ ...key, kid: named.kid, alg });
    if (form === 0 && kind(alg) === 'RSA') signers.push(...RSA.map((other) => ({ ...key, alg: other })));
  }
  // Four keys of one kid are tried, a fifth is not.
  if (random.oneIn(2)) {
    const twins = Array.from({ length: 2 + random.below(4) }, () => newKey('ES256', { kid: `twin-${index}` }));
    entries.push(...twins.map(({ jwk }) => jwk));
    signers.push(...twins);
  }
  for (const entry of random.some(useless)) entries.splice(random.below(entries.length + 1), 0, entry);
  const table = { issuer: `https://issuer-${index}.test/oidc`, jwks: { keys: entries } };
  if (random.oneIn(2)) table.leeway = random.pick([0, 60, 300]);
  if (random.oneIn(3)) table.max_age = random.pick([400, 3600]);
  if (random.oneIn(3)) table.types = random.pick([['at+jwt'], ['JWT', 'application/vnd.test+jwt']]);
  if (random.oneIn(3)) table.scope_claim = random.pick(['permissions', 'realm.scopes']);
  if (random.oneIn(3)) table.bound_tokens = random.pick(['ignore', 'refuse']);
  if (random.oneIn(4)) table.algorithms = random.some([...RSA, ...FAMILIES.slice(2)]);
  const isTaken = ({ alg }) => (table.algorithms ?? [alg]).includes(alg);
  // A list that fits no key would make a policy whose issuer signs nothing.
  if (!signers.some(isTaken)) delete table.algorithms;
  return { name: `i${index}`, table, signers: signers.filter(isTaken) };
}

/** Entries that the gate passes over, some under the `kid` of a key that is good. */
function uselessEntries(strangers) {
  const { jwk } = strangers.ES256;
  const ed = strangers.EdDSA.jwk;
  return [
    { kty: 'oct', k: 'c2VjcmV0', kid: 'rsa-0', alg: 'HS256' },
    newKey('RS256', { bits: 1024, kid: 'rsa-1', as: null }).jwk,
    { ...strangers.ES384.privateKey.export({ format: 'jwk' }), kid: 'ES384-0' },
    { ...generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }), kid: 'EdDSA-1' },
    { ...jwk, x: jwk.y, kid: 'off-the-curve' },
    { ...jwk, kid: 'twin-0', use: 'enc' },
    { ...ed, kid: 'EdDSA-2', key_ops: ['sign'] },
    { ...ed, kid: 'EdDSA-3', alg: 'ES256' },
    { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'ES256-0' },
    { ...strangers.RSA.jwk, alg: 'RS256', kid: 'rsa-1', e: 'AQAA' },
    null,
    'key',
  ];
}

function newRoute(index, issuers, random) {
  const route = { path: `/r${index}/{org}/x`, name: `r${index}`, audience: random.pick(AUDIENCES) };
  if (random.oneIn(5)) route.access = 'optional';
  if (random.oneIn(2)) route.issuers = random.some(issuers).map(({ name }) => name);
  if (random.oneIn(2)) route.organization = random.pick(['{org}', '*', '{header.x-tenant}', 'acme', '{query.t}-{org}']);
  if (random.oneIn(2)) route.scopes = random.pick(SCOPES);
  if (random.oneIn(2)) route.claims = random.pick(CLAIMS);
  return route;
}

const AUDIENCES = [
  API,
  API,
  `${ORGANIZATION}{org}`,
  [`${ORGANIZATION}{header.x-tenant}`, API],
  ['https://other.test', 'https://{query.t}.test'],
  '{header.x-tenant}',
  '*',
];

const SCOPES = [
  ['read:data'],
  ['read:data', 'write:data'],
  { all: ['read:data'] },
  { any: ['plan:pro', 'plan:team'] },
  { all: ['read:data'], any: ['plan:pro', 'plan:team'] },
];

const CLAIMS = [
  { role: 'admin' },
  { 'realm.level': 3, flag: true },
  { role: { any: ['admin', '{org}-owner', 7, false] } },
  { roles: { contains: 'admin' } },
  { roles: { contains: '{header.x-tenant}' }, tenant: '{org}' },
  { 'https://x.test/role': '{query.t}' },
  { 'a.b.c': 'deep', level: 1.5 },
  { roles: { contains: ['admin', '{org}'] }, level: '{query.u}' },
  { tenant: { any: ['{query.u}', '{header.x-tenant}', 7] }, 'a.b': { has: '{org}' } },
  [{ path: ['a.b', '{org}', 'level'], any: [3, '{query.u}'] }, { path: ['role'], is: 'admin' }],
  [{ path: ['a', '{header.x-tenant}'], has: '{query.t}' }],
  [{ path: ['{query.t}', 'roles'], contains: ['admin', 3, '{query.u}'] }],
];
