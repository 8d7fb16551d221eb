// Section 3, steps 3 and 6: the compact JWS, its header, and the signature.

import { createHmac, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';

import { ISSUER, fixture } from './support/fixture.mjs';
import {
  ALGORITHM_NAMES, base64url, claims, mint, mintSegments, newKey, signature, withLooseBits, withSegment,
} from './support/tokens.mjs';

const keys = Object.fromEntries(ALGORITHM_NAMES.map((alg) => [alg, newKey(alg, { kid: alg })]));
// A key that names no algorithm fits all of its type.
const openRsa = newKey('RS256', { kid: 'open-rsa', as: null, use: null });
const { accepts, refuses } = await fixture({ keys: [...Object.values(keys), openRsa] });

const key = keys.ES256;
const INVALID = 'auth.invalid_token';
const sound = (changes) => claims(ISSUER, changes);

function accepted(cases) {
  for (const [name, make] of Object.entries(cases)) test(name, () => accepts(make()));
}

function invalid(cases) {
  for (const [name, make] of Object.entries(cases)) test(name, () => refuses(make(), INVALID));
}

describe('each algorithm', () => {
  for (const alg of ALGORITHM_NAMES) {
    test(`${alg} is accepted`, () => accepts(mint(keys[alg], sound())));
    test(`${alg} with a changed payload is refused`, () => {
      const token = mint(keys[alg], sound());
      return refuses(withSegment(token, 1, base64url(JSON.stringify(sound({ sub: 'user-2' })))), INVALID);
    });
    test(`${alg} of another key with the same kid is refused`, () => refuses(mint({ ...newKey(alg), kid: alg }, sound()), INVALID));
  }
  for (const alg of ALGORITHM_NAMES.filter((name) => /^[RP]S/.test(name))) {
    test(`${alg} by an RSA key that names no algorithm`, () => accepts(mint({ ...openRsa, alg }, sound(), { header: { kid: 'open-rsa' } })));
  }
});

describe('signatures that are not quite right', () => {
  const token = mint(key, sound());
  const [head, body, sig] = token.split('.');
  const bytes = Buffer.from(sig, 'base64url');
  const with_ = (changed) => `${head}.${body}.${base64url(changed)}`;
  invalid({
    'the last byte is off': () => with_(Buffer.concat([bytes.subarray(0, 63), Buffer.from([bytes[63] ^ 1])])),
    'a byte more': () => with_(Buffer.concat([bytes, Buffer.from([0])])),
    'a byte less': () => with_(bytes.subarray(0, 63)),
    'all zero': () => with_(Buffer.alloc(64)),
    'r alone': () => with_(Buffer.concat([bytes.subarray(0, 32), Buffer.alloc(32)])),
    'ES256 as DER': () => with_(Buffer.concat([Buffer.from([0x30, 0x44, 2, 0x20]), bytes.subarray(0, 32), Buffer.from([2, 0x20]), bytes.subarray(32)])),
    'RS256 signed as PS256': () => {
      const input = mint(keys.RS256, sound()).split('.').slice(0, 2).join('.');
      return `${input}.${base64url(signature({ ...keys.RS256, alg: 'PS256' }, input))}`;
    },
    'the key of another algorithm by kid': () => mint(keys.RS256, sound(), { header: { kid: 'PS256' } }),
    'the alg of another key by kid': () => mint(keys.ES256, sound(), { header: { kid: 'ES384' } }),
  });
});

describe('alg', () => {
  const hmac = (alg, hash, material) => {
    const input = `${base64url(JSON.stringify({ alg, typ: 'JWT', kid: 'RS256' }))}.${base64url(JSON.stringify(sound()))}`;
    return `${input}.${createHmac(hash, material).update(input).digest('base64url')}`;
  };
  const publicPem = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' });
  invalid({
    'none without a signature': () => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(sound()))}.`,
    'none with some signature': () => withSegment(mint(key, sound()), 0, base64url('{"alg":"none","kid":"ES256"}')),
    'NONE': () => mint(key, sound(), { header: { alg: 'NONE' } }),
    'HS256 with a public key as its secret': () => hmac('HS256', 'sha256', publicPem()),
    'HS512': () => hmac('HS512', 'sha512', 'secret'),
    'lower case': () => mint(key, sound(), { header: { alg: 'es256' } }),
    'absent': () => mint(key, sound(), { header: { alg: undefined } }),
    'null': () => mint(key, sound(), { header: { alg: null } }),
    'a number': () => mint(key, sound(), { header: { alg: 256 } }),
    'a list': () => mint(key, sound(), { header: { alg: ['ES256'] } }),
    'unknown': () => mint(key, sound(), { header: { alg: 'ES256K' } }),
    'RSA1_5 (a JWE algorithm)': () => mint(key, sound(), { header: { alg: 'RSA1_5', enc: 'A128GCM' } }),
  });
});

describe('typ: jwt and at+jwt by default', () => {
  const typ = (value) => () => mint(key, sound(), { header: { typ: value } });
  describe('accepted', () => accepted({
    'JWT': typ('JWT'),
    'jwt': typ('jwt'),
    'at+jwt': typ('at+jwt'),
    'AT+JWT': typ('AT+JWT'),
    'application/at+jwt': typ('application/at+jwt'),
    'APPLICATION/JWT': typ('APPLICATION/JWT'),
    'absent': typ(undefined),
  }));
  describe('refused', () => invalid({
    'dpop+jwt': typ('dpop+jwt'),
    'logout+jwt': typ('logout+jwt'),
    'empty': typ(''),
    'null': typ(null),
    'a number': typ(1),
    'a blank more': typ('JWT '),
    'text/jwt': typ('text/jwt'),
    'application/ alone': typ('application/'),
    'the prefix twice': typ('application/application/jwt'),
  }));
});

describe('other header members', () => {
  const header = (members) => () => mint(key, sound(), { header: members });
  describe('accepted', () => accepted({
    'b64 true': header({ b64: true }),
    'jku, jwk, x5u, x5c are ignored': header({
      jku: 'http://127.0.0.1:9/jwks', jwk: newKey('ES256').jwk, x5u: 'http://127.0.0.1:9/x', x5c: ['AAAA'],
    }),
    'jwk of the wrong type is ignored too': header({ jwk: 7, jku: null, x5u: {}, x5c: 'a' }),
    'members that nobody knows': header({ foo: { bar: [1, 2, null] }, cty: 'x' }),
  }));
  describe('refused', () => invalid({
    'crit': header({ crit: ['exp'], exp: 1 }),
    'crit with b64': header({ crit: ['b64'], b64: true }),
    'an empty crit': header({ crit: [] }),
    'a null crit': header({ crit: null }),
    'b64 false': header({ b64: false }),
    'b64 null': header({ b64: null }),
    'b64 as a string': header({ b64: 'true' }),
    'kid as a number': header({ kid: 1 }),
    'kid null': header({ kid: null }),
    'an embedded jwk is no key': () => {
      const own = newKey('ES256', { kid: 'own' });
      return mint(own, sound(), { header: { jwk: own.jwk } });
    },
  }));
});

describe('segments', () => {
  const token = mint(key, sound());
  const [head, body, sig] = token.split('.');
  const loose = (index) => {
    // Blanks after the object change the length until the last character has unused bits.
    for (let pad = ''; ; pad += ' ') {
      const first = base64url(JSON.stringify({ alg: 'ES256', kid: 'ES256' }) + (index === 0 ? pad : ''));
      const second = base64url(JSON.stringify(sound()) + (index === 1 ? pad : ''));
      const segments = [first, second];
      if (segments[index].length % 4 === 0) continue;
      segments[index] = withLooseBits(segments[index]);
      return mintSegments(key, ...segments);
    }
  };
  invalid({
    'one': () => head,
    'two': () => `${head}.${body}`,
    'four': () => `${token}.AAAA`,
    'five, as a JWE': () => `${head}.${body}.${sig}.AAAA.AAAA`,
    'an empty header': () => `.${body}.${sig}`,
    'an empty payload': () => mintSegments(key, head, ''),
    'an empty signature': () => `${head}.${body}.`,
    'only dots': () => '..',
    'a header in the other alphabet': () => `${head}+.${body}.${sig}`,
    'a payload in the other alphabet': () => mintSegments(key, head, `${body}/`),
    'a signature with padding': () => `${token}==`,
    'a length that no base64url has': () => mintSegments(key, head, `${base64url('{}  ')}A`.slice(0, 5)),
    'unused bits set in the header': () => loose(0),
    'unused bits set in the payload': () => loose(1),
    'unused bits set in the signature': () => `${head}.${body}.${withLooseBits(sig)}`,
  });
});

describe('JSON of header and payload', () => {
  const json = JSON.stringify(sound());
  const inside = (more) => `${json.slice(0, -1)},${more}}`;
  const nested = (depth) => `"x":${'['.repeat(depth)}${']'.repeat(depth)}`;
  const rawHeader = (text) => () => mint(key, sound(), { rawHeader: text });
  const payload = (text) => () => mint(key, text);
  describe('accepted', () => accepted({
    'white space': payload(` \n\t${json}\r\n `),
    'escapes and surrogate pairs': payload(inside('"x":"\\u00e9 \\ud83d\\ude00 😀 \\/"')),
    'numbers of any form': payload(inside('"x":[-0,1e3,1.5E-3,-12]')),
    '32 levels': payload(inside(nested(31))),
    'the same name in different objects': payload(inside('"x":{"a":1,"b":{"a":1}},"y":[{"a":1},{"a":2}]')),
  }));
  describe('refused', () => invalid({
    'a header that is no JSON': rawHeader('hello'),
    'a header that is an array': rawHeader('["ES256"]'),
    'a header with a BOM': rawHeader('\ufeff{"alg":"ES256","kid":"ES256"}'),
    'a header with invalid UTF-8': () => mint(key, sound(), { rawHeader: Buffer.from('7b22616c67223a224553323536222c2278223a22ff227d', 'hex') }),
    'a header with a duplicate alg': rawHeader('{"alg":"ES256","kid":"ES256","alg":"ES256"}'),
    'a header with a duplicate under an escape': rawHeader('{"alg":"ES256","kid":"ES256","\\u0061lg":"ES256"}'),
    'a header with a nested duplicate': rawHeader('{"alg":"ES256","kid":"ES256","x":{"a":1,"a":1}}'),
    'a payload that is no JSON': payload('hello'),
    'a payload that is a string': payload('"hello"'),
    'a payload that is an array': payload('[]'),
    'a payload that is null': payload('null'),
    'a payload with a BOM': payload(`\ufeff${json}`),
    'a payload with invalid UTF-8': payload(Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), Buffer.from([0xff]), Buffer.from('"}')])),
    'a payload with a duplicate member': payload(inside('"sub":"user-2"')),
    'a payload with a duplicate under an escape': payload(inside('"s\\u0075b":"user-2"')),
    'a payload with a nested duplicate': payload(inside('"x":[{"a":{"b":1,"b":2}}]')),
    'a payload with something behind it': payload(`${json}x`),
    'two objects': payload(`${json}{}`),
    'a trailing comma': payload(`${json.slice(0, -1)},}`),
    'a comment': payload(`${json.slice(0, -1)}/* */}`),
    'a raw control character in a string': payload(inside('"x":"\n"')),
    'a lone surrogate': payload(inside('"x":"\\ud800"')),
    'NaN': payload(inside('"x":NaN')),
    'a number that is not finite': payload(inside('"x":1e400')),
    'a number with a leading zero': payload(inside('"x":01')),
    '33 levels': payload(inside(nested(32))),
    'many levels': payload(inside(nested(3000))),
  }));
});

describe('length', () => {
  /** A sound token of exactly this many bytes: the header takes what the payload's steps of 4/3 leave over. */
  const ofLength = (length) => {
    for (const zip of ['', 'a', 'ab', 'abc']) {
      const make = (size) => mint(key, sound({ pad: 'x'.repeat(size) }), { header: { zip } });
      for (let size = Math.floor(((length - make(0).length) * 3) / 4) - 4; make(size).length <= length; size += 1) {
        if (make(size).length === length) return make(size);
      }
    }
    throw new Error(`no token of ${length} bytes`);
  };
  test('8192 bytes are the most by default', () => accepts(ofLength(8192)));
  test('8193 bytes are too many', () => refuses(ofLength(8193), INVALID));
});
