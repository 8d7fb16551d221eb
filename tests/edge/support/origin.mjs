// A recording origin: keeps what the gate forwarded, answers what the test programs.

import { createHash } from 'node:crypto';
import http from 'node:http';

import { values } from './http.mjs';

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Starts an origin.
 *
 * `on(path, handler)` programs a path (without query) with `(request, response, record)`; what is not programmed
 * is 200 with a small JSON body. A handler that wants the request body streamed sets `handler.streaming = true`.
 */
export async function startOrigin() {
  const handlers = new Map();
  const records = [];
  const sockets = new Set();
  const server = http.createServer({ maxHeaderSize: 128 * 1024 }); // the longest token that a policy can allow has 64 kB

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
  server.on('upgrade', (request, socket) => {
    records.push(recordOf(request));
    socket.on('error', () => {});
    acceptWebSocket(request, socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    records,
    on: (path, handler) => handlers.set(path, handler),
    /** The records since the last `take`. */
    take: () => records.splice(0),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with a fixed head and body; `headers` is a list of [name, value], repeats stay repeats. */
export function answerWith(status, headers = [], body = '') {
  return (request, response) => {
    response.sendDate = false;
    response.writeHead(status, headers.flat());
    response.end(body);
  };
}

/** A port on which nothing listens. */
export async function closedPort() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
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
    /** The one value, null where there is none; a repeated header is a failure of the test. */
    header(name) {
      const found = values(rawHeaders, name);
      if (found.length > 1) throw new Error(`${name} came ${found.length} times`);
      return found[0] ?? null;
    },
    /** Lower-cased names that begin with the prefix, `_` read as `-`. */
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
    // The gate went away in the middle; the record keeps what came.
  }
  return Buffer.concat(chunks);
}

/** Accepts an upgrade and sends back each short text frame with `echo: ` in front. */
function acceptWebSocket(request, socket) {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + WEBSOCKET_GUID).digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('data', (frame) => {
    const opcode = frame[0] & 0x0f;
    if (opcode === 8) return socket.end(Buffer.from([0x88, 0]));
    if (opcode !== 1) return undefined;
    const length = frame[1] & 0x7f; // short frames only
    const mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]));
    const reply = Buffer.concat([Buffer.from('echo: '), text]);
    return socket.write(Buffer.concat([Buffer.from([0x81, reply.length]), reply]));
  });
}
