// Signatures that are almost right. One of them is: RFC 7518 does not ask for a low s.

import { randomUUID } from 'node:crypto';

import { ALGORITHM_NAMES, base64url, mint, signature } from '../support/tokens.mjs';
import { ACCEPTED, INVALID, key, keys, openRsa, otherKeys, ownKey, ownRsa, sound, withSignature } from './world.mjs';

/** Order of the group and length of a coordinate in bytes. */
const CURVES = {
  ES256: { size: 32, order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n },
  ES384: { size: 48, order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n },
  ES512: {
    size: 66,
    order: 0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
};
/** Order of the base point of Ed25519. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const number = (bytes) => BigInt(`0x${bytes.toString('hex') || '0'}`);
const bytesOf = (value, size) => Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');

/** A token for each curve, whose r and s are what `change` makes of the right ones. */
const ecdsa = (change, algorithms = Object.keys(CURVES)) => algorithms.map((alg) => {
  const { size, order } = CURVES[alg];
  const changed = (bytes) => {
    const pair = change({ r: number(bytes.subarray(0, size)), s: number(bytes.subarray(size)), n: order });
    return Buffer.concat(pair.map((value) => bytesOf(value, size)));
  };
  return withSignature(keys[alg], changed);
});

/** r and s as ASN.1 writes them. */
function der(bytes) {
  const integer = (part) => {
    const start = part.findIndex((byte) => byte !== 0);
    const body = part[start] < 0x80 ? part.subarray(start) : Buffer.concat([Buffer.from([0]), part.subarray(start)]);
    return Buffer.concat([Buffer.from([2, body.length]), body]);
  };
  const half = bytes.length / 2;
  const content = Buffer.concat([integer(bytes.subarray(0, half)), integer(bytes.subarray(half))]);
  return Buffer.concat([Buffer.from(content.length < 0x80 ? [0x30, content.length] : [0x30, 0x81, content.length]), content]);
}

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const each = (change, algorithms = ALGORITHM_NAMES) => algorithms.map((alg) => withSignature(keys[alg], change));
const flipped = (bytes, index) => Buffer.concat([bytes.subarray(0, index), Buffer.from([bytes[index] ^ (1 << index % 8)]), bytes.subarray(index + 1)]);
const zeros = (count) => Buffer.alloc(count);

/** A sound token, once for each byte of its signature, with one bit of that byte flipped. */
function everyByte(alg) {
  const [head, payload, last] = mint(keys[alg], sound()).split('.');
  const bytes = Buffer.from(last, 'base64url');
  return Array.from(bytes, (_, index) => `${head}.${payload}.${base64url(flipped(bytes, index))}`);
}

/** An RSA signature has one number below the modulus; where it is small enough, one more fits into its bytes. */
function rsaPlusModulus(signer) {
  const modulus = number(Buffer.from(signer.jwk.n, 'base64url'));
  for (;;) {
    const [head, payload, last] = mint(signer, sound({ nonce: randomUUID() })).split('.');
    const sum = number(Buffer.from(last, 'base64url')) + modulus;
    if (sum < 1n << 2048n) return `${head}.${payload}.${base64url(bytesOf(sum, 256))}`;
  }
}

export default {
  family: 'signature',
  rows: [
    { attack: 'empty', why: 'no signature is no proof', token: () => each(() => zeros(0)), answer: INVALID },
    {
      attack: 'truncated', why: 'the part that is there proves nothing',
      token: () => [1, 2, 16, 31].flatMap((cut) => each((bytes) => bytes.subarray(0, bytes.length - cut))).concat(each((bytes) => bytes.subarray(0, 1)), each((bytes) => bytes.subarray(0, bytes.length / 2))),
      answer: INVALID,
    },
    {
      attack: 'with bytes more', why: 'a signature has one length',
      token: () => [...each((bytes) => Buffer.concat([bytes, zeros(1)])), ...each((bytes) => Buffer.concat([zeros(1), bytes])), ...each((bytes) => Buffer.concat([bytes, bytes]))],
      answer: INVALID,
    },
    {
      attack: 'all zero', why: 'no equation holds for nothing', cve: 'CVE-2022-21449',
      token: () => each((bytes) => zeros(bytes.length)), answer: INVALID,
    },
    {
      attack: 'all ones', why: 'nor for the largest number',
      token: () => each((bytes) => Buffer.alloc(bytes.length, 0xff)), answer: INVALID,
    },
    {
      attack: 'DER instead of raw ECDSA', why: 'RFC 7518 section 3.4: r and s, nothing around them',
      token: () => each(der, Object.keys(CURVES)), answer: INVALID,
    },
    {
      attack: 'r = s = 0', why: 'both must be checked to be from 1 to n - 1', cve: 'CVE-2022-21449',
      token: () => ecdsa(() => [0n, 0n]), answer: INVALID,
    },
    { attack: 'r = 0', why: 'the same', cve: 'CVE-2022-21449', token: () => ecdsa(({ s }) => [0n, s]), answer: INVALID },
    { attack: 's = 0', why: 'the same', cve: 'CVE-2022-21449', token: () => ecdsa(({ r }) => [r, 0n]), answer: INVALID },
    {
      attack: 'r = s = n', why: 'n is 0 to who reduces first', cve: 'CVE-2022-21449',
      token: () => ecdsa(({ n }) => [n, n]), answer: INVALID,
    },
    { attack: 'r = n', why: 'the same', cve: 'CVE-2022-21449', token: () => ecdsa(({ s, n }) => [n, s]), answer: INVALID },
    { attack: 's = n', why: 'the same', cve: 'CVE-2022-21449', token: () => ecdsa(({ r, n }) => [r, n]), answer: INVALID },
    { attack: 'r = 0, s = n', why: 'the same', cve: 'CVE-2022-21449', token: () => ecdsa(({ n }) => [0n, n]), answer: INVALID },
    {
      attack: 'r = n + 1, s = n + 1', why: 'out of range', cve: 'CVE-2022-21449',
      token: () => ecdsa(({ n }) => [n + 1n, n + 1n]), answer: INVALID,
    },
    { attack: 'r = s = 1', why: 'in range, and nobody\'s', token: () => ecdsa(() => [1n, 1n]), answer: INVALID },
    { attack: 'r = s = n - 1', why: 'in range, and nobody\'s', token: () => ecdsa(({ n }) => [n - 1n, n - 1n]), answer: INVALID },
    {
      attack: 'r + n or s + n, which fit into the bytes of P-521', why: 'the same numbers modulo n, out of range', cve: 'CVE-2022-21449',
      token: () => ecdsa(({ r, s, n }) => [r + n, s], ['ES512']).concat(ecdsa(({ r, s, n }) => [r, s + n], ['ES512'])), answer: INVALID,
    },
    { attack: 'r and s swapped', why: 'their order matters', token: () => ecdsa(({ r, s }) => [s, r]), answer: INVALID },
    { attack: 'n - r', why: 'r is no coordinate with a sign', token: () => ecdsa(({ r, s, n }) => [n - r, s]), answer: INVALID },
    {
      attack: 'n - s, high or low', why: 'accepted: RFC 7518 section 3.4 asks for neither',
      token: () => [...ecdsa(({ r, s, n }) => [r, s > n / 2n ? s : n - s]), ...ecdsa(({ r, s, n }) => [r, s > n / 2n ? n - s : s])], answer: ACCEPTED,
    },
    {
      attack: 'Ed25519 with s + L', why: 'RFC 8032 section 5.1.7: s is below L, or anyone can make a second signature',
      token: () => withSignature(keys.EdDSA, (bytes) => {
        const s = number(Buffer.from(bytes.subarray(32)).reverse());
        return Buffer.concat([bytes.subarray(0, 32), bytesOf(s + L, 32).reverse()]);
      }),
      answer: INVALID,
    },
    {
      attack: 'Ed25519 with R the neutral point', why: 'points of small order sign nothing',
      token: () => withSignature(keys.EdDSA, () => Buffer.concat([Buffer.from([1]), zeros(63)])), answer: INVALID,
    },
    {
      attack: 'the wrong length for RSA', why: 'RFC 8017 section 8.2.2: as long as the modulus',
      token: () => [
        ...each((bytes) => bytes.subarray(1), RSA), ...each((bytes) => Buffer.concat([zeros(1), bytes]), RSA), ...each(() => zeros(128), RSA),
        ...each(() => zeros(512), RSA), ...each(() => Buffer.from([1]), RSA),
      ],
      answer: INVALID,
    },
    {
      attack: 'RSA numbers that sign without a key', why: '0, 1 and n - 1 are their own powers',
      token: () => [0n, 1n].flatMap((value) => each(() => bytesOf(value, 256), RSA)).concat(
        RSA.map((alg) => withSignature(keys[alg], () => bytesOf(number(Buffer.from(keys[alg].jwk.n, 'base64url')) - 1n, 256))),
      ),
      answer: INVALID,
    },
    {
      attack: 'an RSA signature plus the modulus, where it fits', why: 'RFC 8017 section 5.2.2: out of range',
      token: () => rsaPlusModulus(keys.RS256), answer: INVALID,
    },
    {
      attack: 'another token\'s', why: 'a signature is of one text',
      token: () => ALGORITHM_NAMES.map((alg) => {
        const other = mint(keys[alg], sound({ sub: 'someone-else' })).split('.')[2];
        return mint(keys[alg], sound()).split('.').with(2, other).join('.');
      }),
      answer: INVALID,
    },
    {
      attack: 'of the payload alone, or of another header', why: 'RFC 7515 section 5.1: header, dot, payload',
      token: () => {
        const [head, payload] = mint(key, sound()).split('.');
        const other = base64url('{"alg":"ES256"}');
        return [payload, `.${payload}`, `${head}${payload}`, `${other}.${payload}`, `${payload}.${head}`].map((text) => (
          `${head}.${payload}.${base64url(signature(key, text))}`
        ));
      },
      answer: INVALID,
    },
    {
      attack: 'by another key of the issuer, of another issuer, of the attacker', why: 'the kid\'s key and no other',
      token: () => [{ ...openRsa, kid: 'RS256' }, { ...keys.RS256, kid: 'open-rsa' }, otherKeys.ES256, otherKeys.RS256, otherKeys.EdDSA, ownKey, ownRsa]
        .map((signer) => mint(signer, sound())),
      answer: INVALID,
    },
    ...['ES256', 'ES384', 'ES512', 'EdDSA', 'RS256', 'PS256'].map((alg) => ({
      attack: `${alg} with one bit flipped, at every byte`, why: 'no byte is there for nothing', token: () => everyByte(alg), answer: INVALID,
    })),
  ],
};

