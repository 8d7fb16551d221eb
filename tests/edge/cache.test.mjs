// Cloudflare's cache knows no callers: what it may answer in an origin's stead, and what keeps it from it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { WebSocket } from 'ws';

import { API, fixture } from './support/fixture.mjs';
import { HOST } from './support/gate.mjs';

/** Tells what a service is asked, and that a caller could have a cache for it. */
const ECHO = `export default { fetch: ({ cf, headers, method }) => Response.json({
  method, cf: cf ?? null, headers: ['cache-control', 'pragma'].filter((name) => headers.has(name)),
}) };`;

const { gate, origin, token } = await fixture({
  policy: (origin) => ({
    routes: [
      { path: '/token/{*rest}', audience: API },
      { path: '/optional/{*rest}', audience: API, access: 'optional' },
      { path: '/public/{*rest}', access: 'public' },
      { path: '/public-own/{*rest}', access: 'public', cache: false },
      { path: '/token-cached/{*rest}', audience: API, cache: true },
      { path: '/through/{*rest}', audience: API, origin: 'passthrough', hosts: [origin.host.split(':')[0]] },
      { path: '/through-all/{*rest}', access: 'public', origin: 'passthrough', hosts: [origin.host.split(':')[0]] },
      // Two rules for what is one URL to the origin.
      { path: '/open/{*rest}', access: 'public', strip_prefix: '/open' },
      { path: '/closed/{*rest}', audience: API, strip_prefix: '/closed' },
      { path: '/service', audience: API, origin: 'service:ECHO' },
    ],
  }),
  outbound: 'cache',
  services: { ECHO: 'echo' },
  others: { cache: readFileSync(new URL('support/shared-cache.js', import.meta.url), 'utf8'), echo: ECHO },
});
const { host } = origin;

/** The origin names the caller, and lets caches keep that for a minute. */
function personal(path) {
  origin.on(path, (request, response) => {
    const body = request.headers['x-auth-subject'] ?? 'nobody';
    response.writeHead(200, { 'cache-control': 'public, max-age=60', 'content-type': 'text/plain' }).end(body);
  });
  return path;
}

async function ask(path, sub, { headers = [], ...options } = {}) {
  const credentials = sub ? [['Authorization', `Bearer ${token({ sub })}`]] : [];
  const answer = await gate.request(path, { headers: [...headers, ...credentials], ...options });
  assert.equal(answer.status, 200, answer.text);
  return [answer.text, answer.header('x-cache')];
}

describe('no caller gets what another was told', () => {
  for (const [kind, base, options] of [
    ['a token route', '/token', {}], ['an optional route', '/optional', {}], ['passthrough', '/through', { host }],
  ]) {
    test(kind, async () => {
      const path = personal(`${base}/me`);
      for (const sub of ['alice', 'bob', 'alice']) assert.deepEqual(await ask(path, sub, options), [sub, 'bypass']);
      assert.equal(origin.take().length, 3);
    });
  }
  test('nor who has no token, on an optional route', async () => {
    const path = personal('/optional/mine');
    for (const sub of ['alice', undefined]) assert.deepEqual(await ask(path, sub), [sub ?? 'nobody', 'bypass']);
  });
  test('nor what a public route with the same origin left in the cache, or the other way round', async () => {
    const path = personal('/x');
    assert.deepEqual(await ask(`/open${path}`), ['nobody', 'miss']);
    assert.deepEqual(await ask(`/closed${path}`, 'alice'), ['alice', 'bypass']);
    assert.deepEqual(await ask(`/open${path}`), ['nobody', 'hit']);
    const other = personal('/y');
    assert.deepEqual(await ask(`/closed${other}`, 'alice'), ['alice', 'bypass']);
    assert.deepEqual(await ask(`/open${other}`), ['nobody', 'miss'], 'what a caller was told is not kept');
  });
  test('a public route that says so', async () => {
    const path = personal('/public-own/x');
    for (let i = 0; i < 2; i += 1) assert.deepEqual(await ask(path), ['nobody', 'bypass']);
  });
});

describe('where the policy lets it, the cache answers', () => {
  for (const [kind, base, sub, options] of [
    ['a public route', '/public', undefined, {}], ['a public passthrough', '/through-all', undefined, { host }],
    ['a token route that says so', '/token-cached', 'alice', {}],
  ]) {
    test(kind, async () => {
      const path = personal(`${base}/x`);
      assert.deepEqual(await ask(path, sub, options), [sub ?? 'nobody', 'miss']);
      const second = sub && 'bob';
      assert.deepEqual(await ask(path, second, options), [sub ?? 'nobody', 'hit']);
      assert.equal(origin.take().length, 1);
    });
  }
});

describe('what the origin sees of it', () => {
  const seen = async (path, options) => {
    await ask(path, 'alice', options);
    const [record] = origin.take();
    return [record.method, record.header('cache-control'), record.header('pragma'), record.body.toString()];
  };
  test('two headers, whatever the method', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      assert.deepEqual(await seen('/token/a', { method }), [method, 'no-cache', 'no-cache', '']);
    }
  });
  test('a GET or a POST with a body is no exception', async () => {
    for (const method of ['GET', 'POST']) {
      assert.deepEqual(await seen('/token/a', { method, body: 'what for' }), [method, 'no-cache', 'no-cache', 'what for']);
    }
  });
  test('a caller\'s own are kept', async () => {
    const own = [['Cache-Control', 'max-age=0'], ['Pragma', 'own']];
    assert.deepEqual(await seen('/token/a', { headers: own }), ['GET', 'max-age=0', 'own', '']);
    assert.deepEqual(await seen('/token/a', { headers: own.slice(0, 1) }), ['GET', 'max-age=0', 'no-cache', '']);
  });
  test('nothing where a cache may answer', async () => {
    assert.deepEqual(await seen('/public/a'), ['GET', null, null, '']);
    assert.deepEqual(await seen('/token-cached/a', { method: 'GET', body: 'what for' }), ['GET', null, null, 'what for']);
  });
  test('a WebSocket opens all the same', { timeout: 20_000 }, async () => {
    for (const [path, expected] of [['/token/socket', 'no-cache'], ['/public/socket', null]]) {
      const headers = { Host: HOST, Authorization: `Bearer ${token()}` };
      const socket = new WebSocket(`ws://127.0.0.1:${gate.port}${path}`, { headers });
      await once(socket, 'open');
      socket.send('hello');
      assert.equal(String((await once(socket, 'message'))[0]), 'hello');
      socket.terminate();
      const [record] = origin.take();
      assert.deepEqual([record.header('cache-control'), record.header('pragma')], [expected, expected]);
    }
  });
  test('a service is asked as before', async () => {
    for (const options of [{}, { body: 'what for' }, { method: 'POST' }]) {
      const [text] = await ask('/service', 'alice', options);
      const { cf, headers } = JSON.parse(text);
      assert.deepEqual(headers, []);
      assert.deepEqual(Object.keys(cf ?? {}).filter((name) => name.startsWith('cache')), []);
    }
  });
});
