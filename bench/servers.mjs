// The servers around the measured Worker, in a process of their own: the origin, the key server and a Workers KV. Origin and
// key server are as minimal as HTTP/1.1 allows, so that they are never the bottleneck.

import http from 'node:http';
import net from 'node:net';

const documents = new Map(); // path → JSON text, of the key server
const entries = new Map(); // key → { value, metadata }, of KV

const ports = {
  origin: await listen(net.createServer((socket) => serve(socket, told))),
  keys: await listen(net.createServer((socket) => serve(socket, document))),
  kv: await listen(http.createServer(store)),
  bodies: await listen(http.createServer(bodies)),
};

process.on('message', ({ path, text }) => {
  documents.set(path, text);
  process.send({});
});
process.on('disconnect', () => process.exit());
process.send({ ports });

/** Responds to requests without bodies, in their order. */
function serve(socket, answer) {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.latin1Slice();
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      socket.write(ok(answer(text.slice(0, end + 2))), 'latin1');
      text = text.slice(end + 4);
    }
  });
}

function ok(body) {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** The origin returns the identity that it received, so a missing identity shows in the response; also if it is signed. */
function told(head) {
  const value = (header) => header.exec(head)?.[1] ?? '-';
  return `${value(SUBJECT)}|${value(CLIENT)}|${value(SCOPES)}${head.includes('\r\nx-auth-assertion: ') ? '|asserted' : ''}`;
}

const SUBJECT = /\r\nx-auth-subject: ([^\r]*)/i;
const CLIENT = /\r\nx-auth-client-id: ([^\r]*)/i;
const SCOPES = /\r\nx-auth-scopes: ([^\r]*)/i;

function document(head) {
  return documents.get(head.slice(4, head.indexOf(' ', 4))) ?? '{}';
}

/** The protocol between workerd and a KV namespace: the key is the path, the metadata a header. */
function store(request, response) {
  const key = decodeURIComponent(new URL(request.url, 'http://kv').pathname.slice(1));
  if (request.method === 'PUT') return void put(request, response, key);
  const entry = entries.get(key);
  if (!entry) return void response.writeHead(404).end();
  response.writeHead(200, entry.metadata ? { 'CF-KV-Metadata': entry.metadata } : {}).end(entry.value);
}

async function put(request, response, key) {
  const value = Buffer.concat(await request.toArray());
  entries.set(key, { value, metadata: request.headers['cf-kv-metadata'] });
  response.end();
}

const CHUNK = Buffer.alloc(64 * 1024, 'x');

/** The origin for large bodies: counts what it receives, and sends as many bytes as the query says. */
async function bodies(request, response) {
  let received = 0;
  for await (const chunk of request) received += chunk.length;
  const size = Number(new URL(request.url, 'http://origin').searchParams.get('bytes') ?? 0);
  response.writeHead(200, {
    'content-length': size,
    'x-received': received,
    'x-told': request.headers['x-auth-subject'] ?? '-',
  });
  for (let sent = 0; sent < size; sent += CHUNK.length) {
    const chunk = CHUNK.subarray(0, Math.min(CHUNK.length, size - sent));
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
  }
  response.end();
}

function listen(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}
