// What operators see, by the runtime's own parts: its Analytics Engine binding, and the spans that a tail Worker receives.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, test } from 'node:test';

import { until } from '../support/gate.mjs';
import { startOrigin } from '../support/origin.mjs';
import { startPlainGate } from '../support/plain.mjs';
import { claims, mint, newKey } from '../support/tokens.mjs';

const ISSUER = 'https://issuer.test';
const API = 'https://api.test';
const key = newKey('ES256');
const origin = await startOrigin();
const points = [];
const engine = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  points.push(JSON.parse(Buffer.concat(chunks)));
  response.end();
});
engine.listen(0, '127.0.0.1');
await once(engine, 'listening');
after(async () => {
  engine.closeAllConnections();
  engine.close();
  await origin.close();
});

const policy = (log) => ({
  version: 1,
  origin: origin.url,
  issuers: { i: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
  log,
  routes: [
    { path: '/orders/{id}', name: 'orders', audience: API },
    { path: '/tried', audience: API, scopes: ['no'], enforce: false },
  ],
});

const get = (path, token) => `GET ${path} HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}\r\n`;
const text = (bytes) => Buffer.from(bytes).toString();

test('the runtime\'s own Analytics Engine takes the data points', async () => {
  const gate = await startPlainGate({ policy: policy({ decisions: 'none', analytics: 'DECISIONS' }), analytics: { DECISIONS: engine.address().port } });
  const token = mint(key, claims(ISSUER, { aud: API, client_id: 'web' }));
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await gate.raw(get('/orders/7', token))).status, 200);
  assert.equal((await gate.raw(get('/orders/7'))).status, 401);
  assert.equal((await gate.raw(get('/tried', token))).status, 200);
  assert.ok(await until(() => points.length >= 5));
  const read = points.map((point) => [text(point.index1), ...[1, 2, 3, 4, 5, 6, 7].map((i) => text(point[`blob${i}`])), point.double1, point.double2]);
  assert.deepEqual(read, [
    ...Array(3).fill(['orders', 'GET', 'allowed', '', 'i', 'web', 'gate.test', 'enforced', 200, 1]),
    ['orders', 'GET', 'auth.authorization_header_missing', 'authorization_header_missing', '', '', 'gate.test', 'enforced', 401, 1],
    ['/tried', 'GET', 'auth.insufficient_scope', 'insufficient_scope', 'i', 'web', 'gate.test', 'shadow', 403, 1],
  ]);
  await gate.close();
});

const TAIL = `export default { tailStream() {
  return ({ event }) => {
    if (event.type === 'spanOpen') console.log('SPAN ' + event.name);
    if (event.type === 'spanUpdate') console.log('NAMED ' + event.info.name);
    if (event.type === 'attributes') for (const { name, value } of event.info) if (name.startsWith('portcullis')) console.log('HAS ' + name + ' ' + value);
    if (event.type === 'outcome') console.log('END');
  };
} };`;

/** What the tail received of each request. */
async function spans(gate, requests) {
  for (const request of requests) await gate.raw(request);
  const ends = () => gate.log().split('\n').filter((line) => line === 'END').length;
  assert.ok(await until(() => ends() >= requests.length));
  const lines = gate.log().split('\n').filter((line) => /^(SPAN decision|NAMED |HAS |END)/.test(line));
  return lines.join('\n').split('END').map((part) => part.trim().split('\n')).slice(0, requests.length);
}

test('each decision is a span with the name of its route, if the policy says so', async () => {
  const gate = await startPlainGate({ policy: policy({ decisions: 'none', traces: true }), tail: TAIL });
  const token = mint(key, claims(ISSUER, { aud: API }));
  const seen = await spans(gate, [get('/orders/7', token), get('/orders/7', token), get('/orders/8', token), get('/orders/7'), get('/nowhere'), get('/tried', token)]);
  const span = (name, status, code, enforced = true) => [
    'SPAN decision', `NAMED ${name}`, `HAS portcullis.status ${status}`, `HAS portcullis.code ${code}`, `HAS portcullis.enforced ${enforced}`,
  ];
  assert.deepEqual(seen, [
    ...Array(3).fill(span('orders', 200, 'allowed')),
    span('orders', 401, 'auth.authorization_header_missing'),
    span('no route', 404, 'gate.no_route'),
    span('/tried', 403, 'auth.insufficient_scope', false),
  ]);
  await gate.close();
});

test('by default the gate makes no span', async () => {
  const gate = await startPlainGate({ policy: policy({ decisions: 'all' }), tail: TAIL });
  const token = mint(key, claims(ISSUER, { aud: API, client_id: 'web' }));
  assert.deepEqual(await spans(gate, [get('/orders/7', token), get('/nowhere')]), [[''], ['']]);
  await gate.close();
});
