// Real pages in a real browser: what a page of an allowed origin can read through the gate, and that others cannot.
// Preflights are seen in the browser and never at the origin.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';

import { freePort } from '../../demo/ports.mjs';
import { assertIdentity } from '../edge/support/expect.mjs';
import { API, ISSUER } from '../edge/support/fixture.mjs';
import { startGate } from '../edge/support/gate.mjs';
import { answerWith, startOrigin } from '../edge/support/origin.mjs';
import { claims, mint, newKey, now } from '../edge/support/tokens.mjs';
import { startBrowser } from './browser.mjs';

const key = newKey('ES256');
const token = (changes) => mint(key, claims(ISSUER, { scope: 'read', ...changes }));
const origin = await startOrigin();
const pages = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>a page</title>');
});
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
const pageAt = (host) => `http://${host}:${pages.address().port}`;
const APP = pageAt('app.shop.test');
const FOREIGN = pageAt('app.shop.test.evil.test');

const gate = await startGate({
  policy: {
    version: 1,
    origin: origin.url,
    issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
    cors: { origins: [APP, pageAt('*.preview.shop.test')], headers: ['authorization', 'content-type', 'x-own'], expose: ['x-total'] },
    routes: [
      { path: '/orders', methods: ['GET', 'PUT'], audience: API, scopes: ['read'] },
      { path: '/orders', methods: ['DELETE'], audience: API, cors: false },
      { path: '/open', access: 'public' },
      { path: '/cookies', access: 'public', cors: { origins: [APP], credentials: true } },
      { path: '/down', access: 'public', origin: `http://127.0.0.1:${await freePort()}` },
      { path: '/events', audience: API },
      { path: '/socket/open', access: 'public' },
      { path: '/socket', audience: API },
    ],
  },
});
const at = (path) => `http://api.shop.test:${gate.port}${path}`;
const bearer = (changes) => ({ authorization: `Bearer ${token(changes)}` });

let browser;
before(async () => {
  browser = await startBrowser();
});
beforeEach(() => {
  origin.take();
  for (const path of ['/orders', '/open', '/cookies']) {
    origin.on(path, answerWith(200, [['content-type', 'application/json'], ['x-total', '7'], ['x-hidden', '1']], '{"mine":true}'));
  }
});
after(async () => {
  await browser?.close();
  await gate.close();
  await origin.close();
  pages.close();
});

/** In the page: what `fetch` lets it see. */
async function visible(url, options) {
  try {
    const response = await fetch(url, options);
    const headers = Object.fromEntries(['x-total', 'x-hidden', 'www-authenticate', 'retry-after'].map((name) => [name, response.headers.get(name)]));
    return { status: response.status, type: response.type, headers, body: await response.json() };
  } catch (error) {
    return error.name;
  }
}

/** A page, what it can see of one request, and what the origin received. */
async function seen(from, path, options = {}) {
  const page = await browser.page(from);
  const result = await page.run(visible, at(path), options);
  return { page, result, preflights: page.preflights.length, received: origin.take() };
}

const methods = (records) => records.map(({ method }) => method);

describe('a page of an allowed origin', { timeout: 60_000 }, () => {
  for (const [name, from] of [['named', APP], ['by a pattern', pageAt('pr-7.preview.shop.test')]]) {
    test(`${name}: reads the answer and the exposed header, and no other`, async () => {
      const { result, preflights, received } = await seen(from, '/orders', { headers: { ...bearer(), 'x-own': '1' } });
      assert.deepEqual([result.status, result.type, result.body], [200, 'cors', { mine: true }]);
      assert.deepEqual([result.headers['x-total'], result.headers['x-hidden']], ['7', null]);
      assert.equal(preflights, 1);
      assert.deepEqual(methods(received), ['GET']);
      assert.deepEqual([received[0].header('origin'), received[0].header('x-own')], [from, '1']);
      assertIdentity(received[0], { 'subject': 'user-1', 'client-id': 'client-1', 'scopes': 'read', 'audience': API, 'issuer': ISSUER });
    });
  }
  test('a method with a body', async () => {
    const options = { method: 'PUT', body: '{"a":1}', headers: { ...bearer(), 'content-type': 'application/json' } };
    const { result, preflights, received } = await seen(APP, '/orders', options);
    assert.deepEqual([result.status, preflights, methods(received)], [200, 1, ['PUT']]);
    assert.equal(received[0].body.toString(), '{"a":1}');
  });
  test('the browser keeps the answer to a preflight', async () => {
    const { page, preflights } = await seen(APP, '/orders', { headers: bearer() });
    assert.equal(preflights, 1);
    assert.equal((await page.run(visible, at('/orders'), { headers: bearer() })).status, 200);
    assert.equal(page.preflights.length, 1);
    assert.deepEqual(methods(origin.take()), ['GET']);
  });
  for (const [name, headers, status, code, challenge] of [
    ['no token', { 'x-own': '1' }, 401, 'auth.authorization_header_missing', /^Bearer realm="api\.shop\.test"$/],
    ['an expired token', bearer({ exp: now() - 60 }), 401, 'auth.token_expired', /error="invalid_token"/],
    ['a scope that is missing', bearer({ scope: 'other' }), 403, 'auth.insufficient_scope', /scope="read"/],
  ]) {
    test(`${name}: reads the refusal's status, JSON and challenge`, async () => {
      const { result, received } = await seen(APP, '/orders', { headers });
      assert.deepEqual([result.status, result.body.code], [status, code]);
      assert.match(result.headers['www-authenticate'], challenge);
      assert.deepEqual(received, []);
    });
  }
  test('reads that there is no route, and that the origin is down', async () => {
    for (const [path, status, code] of [['/nowhere', 404, 'gate.no_route'], ['/down', 502, 'gate.origin_unreachable']]) {
      const { result } = await seen(APP, path);
      assert.deepEqual([result.status, result.body.code], [status, code]);
    }
  });
  test('reads events with its token, one by one', async () => {
    origin.on('/events', (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      // The second is not sent before the page has read the first.
      origin.on('/open', (next, answer) => {
        answer.end();
        response.end('data: 2\n\n');
      });
    });
    const page = await browser.page(APP);
    const chunks = await page.run(async (url, headers, next) => {
      const { body } = await fetch(url, { headers });
      const read = [];
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        read.push(chunk);
        if (read.length === 1) await fetch(next);
      }
      return read;
    }, at('/events'), bearer(), at('/open'));
    assert.deepEqual(chunks, ['data: 1\n\n', 'data: 2\n\n']);
  });
});

describe('what a page may not', { timeout: 60_000 }, () => {
  for (const [name, from, path, options] of [
    ['a foreign page with a token', FOREIGN, '/orders', { headers: bearer() }],
    ['a foreign page, a body that needs leave', FOREIGN, '/open', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }],
    ['a header that is not in the list', APP, '/orders', { headers: { ...bearer(), 'x-other': '1' } }],
    ['a method whose route has no cors', APP, '/orders', { method: 'DELETE', headers: bearer() }],
    ['a method that no route takes', APP, '/orders', { method: 'PATCH', headers: bearer() }],
  ]) {
    test(`${name}: stopped before the request is sent`, async () => {
      const { result, preflights, received } = await seen(from, path, options);
      assert.equal(result, 'TypeError');
      assert.equal(preflights, 1);
      assert.deepEqual(methods(received), []);
    });
  }
  test('a foreign page can send what a form can, and not read the answer', async () => {
    const { result, preflights, received } = await seen(FOREIGN, '/open');
    assert.deepEqual([result, preflights, methods(received)], ['TypeError', 0, ['GET']]);
  });
  test('a foreign page cannot read a refusal', async () => {
    assert.equal((await seen(FOREIGN, '/orders')).result, 'TypeError');
  });
});

describe('cookies', { timeout: 60_000 }, () => {
  const include = { credentials: 'include' };
  /** Lets the API set a cookie in the page's browser. */
  async function pageWithCookie(from) {
    origin.on('/cookies', answerWith(200, [['content-type', 'application/json'], ['set-cookie', 'session=s1; Path=/']], '{"mine":true}'));
    const page = await browser.page(from);
    const first = await page.run(visible, at('/cookies'), include);
    return { page, first };
  }
  test('an allowed page sends them where the policy says so, and reads the answer', async () => {
    const { page, first } = await pageWithCookie(APP);
    assert.equal(first.status, 200);
    origin.take();
    assert.deepEqual((await page.run(visible, at('/cookies'), include)).body, { mine: true });
    assert.equal(origin.take()[0].header('cookie'), 'session=s1');
  });
  test('not elsewhere: an answer that does not allow them is kept from the page', async () => {
    const { page } = await pageWithCookie(APP);
    assert.equal(await page.run(visible, at('/open'), include), 'TypeError');
  });
  test('a foreign page reads nothing with them', async () => {
    const { first } = await pageWithCookie(FOREIGN);
    assert.equal(first, 'TypeError');
  });
});

test('a WebSocket of a page has no token: it opens on a public route alone', { timeout: 30_000 }, async () => {
  const page = await browser.page(APP);
  const talk = (url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => resolve('refused');
  });
  const socketAt = (path) => at(path).replace('http:', 'ws:');
  assert.equal(await page.run(talk, socketAt('/socket/open')), 'hello');
  assert.deepEqual(origin.take().map(({ url }) => url), ['/socket/open']);
  assert.equal(await page.run(talk, socketAt('/socket')), 'refused');
  assert.deepEqual(origin.take(), []);
});
