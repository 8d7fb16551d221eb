// The method that was checked is the method that arrives, whatever else the request says: workerd's `fetch` opens a
// WebSocket, which is a GET, wherever a header asks for one.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';

import { WebSocket } from 'ws';

import { startOrigin } from '../support/origin.mjs';
import { rawExchange } from '../support/http.mjs';
import { WAYS, bytesOf, eachWay, rawWorld, taken } from './world.mjs';

/** Those that workerd knows; of each of the rarer ones, some variants have to do. */
const COMMON = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const RARE = [
  'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'PURGE', 'SEARCH', 'QUERY', 'REPORT', 'MERGE', 'NOTIFY', 'SUBSCRIBE',
];
const METHODS = [...COMMON, ...RARE];
/** What never passes: the contract's three, and what workerd does not know. */
const NEVER = ['TRACE', 'TRACK', 'CONNECT', 'get', 'Post', 'FOO', 'BREW', 'GETT'];

const KEY = ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='];
const ASKS = ['Upgrade', 'websocket'];
const UPGRADE = ['Connection', 'Upgrade'];
const EMPTY = ['Content-Length', '0'];
const VARIANTS = {
  'nothing': [],
  'Upgrade alone': [ASKS],
  'Upgrade, Connection': [ASKS, UPGRADE],
  'Connection in front': [UPGRADE, ASKS],
  'Connection in lower case, among others': [['connection', 'keep-alive, upgrade'], ASKS],
  'Upgrade, an empty body': [ASKS, EMPTY],
  'Upgrade, Connection, an empty body': [ASKS, UPGRADE, EMPTY],
  'a whole handshake': [ASKS, UPGRADE, ['Sec-WebSocket-Version', '13'], KEY],
  'a whole handshake, an empty body': [ASKS, UPGRADE, ['Sec-WebSocket-Version', '13'], KEY, EMPTY],
  'a protocol is offered': [ASKS, UPGRADE, ['Sec-WebSocket-Version', '13'], KEY, ['Sec-WebSocket-Protocol', 'GET'], EMPTY],
  'mixed case': [['uPGRADE', 'WebSocket'], ['cONNECTION', 'uPgRaDe'], EMPTY],
  'upper case': [['UPGRADE', 'WEBSOCKET'], EMPTY],
  'white space around it': [['Upgrade', ' \t websocket \t '], EMPTY],
  'h2c': [['Upgrade', 'h2c'], ['Connection', 'Upgrade, HTTP2-Settings'], ['HTTP2-Settings', 'AAMAAABkAAQAAP__'], EMPTY],
  'websocket and h2c': [['Upgrade', 'websocket, h2c'], UPGRADE, EMPTY],
  'h2c and websocket': [['Upgrade', 'h2c, websocket'], UPGRADE, EMPTY],
  'with a version': [['Upgrade', 'websocket/13'], UPGRADE, EMPTY],
  'twice': [ASKS, ASKS, UPGRADE, EMPTY],
  'two protocols in two lines': [['Upgrade', 'h2c'], ASKS, UPGRADE, EMPTY],
  'Connection names others': [ASKS, ['Connection', 'x-other'], EMPTY],
  'other headers for a method': [
    ...['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method', 'Method', 'X-Original-Method'].map((name) => [name, 'GET']), EMPTY,
  ],
};
const SOME = ['nothing', 'Upgrade alone', 'Upgrade, Connection, an empty body', 'a whole handshake', 'mixed case', 'twice'];
/** With a body, which GET and HEAD have none of. */
const BODIES = {
  'Upgrade, a body': { headers: [ASKS, ['Content-Length', '5']], body: '_met=' },
  'a whole handshake, a body': { headers: [ASKS, UPGRADE, ['Sec-WebSocket-Version', '13'], KEY, ['Content-Length', '11']], body: '_method=GET' },
  'Upgrade, a chunked body': { headers: [ASKS, UPGRADE, ['Transfer-Encoding', 'chunked']], body: '5\r\nhello\r\n0\r\n\r\n' },
};

const ACCESS = { public: { access: 'public' }, token: taken({}), optional: taken({ access: 'optional' }), deny: { access: 'deny' } };
const world = await rawWorld({
  byUrl: true,
  routes: eachWay([
    ...Object.entries(ACCESS).map(([name, access]) => ({ path: `/${name}/{*rest}`, ...access })),
    taken({ path: '/docs/{*rest}', methods: ['GET'], scopes: ['read'] }),
    taken({ path: '/docs/{*rest}', methods: ['PUT'], scopes: ['write'] }),
    { path: '/docs/{*rest}', access: 'public' },
  ]),
});
const { recorder } = world;

function cases(methods, target, headers = []) {
  const of = (method, variant, { headers: more, body }) => ({ method, variant, target, host: recorder.host, headers: [...headers, ...more], body });
  return methods.flatMap((method) => {
    if (!COMMON.includes(method)) return SOME.map((variant) => of(method, variant, { headers: VARIANTS[variant] }));
    const bodies = ['GET', 'HEAD'].includes(method) ? [] : Object.entries(BODIES);
    return [...Object.entries(VARIANTS).map(([variant, more]) => [variant, { headers: more }]), ...bodies].map((pair) => of(method, ...pair));
  });
}

/** Fails with what is wrong of some cases; `wrong` gives a sentence of one, if any. */
function all(exchanged, wrong) {
  const failed = exchanged.flatMap((one) => {
    const what = wrong(one);
    return what ? [`${one.method} ${one.target}, ${one.variant}: ${what} (${one.answer.status}, arrived: ${one.arrived.map(({ line }) => line)})`] : [];
  });
  assert.equal(failed.length, 0, `${failed.length} of ${exchanged.length}\n${failed.slice(0, 12).join('\n')}`);
}

/** The request arrived, once, by its method. */
function arrivedChanged({ method, headers, arrived }) {
  if (arrived.length !== 1) return 'it arrives once';
  const [record] = arrived;
  if (record.method !== method) return 'its method stays';
  if (record.target.startsWith('/service/') && record.headers('x-service-method')[0] !== method) return 'its method stays, for a service';
  const upgrades = record.headers('upgrade').join();
  if (method !== 'GET') return upgrades === '' ? undefined : 'it is no upgrade';
  // What is one by the letter stays one; what only resembles one may not become one.
  const asked = headers.filter(([name]) => name.toLowerCase() === 'upgrade').map(([, value]) => value.trim().toLowerCase());
  return upgrades === '' || asked.includes('websocket') ? undefined : 'it became an upgrade';
}

function refusedWith(status) {
  return ({ answer, arrived }) => {
    if (arrived.length > 0) return 'it arrives nowhere';
    return answer.status === status ? undefined : `it is refused with ${status}`;
  };
}

for (const way of Object.keys(WAYS)) {
  const at = (access) => `/${way}/${access}/x?y=1`;

  describe(`methods, ${way}`, () => {
    test('a public route', async () => all(await world.exchange(cases(METHODS, at('public'))), arrivedChanged));
    test('a token route without a token', async () => all(await world.exchange(cases(METHODS, at('token'))), refusedWith(401)));
    test('a token route with a token', async () => {
      all(await world.exchange(cases(METHODS, at('token'), [world.bearer()])), arrivedChanged);
    });
    test('an optional route without a token', async () => all(await world.exchange(cases(METHODS, at('optional'))), arrivedChanged));
    test('an optional route with a token', async () => {
      all(await world.exchange(cases(METHODS, at('optional'), [world.bearer()])), arrivedChanged);
    });
    test('a route that denies', async () => all(await world.exchange(cases(METHODS, at('deny'))), refusedWith(403)));

    test('what GET protects is not to be had by another method', async () => {
      const others = METHODS.filter((method) => !['GET', 'HEAD', 'PUT'].includes(method));
      all(await world.exchange(cases(others, at('docs'))), arrivedChanged);
      all(await world.exchange(cases(['GET', 'HEAD', 'PUT'], at('docs'))), refusedWith(401));
    });
    test('nor by a token of another scope', async () => {
      const writer = [world.bearer({ scope: 'write' })];
      all(await world.exchange(cases(['PUT', 'POST', 'OPTIONS'], at('docs'), writer)), arrivedChanged);
      all(await world.exchange(cases(['GET', 'HEAD'], at('docs'), writer)), refusedWith(403));
    });

    test('TRACE is 405 wherever there is a route', async () => {
      for (const access of [...Object.keys(ACCESS), 'docs']) {
        all(await world.exchange(cases(['TRACE'], at(access), [world.bearer({ scope: 'read write' })])), refusedWith(405));
      }
    });
    test('what workerd does not know arrives nowhere', async () => {
      const exchanged = await world.exchange(['public', 'optional', 'docs'].flatMap((access) => cases(NEVER, at(access))));
      all(exchanged, ({ answer, arrived }) => (arrived.length > 0 || answer.status < 400 ? 'it arrives nowhere' : undefined));
    });
  });
}

describe('CONNECT by its own form', () => {
  for (const target of ['gate.test:80', '127.0.0.1:80', '/url/public/x']) {
    test(target, async () => {
      recorder.take();
      const answer = await rawExchange(world.gate.port, bytesOf({ method: 'CONNECT', target, host: recorder.host, headers: [['Connection', 'close']] }));
      assert.ok(!(answer.status < 400), answer.head);
      assert.deepEqual(recorder.take(), []);
    });
  }
});

describe('WebSockets under plain workerd', { timeout: 20_000 }, async () => {
  const origin = await startOrigin();
  const sockets = await rawWorld({ byUrl: true, routes: eachWay([taken({ path: '/{*rest}' })]), policy: { origin: origin.url } });
  after(() => origin.close());
  const open = (way, headers) => {
    const socket = new WebSocket(`ws://127.0.0.1:${sockets.gate.port}/${way}/socket`, { headers: { Host: origin.host, ...headers } });
    socket.on('error', () => {});
    return socket;
  };
  for (const way of Object.keys(WAYS)) {
    test(`${way}: open to a token, and the origin's answers come back`, async () => {
      const socket = open(way, Object.fromEntries([sockets.bearer({ sub: 'user-7' })]));
      await once(socket, 'open');
      socket.send('hello');
      assert.equal((await once(socket, 'message'))[0].toString(), 'hello');
      socket.terminate();
      const [record, ...more] = origin.take();
      assert.deepEqual([record.method, record.url, record.header('x-auth-subject'), more.length], ['GET', `/${way}/socket`, 'user-7', 0]);
    });
    test(`${way}: closed to none`, async () => {
      const [, response] = await once(open(way, {}), 'unexpected-response');
      assert.equal(response.statusCode, 401);
      assert.deepEqual(origin.take(), []);
    });
  }
});
