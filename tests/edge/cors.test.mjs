// Pages of other origins: which answers they may use, and that preflights never reach the origin.

import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { after, beforeEach, describe, test } from 'node:test';

import { freePort } from '../../demo/ports.mjs';
import { assertForwarded, assertNothingForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { open } from './support/http.mjs';
import { answerWith, startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const APP = 'https://app.example.com';
const EVIL = 'https://evil-example.com';
const key = newKey('ES256');
const origin = await startOrigin();
const issuers = { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } };
const down = `http://127.0.0.1:${await freePort()}`;

const [gate, open_, none] = await startGates([
  {
    policy: {
      version: 1,
      origin: origin.url,
      issuers: { ...issuers, away: { issuer: 'https://away.test', jwks_uri: `${down}/jwks` } },
      cors: { origins: [APP, 'https://*.pages.test'], expose: ['x-total'], max_age: 60 },
      routes: [
        { path: '/open/{*rest}', access: 'public' },
        { path: '/api', methods: ['GET', 'POST'], audience: API, issuers: ['main'], scopes: ['read'] },
        { path: '/api', methods: ['DELETE'], audience: API, cors: false },
        { path: '/cookies', access: 'public', cors: { origins: [APP], credentials: true, headers: ['x-csrf'] } },
        { path: '/own', access: 'public', cors: false },
        { path: '/denied', access: 'deny' },
        { path: '/down', access: 'public', origin: down },
        { path: '/slow', access: 'public', timeout_ms: 100 },
        { path: '/unbound', access: 'public', origin: 'service:NOBODY' },
        { path: '/away', audience: API, issuers: ['away'] },
      ],
    },
  },
  {
    policy: {
      version: 1, origin: origin.url, cors: { origins: ['*'] }, routes: [{ path: '/open/{*rest}', access: 'public' }],
    },
  },
  { policy: { version: 1, origin: origin.url, routes: [{ path: '/{*rest}', access: 'public' }] } },
]);
beforeEach(() => origin.take());
after(async () => {
  await Promise.all([gate, open_, none].map((each) => each.close()));
  await origin.close();
});

const from = (page, ...more) => ({ headers: [['Origin', page], ...more] });
const preflight = (path, page, method, { on = gate, headers = [] } = {}) => on.request(path, {
  method: 'OPTIONS', headers: [['Origin', page], ['Access-Control-Request-Method', method], ...headers],
});

/** The CORS headers of an answer, each of which may be there once only. */
function sharing(answer) {
  const found = {};
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i].toLowerCase();
    if (!name.startsWith('access-control-')) continue;
    assert.ok(!(name in found), `${name} came twice`);
    found[name.slice('access-control-'.length)] = answer.rawHeaders[i + 1];
  }
  return found;
}

const vary = (answer) => (answer.header('vary') ?? '').split(/,\s*/).filter(Boolean).map((name) => name.toLowerCase()).sort();

describe('a preflight', () => {
  test('of an allowed page is answered at the edge, without a token', async () => {
    const answer = await preflight('/api', APP, 'POST', { headers: [['Access-Control-Request-Headers', 'authorization,x-y']] });
    assert.deepEqual([answer.status, answer.text], [204, '']);
    assert.deepEqual(sharing(answer), {
      'allow-origin': APP,
      'allow-methods': 'GET, HEAD, POST',
      'allow-headers': 'authorization, content-type',
      'max-age': '60',
    });
    assert.deepEqual(vary(answer), ['access-control-request-headers', 'access-control-request-method', 'origin']);
    assert.equal(answer.header('content-type'), null);
    assert.equal(answer.header('www-authenticate'), null);
    assertNothingForwarded(origin);
  });
  test('where cookies may be sent says so', async () => {
    const answer = await preflight('/cookies', APP, 'PUT');
    assert.deepEqual(sharing(answer), {
      'allow-origin': APP, 'allow-credentials': 'true', 'allow-methods': 'PUT', 'allow-headers': 'x-csrf', 'max-age': '600',
    });
    assertNothingForwarded(origin);
  });
  test('of a subdomain that a pattern covers', async () => {
    assert.equal(sharing(await preflight('/open/a', 'https://a.b.pages.test', 'GET'))['allow-origin'], 'https://a.b.pages.test');
    assertNothingForwarded(origin);
  });
  test('where every page may is the same for all', async () => {
    const answer = await preflight('/open/a', 'null', 'PATCH', { on: open_ });
    assert.deepEqual([answer.status, sharing(answer)['allow-origin']], [204, '*']);
    assert.deepEqual(vary(answer), ['access-control-request-headers', 'access-control-request-method']);
    assertNothingForwarded(origin);
  });
  for (const page of [EVIL, 'null', 'http://app.example.com', `${APP}:8443`, `${APP}.evil.com`, 'https://pages.test', `${APP}, ${APP}`, `${APP} `.repeat(2)]) {
    test(`of the page ${page} is refused, and the origin does not see it`, async () => {
      const answer = await preflight('/open/a', page, 'GET');
      assertRefused(answer, 'gate.preflight_denied', { origin });
      assert.deepEqual(sharing(answer), {});
      assert.deepEqual(vary(answer), ['origin']);
    });
  }
  test('with two Origin headers is refused', async () => {
    const answer = await preflight('/open/a', APP, 'GET', { headers: [['Origin', APP]] });
    assertRefused(answer, 'gate.preflight_denied', { origin });
    assert.deepEqual(sharing(answer), {});
  });
  for (const [what, path, page, method, code] of [
    ['of a method that no route takes', '/api', APP, 'PUT', 'gate.method_not_allowed'],
    ['where no route is', '/nowhere', APP, 'GET', 'gate.no_route'],
    ['of an ambiguous path', '/open/%2e%2e/api', APP, 'GET', 'gate.bad_path'],
  ]) {
    test(`${what} is a request like others`, async () => {
      const answer = await preflight(path, page, method);
      assertRefused(answer, code, { origin, allow: code === 'gate.method_not_allowed' ? ['DELETE', 'GET', 'HEAD', 'POST'] : undefined });
    });
  }
  test('where cors is off belongs to the origin', async () => {
    origin.on('/own', answerWith(204, [['Access-Control-Allow-Origin', 'https://its.own'], ['Access-Control-Allow-Methods', 'GET']]));
    const answer = await preflight('/own', APP, 'GET');
    assert.equal(assertForwarded(answer, origin, { status: 204 }).method, 'OPTIONS');
    assert.deepEqual(sharing(answer), { 'allow-origin': 'https://its.own', 'allow-methods': 'GET' });
    assert.deepEqual(vary(answer), []);
  });
  test('is a request like others where the policy has no cors', async () => {
    const answer = await preflight('/own', APP, 'GET', { on: none });
    const record = assertForwarded(answer, origin, { status: 204 });
    assert.equal(record.header('origin'), APP);
    assert.equal(record.header('access-control-request-method'), 'GET');
  });
  for (const [what, options] of [
    ['OPTIONS without Access-Control-Request-Method', { method: 'OPTIONS', ...from(APP) }],
    ['OPTIONS without Origin', { method: 'OPTIONS', headers: [['Access-Control-Request-Method', 'GET']] }],
    ['GET with the headers of one', { headers: [['Origin', APP], ['Access-Control-Request-Method', 'GET']] }],
  ]) {
    test(`${what} is none`, async () => {
      assertForwarded(await gate.request('/open/a', options), origin);
    });
  }
});

describe('an answer of the origin', () => {
  test('names the page that may use it, and what it may read', async () => {
    const answer = await gate.request('/open/a', from(APP));
    assert.equal(assertForwarded(answer, origin).header('origin'), APP);
    assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': 'x-total' });
    assert.deepEqual(vary(answer), ['origin']);
    assert.deepEqual(answer.json, { ok: true });
  });
  test('names no page that may not, and no page where none asked, and says that it varies', async () => {
    for (const options of [from(EVIL), from('null'), {}, from(APP, ['Origin', APP])]) {
      const answer = await gate.request('/open/a', options);
      assertForwarded(answer, origin);
      assert.deepEqual(sharing(answer), {});
      assert.deepEqual(vary(answer), ['origin']);
    }
  });
  test('keeps no CORS header of the origin, and its other headers', async () => {
    const own = [
      ['Access-Control-Allow-Origin', '*'], ['access-control-allow-origin', EVIL], ['Access-Control-Allow-Credentials', 'true'],
      ['Access-Control-Expose-Headers', '*'], ['Access-Control-Allow-Methods', 'PUT'], ['Access-Control-Allow-Private-Network', 'true'],
      ['Vary', 'Accept-Encoding'], ['Vary', 'Cookie'], ['X-Total', '7'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['Content-Type', 'text/x'],
    ];
    origin.on('/open/own', answerWith(418, own, 'tea'));
    const answer = await gate.request('/open/own', from(APP));
    assertForwarded(answer, origin, { status: 418 });
    assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': 'x-total' });
    assert.deepEqual(vary(answer), ['accept-encoding', 'cookie', 'origin']);
    assert.deepEqual(answer.headers('set-cookie'), ['a=1', 'b=2']);
    assert.deepEqual([answer.header('x-total'), answer.header('content-type'), answer.text], ['7', 'text/x', 'tea']);
    const other = await gate.request('/open/own', from(EVIL));
    assert.deepEqual(sharing(other), {}, 'what the origin says does not open what the gate does not');
  });
  test('varies by the page once', async () => {
    origin.on('/open/vary', answerWith(200, [['Vary', 'Accept, ORIGIN']]));
    assert.deepEqual(vary(await gate.request('/open/vary', from(APP))), ['accept', 'origin']);
  });
  test('of any kind goes on as it is', async () => {
    const zipped = gzipSync('x'.repeat(5000));
    origin.on('/open/zip', answerWith(200, [['Content-Encoding', 'gzip'], ['Content-Length', zipped.length]], zipped));
    const answer = await gate.request('/open/zip', from(APP, ['Accept-Encoding', 'gzip']));
    assert.deepEqual(answer.body, zipped);
    for (const [status, headers] of [[204, []], [304, [['ETag', '"x"']]], [301, [['Location', '/x']]]]) {
      origin.on('/open/kind', answerWith(status, headers));
      const kind = await gate.request('/open/kind', from(APP));
      assert.deepEqual([kind.status, sharing(kind)['allow-origin']], [status, APP]);
      for (const [name, value] of headers) assert.equal(kind.header(name.toLowerCase()), value);
    }
    const head = await gate.request('/open/a', { method: 'HEAD', ...from(APP) });
    assert.deepEqual([head.status, head.text, sharing(head)['allow-origin']], [200, '', APP]);
  });
  test('with a strange status or reason goes on as it does without cors; one that workerd lets nobody make has no headers for pages', async () => {
    const passed = ['599 Odd', '200 S\xe3o', '200 '];
    for (const line of [...passed, '200 \t.', '600 Six', '999 X']) {
      const reply = (request, response) => {
        response.socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`, 'latin1');
      };
      origin.on('/open/strange', reply);
      origin.on('/own', reply);
      const [shared, plain] = [await gate.request('/open/strange', from(APP)), await gate.request('/own', from(APP))];
      assert.equal(sharing(shared)['allow-origin'], passed.includes(line) ? APP : undefined, line);
      assert.deepEqual([shared.status, shared.reason, shared.text], [plain.status, plain.reason, plain.text], line);
    }
  });
  test('streams', async () => {
    let finish;
    origin.on('/open/events', (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      finish = () => response.end('data: 2\n\n');
    });
    const { status, stream } = await open(gate.port, '/open/events', from(APP));
    const [first] = await Promise.race([stream.take(1).toArray(), stream.toArray()]).then((chunks) => chunks);
    assert.deepEqual([status, first.toString()], [200, 'data: 1\n\n']);
    finish();
  });
  test('that is a socket is let through: browsers ask no leave for sockets', async () => {
    const headers = [
      ['Origin', EVIL], ['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ];
    const { status, socket } = await open(gate.port, '/open/socket', { headers });
    assert.equal(status, 101);
    socket.destroy();
  });
  test('where every page may is the same for all, and varies by nothing', async () => {
    for (const options of [from(EVIL), from('null'), {}]) {
      const answer = await open_.request('/open/a', options);
      assert.deepEqual([sharing(answer), vary(answer)], [{ 'allow-origin': '*' }, []]);
    }
  });
  test('keeps its CORS headers where the gate has none', async () => {
    origin.on('/own', answerWith(200, [['Access-Control-Allow-Origin', EVIL], ['Vary', 'Origin']]));
    for (const each of [gate, none]) {
      const answer = await each.request('/own', from(EVIL));
      assert.deepEqual([sharing(answer), vary(answer)], [{ 'allow-origin': EVIL }, ['origin']]);
    }
  });
});

describe('a refusal', () => {
  const exposed = 'x-total, www-authenticate, retry-after';
  const token = (members) => mint(key, claims(ISSUER, { scope: 'read', ...members }));
  const bearer = (value) => ['Authorization', `Bearer ${value}`];

  for (const [code, path, headers, options] of [
    ['auth.authorization_header_missing', '/api', [], {}],
    ['auth.invalid_token', '/api', [bearer('a.b.c')], {}],
    ['auth.token_expired', '/api', [bearer(token({ exp: 1 }))], {}],
    ['auth.insufficient_scope', '/api', [bearer(token({ scope: 'other' }))], { scope: 'read' }],
    ['gate.denied', '/denied', [], {}],
    ['gate.no_route', '/nowhere', [], {}],
    ['gate.bad_path', '/open//x', [], {}],
  ]) {
    test(`${code} can be read by the page`, async () => {
      const answer = await gate.request(path, from(APP, ...headers));
      assertRefused(answer, code, { origin, ...options });
      assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': exposed });
      assert.deepEqual(vary(answer), ['origin']);
      const other = await gate.request(path, from(EVIL, ...headers));
      assertRefused(other, code, { origin, ...options });
      assert.deepEqual([sharing(other), vary(other)], [{}, ['origin']]);
    });
  }
  test('gate.method_not_allowed can be read by the page', async () => {
    const answer = await gate.request('/api', { method: 'PUT', ...from(APP) });
    assertRefused(answer, 'gate.method_not_allowed', { origin, allow: ['DELETE', 'GET', 'HEAD', 'POST'] });
    assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': exposed });
  });
  test('gate.keys_unavailable can be read by the page, with Retry-After', async () => {
    const answer = await gate.request('/away', from(APP, bearer(mint(key, claims('https://away.test')))));
    assertRefused(answer, 'gate.keys_unavailable', { origin });
    assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': exposed });
  });
  for (const [code, path] of [['gate.origin_unreachable', '/down'], ['gate.origin_timeout', '/slow'], ['gate.misconfigured', '/unbound']]) {
    test(`${code} can be read by the page`, async () => {
      if (path === '/slow') origin.on(path, () => {});
      const answer = await gate.request(path, from(APP));
      assertRefused(answer, code);
      assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': 'x-total' });
      assert.deepEqual(vary(answer), ['origin']);
    });
  }
  test('where cors is off cannot', async () => {
    const answer = await gate.request('/api', { method: 'DELETE', ...from(APP) });
    assertRefused(answer, 'auth.authorization_header_missing', { origin });
    assert.deepEqual([sharing(answer), vary(answer)], [{}, []]);
  });
});

test('a good token passes with its page', async () => {
  const token = mint(key, claims(ISSUER, { scope: 'read' }));
  for (let round = 0; round < 2; round += 1) {
    const answer = await gate.bearer(token, '/api', from(APP));
    assert.equal(assertForwarded(answer, origin).header('x-auth-scopes'), 'read');
    assert.deepEqual(sharing(answer), { 'allow-origin': APP, 'expose-headers': 'x-total' });
  }
});
