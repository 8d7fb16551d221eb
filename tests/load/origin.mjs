// The origin of the load run, in a thread of its own. It keeps nothing of a request: what must have arrived stands in
// the request itself, in `x-expect`, as JSON:
//
// - `id`: comes back in the answer, and may come once
// - `refused`: the gate must not have let this through; the value says what it is
// - `method`, `url`, `identity` (without the prefix), `received` (header → value, null for none): as they must arrive
// - `echo`: the body comes back; `wait`: milliseconds until the answer
//
// A request without it was let through too: only those that must be refused go without.

import assert from 'node:assert/strict';
import http from 'node:http';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';

import { assertIdentity } from '../edge/support/expect.mjs';
import { values } from '../edge/support/http.mjs';

export const EXPECT = 'x-expect';
export const ID = 'x-id';

/** Ids that are remembered, to know one that comes twice. */
const MEMORY = 50_000;
/** Wrong requests that are told in full; the others are only counted. */
const TOLD = 20;

/** Starts the origin. `onWrong` hears what was wrong with a request, in words, as often as it happens. */
export async function startOrigin(onWrong) {
  const thread = new Worker(new URL(import.meta.url));
  const started = Promise.withResolvers();
  thread.on('error', started.reject);
  thread.on('message', ({ port, wrong }) => {
    if (port) started.resolve(port);
    else onWrong(wrong);
  });
  const port = await started.promise;
  return { url: `http://127.0.0.1:${port}`, close: () => thread.terminate() };
}

function serve() {
  const seen = new Seen();
  let told = 0;
  const server = http.createServer({ maxHeaderSize: 128 * 1024 }); // the longest token that a policy can allow has 64 kB
  // Who reuses a connection while the other side closes it gets an error that is nobody's fault here.
  server.keepAliveTimeout = 0;
  server.on('request', (request, response) => {
    request.on('error', () => {}); // the gate left, since its client did
    response.on('error', () => {});
    const problem = problemOf(request, seen);
    if (problem !== null) {
      told += 1;
      parentPort.postMessage({ wrong: told > TOLD ? 'one more' : problem });
      return void response.writeHead(500, { 'content-type': 'text/plain' }).end(problem);
    }
    return void answer(request, response);
  });
  server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
}

/** What is wrong with a request that arrived, or null. */
function problemOf({ method, url, rawHeaders }, seen) {
  const [text, ...more] = values(rawHeaders, EXPECT);
  if (text === undefined || more.length > 0) return `${method} ${url}: nobody expected it here`;
  const expected = JSON.parse(text);
  if (expected.refused) return `${method} ${url}: was to be refused: ${expected.refused}`;
  try {
    assert.ok(seen.first(expected.id), 'it came twice');
    assert.equal(method, expected.method ?? method);
    assert.equal(url, expected.url ?? url);
    if (expected.identity) assertIdentity(recordOf(rawHeaders), expected.identity);
    for (const [name, value] of Object.entries(expected.received ?? {})) {
      assert.deepEqual(values(rawHeaders, name), value === null ? [] : [value], name);
    }
    return null;
  } catch (error) {
    return `${method} ${url}: ${error.message}\nexpected: ${text}`;
  }
}

/** The headers, as `assertIdentity` reads them. */
function recordOf(rawHeaders) {
  return {
    header: (name) => values(rawHeaders, name).join(', '),
    names: (prefix) => rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase())
      .filter((name) => name.replaceAll('_', '-').startsWith(prefix))
      .sort(),
  };
}

function answer(request, response) {
  const { id, echo, wait } = JSON.parse(request.headers[EXPECT]);
  const headers = { [ID]: String(id) };
  if (echo) {
    response.writeHead(200, { ...headers, 'content-type': 'application/octet-stream' });
    return void request.pipe(response);
  }
  request.resume();
  const end = () => response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end('{"ok":true}');
  if (!wait) return void end();
  const timer = setTimeout(end, wait);
  return void response.on('close', () => clearTimeout(timer));
}

/** The last ids that came. */
class Seen {
  #ids = new Set();

  /** Notes an id; false if it is known. */
  first(id) {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > MEMORY) this.#ids.delete(this.#ids.values().next().value);
    return true;
  }
}

// In the thread that `startOrigin` starts.
if (!isMainThread) serve();
