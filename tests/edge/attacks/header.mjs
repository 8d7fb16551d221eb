// What a token's header asks for: a key that it brings along, a key of its choice, an extension, two meanings.

import { createPublicKey } from 'node:crypto';

import { base64url, mint, mintSegments, signature } from '../support/tokens.mjs';
import { ACCEPTED, INVALID, key, ownKey, ownRsa, sound, trap, withHeader } from './world.mjs';

/** Signed by the attacker; the `kid` is the issuer's, none, or nobody's. */
const byOwn = (members) => [ownKey, ownRsa].flatMap((own) => [
  mint(own, sound(), { header: members(own) }),
  mint(own, sound(), { header: { kid: undefined, ...members(own) } }),
  mint(own, sound(), { header: { kid: 'nobody-knows', ...members(own) } }),
]);
const certificate = (own) => createPublicKey(own.privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
const rawHeader = (text, signer = key) => mint(signer, sound(), { rawHeader: text });

/** A `kid` that is a lookup in other products: signed by the attacker, and by the issuer. */
const kid = (attack, why, value, cve) => ({
  attack: `kid: ${attack}`, why, cve, token: [mint(ownKey, sound(), { header: { kid: value } }), withHeader({ kid: value })], answer: INVALID,
});

/** The payload stands in the token as it is (RFC 7797), and is signed so. */
const unencoded = (members) => {
  const head = base64url(JSON.stringify({ alg: 'ES256', kid: 'ES256', b64: false, ...members }));
  return `${head}.payload.${base64url(signature(key, `${head}.payload`))}`;
};

export default {
  family: 'header',
  rows: [
    {
      attack: 'jwk: the attacker\'s key in the header', why: 'a key that a token brings along proves nothing', cve: 'CVE-2018-0114',
      token: () => byOwn(({ jwk }) => ({ jwk })), answer: INVALID,
    },
    {
      attack: 'jwk: a symmetric key in the header', why: 'the same, for a secret', cve: 'CVE-2018-0114',
      token: () => byOwn(() => ({ alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA', alg: 'HS256' } })), answer: INVALID,
    },
    {
      attack: 'jku: the attacker\'s key set', why: 'nothing that a token names is fetched', cve: 'CVE-2018-0114',
      token: () => byOwn(() => ({ jku: `${trap.url}/jwks` })), answer: INVALID,
    },
    {
      attack: 'jku: that only looks like the issuer\'s', why: 'nor what resembles a trusted place',
      token: () => byOwn(() => ({ jku: `${trap.url}/jwks#https://issuer.test/oidc/jwks` })), answer: INVALID,
    },
    {
      attack: 'x5u: the attacker\'s certificate by URL', why: 'nothing that a token names is fetched', cve: 'CVE-2018-0114',
      token: () => byOwn(() => ({ x5u: `${trap.url}/x5u` })), answer: INVALID,
    },
    {
      attack: 'x5c: the attacker\'s certificate in the header', why: 'a chain that a token brings along proves nothing', cve: 'CVE-2018-0114',
      token: () => byOwn((own) => ({ x5c: [certificate(own)] })), answer: INVALID,
    },
    {
      attack: 'all four at once', why: 'nor do they together', cve: 'CVE-2018-0114',
      token: () => byOwn((own) => ({ jwk: own.jwk, jku: `${trap.url}/jwks`, x5u: `${trap.url}/x5u`, x5c: [certificate(own)] })), answer: INVALID,
    },
    {
      attack: 'all four in a well signed token', why: 'control: they are ignored, so nothing is fetched and the issuer\'s key verifies',
      token: () => withHeader({ jwk: ownKey.jwk, jku: `${trap.url}/jwks`, x5u: `${trap.url}/x5u`, x5c: [certificate(ownKey)] }), answer: ACCEPTED,
    },
    kid('a path', 'a kid is compared, not opened', '../../../../../../dev/null'),
    kid('a URL', 'a kid is compared, not fetched', `${trap.url}/jwks`),
    kid('SQL', 'a kid is compared, not put into a query', "ES256' UNION SELECT 'AAAA' -- "),
    kid('a command', 'a kid is compared, not run', 'ES256|/usr/bin/id; $(id) `id`'),
    kid('CR LF', 'a kid goes into no header and no log', 'ES256\r\nX-Injected: 1\r\n\r\n'),
    kid('NUL behind the right one', 'a kid does not end at NUL', 'ES256\u0000'),
    kid('NUL before the right one', 'nor does it begin behind it', '\u0000ES256'),
    kid('10 kB', 'a long kid is only a kid that is not there', 'ES256'.repeat(2048)),
    kid('empty', 'an empty kid is a kid', ''),
    kid('in another case', 'kids are compared exactly', 'es256'),
    kid('with blanks', 'kids are compared exactly', ' ES256 '),
    kid('in another Unicode form', 'kids are compared by their characters', 'ES\uff12\uff15\uff16'),
    kid('a name that every JavaScript object has', 'keys are no properties', '__proto__'),
    kid('a pattern', 'a kid is compared, not matched', '*'),
    ...[1, 0, null, true, false, ['ES256'], { kid: 'ES256' }, []].map((value) => kid(
      `${JSON.stringify(value)}, not a string`, 'RFC 7515 section 4.1.4: it must be one', value,
    )),
    {
      attack: 'crit: an unknown extension', why: 'what must be understood and is not makes the token invalid', cve: 'CVE-2025-59420',
      token: [['exp-ext'], ['http://example.test/ext', 'cnf'], ['bork']].map((crit) => withHeader({ crit, [crit[0]]: true })), answer: INVALID,
    },
    {
      attack: 'crit: an extension that the header lacks', why: 'RFC 7515 section 4.1.11: its names must be there', cve: 'CVE-2025-59420',
      token: () => withHeader({ crit: ['absent'] }), answer: INVALID,
    },
    {
      attack: 'crit: empty', why: 'the list must not be empty', cve: 'CVE-2025-59420',
      token: () => withHeader({ crit: [] }), answer: INVALID,
    },
    {
      attack: 'crit: a name twice', why: 'names must not repeat', cve: 'CVE-2025-59420',
      token: () => [withHeader({ crit: ['exp', 'exp'], exp: 1 }), withHeader({ crit: ['b64', 'b64'], b64: true })], answer: INVALID,
    },
    {
      attack: 'crit: a parameter that the standard defines', why: 'those must not be listed', cve: 'CVE-2025-59420',
      token: ['alg', 'kid', 'typ', 'crit', 'jwk'].map((name) => withHeader({ crit: [name] })), answer: INVALID,
    },
    {
      attack: 'crit: not a list of strings', why: 'a wrong type is no absence', cve: 'CVE-2025-59420',
      token: [null, '', 'exp', 1, true, false, {}, { 0: 'exp' }, [1], [null], ['']].map((crit) => withHeader({ crit })), answer: INVALID,
    },
    {
      attack: 'b64: false', why: 'RFC 7797: the signature would be over other bytes than those that are read',
      token: () => [withHeader({ b64: false }), withHeader({ b64: false, crit: ['b64'] }), unencoded(), unencoded({ crit: ['b64'] })], answer: INVALID,
    },
    {
      attack: 'b64: not a boolean', why: 'what is not true is not known to be harmless',
      token: [null, 0, 1, '', 'true', 'false', [], {}].map((b64) => withHeader({ b64 })), answer: INVALID,
    },
    {
      attack: 'duplicate alg', why: 'two readers take two of them',
      token: () => [
        rawHeader('{"alg":"none","kid":"ES256","alg":"ES256"}'), rawHeader('{"alg":"ES256","kid":"ES256","alg":"none"}'),
        rawHeader('{"alg":"ES256","kid":"ES256","alg":"ES256"}'), rawHeader('{"alg":"ES256","kid":"ES256","\\u0061lg":"HS256"}'),
      ],
      answer: INVALID,
    },
    {
      attack: 'duplicate kid, typ, crit or b64', why: 'two readers take two of them',
      token: () => [
        rawHeader('{"alg":"ES256","kid":"nobody","kid":"ES256"}'), rawHeader('{"alg":"ES256","kid":"ES256","kid":"nobody"}'),
        rawHeader('{"alg":"ES256","kid":"ES256","typ":"x","typ":"JWT"}'), rawHeader('{"alg":"ES256","kid":"ES256","b64":true,"b64":true}'),
        rawHeader('{"alg":"ES256","kid":"ES256","b64":false,"b64":true}'),
      ],
      answer: INVALID,
    },
    {
      attack: 'duplicate members below the top', why: 'nor anywhere below',
      token: () => [rawHeader('{"alg":"ES256","kid":"ES256","x":{"a":1,"a":1}}'), rawHeader('{"alg":"ES256","kid":"ES256","x":[{"a":1,"\\u0061":2}]}')], answer: INVALID,
    },
    {
      attack: 'a header that is no object', why: 'nothing of it says how to verify',
      token: ['[]', '["ES256"]', '"ES256"', '1', 'null', 'true', '[{"alg":"ES256","kid":"ES256"}]', '{}'].map((text) => rawHeader(text)), answer: INVALID,
    },
    {
      attack: 'a header that is no JSON', why: 'nor is it guessed',
      token: ['alg=ES256', '{alg:"ES256"}', "{'alg':'ES256'}", '{"alg":"ES256",}', '{"alg":"ES256"}x', '{"alg":"ES256"}{}', '{"alg":"ES256"', ' '].map((text) => rawHeader(text)),
      answer: INVALID,
    },
    {
      attack: 'typ: of a token for something else', why: 'RFC 8725 section 3.11: a token for a logout is no access token',
      token: ['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'id_token', 'application/logout+jwt', '', null, 1, ['JWT']].map((typ) => withHeader({ typ })), answer: INVALID,
    },
    {
      attack: 'cty: a nested JWT', why: 'RFC 7519 section 5.2: the payload is then a token, no object',
      token: () => mintSegments(key, base64url('{"alg":"ES256","kid":"ES256","cty":"JWT"}'), base64url(withHeader({}))), answer: INVALID,
    },
    {
      attack: 'zip and enc', why: 'a compressed or encrypted payload is no object',
      token: () => [mint(key, Buffer.from('789c0300000000', 'hex'), { header: { zip: 'DEF' } }), withHeader({ alg: 'RSA-OAEP', enc: 'A256GCM' })], answer: INVALID,
    },
  ],
};
