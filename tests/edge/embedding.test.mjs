// `gate(app)`: the gate in front of a Worker's own routes, in one Worker. What an app receives is what an origin would.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { assertRefused } from './support/expect.mjs';
import { HOST, startGate } from './support/gate.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const ISSUER = 'https://issuer.test';
const API = 'https://api.test';
const key = newKey('ES256');
const token = (changes = {}) => mint(key, claims(ISSUER, { aud: API, ...changes }));
const bearer = (compact) => [['Authorization', `Bearer ${compact}`]];

const policy = (origin = 'passthrough') => ({
  version: 1,
  origin,
  issuers: { i: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
  // What the app receives comes back in its answers, which no token may be in.
  identity: { forward_token: false },
  cors: { origins: ['https://page.test'] },
  routes: [
    { path: '/products/{id}', methods: ['GET', 'POST'], audience: API, scopes: ['read'], timeout_ms: 400 },
    { path: '/api/{*rest}', audience: API, strip_prefix: '/api' },
    { path: '/free/{*rest}', access: 'public', cors: false },
    { path: '/socket', audience: API, cors: false },
  ],
});

/** A Worker that says what it received: in Base64, since no answer may hold what a token says. */
const PLAIN = `
import { gate } from './index.js';
const worker = {
  name: 'plain',
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/free/error') throw new Error('the app broke');
    if (pathname === '/free/late') context.waitUntil(env.JWKS.put('late', 'yes'));
    if (pathname === '/products/slow') await new Promise((done) => setTimeout(done, 2000));
    if (request.headers.get('upgrade') === 'websocket') {
      const [client, server] = Object.values(new WebSocketPair());
      server.accept();
      server.addEventListener('message', ({ data }) => server.send(data + '!'));
      return new Response(null, { status: 101, webSocket: client });
    }
    const body = request.body === null ? null : await request.text();
    const received = { name: this.name, method: request.method, url: request.url, headers: [...request.headers], body };
    return new Response(btoa(' ' + JSON.stringify(received)), { headers: { 'access-control-allow-origin': '*', connection: 'x-hop', 'x-hop': '1' } });
  },
  async scheduled(event, env) { await env.JWKS.put('scheduled', event.cron); },
  queue() {},
  private: 1,
};
const gated = gate(worker);
export default { ...gated, fetch: (request, env, context) => new URL(request.url).pathname === '/handlers'
  ? new Response(Object.keys(gated).join()) : gated.fetch(request, env, context) };
`;

const HONO = `
import { Hono } from 'hono';
import { gate } from './index.js';
const app = new Hono();
app.get('/products/:id', (c) => c.json({ id: c.req.param('id'), caller: c.req.header('x-auth-subject').toUpperCase(), scopes: c.req.header('x-auth-scopes').split(' ').length }));
app.post('/products/:id', async (c) => c.json({ got: await c.req.json() }, 201));
app.get('/free/stream', (c) => c.body(new ReadableStream({ start(it) { it.enqueue(new TextEncoder().encode('a')); it.close(); } })));
app.notFound((c) => c.json({ error: 'the app has no such route' }, 404));
export default gate(app);
`;

const received = ({ text }) => JSON.parse(atob(text));

async function bundled(contents) {
  const resolveDir = fileURLToPath(new URL('.', import.meta.url));
  const result = await build({ stdin: { contents, resolveDir }, bundle: true, format: 'esm', external: ['./index.js'], write: false });
  return result.outputFiles[0].text;
}

const plain = await startGate({ policy: policy(), entry: PLAIN });
const elsewhere = await startGate({ policy: policy('https://origin.test/base'), entry: PLAIN });
const hono = await startGate({ policy: policy(), entry: await bundled(HONO) });
after(async () => {
  for (const gate of [plain, elsewhere, hono]) await gate.close();
});

test('what is allowed goes to the app, with the identity, again and again', async () => {
  const compact = token({ scope: 'read' });
  for (let turn = 0; turn < 4; turn += 1) {
    const sent = [...bearer(compact), ['X-Auth-Subject', 'root'], ['x-own', String(turn)], ['Proxy-Connection', 'x']];
    const answer = await plain.request('/products/7?a=%20b', { headers: sent });
    assert.equal(answer.status, 200, answer.text);
    const { name, method, url, headers, body } = received(answer);
    assert.deepEqual([name, method, url, body], ['plain', 'GET', `http://${HOST}/products/7?a=%20b`, null]);
    const of = (wanted) => headers.filter(([header]) => header === wanted).map(([, value]) => value);
    assert.deepEqual(of('x-auth-subject'), ['user-1']);
    assert.deepEqual([of('x-auth-scopes'), of('x-own'), of('proxy-connection'), of('x-forwarded-host')], [['read'], [String(turn)], [], [HOST]]);
    assert.deepEqual(answer.headers('x-hop'), [], 'a hop-by-hop header of the app goes no further');
  }
});

test('what is refused does not reach it', async () => {
  assertRefused(await plain.request('/products/7'), 'auth.authorization_header_missing', { scope: 'read' });
  assertRefused(await plain.bearer(token(), '/products/7'), 'auth.insufficient_scope', { scope: 'read' });
  assertRefused(await plain.bearer(token({ aud: 'b', scope: 'read' }), '/products/7'), 'auth.invalid_audience', { scope: 'read' });
  assertRefused(await plain.request('/other'), 'gate.no_route');
  const raw = `GET /free/../products/7 HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  assertRefused(await plain.raw(raw), 'gate.bad_path');
});

test('bodies, prefixes and CORS are as with an origin', async () => {
  const posted = await plain.bearer(token({ scope: 'read' }), '/products/7', { method: 'POST', body: 'hello', headers: [['Origin', 'https://page.test']] });
  assert.deepEqual([received(posted).method, received(posted).body], ['POST', 'hello']);
  assert.deepEqual(posted.headers('access-control-allow-origin'), ['https://page.test']);
  const cut = await plain.bearer(token(), '/api/x%41/y');
  assert.equal(received(cut).url, `http://${HOST}/x%41/y`);
  // It replaces any origin.
  const other = await elsewhere.bearer(token(), '/api/x');
  assert.equal(received(other).url, 'https://origin.test/base/x');
});

test('an app that breaks or is late is an origin that does', async () => {
  assertRefused(await plain.request('/free/error'), 'gate.origin_unreachable');
  assert.ok(await plain.logged((line) => line.includes('the app broke')), 'its own error is in the log');
  assertRefused(await plain.bearer(token({ scope: 'read' }), '/products/slow'), 'gate.origin_timeout');
});

test('it has the environment, the context and its other handlers', async () => {
  await plain.request('/free/late');
  const kv = await plain.kv();
  for (let turn = 0; turn < 50 && (await kv.get('late')) === null; turn += 1) await new Promise((done) => setTimeout(done, 20));
  assert.equal(await kv.get('late'), 'yes');
  await plain.scheduled();
  assert.equal(await kv.get('scheduled'), '*/5 * * * *');
  assert.equal((await plain.request('/handlers')).text, 'fetch,scheduled,queue');
});

test('what is no app is refused when the Worker starts', async () => {
  for (const app of ['undefined', '{}', '{ fetch: 1 }', 'class { fetch() {} }']) {
    const entry = `import { gate } from './index.js';\nlet message = 'none';\ntry { gate(${app}); } catch (error) { message = error.message; }\nexport default { fetch: () => new Response(message) };`;
    const gate = await startGate({ policy: policy(), entry });
    assert.equal((await gate.request('/')).text, 'gate(app): the app has no fetch function', app);
    await gate.close();
  }
});

test('WebSockets', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${plain.port}/socket`, { headers: { authorization: `Bearer ${token()}`, host: HOST } });
  const answer = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => reject(new Error('no socket'));
  });
  assert.equal(answer, 'hello!');
  socket.close();
});

test('Hono', async () => {
  const found = await hono.bearer(token({ scope: 'read write' }), '/products/7');
  assert.deepEqual(found.json, { id: '7', caller: 'USER-1', scopes: 2 });
  const posted = await hono.bearer(token({ scope: 'read' }), '/products/7', { method: 'POST', body: '{"a":1}', headers: [['content-type', 'application/json']] });
  assert.deepEqual([posted.status, posted.json], [201, { got: { a: 1 } }]);
  assert.equal((await hono.request('/free/stream')).text, 'a');
  assert.deepEqual([(await hono.request('/free/none')).json.error], ['the app has no such route']);
  assertRefused(await hono.request('/products/7'), 'auth.authorization_header_missing', { scope: 'read' });
});
