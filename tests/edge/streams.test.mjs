// Bodies stream through the gate, both ways; WebSockets and server-sent events work behind the same checks.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { describe, test } from 'node:test';

import { assertIdentity, assertRefused } from './support/expect.mjs';
import { API, fixture } from './support/fixture.mjs';
import { open } from './support/http.mjs';

const CHUNK = 64 * 1024;
const CHUNKS = 1024; // 64 MiB: half of what an isolate may hold at all
const SIZE = CHUNK * CHUNKS;

const { gate, origin, token } = await fixture({
  policy: {
    routes: [
      { path: '/api/{*rest}', audience: API, scopes: ['read'] },
      { path: '/public/{*rest}', access: 'public' },
    ],
  },
});
const authorization = () => ['Authorization', `Bearer ${token({ scope: 'read' })}`];

function* chunks(count) {
  for (let index = 0; index < count; index += 1) yield Buffer.alloc(CHUNK, index % 251);
}

function digestOf(count) {
  const hash = createHash('sha256');
  for (const chunk of chunks(count)) hash.update(chunk);
  return hash.digest('hex');
}

async function measure(stream) {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    hash.update(chunk);
  }
  return { size, digest: hash.digest('hex') };
}

describe('bodies', { timeout: 60_000 }, () => {
  test('64 MiB up', async () => {
    const whole = Promise.withResolvers();
    const handler = async (request, response) => {
      whole.resolve(await measure(request));
      response.end('done');
    };
    handler.streaming = true;
    origin.on('/api/up', handler);
    const answer = await gate.request('/api/up', { method: 'POST', headers: [authorization()], body: Readable.from(chunks(CHUNKS)) });
    assert.equal(answer.text, 'done');
    assert.deepEqual(await whole.promise, { size: SIZE, digest: digestOf(CHUNKS) });
  });

  test('64 MiB down', async () => {
    origin.on('/api/down', (request, response) => {
      response.writeHead(200, { 'content-length': String(SIZE) });
      Readable.from(chunks(CHUNKS)).pipe(response);
    });
    const answer = await open(gate.port, '/api/down', { headers: [authorization()] });
    assert.equal(answer.header('content-length'), String(SIZE));
    assert.deepEqual(await measure(answer.stream), { size: SIZE, digest: digestOf(CHUNKS) });
  });

  test('the first bytes go up before the last are sent', async () => {
    const first = Promise.withResolvers();
    const handler = async (request, response) => {
      request.once('data', (chunk) => first.resolve(chunk.toString()));
      await once(request, 'end');
      response.end('done');
    };
    handler.streaming = true;
    origin.on('/api/slow-up', handler);
    const body = new PassThrough();
    const answer = gate.request('/api/slow-up', { method: 'PUT', headers: [authorization()], body });
    body.write('first');
    assert.equal(await first.promise, 'first');
    body.end('last');
    assert.equal((await answer).text, 'done');
  });

  test('the first bytes come down before the last are sent', async () => {
    let finish;
    origin.on('/api/slow-down', (request, response) => {
      response.writeHead(200);
      response.write('first');
      finish = () => response.end('last');
    });
    const answer = await open(gate.port, '/api/slow-down', { headers: [authorization()] });
    const [chunk] = await once(answer.stream, 'data');
    assert.equal(chunk.toString(), 'first');
    finish();
    const [rest] = await once(answer.stream, 'data');
    assert.equal(rest.toString(), 'last');
  });

  test('server-sent events arrive one by one', async () => {
    let events;
    origin.on('/api/events', (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.flushHeaders();
      events = response;
    });
    const answer = await open(gate.port, '/api/events', { headers: [authorization(), ['Accept', 'text/event-stream']] });
    assert.equal(answer.header('content-type'), 'text/event-stream');
    for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
      events.write(text);
      const [chunk] = await once(answer.stream, 'data');
      assert.equal(chunk.toString(), text);
    }
    events.end();
  });

  test('a response that the client leaves is left at the origin too', async () => {
    const left = Promise.withResolvers();
    origin.on('/api/endless', (request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('more'), 20);
      response.on('close', () => {
        clearInterval(timer);
        left.resolve();
      });
    });
    const answer = await open(gate.port, '/api/endless', { headers: [authorization()] });
    await once(answer.stream, 'data');
    answer.stream.destroy();
    await left.promise;
  });
});

describe('WebSocket upgrades', { timeout: 20_000 }, () => {
  const connect = (path, headers = {}) => new WebSocket(`ws://127.0.0.1:${gate.port}${path}`, { headers });
  const UPGRADE = [
    ['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ['Sec-WebSocket-Version', '13'], ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ];

  async function echo(socket) {
    await once(socket, 'open');
    for (const text of ['hello', 'again']) {
      socket.send(text);
      const [{ data }] = await once(socket, 'message');
      assert.equal(data, `echo: ${text}`);
    }
    socket.close();
    await once(socket, 'close');
  }

  test('with a token, and the identity goes along', async () => {
    const [, value] = authorization();
    await echo(connect('/api/socket?x=1', { authorization: value, 'x-auth-subject': 'evil' }));
    const [record] = origin.take();
    assert.equal(record.url, '/api/socket?x=1');
    assert.equal(record.header('x-auth-subject'), 'user-1');
    assert.equal(record.header('upgrade'), 'websocket');
  });

  test('on a public route', async () => {
    await echo(connect('/public/socket', { 'x-auth-subject': 'evil' }));
    assertIdentity(origin.take()[0], {});
  });

  for (const [name, headers, code, more] of [
    ['without a token', [], 'auth.authorization_header_missing'],
    ['with garbage', [['Authorization', 'Bearer abc']], 'auth.invalid_token'],
    ['without the scope', [['Authorization', `Bearer ${token()}`]], 'auth.insufficient_scope', { scope: 'read' }],
  ]) {
    test(`${name} is refused before the origin hears of it`, async () => {
      const answer = await gate.request('/api/socket', { headers: [...UPGRADE, ...headers] });
      assertRefused(answer, code, { origin, ...more });
    });
  }
});
