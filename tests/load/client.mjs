// The client of the load run: connections that stay, requests sent as they are given, answers as `assertRefused` reads
// them. And clients that do not behave.

import http from 'node:http';

import { readAll, values } from '../edge/support/http.mjs';

/** workerd drops a connection that was idle for five seconds; one that waited for almost as long is not used again. */
const IDLE = 3000;
/** What a connection says that the other side has closed. */
export const CLOSED = new Set(['ECONNRESET', 'EPIPE']);

const lasting = new http.Agent({ keepAlive: true, timeout: IDLE });

/**
 * Sends a request and reads the whole answer.
 *
 * - `method`, `path`, `host`, `headers` (list of [name, value])
 * - `body`: string or Buffer, or a function that writes to the request and ends it
 * - `once`: on a connection of its own
 */
export async function send(port, request) {
  const answered = Promise.withResolvers();
  const message = open(port, request, request.once ? false : lasting);
  message.on('response', answered.resolve);
  message.on('error', answered.reject);
  write(message, request.body);
  try {
    const stream = await answered.promise;
    return answer(stream, await readAll(stream));
  } catch (error) {
    // The connection was closed while this was on its way: the gate did not get it (RFC 9112 section 9.3.1).
    if (message.reusedSocket && CLOSED.has(error.code) && !request.once) return send(port, { ...request, once: true });
    throw error;
  }
}

/** Begins a request on a connection of its own and gives it, for who wants to leave in the middle. */
export function begin(port, request) {
  const message = open(port, request, false);
  message.on('error', () => {});
  message.on('response', (stream) => stream.on('error', () => {}).resume());
  write(message, request.body);
  return message;
}

function open(port, { method = 'GET', path, headers = [], host, body }, agent) {
  const flat = host === null ? [] : ['Host', host ?? 'gate.test'];
  for (const [name, value] of headers) flat.push(name, value);
  const named = (name) => headers.some(([header]) => header.toLowerCase() === name);
  if (agent === false && !named('connection')) flat.push('Connection', 'close');
  if (body !== undefined && !named('content-length') && !named('transfer-encoding')) {
    if (typeof body === 'function') flat.push('Transfer-Encoding', 'chunked');
    else flat.push('Content-Length', String(Buffer.byteLength(body)));
  }
  return http.request({ host: '127.0.0.1', port, method, path, agent, setHost: false, headers: flat });
}

function write(message, body) {
  if (typeof body === 'function') body(message);
  else message.end(body);
}

function answer({ statusCode, rawHeaders }, body) {
  return {
    status: statusCode,
    rawHeaders,
    body,
    get text() {
      return body.toString('utf8');
    },
    get json() {
      return parse(this.text);
    },
    header: (name) => values(rawHeaders, name).join(', ') || (values(rawHeaders, name).length ? '' : null),
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
