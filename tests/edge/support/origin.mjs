// A recording origin: records what the gate forwards, and responds as the test programs it.

import { EventEmitter } from 'node:events';
import http from 'node:http';

import { WebSocketServer } from 'ws';

import { values } from './http.mjs';

/**
 * Starts an origin.
 *
 * `on(path, handler)` programs a path (without query) with `(request, response, record)`; other paths respond 200 with a
 * small JSON body. A handler that wants the request body streamed sets `handler.streaming = true`.
 *
 * `onUpgrade(path, handler)` programs upgrades with `(request, socket)`; by default they are accepted, with the last offered
 * subprotocol, and `webSockets` emits `connection` with the WebSocket, which echoes.
 */
export async function startOrigin() {
  const handlers = new Map();
  const records = [];
  const sockets = new Set();
  const server = http.createServer({ maxHeaderSize: 128 * 1024 }); // a policy can allow tokens of up to 64 kB

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', async (request, response) => {
    const record = recordOf(request);
    records.push(record);
    const handler = handlers.get(pathOf(request)) ?? ok;
    if (!handler.streaming) record.body = await collect(request);
    handler(request, response, record);
  });
  const upgrades = new Map();
  const webSockets = new EventEmitter();
  const acceptor = new WebSocketServer({ noServer: true, perMessageDeflate: true, handleProtocols: (offered) => [...offered].at(-1) });
  server.on('upgrade', (request, socket, head) => {
    records.push(recordOf(request));
    socket.on('error', () => {});
    const handler = upgrades.get(pathOf(request));
    if (handler) return handler(request, socket);
    return acceptor.handleUpgrade(request, socket, head, (webSocket) => {
      echo(webSocket);
      webSockets.emit('connection', webSocket);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    records,
    webSockets,
    on: (path, handler) => handlers.set(path, handler),
    onUpgrade: (path, handler) => upgrades.set(path, handler),
    /** The records since the last `take`. */
    take: () => records.splice(0),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Responds with a fixed head and body; `headers` is a list of [name, value], with repetitions preserved. */
export function answerWith(status, headers = [], body = '') {
  return (request, response) => {
    response.sendDate = false;
    response.writeHead(status, headers.flat());
    response.end(body);
  };
}

function ok(request, response) {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"ok":true}');
}

function recordOf(request) {
  const { method, url, rawHeaders } = request;
  return {
    method,
    url,
    rawHeaders,
    headers: (name) => values(rawHeaders, name),
    /** The only value, null if there is none; a repeated header fails the test. */
    header(name) {
      const found = values(rawHeaders, name);
      if (found.length > 1) throw new Error(`${name} came ${found.length} times`);
      return found[0] ?? null;
    },
    /** Lower-cased names that start with the prefix, `_` read as `-`. */
    names: (prefix) => rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase())
      .filter((name) => name.replaceAll('_', '-').startsWith(prefix))
      .sort(),
    body: undefined,
  };
}

function pathOf(request) {
  return request.url.split('?')[0];
}

async function collect(request) {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    // The gate disconnected in the middle; the record keeps what arrived.
  }
  return Buffer.concat(chunks);
}

function echo(webSocket) {
  webSocket.on('error', () => {});
  webSocket.on('message', (data, binary) => webSocket.send(data, { binary }));
}
