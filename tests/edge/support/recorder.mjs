// An origin that records raw bytes, without an HTTP parser between the gate and the test. It responds to a WebSocket
// handshake, which is a GET, with 101, and to every other request with 200 unless the test says what with.

import { createHash } from 'node:crypto';
import net from 'node:net';

import { values } from './http.mjs';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{"recorded":true}';
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 §4.2.2

/** Starts it. `answer` makes the response to a record, as bytes. `take` returns the requests since the last `take`. */
export async function startRecorder({ answer = answerTo } = {}) {
  const records = [];
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let bytes = '';
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1');
      for (let length = lengthOf(bytes); length !== undefined; length = lengthOf(bytes)) {
        const record = recordOf(bytes.slice(0, length));
        bytes = bytes.slice(length);
        records.push(record);
        socket.write(isHandshake(record) ? accepted(record) : answer(record), 'latin1');
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    take: () => records.splice(0),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The length of the first request; undefined until it is complete. */
function lengthOf(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [head, body] = [bytes.slice(0, end + 2), bytes.slice(end + 4)];
  const announced = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0;
  const isChunked = /\r\ntransfer-encoding: *chunked\r\n/i.test(head);
  const length = isChunked ? /(^|\r\n)0\r\n\r\n/.exec(body) : { index: Number(announced), 0: '' };
  if (!length || body.length < length.index) return undefined;
  return end + 4 + length.index + length[0].length;
}

function recordOf(bytes) {
  const head = bytes.slice(0, bytes.indexOf('\r\n\r\n'));
  const [line, ...lines] = head.split('\r\n');
  const [method, target] = line.split(' ');
  const rawHeaders = lines.flatMap((field) => field.split(/: ?(.*)/s, 2));
  return {
    bytes, line, method, target, rawHeaders,
    /** The values of a header, by lower-case name. */
    headers: (name) => values(rawHeaders, name),
    /** Lower-case names that start with the prefix, every character other than a letter or digit read as `-`. */
    names: (prefix) => rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase())
      .filter((name) => name.replace(/[^a-z0-9]/g, '-').startsWith(prefix))
      .sort(),
  };
}

function isHandshake({ method, headers }) {
  return method === 'GET' && headers('upgrade').some((protocol) => protocol.toLowerCase() === 'websocket');
}

function accepted({ headers }) {
  const accept = createHash('sha1').update(headers('sec-websocket-key')[0] + MAGIC).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

function answerTo({ method }) {
  return method === 'HEAD' ? ANSWER.slice(0, ANSWER.indexOf('\r\n\r\n') + 4) : ANSWER;
}
