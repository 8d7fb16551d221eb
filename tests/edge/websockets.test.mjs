// WebSockets through the gate: the handshake is a request like any other, and what follows passes untouched, both ways.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { WebSocket } from 'ws';

import { assertIdentity, assertRefused } from './support/expect.mjs';
import { ISSUER } from './support/fixture.mjs';
import { upstreams } from './support/upstreams.mjs';
import { now } from './support/tokens.mjs';

const { gate, origin, token, ways } = await upstreams({ route: { timeout_ms: 1000 }, issuer: { leeway: 0 } });
const bearer = (changes) => ({ Authorization: `Bearer ${token(changes)}` });

function client(path, { protocols = [], headers = bearer(), ...options } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${gate.port}${path}`, protocols, { headers, ...options });
  socket.on('error', () => {});
  return socket;
}

/** Both ends of a WebSocket, once it is open. */
async function connected(...args) {
  const socket = client(...args);
  const [[peer]] = await Promise.all([once(origin.webSockets, 'connection'), once(socket, 'open')]);
  return { socket, peer };
}

/** What a client that asks for a WebSocket gets instead of one. */
async function refusedBy(path, options) {
  const [, response] = await once(client(path, options), 'unexpected-response');
  const chunks = await response.toArray();
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/** Code and reason of a close. */
async function closed(socket) {
  const [code, reason] = await once(socket, 'close');
  return [code, reason.toString()];
}

for (const { name, base, host } of ways) {
  const options = (more, changes) => ({ ...more, headers: { ...bearer(changes), Host: host, ...more?.headers } });

  describe(`WebSockets, ${name}`, { timeout: 20_000 }, () => {
    test('the handshake tells the origin who calls', async () => {
      const forged = { 'X-Auth-Subject': 'evil', 'X_Auth_Scopes': 'admin', 'Origin': 'https://app.example.com' };
      const { socket } = await connected(`${base}/socket?x=1`, options({ headers: forged }, { scope: 'read' }));
      socket.terminate();
      const [record] = origin.take();
      assert.equal(record.url, `${base}/socket?x=1`);
      assert.equal(record.header('upgrade'), 'websocket');
      assert.equal(record.header('origin'), 'https://app.example.com');
      assert.equal(record.header('x-forwarded-host'), host);
      assertIdentity(record, {
        'subject': 'user-1', 'client-id': 'client-1', 'audience': 'https://api.yourapp.com', 'issuer': ISSUER, 'scopes': 'read',
      });
    });

    test('the origin chooses among the subprotocols', async () => {
      const { socket, peer } = await connected(`${base}/socket`, options({ protocols: ['chat.v1', 'chat.v2'] }));
      assert.equal(origin.take()[0].header('sec-websocket-protocol'), 'chat.v1,chat.v2');
      assert.deepEqual([socket.protocol, peer.protocol], ['chat.v2', 'chat.v2']);
      socket.terminate();
    });

    test('messages of each kind and size come back as they were, in order', async () => {
      const { socket } = await connected(`${base}/socket`, options());
      const messages = ['hello', '', 'zoë ☃', Buffer.alloc(0), Buffer.from([0, 255]), randomBytes(900_000), 'x'.repeat(70_000)];
      const received = [];
      const all = new Promise((resolve) => {
        socket.on('message', (data, binary) => {
          received.push(binary ? data : data.toString());
          if (received.length === messages.length) resolve();
        });
      });
      for (const message of messages) socket.send(message);
      await all;
      assert.deepEqual(received, messages);
      socket.terminate();
    });

    test('the origin speaks unasked', async () => {
      const { socket, peer } = await connected(`${base}/socket`, options());
      for (const text of ['one', 'two']) {
        peer.send(text);
        const [data, binary] = await once(socket, 'message');
        assert.deepEqual([data.toString(), binary], [text, false]);
      }
      socket.terminate();
    });

    for (const [code, reason] of [[1000, 'done'], [1011, ''], [4001, 'own reason'], [undefined, undefined]]) {
      test(`a close with ${code ?? 'no code'} says the same on the other side`, async () => {
        for (const way of ['client', 'origin']) {
          const { socket, peer } = await connected(`${base}/socket`, options());
          const [from, to] = way === 'client' ? [socket, peer] : [peer, socket];
          const both = Promise.all([closed(from), closed(to)]);
          from.close(code, reason);
          const expected = [code ?? 1005, reason ?? ''];
          assert.deepEqual(await both, [expected, expected], `from the ${way}`);
        }
      });
    }

    test('pings and pongs pass, both ways', async () => {
      const { socket, peer } = await connected(`${base}/socket`, options());
      for (const [from, to] of [[socket, peer], [peer, socket]]) {
        const heard = Promise.all([once(to, 'ping'), once(from, 'pong')]);
        from.ping('are you there');
        assert.deepEqual((await heard).map(([data]) => data.toString()), ['are you there', 'are you there']);
      }
      socket.terminate();
    });

    test('an end that vanishes is lost on the other side too', async () => {
      for (const way of ['client', 'origin']) {
        const { socket, peer } = await connected(`${base}/socket`, options());
        const lost = closed(way === 'client' ? peer : socket);
        (way === 'client' ? socket : peer)._socket.resetAndDestroy();
        assert.deepEqual(await lost, [1006, ''], `the ${way}`);
      }
    });

    test('an origin that refuses the handshake is heard', async () => {
      origin.onUpgrade(`${base}/full`, (request, socket) => {
        socket.end('HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\nX-Own: 1\r\n\r\nfull');
      });
      const { status, headers, text } = await refusedBy(`${base}/full`, options());
      assert.deepEqual([status, headers['x-own'], text], [429, '1', 'full']);
    });
  });
}

test('a WebSocket outlives timeout_ms and its token, which is looked at once, at the handshake', { timeout: 20_000 }, async () => {
  const [{ base }] = ways;
  const headers = bearer({ exp: now() + 2 });
  const { socket } = await connected(`${base}/socket`, { headers });
  await sleep(2100);
  assertRefused(await gate.request(`${base}/a`, { headers: Object.entries(headers) }), 'auth.token_expired');
  socket.send('still here');
  assert.equal((await once(socket, 'message'))[0].toString(), 'still here');
  socket.terminate();
});

describe('handshakes that come to nothing', { timeout: 20_000 }, () => {
  const [{ base }] = ways;
  const UPGRADE = [
    ['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ['Sec-WebSocket-Version', '13'], ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ];
  for (const [name, path, headers, code] of [
    ['no token', `${base}/a`, {}, 'auth.authorization_header_missing'],
    ['a token in the query', `${base}/a?access_token=${token()}`, {}, 'auth.authorization_header_missing'],
    ['a token among the subprotocols', `${base}/a`, { 'Sec-WebSocket-Protocol': `bearer, ${token()}` }, 'auth.authorization_header_missing'],
    ['garbage', `${base}/a`, { Authorization: 'Bearer abc' }, 'auth.invalid_token'],
    ['a token that expired', `${base}/a`, bearer({ exp: now() - 60 }), 'auth.token_expired'],
    ['a token for another API', `${base}/a`, bearer({ aud: 'https://other.test' }), 'auth.invalid_audience'],
    ['no route', '/nowhere', bearer(), 'gate.no_route'],
    ['an ambiguous path', `${base}/a//b`, bearer(), 'gate.bad_path'],
  ]) {
    test(`${name}: refused before the origin hears of it`, async () => {
      assertRefused(await gate.request(path, { headers: [...UPGRADE, ...Object.entries(headers)] }), code, { origin });
    });
  }
  test('an origin that cuts the connection: 502', async () => {
    origin.onUpgrade(`${base}/cut`, (request, socket) => socket.resetAndDestroy());
    const { status, text } = await refusedBy(`${base}/cut`);
    assert.deepEqual([status, JSON.parse(text).code], [502, 'gate.origin_unreachable']);
  });
  test('an origin that does not answer: 504 after timeout_ms', async () => {
    origin.onUpgrade(`${base}/silent`, () => {});
    const { status, text } = await refusedBy(`${base}/silent`);
    assert.deepEqual([status, JSON.parse(text).code], [504, 'gate.origin_timeout']);
  });
});
