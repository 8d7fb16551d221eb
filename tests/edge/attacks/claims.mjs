// A well signed token whose claims are not what they should be: other types, other times, other readings.

import { now } from '../support/tokens.mjs';
import {
  ACCEPTED, API, AUDIENCE, EARLY, EXPIRED, INVALID, ISSUER, SCOPE, ownKey, sound, token, withClaimText, withMembers, withPayload,
} from './world.mjs';

const PAST = now() - 3600;
const FUTURE = now() + 3600;
const json = (changes) => JSON.stringify(sound(changes));
/** A claim given twice: what passes is first, then last. */
const twice = (name, good, bad) => [
  withMembers(`"${name}":${JSON.stringify(bad)}`, { [name]: good }),
  withMembers(`"${name}":${JSON.stringify(good)}`, { [name]: bad }),
];
const scopes = (attack, why, values, answer) => ({
  attack: `scope: ${attack}`, why, path: '/scoped', token: () => values.map((scope) => token({ scope })), answer,
  ...(answer === SCOPE ? { scope: 'read:data' } : {}),
});

/** What is no time for any of the three claims that are one. */
const noTime = (name, cve) => [
  ['a string', 'a text is not compared with the clock', [`"${FUTURE}"`, `"${PAST}"`, '"never"', '""']],
  ['null', 'nothing is no time, and no absence', ['null']],
  ['another type', 'nor is what a language makes a number of', ['true', 'false', '[]', `[${FUTURE}]`, '{}', `{"$numberLong":"${FUTURE}"}`]],
  ['negative', 'nobody signs before 1970', ['-1', '-1e9', '-0.5', '-1e308']],
  ['253402300800', 'the year 10000 has no date (RFC 3339)', ['253402300800', '253402300799.5', '9223372036854775808', '18446744073709551616']],
  ['1e308', 'the largest of numbers', ['1e308', '1e300', '1e12']],
  ['1e400', 'infinite to who reads it as a double', ['1e400', '-1e400']],
  ['not JSON', 'no parser has to take it', ['NaN', 'Infinity', '0x7fffffff', '017', '+1', '1.', '.5', '1e']],
].map(([kind, why, texts]) => ({
  attack: `${name}: ${kind}`, why, cve, token: () => texts.map((text) => withClaimText(name, text)), answer: INVALID,
}));

export default {
  family: 'claims',
  rows: [
    { attack: 'exp: missing', why: 'a token without an end has none', token: () => token({ exp: undefined }), answer: INVALID },
    {
      attack: 'exp: under another name', why: 'names are compared exactly',
      token: () => ['EXP', 'Exp', 'exp ', 'expires_at', 'exp\u0000'].map((name) => token({ exp: undefined, [name]: FUTURE })),
      answer: INVALID,
    },
    ...noTime('exp'),
    { attack: 'exp: past', why: 'it is over', token: () => [PAST, 0, 1, 0.5, PAST + 0.5].map((exp) => token({ exp })), answer: EXPIRED },
    ...noTime('nbf', 'CVE-2026-25537'),
    {
      attack: 'nbf: in the future', why: 'not yet', cve: 'CVE-2026-25537',
      token: () => [FUTURE, FUTURE + 0.5, 253402300799].map((nbf) => token({ nbf })), answer: EARLY,
    },
    { attack: 'nbf: missing', why: 'control: nobody has to send it', token: () => token({ nbf: undefined }), answer: ACCEPTED },
    ...noTime('iat', 'CVE-2026-25537'),
    {
      attack: 'iat: in the future', why: 'nobody signs tomorrow',
      token: () => [FUTURE, 253402300799].map((iat) => token({ iat })), answer: EARLY,
    },
    { attack: 'iat: missing', why: 'control: nobody has to send it', token: () => token({ iat: undefined }), answer: ACCEPTED },

    { attack: 'aud: missing', why: 'a token for nobody is not one for all', token: () => token({ aud: undefined }), answer: AUDIENCE },
    { attack: 'aud: empty', why: 'the same', token: () => ['', [], ['']].map((aud) => token({ aud })), answer: AUDIENCE },
    { attack: 'aud: a number', why: 'an audience is a text', token: () => [0, 1, 1.5].map((aud) => token({ aud })), answer: INVALID },
    {
      attack: 'aud: a mixed array', why: 'the right one among wrong types does not mend them',
      token: () => [[API, 1], [null, API], [API, {}], [API, true]].map((aud) => token({ aud })), answer: INVALID,
    },
    {
      attack: 'aud: nested', why: 'only the top counts',
      token: () => [[[API]], [API, [API]], { aud: API }, { 0: API, length: 1 }, [{ 0: API }]].map((aud) => token({ aud })), answer: INVALID,
    },
    {
      attack: 'aud: null or boolean', why: 'nothing is no audience, and no absence',
      token: () => [null, true, false].map((aud) => token({ aud })), answer: INVALID,
    },
    {
      attack: 'aud: a prefix of the right one, or the right one with more', why: 'audiences are compared whole',
      token: () => [API.slice(0, -1), 'https://api', 'h', `${API}/`, `${API}/v1`, `${API}.evil.test`, `${API} `, ` ${API}`, `${API}\u0000`, `${API},x`, `x ${API}`].map((aud) => token({ aud })), answer: AUDIENCE,
    },
    {
      attack: 'aud: in another case', why: 'audiences are compared exactly',
      token: () => [API.toUpperCase(), API.replace('api', 'API')].map((aud) => token({ aud })), answer: AUDIENCE,
    },
    {
      attack: 'aud: a wildcard', why: 'only a policy has those',
      token: () => ['*', ['*'], 'https://*', '.*'].map((aud) => token({ aud })), answer: AUDIENCE,
    },
    {
      attack: 'aud: in another form of Unicode or of URL', why: 'nothing is normalised',
      token: () => ['https://api.yourapp.com:443', 'https://api.yourapp.com.', 'https://\uff41pi.yourapp.com', 'https:\\\\api.yourapp.com'].map((aud) => token({ aud })),
      answer: AUDIENCE,
    },

    { attack: 'iss: missing', why: 'no issuer, no keys', token: () => token({ iss: undefined }), answer: INVALID },
    {
      attack: 'iss: an array', why: 'the right one among others is not who signed', cve: 'CVE-2025-30144',
      token: () => [[ISSUER], ['https://evil.test', ISSUER], [ISSUER, 'https://evil.test'], []].map((iss) => token({ iss })), answer: INVALID,
    },
    {
      attack: 'iss: another type', why: 'an issuer is a text',
      token: () => [null, 1, true, {}, { 0: ISSUER }].map((iss) => token({ iss })), answer: INVALID,
    },
    {
      attack: 'iss: a trailing slash', why: 'compared byte for byte',
      token: () => [`${ISSUER}/`, `${ISSUER}//`, `${ISSUER}?`, `${ISSUER}#`].map((iss) => token({ iss })), answer: INVALID,
    },
    {
      attack: 'iss: in another case', why: 'compared byte for byte',
      token: () => [ISSUER.toUpperCase(), ISSUER.replace('issuer', 'Issuer'), ISSUER.replace('https', 'HTTPS')].map((iss) => token({ iss })),
      answer: INVALID,
    },
    {
      attack: 'iss: a part of the right one', why: 'is equal, not is in', cve: 'CVE-2024-53861',
      token: () => ['', 'h', 'https://', 'issuer.test', '/oidc', ISSUER.slice(0, -1), ISSUER.slice(1)].map((iss) => token({ iss })), answer: INVALID,
    },
    {
      attack: 'iss: the right one with more', why: 'is equal, not begins or ends with', cve: 'CVE-2024-53861',
      token: () => [`${ISSUER}.evil.test`, `https://evil.test/?${ISSUER}`, `${ISSUER} `, ` ${ISSUER}`, `${ISSUER}\u0000`, `${ISSUER}\n`, `${ISSUER},https://evil.test`].map((iss) => token({ iss })), answer: INVALID,
    },
    {
      attack: 'iss: the same URL in another spelling', why: 'nothing is normalised',
      token: () => ['https://issuer.test:443/oidc', 'https://issuer.test/%6fidc', 'https://issuer.test/./oidc', 'https://issuer.test./oidc', 'http://issuer.test/oidc'].map((iss) => token({ iss })),
      answer: INVALID,
    },

    scopes('a wrong type', 'nothing of it is a scope', [null, 1, true, false, {}, { 'read:data': true }, { scope: 'read:data' }], INVALID),
    scopes('a list with a wrong type', 'the right one among wrong types does not mend them', [['read:data', 1], ['read:data', null], [['read:data']], [{ scope: 'read:data' }]], INVALID),
    scopes('a list whose element has blanks in it', 'a scope has none, so the element is none, and is not split', [['read:data write'], ['x read:data'], ['read:data '], ['read:data\t'], ['read:data\u00a0x']], SCOPE),
    scopes('an element with blanks beside the right one', 'control: it is passed over', [['Sales team', 'read:data']], ACCEPTED),
    scopes('double spaces, no right one', 'an empty scope is none', ['  ', 'x  y', ' ', ''], SCOPE),
    scopes('double spaces around the right one', 'control: they separate like one', ['x  read:data', '  read:data  ', 'read:data   y'], ACCEPTED),
    scopes('tabs', 'RFC 6749 section 3.3: a space separates, nothing else', ['x\tread:data', 'read:data\t', '\tread:data', 'x\nread:data', 'x\rread:data', 'x\u000bread:data', 'x\u0000read:data'], SCOPE),
    scopes('Unicode spaces', 'the same', ['\u00a0', '\u2003', '\u3000', '\u2028', '\u0085', '\u200b', '\ufeff'].map((space) => `x${space}read:data`), SCOPE),
    scopes('commas', 'the same', ['x,read:data', 'read:data,x', 'read:data;x', 'read:data+x'], SCOPE),
    scopes('a prefix of the right one', 'scopes are compared whole', ['read', 'read:', 'read:dat', 'r', 'rea read:dat'], SCOPE),
    scopes('the right one with more', 'scopes are compared whole', ['read:data:all', 'xread:data', 'read:data/', 'read:datas'], SCOPE),
    scopes('the right one in another case', 'RFC 6749 section 3.3: case-sensitive', ['READ:DATA', 'Read:Data', 'read:Data'], SCOPE),
    scopes('a wildcard', 'only a character', ['*', 'read:*', 'read', '.*'], SCOPE),
    {
      attack: 'scope: empty, beside scp with the right one', why: 'a scope that is there decides', path: '/scoped', scope: 'read:data',
      token: () => [token({ scope: '', scp: 'read:data' }), token({ scope: [], scp: ['read:data'] })], answer: SCOPE,
    },

    {
      attack: 'cnf: a token that is bound to a key', why: 'whoever stole it has no key to prove it by, and none is asked for (RFC 9449, RFC 8705)',
      token: () => [{ jkt: 'x' }, { 'x5t#S256': 'x' }, { jwk: ownKey.jwk }, { kid: 'x' }, {}, [], '', 'x', null, false, 0].map((cnf) => token({ cnf })),
      answer: INVALID,
    },
    {
      attack: 'cnf: elsewhere', why: 'control: only the claim binds a token',
      token: () => [{ CNF: {} }, { x: { cnf: {} } }, { req_cnf: 'x' }].map((claims) => token(claims)), answer: ACCEPTED,
    },

    {
      attack: 'payload: an array', why: 'claims have names',
      token: () => [withPayload('[]'), withPayload(`[${json()}]`), withPayload('["iss","exp"]')], answer: INVALID,
    },
    {
      attack: 'payload: a string', why: 'the same',
      token: () => [withPayload('"hello"'), withPayload(JSON.stringify(json())), withPayload('""')], answer: INVALID,
    },
    {
      attack: 'payload: null, a number, a boolean', why: 'the same',
      token: () => ['null', '1', 'true', '0'].map(withPayload), answer: INVALID,
    },
    {
      attack: 'payload: no JSON', why: 'nothing is guessed',
      token: () => ['hello', '{', '{}x', `${json()}${json()}`, `${json()},`, ' ', 'iss=x&exp=9999999999'].map(withPayload), answer: INVALID,
    },
    { attack: 'payload: empty', why: 'who claims nothing has no issuer', token: () => withPayload('{}'), answer: INVALID },
    {
      attack: 'payload: duplicate members, where the first or the last would pass', why: 'two readers take two of them', cve: 'CVE-2022-25757',
      token: () => [
        ...twice('exp', FUTURE, PAST), ...twice('aud', API, 'https://x.test'), ...twice('iss', ISSUER, 'https://evil.test'), ...twice('sub', 'user-1', 'root'),
        ...twice('nbf', PAST, FUTURE), ...twice('organization_id', 'org1', 'org2'),
      ],
      answer: INVALID,
    },
    {
      attack: 'payload: duplicate scopes', why: 'the same', cve: 'CVE-2022-25757', path: '/scoped', token: () => twice('scope', 'read:data', 'x'), answer: INVALID,
    },
    {
      attack: 'payload: duplicates in two spellings, or of the same value', why: 'a name is what it reads', cve: 'CVE-2022-25757',
      token: () => [withMembers(`"\\u0065xp":${FUTURE}`, { exp: PAST }), withMembers(`"e\\u0078p":${PAST}`), withMembers('"sub":"user-1"'), withMembers('"x":{"y":[{"a":1,"\\u0061":1}]}')], answer: INVALID,
    },
    {
      attack: 'identity claims of a wrong type', why: 'who is not a text is nobody the origin could be told of',
      token: () => ['sub', 'client_id', 'azp', 'jti', 'organization_id'].flatMap((name) => [null, 1, true, ['a'], {}].map((value) => token({ [name]: value }))), answer: INVALID,
    },
  ],
};
