// Signed tokens for the runs. Signing takes longer than measuring, so sets are cached in target/bench: their issuer does not
// exist, and they expire in years.

import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../scripts/toolchain.mjs';

export const FOLDER = join(ROOT, 'target/bench');
export const ISSUER = 'https://issuer.example/oidc';
export const AUDIENCE = 'https://api.yourapp.com';
export const SCOPE = 'read:products';
export const CLIENT = 'client-0123456789';
export const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'EdDSA'];

const YEAR = 31_536_000;
const LAYOUT = 1; // of the cached files; changing it regenerates them

const SIGNERS = {
  RS256: { pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256' },
  ES256: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256' },
  ES384: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), hash: 'sha384' },
  EdDSA: { pair: () => generateKeyPairSync('ed25519'), hash: null },
};

/** The key of an algorithm; `number` distinguishes further ones. */
export function keyOf(alg, number = 0) {
  const kid = `${alg.toLowerCase()}-${number}`;
  const path = kept(`key-${kid}.json`, () => SIGNERS[alg].pair().privateKey.export({ format: 'jwk' }));
  const jwk = JSON.parse(readFileSync(path, 'utf8'));
  return { alg, kid, jwk, privateKey: createPrivateKey({ key: jwk, format: 'jwk' }) };
}

/** The key as an issuer publishes it. */
export function published({ alg, kid, jwk: { kty, crv, x, y, n, e } }) {
  return { kty, crv, x, y, n, e, kid, alg, use: 'sig' };
}

/**
 * The path of a set of requests: a JSON array of `{ path, token, told }`, where `told` is the identity that the origin
 * receives. `each(i)` gives the properties of the i-th request: `key` (no token without one), `path`, `claims`, `bytes` (of
 * the token), and `client`: requests of one client share a token.
 */
export function requestSet(name, count, each) {
  return kept(`set-${name}-${count}.json`, () => {
    const tokens = new Map();
    return Array.from({ length: count }, (_, i) => {
      const { path = '/api/products/42', client = i, ...own } = each(i);
      if (!tokens.has(client)) tokens.set(client, tokenOf(client, own));
      return { path, ...tokens.get(client) };
    });
  });
}

function tokenOf(client, { key, bytes, claims = {} }) {
  if (!key) return {};
  const sub = `user-${String(client).padStart(8, '0')}`;
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub,
    client_id: CLIENT,
    scope: `openid ${SCOPE}`,
    jti: randomBytes(12).toString('base64url'),
    iat: now - 60,
    exp: now + 10 * YEAR,
    ...claims,
  };
  const token = mint(key, bytes ? padded(payload, key, bytes) : payload);
  return { token, told: `${sub}|${CLIENT}|${payload.scope}` };
}

/** Adds roles until the token has about the given size in bytes. */
function padded(payload, key, bytes) {
  const room = Math.floor(((bytes - mint(key, payload).length) * 3) / 4);
  const count = Math.max(0, Math.floor(room / 13));
  return { ...payload, roles: Array.from({ length: count }, (_, i) => `role-${String(i).padStart(5, '0')}`) };
}

function mint({ alg, kid, privateKey }, payload) {
  const input = `${base64url({ alg, typ: 'at+jwt', kid })}.${base64url(payload)}`;
  const signature = sign(SIGNERS[alg].hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function base64url(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The path of a file in the folder, which `make` writes once. */
function kept(name, make) {
  const folder = join(FOLDER, `tokens-${LAYOUT}`);
  const path = join(folder, name);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(make()), { mode: 0o600 });
  renameSync(temporary, path);
  return path;
}
