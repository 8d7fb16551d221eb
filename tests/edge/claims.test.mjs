// Section 3, step 4: issuer, types of claims, times; and the keys of an issuer that change them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertRefused } from './support/expect.mjs';
import { API, ISSUER, fixture } from './support/fixture.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const LATEST = 253402300799;
const INVALID = 'auth.invalid_token';
const EXPIRED = 'auth.token_expired';
const EARLY = 'auth.token_not_yet_valid';
const OLD = 'auth.token_too_old';

const mainKey = newKey('ES256');
const otherKey = newKey('ES256');
const issuerOf = (name, key = mainKey, more = {}) => ({ issuer: `https://${name}.test`, jwks: { keys: [key.jwk] }, ...more });

const { gate, origin, token, accepts, refuses } = await fixture({
  keys: [mainKey],
  policy: {
    issuers: {
      other: issuerOf('other', otherKey),
      strict: issuerOf('strict', mainKey, { leeway: 0, max_age: 100 }),
      lax: issuerOf('lax', mainKey, { leeway: 300, max_age: 1000 }),
      typed: issuerOf('typed', mainKey, { types: ['at+jwt', 'application/Custom+JWT'] }),
      narrow: issuerOf('narrow', mainKey, { algorithms: ['ES384', 'RS256'] }),
      bound: issuerOf('bound', mainKey, { bound_tokens: 'ignore' }),
      plain: { issuer: 'not a url', jwks: { keys: [mainKey.jwk] } },
      scp: issuerOf('scp', mainKey, { scope_claim: 'scp' }),
      nested: issuerOf('nested', mainKey, { scope_claim: 'realm.access.roles' }),
      permissions: issuerOf('permissions', mainKey, { scope_claim: 'https://claims.test/permissions' }),
    },
    limits: { max_token_bytes: 1024 },
    routes: [
      { path: '/a', audience: API },
      { path: '/main', audience: API, issuers: ['main'] },
      { path: '/both', audience: API, issuers: ['main', 'other'] },
      { path: '/scoped', audience: API, scopes: ['read'] },
    ],
  },
});

const of = (name, changes, key = mainKey, options) => mint(key, claims(`https://${name}.test`, changes), options);

describe('iss', () => {
  for (const [name, iss] of [
    ['absent', undefined], ['null', null], ['empty', ''], ['a list', [ISSUER]], ['a number', 1], ['unknown', 'https://evil.test'],
    ['with a slash more', `${ISSUER}/`], ['in another case', ISSUER.toUpperCase()], ['with a blank more', `${ISSUER} `],
    ['with the default port', ISSUER.replace('.test', '.test:443')],
  ]) {
    test(`${name} is refused`, () => refuses(token({ iss }), INVALID));
  }
  test('a route takes every issuer by default', async () => {
    await accepts(token());
    await accepts(of('other', {}, otherKey));
  });
  test('an issuer may be any string where its keys are given', () => accepts(mint(mainKey, claims('not a url'))));
  test('a route takes only the issuers that it names', async () => {
    await accepts(token(), '/main');
    await accepts(of('other', {}, otherKey), '/both');
    await refuses(of('other', {}, otherKey), INVALID, '/main');
    await refuses(of('strict'), INVALID, '/both');
  });
  test('a key of one issuer never verifies a token of another', async () => {
    await refuses(of('other', {}, mainKey), INVALID);
    await refuses(mint(otherKey, claims(ISSUER)), INVALID);
    await refuses(mint({ ...mainKey, kid: otherKey.kid }, claims('https://other.test')), INVALID);
  });
});

describe('types of claims: refused', () => {
  const WRONG = {
    exp: [undefined, null, '9999999999', true, [1], -1, LATEST + 1, 1e300],
    nbf: [null, '1', {}, -1, LATEST + 1],
    iat: [null, '1', [], -1, LATEST + 1],
    sub: [null, 1, ['a'], {}, true],
    client_id: [null, 1, ['a']],
    azp: [null, 1, {}],
    jti: [null, 1, []],
    organization_id: [null, 1, ['a']],
    aud: [null, 1, {}, [1], [API, null], [[API]], true],
    scope: [null, 1, {}, [1], ['read', null], ['read write', 1], true],
    scp: [null, 1, [1]],
  };
  for (const [claim, values] of Object.entries(WRONG)) {
    for (const value of values) {
      test(`${claim} ${JSON.stringify(value) ?? 'absent'}`, () => refuses(token({ [claim]: value }), INVALID));
    }
  }
});

describe('types of claims: accepted', () => {
  const RIGHT = {
    'exp with a fraction': { exp: now() + 600.5 },
    'exp as late as can be': { exp: LATEST },
    'nbf 0, iat 0': { nbf: 0, iat: 0 },
    'no iat, no sub, no client_id': { iat: undefined, sub: undefined, client_id: undefined },
    'aud as a list': { aud: ['https://x.test', API] },
    'scope as a list': { scope: ['a', 'b'] },
    'an empty scope': { scope: '' },
    'an empty list of scopes': { scope: [] },
    'a list with no scopes in it': { scope: ['read write', 'a\tb', 'a\u00a0b'] },
    'empty strings': { sub: '', client_id: '', azp: '', jti: '' },
  };
  for (const [name, changes] of Object.entries(RIGHT)) test(name, () => accepts(token(changes)));
});

describe('times, with 30 s of leeway by default', () => {
  // Margins of some seconds: the test and the gate read the clock at different moments.
  test('exp 25 s ago is within the leeway', () => accepts(token({ exp: now() - 25 })));
  test('exp 35 s ago is expired', () => refuses(token({ exp: now() - 35 }), EXPIRED));
  test('exp 0 is expired', () => refuses(token({ exp: 0 }), EXPIRED));
  test('nbf in 25 s is within the leeway', () => accepts(token({ nbf: now() + 25 })));
  test('nbf in 40 s is not yet valid', () => refuses(token({ nbf: now() + 40 }), EARLY));
  test('iat in 25 s is within the leeway', () => accepts(token({ iat: now() + 25 })));
  test('iat in 40 s is not yet valid', () => refuses(token({ iat: now() + 40 }), EARLY));
  test('an old iat alone is no reason', () => accepts(token({ iat: 1 })));
  test('exp comes before nbf', () => refuses(token({ exp: now() - 100, nbf: now() + 100 }), EXPIRED));
  test('leeway 0: exp 2 s ago is expired', () => refuses(of('strict', { exp: now() - 2 }), EXPIRED));
  test('leeway 0: nbf in 5 s is not yet valid', () => refuses(of('strict', { nbf: now() + 5 }), EARLY));
  test('leeway 300: exp 290 s ago is accepted', () => accepts(of('lax', { exp: now() - 290 })));
  test('leeway 300: exp 310 s ago is expired', () => refuses(of('lax', { exp: now() - 310 }), EXPIRED));
});

describe('max_age', () => {
  test('an iat within it', () => accepts(of('strict', { iat: now() - 90 })));
  test('an iat before it', () => refuses(of('strict', { iat: now() - 105 }), OLD));
  test('the leeway counts', async () => {
    await accepts(of('lax', { iat: now() - 1290 }));
    await refuses(of('lax', { iat: now() - 1310 }), OLD);
  });
  test('without iat the token is invalid', () => refuses(of('strict', { iat: undefined }), INVALID));
  test('exp comes first', () => refuses(of('strict', { iat: 1, exp: now() - 10 }), EXPIRED));
  test('nbf comes first', () => refuses(of('strict', { iat: 1, nbf: now() + 50 }), EARLY));
});

describe('types of an issuer', () => {
  const typed = (typ) => of('typed', {}, mainKey, { header: { typ } });
  for (const typ of ['at+jwt', 'AT+jwt', 'application/at+jwt', 'custom+jwt', 'application/CUSTOM+jwt']) {
    test(`${typ} is accepted`, () => accepts(typed(typ)));
  }
  test('JWT is not, where the list lacks it', () => refuses(typed('JWT'), INVALID));
  test('an absent typ is not, where a list is given', () => refuses(typed(undefined), INVALID));
});

test('algorithms of an issuer: what is not listed is refused', () => refuses(of('narrow'), INVALID));

test('limits.max_token_bytes', async () => {
  await accepts(token({ pad: 'x'.repeat(300) }));
  const long = token({ pad: 'x'.repeat(900) });
  assert.ok(long.length > 1024);
  await refuses(long, INVALID);
});

describe('where scopes are', () => {
  const CASES = [
    ['scope as a string', token({ scope: 'write read' }), true],
    ['scope as a list', token({ scope: ['write', 'read'] }), true],
    ['scp as a list where there is no scope', token({ scp: ['read'] }), true],
    ['scp as a string where there is no scope', token({ scp: 'read' }), true],
    ['a scope that is there decides over scp', token({ scope: 'write', scp: ['read'] }), false],
    ['even if it is empty', token({ scope: '', scp: 'read' }), false],
    ['even if it is an empty list', token({ scope: [], scp: 'read' }), false],
    ['an element with a blank in it is passed over', token({ scope: ['Sales team', 'read'] }), true],
    ['and is not two', token({ scope: ['read write', 'read '] }), false],
    ['a part of a word is no scope', token({ scope: 'readonly unread' }), false],
    ['case matters', token({ scope: 'READ' }), false],
    ['scope_claim = "scp" looks at scp', of('scp', { scp: 'read' }), true],
    ['and at nothing else', of('scp', { scope: 'read' }), false],
    ['scope_claim may be nested', of('nested', { realm: { access: { roles: ['read'] } } }), true],
    ['and is absent where its parent is', of('nested', { scope: 'read', realm: 'x' }), false],
    ['scope_claim with dots is matched whole first', of('permissions', { 'https://claims.test/permissions': ['read'] }), true],
  ];
  for (const [name, compact, passes] of CASES) {
    test(name, () => (passes ? accepts(compact, '/scoped') : refuses(compact, 'auth.insufficient_scope', '/scoped', { scope: 'read' })));
  }
  test('a nested scope claim of the wrong type is invalid', () => refuses(of('nested', { realm: { access: { roles: 7 } } }), INVALID, '/scoped'));
});

describe('a token that is bound to a key', () => {
  const cnf = { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' };
  test('is no bearer token, also the second time', async () => {
    const compact = token({ cnf });
    for (let i = 0; i < 2; i += 1) {
      const answer = await gate.bearer(compact, '/a');
      assertRefused(answer, INVALID, { origin });
      assert.match(answer.header('www-authenticate'), /error_description="The token is bound to a key"$/);
    }
  });
  test('is one where the policy says so', () => accepts(mint(mainKey, claims('https://bound.test', { cnf }))));
});

test('nothing of a refused token is in the log', async () => {
  const forged = mint(newKey('ES256', { kid: 'kid-of-nobody' }), claims(ISSUER, { sub: 'subject-of-nobody' }));
  await refuses(forged, INVALID);
  await refuses(token({ exp: 1, sub: 'subject-of-nobody' }), EXPIRED);
  assert.doesNotMatch(await gate.logText(), /of-nobody|user-1|eyJ/);
});
