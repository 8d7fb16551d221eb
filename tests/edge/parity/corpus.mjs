// The corpus of tests/parity: policies and requests as data, made into policies and requests. See its README.md.

import { readFileSync, readdirSync } from 'node:fs';

import { claims, mint, newKey, now } from '../support/tokens.mjs';

const FOLDER = new URL('../../parity/', import.meta.url);
const ISSUER = 'https://issuer.test/oidc';
const OTHER_ISSUER = 'https://other.test/oidc';
const HOST = 'gate.test';

// One RSA key for all of its algorithms; every other algorithm has a key of its own.
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA'];
const ring = () => {
  const rsa = newKey('RS256', { kid: 'RSA', as: null });
  const forms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, { ...rsa, alg }]);
  return Object.fromEntries([...forms, ...ALGORITHMS.map((alg) => [alg, newKey(alg, { kid: alg })])]);
};
const rings = { [ISSUER]: ring(), [OTHER_ISSUER]: ring() };
const setOf = ({ RS256, ...others }) => [RS256, { ...RS256, jwk: { ...RS256.jwk, kid: 'RSA-2' } }, ...ALGORITHMS.map((alg) => others[alg])].map(({ jwk }) => jwk);

/** Name → { policy, requests } of each file. A request: `name`, `method`, `host`, `path`, `headers`, `expect`. */
export function corpora(origin) {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
  return Object.fromEntries(files.map((file) => {
    const { policy, cases } = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'), (_, value) => literal(value, origin));
    return [file, { policy, requests: cases.flatMap(expand) }];
  }));
}

function literal(value, origin) {
  if (value === 'KEYS') return { keys: setOf(rings[ISSUER]) };
  if (value === 'OTHER_KEYS') return { keys: setOf(rings[OTHER_ISSUER]) };
  return typeof value === 'string' ? value.replace(/^ORIGIN/, origin) : value;
}

/** A case, once for each combination of its alternatives. */
function expand({ name, expect, method = 'GET', host = HOST, path, headers = [[]], authorization, token }) {
  const credentials = token ? tokens(token).map((make) => () => `Bearer ${make()}`) : authorizations(authorization);
  return [method].flat().flatMap((verb) => [host].flat().flatMap((authority) => [path].flat().flatMap((target) => (
    headers.flatMap((lines) => credentials.map((credential) => ({
      name, expect: [expect].flat(), method: verb, host: authority, path: target,
      // Made anew whenever it is read: a token's times are close to now.
      get headers() {
        return credential ? [...lines, ['Authorization', credential()]] : lines;
      },
    })))
  ))));
}

/** What makes the header `Authorization`, for each of the alternatives; undefined for none. */
function authorizations(authorization) {
  if (authorization === undefined) return [undefined];
  return [authorization].flat().map((value) => () => value.replaceAll('TOKEN', mint(rings[ISSUER].ES256, claims(ISSUER))));
}

/** What makes a token, for each of the alternatives. */
function tokens({ issuer = ISSUER, key = 'ES256', claims: changes = {}, without = [], header = {}, dropped = [] }) {
  const left = without.some(Array.isArray) ? without : [without];
  const absent = (names) => Object.fromEntries(names.map((name) => [name, undefined]));
  return [key].flat().flatMap((alg) => [changes].flat().flatMap((change) => [header].flat().flatMap((members) => left.map((names) => () => {
    const times = Object.fromEntries(Object.entries(change).map(([name, value]) => [name, timed(value)]));
    return mint(rings[issuer][alg], claims(issuer, { ...times, ...absent(names) }), { header: { ...members, ...absent(dropped) } });
  }))));
}

function timed(value) {
  if (value === 'LONG') return 'x'.repeat(5000);
  const [, offset] = /^now([+-]\d+)?$/.exec(value) ?? [];
  return /^now([+-]\d+)?$/.test(value) ? now() + Number(offset ?? 0) : value;
}
