// One text, one reading: what a lax decoder would take for the same token.

import { base64url, mint, mintSegments, withLooseBits, withSegment } from '../support/tokens.mjs';
import {
  ACCEPTED, FORMAT, INVALID, key, sound, token, withMembers, withPayload, workerd,
} from './world.mjs';

const HEAD = '{"alg":"ES256","kid":"ES256"}';
const bearer = (text) => ({ path: '/a', headers: [['Authorization', `Bearer ${text}`]] });
/** The bytes of a request, where a client would not send such a header. */
const raw = (text) => ({ raw: `GET /a HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: Bearer ${text}\r\n\r\n` });
const nested = (depth, open = '[', close = ']') => `"x":${open.repeat(depth)}1${close.repeat(depth)}`;
const json = JSON.stringify(sound());

/** A token whose header (0) or payload (1) is padded with blanks until its base64url ends in unused bits. */
function loose(index) {
  for (let pad = ' '; ; pad += ' ') {
    const segments = [HEAD, json].map((text, at) => base64url(at === index ? text + pad : text));
    if (segments[index].length % 4 === 0) continue;
    segments[index] = withLooseBits(segments[index]);
    return mintSegments(key, ...segments);
  }
}

/** A token with base64url's `-` or `_` in the segment, in the alphabet of base64 instead; signed as it stands. */
function standard(index) {
  const texts = [`{"alg":"ES256","kid":"ES256","x":"???>>>~~~"}`, JSON.stringify(sound({ x: '???>>>~~~???' }))];
  const segments = texts.map((text, at) => Buffer.from(text).toString(at === index ? 'base64' : 'base64url').replace(/=+$/, ''));
  if (!/[+/]/.test(segments[index])) throw new Error('both alphabets write this alike');
  return mintSegments(key, ...segments);
}

/** Header and payload with `=` where base64 has it, signed as they stand. */
function padded(index) {
  for (let pad = ' '; ; pad += ' ') {
    const segments = [HEAD, json].map((text, at) => base64url(at === index ? text + pad : text));
    if (segments[index].length % 4 === 0) continue;
    segments[index] += '='.repeat(4 - segments[index].length % 4);
    return mintSegments(key, ...segments);
  }
}

/** A signature that ends in unused bits has them set. */
const looseSignature = () => token().replace(/[^.]+$/, withLooseBits);
const spoiled = (index, text) => withSegment(token(), index, text);
const bytesInside = (hex) => Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), Buffer.from(hex, 'hex'), Buffer.from('"}')]);
const headBytes = (hex) => Buffer.concat([Buffer.from(`${HEAD.slice(0, -1)},"x":"`), Buffer.from(hex, 'hex'), Buffer.from('"}')]);
const members = (count, more = '') => withPayload(`{${Array.from({ length: count }, (_, index) => `"${index.toString(36)}":0`).join()},${JSON.stringify(sound()).slice(1, -1)}${more}}`);
/** A sound token of at least so many bytes. */
const ofLength = (length) => token({ pad: 'x'.repeat(length * 3 / 4) });

export default {
  family: 'encoding',
  rows: [
    {
      attack: 'padding behind the signature', why: 'RFC 7515 section 2: base64url without padding',
      token: () => [`${token()}=`, `${token()}==`, `${token()}====`], answer: INVALID,
    },
    {
      attack: 'padding within', why: 'and the header\'s syntax has it at the end only (RFC 6750 section 2.1)',
      request: () => [padded(0), padded(1)].map(bearer), answer: FORMAT,
    },
    {
      attack: 'the alphabet of base64 in the header', why: 'two spellings of one token are two cache keys and two log lines',
      token: () => standard(0), answer: INVALID,
    },
    { attack: 'the alphabet of base64 in the payload', why: 'the same', token: () => standard(1), answer: INVALID },
    {
      attack: 'the alphabet of base64 in the signature', why: 'the same',
      token: () => {
        for (;;) {
          const made = token({ nonce: Math.random() });
          const last = made.split('.')[2];
          if (/[-_]/.test(last)) return withSegment(made, 2, last.replaceAll('-', '+').replaceAll('_', '/'));
        }
      },
      answer: INVALID,
    },
    {
      attack: 'unused bits set in the header', why: 'RFC 4648 section 3.5: one text for the same bytes',
      token: () => loose(0), answer: INVALID,
    },
    { attack: 'unused bits set in the payload', why: 'the same', token: () => loose(1), answer: INVALID },
    {
      attack: 'unused bits set in the signature', why: 'or anyone can make a second spelling of a token',
      token: looseSignature, answer: INVALID,
    },
    {
      attack: 'a segment of a length that no bytes have', why: 'one character more than whole groups is no byte',
      token: () => [0, 1, 2].map((index) => {
        const segment = token().split('.')[index];
        return spoiled(index, segment + 'A'.repeat((5 - segment.length % 4) % 4));
      }),
      answer: INVALID,
    },
    {
      attack: 'characters of no alphabet', why: 'they are not skipped',
      token: () => ['~', '~~~~', '+/', '-_-_~'].flatMap((text) => [0, 1, 2].map((index) => spoiled(index, token().split('.')[index] + text))), answer: INVALID,
    },
    {
      attack: 'white space within', why: 'it is not skipped: what follows is a second word',
      request: () => [' ', '  ', '\t'].flatMap((blank) => [token().replace('.', `${blank}.`), token().replace('.', `.${blank}`), `${token().slice(0, -4)}${blank}${token().slice(-4)}`]).map(bearer),
      answer: FORMAT,
    },
    {
      attack: 'line breaks within', why: 'they end the header or are an error',
      request: () => ['\n', '\r', '\r\n ', '\n '].map((line) => raw(token().replace('.', `.${line}`))), answer: workerd(400),
    },
    { attack: 'NUL within', why: 'a token does not end there', request: () => raw(token().replace('.', '.\0')), answer: workerd(400) },
    { attack: 'NUL behind', why: 'nor here', request: () => raw(`${token()}\0`), answer: workerd(400) },
    {
      attack: 'other control characters within', why: 'they are not skipped',
      request: () => ['\x01', '\x0b', '\x0c', '\x7f', '\x85', '\xa0'].map((control) => raw(token().replace('.', `.${control}`))), answer: FORMAT,
    },
    {
      attack: 'line breaks in the JSON', why: 'accepted: RFC 8259 has white space there, and it is signed',
      token: () => withPayload(`\r\n\t ${json}\n`), answer: ACCEPTED,
    },
    { attack: 'one segment', why: 'an opaque token', token: () => [token().split('.')[0], 'opaque', 'a'], answer: INVALID },
    {
      attack: 'two segments', why: 'nothing signs it',
      token: () => [token().split('.').slice(0, 2).join('.'), token().split('.').slice(1).join('.')], answer: INVALID,
    },
    {
      attack: 'three, some of them empty', why: 'each has something to say',
      token: () => ['..', '.', ...[0, 1, 2].map((index) => spoiled(index, ''))], answer: INVALID,
    },
    {
      attack: 'four segments', why: 'what is behind the signature is not signed',
      token: () => [`${token()}.AAAA`, `${token()}.`, `.${token()}`, token().replace('.', '.AAAA.')], answer: INVALID,
    },
    {
      attack: 'five segments, as a JWE', why: 'an encrypted token is signed by nobody',
      token: () => [`${base64url('{"alg":"RSA-OAEP","enc":"A256GCM","kid":"RS256"}')}.AAAA.AAAA.AAAA.AAAA`, `${token()}.AAAA.AAAA`], answer: INVALID,
    },
    {
      attack: '100,000 dots', why: 'refused at the fourth, and before: it is too long', cve: 'CVE-2025-30204', token: '.'.repeat(100_000), answer: INVALID,
    },
    {
      attack: '60,000 dots', why: 'within the limit: refused at the fourth', cve: ['CVE-2025-27144', 'CVE-2025-30204'],
      token: () => ['.'.repeat(60_000), `${token()}${'.'.repeat(60_000)}`, 'a.'.repeat(30_000)], answer: INVALID,
    },
    {
      attack: 'a sound token of 64 kB', why: 'longer than limits.max_token_bytes at its highest', cve: 'CVE-2025-27144',
      token: () => ofLength(65_536), answer: INVALID,
    },
    { attack: 'a sound token of 60 kB', why: 'control: within the limit', token: () => ofLength(60_000), answer: ACCEPTED },
    {
      attack: '1 MB', why: 'workerd takes no head that large',
      request: () => [bearer(ofLength(1 << 20)), bearer('a'.repeat(1 << 20))], answer: workerd(431),
    },
    { attack: 'arrays, 33 levels deep', why: 'one more than the limit', token: () => withMembers(nested(32)), answer: INVALID },
    { attack: 'arrays, 32 levels deep', why: 'control: at the limit', token: () => withMembers(nested(31)), answer: ACCEPTED },
    {
      attack: 'arrays and objects, thousands of levels deep', why: 'a parser that recurses has an end',
      token: () => [withMembers(nested(5000)), withMembers(nested(4000, '{"a":', '}')), withPayload('['.repeat(40_000)), mint(key, json, { rawHeader: `${HEAD.slice(0, -1)},${nested(5000)}}` })],
      answer: INVALID,
    },
    { attack: '10,000 members', why: 'too long for any limit', token: () => members(10_000), answer: INVALID },
    { attack: '5,000 members', why: 'control: the most that fit are read, and at once', token: () => members(5_000), answer: ACCEPTED },
    {
      attack: '5,000 members, the last of them once more', why: 'duplicates are found among many too',
      token: () => members(5_000, ',"0":0'), answer: INVALID,
    },
    {
      attack: 'invalid UTF-8 in the payload', why: 'decoders differ in what they put in its place',
      token: () => ['ff', '80', 'c3', 'c328', 'c0af', 'e080af', 'f8888080', 'f4908080', 'fe'].map((hex) => withPayload(bytesInside(hex))), answer: INVALID,
    },
    {
      attack: 'invalid UTF-8 in the header', why: 'the same',
      token: () => ['ff', '80', 'c3', 'c0af', 'e080af'].map((hex) => mint(key, json, { rawHeader: headBytes(hex) })), answer: INVALID,
    },
    {
      attack: 'lone surrogates', why: 'they are no characters: escaped, or as bytes',
      token: () => [
        withMembers('"x":"\\ud800"'), withMembers('"x":"\\udc00"'), withMembers('"x":"\\udc00\\ud800"'), withMembers('"x":"\\ud800a"'),
        withMembers('"\\ud800":1'), withPayload(bytesInside('eda080')), withPayload(bytesInside('eda080edb080')),
        mint(key, json, { rawHeader: `${HEAD.slice(0, -1)},"x":"\\ud800"}` }),
      ],
      answer: INVALID,
    },
    {
      attack: 'a BOM', why: 'RFC 8259 section 8.1: readers may or may not skip it',
      token: () => [withPayload(`\ufeff${json}`), mint(key, json, { rawHeader: `\ufeff${HEAD}` }), withPayload(Buffer.from(json, 'utf16le')), withPayload(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(json, 'utf16le')]))],
      answer: INVALID,
    },
    {
      attack: 'escapes in the names of members', why: 'accepted: one name, however it is written, and signed so',
      token: () => withPayload(json.replace('"exp"', '"\\u0065xp"')), answer: ACCEPTED,
    },
    {
      attack: 'a token twice', why: 'two signatures sign nothing together',
      token: () => [token() + token(), `${token()}.${token()}`], answer: INVALID,
    },
    {
      attack: 'the JSON serialisation', why: 'RFC 7515 section 7.2 is no bearer token',
      request: () => bearer(`{"payload":"${base64url(json)}"}`), answer: FORMAT,
    },
    {
      attack: 'percent-encoded', why: 'a header is not decoded', request: () => [token().replace('.', '%2e'), token().replaceAll('.', '%2E')].map(bearer), answer: FORMAT,
    },
  ],
};
