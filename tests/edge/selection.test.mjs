// Section 3, step 5: which key of a set verifies a token, and which keys are passed over.

import { generateKeyPairSync } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const INVALID = 'auth.invalid_token';
const es256 = newKey('ES256', { kid: 'a' });
const es384 = newKey('ES384', { kid: 'b' });
const rsa = newKey('RS256', { kid: 'r' });
const small = newKey('RS256', { kid: 'small', bits: 1024 });
const ed = newKey('EdDSA', { kid: 'e' });
const twins = Array.from({ length: 5 }, () => newKey('ES256', { kid: 'twin' }));
const rsaTwins = ['RS256', 'PS256'].map((alg) => newKey(alg, { kid: 'rtwin' }));

const without = (jwk, ...names) => Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)));
const changed = (key, members) => ({ ...key.jwk, ...members });
const exponent = (value) => changed(rsa, { e: Buffer.from(value).toString('base64url') });
const symmetric = { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', kid: 'a', alg: 'HS256' };
const x25519 = { ...generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }), kid: 'e' };
const secp256k1 = { ...generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }), kid: 'a' };
const noKid = (key) => ({ ...key, kid: undefined });

/** Case: [key set, signing key, accepted?]. Each gets an issuer of its own; a filler keeps every set usable. */
const filler = newKey('ES512', { kid: 'filler' }).jwk;
const CASES = {
  'by kid': [[es384.jwk, es256.jwk], es256, true],
  'a kid that is not there': [[changed(es256, { kid: 'z' })], es256, false],
  'a kid in another case': [[changed(es256, { kid: 'A' })], es256, false],
  'an empty kid is a kid': [[without(es256.jwk, 'kid')], { ...es256, kid: '' }, false],
  'no kid: the only one that fits': [[es384.jwk, es256.jwk, rsa.jwk], noKid(es256), true],
  'no kid: two that fit': [[es256.jwk, newKey('ES256').jwk], noKid(es256), false],
  'no kid: none that fits': [[es384.jwk], noKid(es256), false],
  'no kid: a second one that is passed over does not count': [[rsa.jwk, small.jwk], noKid(rsa), true],
  'no kid: a second one for encryption does not count': [[es256.jwk, newKey('ES256', { use: 'enc' }).jwk], noKid(es256), true],
  'no kid: an RSA key of another alg does not count': [[rsa.jwk, newKey('PS256').jwk], noKid(rsa), true],
  'no kid in the set: the only one that fits, for a token without': [[without(es256.jwk, 'kid')], noKid(es256), true],
  'no kid in the set, one in the token': [[without(es256.jwk, 'kid')], es256, false],
  'no alg in the key': [[without(es256.jwk, 'alg')], es256, true],
  'the alg of the key is another': [[changed(rsa, { alg: 'RS512' })], rsa, false],
  'the alg of the key is one for encryption': [[changed(rsa, { alg: 'RSA-OAEP' })], rsa, false],
  'no use': [[without(es256.jwk, 'use')], es256, true],
  'use is enc': [[changed(es256, { use: 'enc' })], es256, false],
  'key_ops holds verify': [[changed(es256, { key_ops: ['verify'] })], es256, true],
  'key_ops holds verify and more': [[changed(es256, { key_ops: ['wrapKey', 'verify'] })], es256, true],
  'key_ops lacks verify': [[changed(es256, { key_ops: ['encrypt'] })], es256, false],
  'key_ops is empty': [[changed(es256, { key_ops: [] })], es256, false],
  'use and key_ops, one of them wrong': [[changed(es256, { use: 'enc', key_ops: ['verify'] })], es256, false],
  'members that nobody knows': [[changed(es256, { ext: true, x5c: ['AAAA'], x5t: 'a', foo: null })], es256, true],
  'RSA of 1024 bits': [[small.jwk], small, false],
  'an even exponent': [[exponent([2])], rsa, false],
  'exponent 1': [[exponent([1])], rsa, false],
  'an even exponent of three bytes': [[exponent([1, 0, 0])], rsa, false],
  'a private key': [[{ ...es256.privateKey.export({ format: 'jwk' }), kid: 'a' }], es256, false],
  'a private RSA key': [[{ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'r' }], rsa, false],
  'a private OKP key': [[{ ...ed.privateKey.export({ format: 'jwk' }), kid: 'e' }], ed, false],
  'a symmetric key of the same kid': [[symmetric, es256.jwk], es256, true],
  'only a symmetric key': [[symmetric], es256, false],
  'an unknown kty': [[changed(es256, { kty: 'FOO' })], es256, false],
  'an unknown kty beside it': [[{ kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', kid: 'a' }, es256.jwk], es256, true],
  'an unknown curve beside it': [[secp256k1, es256.jwk], es256, true],
  'X25519 beside Ed25519': [[x25519, ed.jwk], ed, true],
  'the curve of another algorithm': [[changed(es256, { crv: 'P-384' })], es256, false],
  'a point that is not on the curve beside it': [[changed(es256, { x: es256.jwk.y }), es256.jwk], es256, true],
  'a coordinate that is no base64url beside it': [[changed(es256, { x: '!!' }), es256.jwk], es256, true],
  'an entry without its parts beside it': [[{ kty: 'EC', kid: 'a' }, { kty: 'RSA', kid: 'a' }, {}, es256.jwk], es256, true],
  'entries that are no objects': [[null, 1, 'key', [], true, es256.jwk], es256, true],
  'members of the wrong type': [[changed(es256, { kid: 7 }), changed(es256, { alg: [] }), changed(es256, { key_ops: 'verify' }), es256.jwk], es256, true],
  'a kid twice: the first': [[twins[0].jwk, twins[1].jwk], twins[0], true],
  'a kid twice: the second': [[twins[0].jwk, twins[1].jwk], twins[1], true],
  'a kid four times: the last': [twins.slice(0, 4).map(({ jwk }) => jwk), twins[3], true],
  'a kid five times: the last is not tried': [twins.map(({ jwk }) => jwk), twins[4], false],
  'a kid twice under different types': [[rsaTwins[0].jwk, changed(es256, { kid: 'rtwin' })], rsaTwins[0], true],
  'a kid twice under different algs': [rsaTwins.map(({ jwk }) => jwk), rsaTwins[1], true],
  'a hundred keys': [[...Array.from({ length: 98 }, (_, index) => changed(es384, { kid: `k${index}` })), es256.jwk], es256, true],
};

const origin = await startOrigin();
const names = Object.keys(CASES);
const issuerOf = (index) => `https://issuer-${index}.test`;
const gate = await startGate({
  policy: {
    version: 1,
    origin: origin.url,
    issuers: Object.fromEntries(names.map((name, index) => [
      `i${index}`,
      { issuer: issuerOf(index), jwks: { keys: [...CASES[name][0], filler] } },
    ])),
    routes: [{ path: '/a', audience: API }],
  },
});
beforeEach(() => origin.take());
after(async () => {
  await gate.close();
  await origin.close();
});

for (const verdict of [true, false]) {
  describe(verdict ? 'accepted' : 'refused', () => {
    for (const [index, name] of names.entries()) {
      const [, key, accepted] = CASES[name];
      if (accepted !== verdict) continue;
      test(name, async () => {
        const answer = await gate.bearer(mint(key, claims(issuerOf(index))), '/a');
        if (accepted) assertForwarded(answer, origin);
        else assertRefused(answer, INVALID, { origin });
      });
    }
  });
}
