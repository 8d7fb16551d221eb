// The requests that are sent: whose tokens, which paths, which headers.

import { readFileSync } from 'node:fs';

import { AUDIENCE, SCOPE, keyOf, requestSet } from './tokens.mjs';

const CLIENTS = 64;
const NEW = 24_000; // tokens, each of which a Worker gets once
const NEW_OF_MANY = 12_000; // for each of the many points of growth

/** Requests of 64 clients, whose tokens are known after the warm-up; more than 64 if they differ in more than the token. */
export function knownOf(name, each, count = CLIENTS) {
  return requestSet(`${name}-known`, count, (i) => ({ client: i % CLIENTS, ...each(i) }));
}

export function newOf(name, each, count = NEW_OF_MANY) {
  return requestSet(`${name}-new`, count, each);
}

export function knownSet(alg) {
  return knownOf(alg, () => ({ key: keyOf(alg) }));
}

export function newSet(alg) {
  const key = keyOf(alg);
  return newOf(alg, () => ({ key }), NEW);
}

/** One path with a query, or a thousand ids with as many queries of the same length. */
export function pathSet(varies) {
  const path = (i) => `/api/products/${1000 + i}?page=${1000 + ((i * 7) % 1000)}&sort=name`;
  return knownOf(varies ? 'paths' : 'path', (i) => ({ key: keyOf('ES256'), path: path(varies ? i % 1000 : 42) }), 16_000);
}

export function expiredSet() {
  return knownOf('expired', () => ({ key: keyOf('ES256'), claims: { iat: 1_600_000_000, exp: 1_600_000_600 } }));
}

/** Tokens without the scope that the route requires. */
export function narrowSet() {
  return knownOf('narrow', () => ({ key: keyOf('ES256'), claims: { scope: SCOPE.replace('read', 'write') } }));
}

export function foreignSet() {
  return requestSet('foreign', 1, () => ({ key: keyOf('ES256'), claims: { aud: `${AUDIENCE}.other` } }));
}

export function anonymousSet(path = '/api/products/42') {
  return requestSet(`anonymous${path.replaceAll('/', '-')}`, 1, () => ({ path }));
}

export function entries(set) {
  return JSON.parse(readFileSync(set, 'utf8'));
}

/** Headers besides `Host` and the token: those of the usual request, none, and those that make them 16. */
export const USUAL = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: application/json',
  'Accept-Language: en-GB,en;q=0.9',
  'Accept-Encoding: gzip, br',
];

export const NONE = [];

export const FOURTEEN = [
  ...USUAL,
  'Referer: https://app.example.com/products/42',
  'Cookie: theme=dark; session=6f1ed002ab5595859014ebf0951522d9',
  'DNT: 1',
  'Sec-Fetch-Dest: empty',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Site: same-site',
  'Cache-Control: no-cache',
  'Priority: u=4',
  'X-Request-Id: 7b0f2d1e-2f0f-4c43-9d3c-0d4f6a8e7c11',
  'X-Client-Version: 4.12.0',
];

export const PAGE = 'https://app.example.com';
export const FROM_PAGE = [...USUAL, `Origin: ${PAGE}`];
