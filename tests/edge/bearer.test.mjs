// Section 3, step 2: the Authorization header; and the routes that look at it differently.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertForwarded, assertIdentity, assertRefused } from './support/expect.mjs';
import { API, ISSUER, fixture } from './support/fixture.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const HEADER = 'cf-access-jwt-assertion';
const { gate, origin, token, accepts, refuses } = await fixture({
  policy: {
    routes: [
      { path: '/a', audience: API },
      { path: '/optional', access: 'optional', audience: API, scopes: ['read'] },
      { path: '/public', access: 'public' },
      { path: '/other', audience: API, token_header: HEADER },
      { path: '/other-optional', access: 'optional', audience: API, token_header: HEADER },
      { path: '/denied', access: 'deny' },
    ],
  },
});

const MISSING = 'auth.authorization_header_missing';
const SCHEME = 'auth.authorization_token_type_not_supported';
const FORMAT = 'auth.authorization_token_invalid_format';
const INVALID = 'auth.invalid_token';

function withAuthorization(...values) {
  return { headers: values.map((value) => ['Authorization', value]) };
}

describe('the header', () => {
  const REFUSED = [
    ['none', [], MISSING],
    ['an empty one', [''], MISSING],
    ['only blanks', ['   '], MISSING],
    ['Basic', ['Basic dXNlcjpwYXNz'], SCHEME],
    ['DPoP', ['DPoP abc'], SCHEME],
    ['a bare token', ['abc.def.ghi'], SCHEME],
    ['a scheme that only begins like it', ['Bearers abc'], SCHEME],
    ['a scheme that only ends like it', ['XBearer abc'], SCHEME],
    ['Bearer without a token', ['Bearer'], FORMAT],
    ['Bearer and blanks', ['Bearer    '], FORMAT],
    ['two tokens', ['Bearer abc def'], FORMAT],
    ['a token with a comma', ['Bearer abc,def'], FORMAT],
    ['a quoted token', ['Bearer "abc"'], FORMAT],
    ['a TAB inside', ['Bearer abc\tdef'], FORMAT],
    ['padding in the middle', ['Bearer abc=def'], FORMAT],
    ['only padding', ['Bearer ='], FORMAT],
    ['non-ASCII', ['Bearer abc\u00e9'], FORMAT],
    ['characters outside b64token', ['Bearer abc*def'], FORMAT],
    ['two headers', ['Bearer abc', 'Bearer def'], FORMAT],
    ['two equal headers', ['Bearer abc', 'Bearer abc'], FORMAT],
    ['a second, empty header', ['Bearer abc', ''], FORMAT],
    ['b64token that is no JWS', ['Bearer abc-._~+/=='], INVALID],
  ];
  for (const [name, values, code] of REFUSED) {
    test(`${code}: ${name}`, async () => {
      assertRefused(await gate.request('/a', withAuthorization(...values)), code, { origin });
    });
  }
  for (const start of ['Bearer ', 'bearer ', 'BEARER ', 'bEaReR ', 'Bearer    ']) {
    test(`accepted: ${JSON.stringify(start)}`, async () => {
      const answer = await gate.request('/a', withAuthorization(start + token()));
      assertForwarded(answer, origin);
    });
  }
  test('a second header spoils a sound one', async () => {
    const answer = await gate.request('/a', withAuthorization(`Bearer ${token()}`, 'Basic x'));
    assertRefused(answer, FORMAT, { origin });
  });
  test('a token in the query or in the body is none', async () => {
    const compact = token();
    assertRefused(await gate.request(`/a?access_token=${compact}`), MISSING, { origin });
    const form = {
      method: 'POST', headers: [['Content-Type', 'application/x-www-form-urlencoded']], body: `access_token=${compact}`,
    };
    assertRefused(await gate.request('/a', form), MISSING, { origin });
  });
  test('a refusal of HEAD has the headers and no body', async () => {
    assertRefused(await gate.request('/a', { method: 'HEAD' }), MISSING, { origin, head: true });
  });
  for (const [host, realm] of [['api.test:8443', 'api.test'], ['api.test', 'api.test']]) {
    test(`the realm of ${host} is ${realm}`, async () => {
      assertRefused(await gate.request('/a', { host }), MISSING, { origin, realm });
    });
  }
  test('the body of a refused request is not needed for the answer', async () => {
    const answer = await gate.request('/a', { method: 'POST', body: Buffer.alloc(100_000) });
    assertRefused(answer, MISSING, { origin });
  });
});

describe('an optional route', () => {
  const path = '/optional';
  test('without the header is anonymous', async () => {
    assertIdentity(assertForwarded(await gate.request(path), origin), {});
  });
  test('with an empty header is anonymous', async () => {
    assertIdentity(assertForwarded(await gate.request(path, withAuthorization('')), origin), {});
  });
  test('with a sound token has its identity', async () => {
    const record = await accepts(token({ scope: 'read' }), path);
    assert.equal(record.header('x-auth-subject'), 'user-1');
  });
  for (const [name, values, code] of [
    ['another scheme', ['Basic abc'], SCHEME],
    ['no token', ['Bearer'], FORMAT],
    ['garbage', ['Bearer abc'], INVALID],
  ]) {
    test(`${code}: ${name}`, async () => {
      assertRefused(await gate.request(path, withAuthorization(...values)), code, { origin });
    });
  }
  test('refuses an expired token', () => refuses(token({ exp: now() - 100, scope: 'read' }), 'auth.token_expired', path));
  test('refuses a wrong audience', () => refuses(token({ aud: 'x', scope: 'read' }), 'auth.invalid_audience', path));
  test('refuses a token without the scope', () => refuses(token(), 'auth.insufficient_scope', path, { scope: 'read' }));
});

describe('another header', () => {
  const good = token();
  const REFUSED = [
    ['none', [], MISSING],
    ['an empty one', [[HEADER, '']], MISSING],
    ['a sound token in Authorization', [['Authorization', `Bearer ${good}`]], MISSING],
    ['a scheme', [[HEADER, `Bearer ${good}`]], FORMAT],
    ['two of them', [[HEADER, good], [HEADER, good]], FORMAT],
    ['a second, empty one', [[HEADER, good], [HEADER, '']], FORMAT],
    ['a look-alike beside it', [[HEADER, good], ['cf_access_jwt_assertion', good]], FORMAT],
    ['a look-alike alone', [['CF_Access_JWT_Assertion', good]], FORMAT],
    ['characters outside b64token', [[HEADER, `${good}*`]], FORMAT],
    ['no JWS', [[HEADER, 'abc']], INVALID],
    ['a forged token', [[HEADER, mint(newKey('ES256'), claims(ISSUER))]], INVALID],
  ];
  for (const [name, headers, code] of REFUSED) {
    test(`${code}: ${name}`, async () => {
      assertRefused(await gate.request('/other', { headers }), code, { origin });
    });
    if (code !== MISSING) {
      test(`${code} where it is optional: ${name}`, async () => {
        assertRefused(await gate.request('/other-optional', { headers }), code, { origin });
      });
    }
  }
  for (const path of ['/other', '/other-optional']) {
    test(`${path}: a sound token in it is accepted each time, whatever Authorization says`, async () => {
      for (const authorization of ['Basic abc', `Bearer ${good}`, 'Bearer a b']) {
        for (let i = 0; i < 3; i += 1) {
          const headers = [['Authorization', authorization], ['CF-Access-JWT-Assertion', good]];
          const record = assertForwarded(await gate.request(path, { headers }), origin);
          assert.deepEqual(record.headers('x-auth-subject'), ['user-1']);
          assert.deepEqual(record.headers(HEADER), [good]);
        }
      }
    });
  }
  test('nobody is let in by the token of an earlier caller', async () => {
    const headers = [['Authorization', `Bearer ${good}`]];
    for (let i = 0; i < 3; i += 1) {
      assertForwarded(await gate.request('/other', { headers: [...headers, [HEADER, good]] }), origin);
      assertForwarded(await gate.request('/a', { headers }), origin);
      assertRefused(await gate.request('/other', { headers }), MISSING, { origin });
      assertIdentity(assertForwarded(await gate.request('/other-optional', { headers }), origin), {});
    }
  });
});

describe('a public route ignores the header', () => {
  const forged = mint(newKey('ES256'), claims(ISSUER));
  for (const [name, values] of [
    ['none', []],
    ['another scheme', ['Basic abc']],
    ['garbage', ['Bearer a b c']],
    ['a forged token', [`Bearer ${forged}`]],
    ['a sound token', [`Bearer ${token()}`]],
  ]) {
    test(`${name}: forwarded without identity, the header as it came`, async () => {
      const record = assertForwarded(await gate.request('/public', withAuthorization(...values)), origin);
      assertIdentity(record, {});
      assert.deepEqual(record.headers('authorization'), values);
    });
  }
});

test('a denied route is 403 with a sound token too', async () => {
  assertRefused(await gate.bearer(token(), '/denied'), 'gate.denied', { origin });
});
