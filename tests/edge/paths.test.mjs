// A path that another server could read differently is refused, whatever route it seems to hit. The request line is
// sent as raw bytes: an HTTP client or a URL parser would tidy up what is to be tested.

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { assertForwarded, assertNothingForwarded, assertRefused } from './support/expect.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';

const origin = await startOrigin();
const gate = await startGate({
  policy: {
    version: 1,
    origin: origin.url,
    routes: [
      { path: '/', access: 'public' },
      { path: '/public/{*rest}', access: 'public' },
      { path: '/admin/{*rest}', access: 'deny' },
      { path: '/kept/{name}', access: 'public', encoded_slashes: 'keep' },
      { path: '/kept/{name}/-/{*file}', access: 'public', encoded_slashes: 'keep', strip_prefix: '/kept' },
      { path: '/kept/admin/{*rest}', access: 'deny' },
    ],
  },
});
beforeEach(() => origin.take());
after(async () => {
  await gate.close();
  await origin.close();
});

const BAD = {
  'an empty segment': ['//', '//public/a', '/public//a', '/public/a//', '/public///'],
  'a segment . or ..': [
    '/.', '/..', '/./', '/../', '/public/.', '/public/..', '/public/./a', '/public/../admin/x', '/public/a/../../admin/x', '/../public/a',
  ],
  'a segment . or .. spelled with escapes': [
    '/public/%2e%2e/admin/x', '/public/%2E%2E/a', '/public/.%2e/a', '/public/%2e./a', '/public/%2e/a', '/%2e', '/public/a/%2e%2e',
  ],
  'an encoded dot anywhere': ['/public/a%2eb', '/public/a%2Ejson'],
  'a backslash': ['/public\\a', '/public/..\\admin', '/\\public/a', '/public/a\\'],
  'an encoded backslash': ['/public/a%5cb', '/public/a%5Cb'],
  'an encoded slash': ['/public/a%2fb', '/public/a%2Fb', '/public/%2F', '/public%2fa'],
  'an encoded percent sign': ['/public/a%25b', '/public/%252e%252e/a', '/public/%2525'],
  'an encoded semicolon': ['/public/a%3bb', '/public/a%3Bb'],
  'a raw semicolon': ['/public/a;b', '/public/;', '/public;x=1/a', '/public/..;/admin/x'],
  'NUL': ['/public/%00', '/public/a%00.json'],
  'an encoded control character': ['/public/%01', '/public/%09', '/public/%0a', '/public/%0D', '/public/%1f', '/public/%7f', '/public/%C2%85'],
  'invalid percent-encoding': ['/public/%', '/public/a%', '/public/%4', '/public/%zz', '/public/%4g', '/public/%g4', '/public/%/a', '/public/%u0041'],
  'invalid UTF-8 once decoded': [
    '/public/%ff', '/public/%80', '/public/%c3', '/public/%c3%28', '/public/%c0%af', '/public/%e0%80%af', '/public/%ed%a0%80', '/public/%f5%80%80%80',
  ],
};

const GOOD = [
  '/public/...', '/public/..a', '/public/a..', '/public/.well-known/x', '/public/a.b', '/public/.a',
  '/public/%20', '/public/%3A', '/public/%3F', '/public/%23', '/public/%40', '/public/%7E', '/public/%E2%82%AC', '/public/%2B', '/public/+',
  "/public/!$&'()*+,=:@-._~", '/public/a|b', '/public/a[1]',
];

for (const [rule, paths] of Object.entries(BAD)) {
  describe(`400: ${rule}`, () => {
    for (const path of paths) {
      test(path, async () => {
        assertRefused(await gate.request(path), 'gate.bad_path', { origin });
      });
    }
  });
}

describe('an encoded slash where a route keeps it', () => {
  for (const path of ['/kept/@scope%2fpkg', '/kept/%40scope%2Fpkg?x=%2F', '/kept/a%2Fb%2Fc/']) {
    test(`${path} is forwarded as it came`, async () => {
      const { url } = assertForwarded(await gate.request(path), origin);
      assert.equal(url, path);
    });
  }
  test('is left alone behind a prefix that is removed', async () => {
    const { url } = assertForwarded(await gate.request('/kept/@scope%2Fpkg/-/a%2Fb.tgz'), origin);
    assert.equal(url, '/@scope%2Fpkg/-/a%2Fb.tgz');
  });
  for (const path of ['/kept/%2Fa', '/kept/a%2F', '/kept/a%2F..%2Fb', '/kept/a%2F%2e%2e', '/kept/admin%2Fx', '/kept/ADMIN%2Fx', '/kept/a%2F-%2Fb', '/kept%2Fa']) {
    test(`${path} is refused: a server that decodes it first reads another path`, async () => {
      assertRefused(await gate.request(path), 'gate.bad_path', { origin });
    });
  }
});

describe('400 comes before everything else', () => {
  for (const [name, path, options] of [
    ['no route', '/nowhere//x', {}],
    ['a route that denies', '/admin//x', {}],
    ['a method that no route takes', '/public//x', { method: 'DELETE' }],
    ['a bad token', '/public//x', { headers: [['Authorization', 'Bearer a'], ['Authorization', 'Bearer b']] }],
    ['a query', '/public//x?a=1', {}],
  ]) {
    test(name, async () => {
      assertRefused(await gate.request(path, options), 'gate.bad_path', { origin });
    });
  }
  test('HEAD', async () => {
    assertRefused(await gate.request('/public//x', { method: 'HEAD' }), 'gate.bad_path', { origin, head: true });
  });
});

describe('what only looks odd passes, and is forwarded as it came', () => {
  for (const path of GOOD) {
    test(path, async () => {
      assert.equal(assertForwarded(await gate.request(path), origin).url, path);
    });
  }
  for (const query of ['?a=../..', '?a=//b', '?a;b', '?%2e%2e', '?a\\b', '?%', '?a=%ff', '?a=%00', '?x=/a/../b']) {
    test(`the query is no path: ${query}`, async () => {
      assert.equal(assertForwarded(await gate.request(`/public/a${query}`), origin).url, `/public/a${query}`);
    });
  }
});

describe('raw non-ASCII bytes', () => {
  test('UTF-8 in the request line passes', async () => {
    const path = Buffer.from('/public/é').toString('latin1');
    assert.equal(assertForwarded(await gate.request(path), origin).url, '/public/%C3%A9');
  });
});

describe('request targets that are no path', () => {
  test('OPTIONS * reaches nothing', async () => {
    const answer = await gate.raw('OPTIONS * HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n');
    assert.ok(answer.status === 400 || answer.status === 404, answer.head);
    assertNothingForwarded(origin);
  });
  test('the absolute form is its path', async () => {
    const answer = await gate.raw('GET http://gate.test/public/a HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n');
    assert.equal(answer.status, 200);
    assert.equal(origin.take()[0]?.url, '/public/a');
  });
  test('a bad path in the absolute form is a bad path', async () => {
    const answer = await gate.raw('GET http://gate.test/public/../admin/x HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n');
    assert.equal(answer.status, 400);
    assert.match(answer.text, /"gate\.bad_path"/);
    assertNothingForwarded(origin);
  });
});

test('a route that denies is 403 without a challenge', async () => {
  assertRefused(await gate.request('/admin/x', { headers: [['Authorization', 'Bearer abc']] }), 'gate.denied', { origin });
});
