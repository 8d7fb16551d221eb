// Keys and tokens of any shape, invalid ones included.

import { constants, createPrivateKey, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';

import { remember } from './watch.mjs';

/** How each algorithm signs with node:crypto. */
const ALGORITHMS = {
  RS256: { pair: rsa, hash: 'sha256' },
  RS384: { pair: rsa, hash: 'sha384' },
  RS512: { pair: rsa, hash: 'sha512' },
  PS256: { pair: rsa, hash: 'sha256', pss: 32 },
  PS384: { pair: rsa, hash: 'sha384', pss: 48 },
  PS512: { pair: rsa, hash: 'sha512', pss: 64 },
  ES256: { pair: () => ec('P-256'), hash: 'sha256' },
  ES384: { pair: () => ec('P-384'), hash: 'sha384' },
  ES512: { pair: () => ec('P-521'), hash: 'sha512' },
  EdDSA: { pair: () => generateKeyPairSync('ed25519'), hash: null },
};

export const ALGORITHM_NAMES = Object.keys(ALGORITHMS);

/**
 * A signing key. `jwk` is the public part as published: `kid`, `alg` and `use` are present unless set to null; `members` adds
 * further members.
 */
export function newKey(alg, { kid = `${alg}-${randomBytes(4).toString('hex')}`, use = 'sig', bits, members = {}, as = alg } = {}) {
  const { privateKey, publicKey } = bits ? generateKeyPairSync('rsa', { modulusLength: bits }) : ALGORITHMS[alg].pair();
  const named = Object.entries({ kid, alg: as, use, ...members }).filter(([, value]) => value !== null);
  return { alg, kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), ...Object.fromEntries(named) } };
}

export function now() {
  return Math.floor(Date.now() / 1000);
}

/** A valid, unique payload; `undefined` in `changes` removes a claim. */
export function claims(issuer, changes = {}) {
  return {
    iss: issuer,
    aud: 'https://api.yourapp.com',
    sub: 'user-1',
    client_id: 'client-1',
    jti: `jti-${randomUUID()}`,
    iat: now(),
    exp: now() + 600,
    ...changes,
  };
}

/**
 * A compact JWS. `payload` is an object, or a string or Buffer that is used unchanged; `header` members are merged over `alg`,
 * `typ` and `kid` (undefined removes one), `rawHeader` replaces the header's bytes.
 */
export function mint(key, payload, { header = {}, rawHeader } = {}) {
  const head = rawHeader ?? JSON.stringify({ alg: key.alg, typ: 'at+jwt', kid: key.kid ?? undefined, ...header });
  const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
  return mintSegments(key, base64url(head), base64url(body));
}

/** A token whose segments are given as text, with a signature over them. */
export function mintSegments(key, first, second) {
  const input = `${first}.${second}`;
  const token = `${input}.${signature(key, input).toString('base64url')}`;
  remember(token);
  return token;
}

export function signature({ alg, privateKey }, input) {
  const { hash, pss } = ALGORITHMS[alg];
  const options = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  if (pss) Object.assign(options, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss });
  return sign(hash, Buffer.from(input), options);
}

/** The provider's private JWK as a signer. */
export function signerOf(jwk) {
  return { alg: jwk.alg, kid: jwk.kid, privateKey: createPrivateKey({ key: jwk, format: 'jwk' }) };
}

export function base64url(bytes) {
  return Buffer.from(bytes).toString('base64url');
}

/** Replaces one segment of a token. */
export function withSegment(token, index, text) {
  const segments = token.split('.');
  segments[index] = text;
  return segments.join('.');
}

/** The same segment with its unused low bits set: a lax decoder accepts it, but it is not canonical. */
export function withLooseBits(segment) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  if (segment.length % 4 === 0) throw new Error('no unused bits in this segment');
  return segment.slice(0, -1) + alphabet[alphabet.indexOf(segment.at(-1)) + 1];
}

function rsa() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function ec(namedCurve) {
  return generateKeyPairSync('ec', { namedCurve });
}
