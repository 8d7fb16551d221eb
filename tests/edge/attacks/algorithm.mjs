// The token says how it is to be checked. It must have no say in it.

import { createHmac, createPublicKey } from 'node:crypto';

import { ALGORITHM_NAMES, base64url, mint, signature } from '../support/tokens.mjs';
import { ACCEPTED, INVALID, keys, openRsa, sound, token, unsigned, withHeader } from './world.mjs';

/** Without a signature, with a good one of other content, with some bytes, and signed over what it says. */
const none = (alg) => [
  `${unsigned({ alg, typ: 'JWT' })}.`,
  `${unsigned({ alg, typ: 'JWT', kid: 'ES256' })}.`,
  `${unsigned({ alg, typ: 'JWT', kid: 'ES256' })}.${token().split('.')[2]}`,
  `${unsigned({ alg, typ: 'JWT', kid: 'ES256' })}.AA`,
  withHeader({ alg }),
];

/** By HMAC of each length, with what everyone can have as the secret. */
const hmac = (secret, kid) => Object.entries({ HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }).map(([alg, hash]) => {
  const input = unsigned({ alg, typ: 'JWT', kid });
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
});
const hmacOfEach = (secretOf) => [keys.RS256, openRsa, keys.ES256].flatMap((key) => hmac(secretOf(key), key.kid));
const exported = (type, format) => (key) => createPublicKey(key.privateKey).export({ type, format });
const published = ({ jwk }) => JSON.stringify(jwk);
const minimal = ({ jwk }) => JSON.stringify(jwk.kty === 'RSA' ? { e: jwk.e, kty: 'RSA', n: jwk.n } : { crv: jwk.crv, kty: 'EC', x: jwk.x, y: jwk.y });

/** Signed by `signer` the way `how` signs, with a header that names `alg` and `kid`. */
const signed = (signer, how, alg, kid = signer.kid) => mint({ ...signer, alg: how }, sound(), { header: { alg, kid } });
const pairs = ALGORITHM_NAMES.flatMap((one) => ALGORITHM_NAMES.filter((two) => two !== one).map((two) => [one, two]));
const isRsa = (alg) => /^[RP]S/.test(alg);
const isEc = (alg) => alg.startsWith('ES');

export default {
  family: 'algorithm',
  rows: [
    ...['none', 'None', 'NONE', 'nOnE', 'nonE', 'none ', ' none', 'none\u0000', 'n\u043ene', ''].map((alg) => ({
      attack: `alg ${JSON.stringify(alg)}`,
      why: 'no signature is no proof, however the name is written',
      cve: 'CVE-2015-9235',
      token: none(alg),
      answer: INVALID,
    })),
    {
      attack: 'HMAC with the public key in PEM as the secret', why: 'what verifies RSA must not become a shared secret', cve: 'CVE-2015-9235',
      token: [...hmacOfEach(exported('spki', 'pem')), ...hmac(exported('pkcs1', 'pem')(keys.RS256), 'RS256')], answer: INVALID,
    },
    {
      attack: 'HMAC with the PEM without its last line break', why: 'libraries differ in what they trim', cve: 'CVE-2015-9235',
      token: hmacOfEach((key) => exported('spki', 'pem')(key).trimEnd()), answer: INVALID,
    },
    {
      attack: 'HMAC with the public key in DER as the secret', why: 'the same, in bytes', cve: 'CVE-2015-9235',
      token: [...hmacOfEach(exported('spki', 'der')), ...hmac(exported('pkcs1', 'der')(keys.RS256), 'RS256')], answer: INVALID,
    },
    {
      attack: 'HMAC with the JWK text as the secret', why: 'the key set is public, in every form of it', cve: 'CVE-2026-22817',
      token: [...hmacOfEach(published), ...hmacOfEach(minimal)], answer: INVALID,
    },
    {
      attack: 'HMAC with a part of the JWK as the secret', why: 'the same, as a parser hands it on', cve: 'CVE-2026-22817',
      token: [
        ...hmac(keys.RS256.jwk.n, 'RS256'), ...hmac(Buffer.from(keys.RS256.jwk.n, 'base64url'), 'RS256'),
        ...hmac(openRsa.jwk.n, 'open-rsa'), ...hmac(keys.ES256.jwk.x, 'ES256'),
      ],
      answer: INVALID,
    },
    {
      attack: 'HMAC with an empty secret', why: 'a key that lacks what HMAC needs is no key', cve: 'CVE-2026-22817',
      token: [...hmac('', 'RS256'), ...hmac('', undefined), ...hmac('', 'unknown')], answer: INVALID,
    },
    {
      attack: 'the alg of another key, in every pair', why: 'the key decides what its signatures are, not the header', cve: 'CVE-2026-39999',
      token: pairs.map(([alg, kid]) => signed(keys[alg], alg, alg, kid)), answer: INVALID,
    },
    {
      attack: 'an alg that is not the one that signed, in every pair', why: 'the header and the key must say the same', cve: 'CVE-2026-39999',
      token: pairs.map(([alg, other]) => signed(keys[alg], alg, other)), answer: INVALID,
    },
    {
      attack: 'an RSA key used for another RSA algorithm than its own', why: 'a key that says RS256 is for nothing else (RFC 7517 section 4.4)',
      token: pairs.filter(([alg, other]) => isRsa(alg) && isRsa(other)).map(([alg, other]) => signed(keys[alg], other, other)), answer: INVALID,
    },
    {
      attack: 'PS256 under the header RS256, and the reverse, by a key for both', why: 'one padding is not the other',
      token: [signed(openRsa, 'PS256', 'RS256'), signed(openRsa, 'RS256', 'PS256'), signed(openRsa, 'RS256', 'RS512')], answer: INVALID,
    },
    {
      attack: 'an RSA key that names no algorithm, used for each', why: 'control: the key says nothing against it',
      token: ALGORITHM_NAMES.filter(isRsa).map((alg) => signed(openRsa, alg, alg)), answer: ACCEPTED,
    },
    {
      attack: 'an RSA key that names no algorithm, for another family', why: 'its type still says that it is RSA', cve: 'CVE-2026-22817',
      token: ALGORITHM_NAMES.filter((alg) => !isRsa(alg)).map((alg) => signed(keys[alg], alg, alg, 'open-rsa')), answer: INVALID,
    },
    {
      attack: 'an EC key with the hash of another curve', why: 'ES256 is P-256 and SHA-256, not one of them (RFC 7518 section 3.4)',
      token: pairs.filter(([alg, other]) => isEc(alg) && isEc(other)).map(([alg, other]) => signed(keys[alg], other, other)), answer: INVALID,
    },
    {
      attack: 'alg missing', why: 'there is no default', cve: 'CVE-2026-22817',
      token: [withHeader({ alg: undefined }), signed(keys.RS256, 'RS256', undefined), `${unsigned({ typ: 'JWT' })}.`], answer: INVALID,
    },
    {
      attack: 'alg not a string', why: 'a list that holds the right name is not the name', cve: 'CVE-2026-39999',
      token: [null, 256, 0, true, false, ['ES256'], [], { alg: 'ES256' }, {}].map((alg) => withHeader({ alg })), answer: INVALID,
    },
    {
      attack: 'alg in another case or with blanks', why: 'names are compared exactly (RFC 7515 section 4.1.1)',
      token: ['es256', 'Es256', 'ES256 ', ' ES256', 'ES256\n', 'ES256\u0000', 'ES-256', 'SHA256withECDSA', 'RSASSA-PKCS1-v1_5'].map((alg) => withHeader({ alg })), answer: INVALID,
    },
    {
      attack: 'algorithms that the gate does not have', why: 'an unknown name is not the nearest known one',
      token: ['ES256K', 'ed25519', 'Ed448', 'RS1', 'RSA1_5', 'dir', 'A128KW', 'PBES2-HS256+A128KW', 'HS1', '__proto__', 'constructor', 'toString'].map((alg) => withHeader({ alg })),
      answer: INVALID,
    },
    {
      attack: 'EdDSA by an EC key, and ES256 by an Ed25519 key', why: 'both are curves, not the same', cve: 'CVE-2026-39999',
      token: [signed(keys.EdDSA, 'EdDSA', 'EdDSA', 'ES256'), signed(keys.ES256, 'ES256', 'ES256', 'EdDSA'), signed(keys.EdDSA, 'EdDSA', 'ES256')], answer: INVALID,
    },
    {
      attack: 'a good signature by the key\'s own algorithm, over a header that names another', why: 'the signature is over what the header says',
      token: ALGORITHM_NAMES.map((alg) => {
        const [, payload] = token().split('.');
        const input = `${base64url(JSON.stringify({ alg: 'HS256', kid: alg }))}.${payload}`;
        return `${input}.${base64url(signature(keys[alg], input))}`;
      }),
      answer: INVALID,
    },
  ],
};
