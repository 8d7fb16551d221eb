// HTTP clients that send what they are told: no path normalisation, headers in order and repeated as given,
// no redirect following, no decompression.

import http from 'node:http';
import net from 'node:net';

/**
 * Sends a request and reads the whole response.
 *
 * - `method`, `body` (string, Buffer or readable stream)
 * - `headers`: list of [name, value]
 * - `host`: the Host header; `null` sends none
 * - `signal`: aborts the request
 */
export async function request(port, path, options = {}) {
  const response = await open(port, path, options);
  const body = await readAll(response.stream);
  return { ...response, body, text: body.toString('utf8'), json: parse(body) };
}

/** Sends a request and resolves with the head of the response; the body is `stream`. */
export function open(port, path, { method = 'GET', headers = [], host, body, signal } = {}) {
  return new Promise((resolve, reject) => {
    const message = http.request({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      setHost: false,
      signal,
      headers: headerList(host, headers, body),
    });
    message.on('response', (stream) => resolve(answer(stream)));
    message.on('upgrade', (stream, socket) => resolve({ ...answer(stream), socket }));
    message.on('error', reject);
    if (body && typeof body.pipe === 'function') body.pipe(message);
    else message.end(body);
  });
}

/** Sends a request whose client can then disconnect: `leave` resets the connection (RST). */
export function deserter(port, path, { headers = [], host } = {}) {
  const list = headerList(host, headers);
  const message = http.request({ host: '127.0.0.1', port, path, agent: false, setHost: false, headers: list });
  message.on('error', () => {});
  message.end();
  return { leave: () => message.socket.resetAndDestroy() };
}

/**
 * Sends bytes unchanged (a string as Latin-1) and returns what comes back until the response is complete, the connection ends
 * or the time is up.
 */
export function rawExchange(port, bytes, { timeout = 5000 } = {}) {
  const hasBody = !bytes.toString('latin1', 0, 5).startsWith('HEAD ');
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    let received = '';
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      const head = received.slice(0, received.indexOf('\r\n\r\n'));
      const text = received.slice(head.length + 4);
      const rawHeaders = head.split('\r\n').slice(1).flatMap((line) => line.split(/: ?(.*)/s, 2));
      resolve({ ...reader(rawHeaders), status: Number(received.split(' ')[1]), head, text, json: parse(text), received });
    };
    const timer = setTimeout(done, timeout);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (isWhole(received, hasBody)) done();
    });
    socket.on('end', done);
    socket.on('error', reject);
    socket.write(bytes, 'latin1');
  });
}

/** Whether a response is complete by its head; one whose body ends with the connection never is. */
function isWhole(received, hasBody) {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return false;
  if (!hasBody || /^HTTP\/1\.1 (1|204|304)/.test(received)) return true;
  const [head, body] = [received.slice(0, end + 2), received.slice(end + 4)];
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  return length === undefined ? /\r\ntransfer-encoding:/i.test(head) && /(^|\r\n)0\r\n\r\n$/.test(body) : body.length >= Number(length);
}

/** The header lines in the bytes of a request, if there are any. */
export function headersIn(bytes) {
  return bytes.toString('latin1').split(/\r\n|\n|\r/).map((line) => line.split(/\s*:\s*(.*)/s, 2));
}

/** Collects a body. */
export async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** All values of a header, from a flat list as node gives it; names compare case-insensitively. */
export function values(rawHeaders, name) {
  const found = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i].toLowerCase() === name) found.push(rawHeaders[i + 1]);
  }
  return found;
}

function answer(stream) {
  const { statusCode, statusMessage, rawHeaders } = stream;
  return { ...reader(rawHeaders), status: statusCode, reason: statusMessage, stream };
}

function reader(rawHeaders) {
  return {
    rawHeaders,
    /** Values joined as a reader would see them, null if there are none. */
    header: (name) => values(rawHeaders, name).join(', ') || (values(rawHeaders, name).length ? '' : null),
    headers: (name) => values(rawHeaders, name),
  };
}

function headerList(host, headers, body) {
  const flat = host === null ? [] : ['Host', host ?? 'gate.test'];
  for (const [name, value] of headers) flat.push(name, value);
  const named = (name) => headers.some(([header]) => header.toLowerCase() === name);
  if (!named('connection')) flat.push('Connection', 'close');
  if (body !== undefined && !named('content-length') && !named('transfer-encoding')) {
    if (typeof body.pipe === 'function') flat.push('Transfer-Encoding', 'chunked');
    else flat.push('Content-Length', String(Buffer.byteLength(body)));
  }
  return flat;
}

function parse(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
