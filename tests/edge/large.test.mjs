// 200 MB through the gate, up and down: every byte arrives, and workerd needs no more memory for it than for a small body.
// The gate runs in a workerd of its own here: Miniflare's has isolates beside it that carry what it sends, and pile up
// garbage.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startWorkerd } from '../../bench/workerd.mjs';
import { ROOT } from '../../scripts/toolchain.mjs';
import { processMemory } from '../load/memory.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { open, request } from './support/http.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const CHUNK = 64 * 1024;
const SIZE = 200_000_000;
/** MiB. A body that was kept would take 190; sockets, streams and garbage of the isolate took up to 5 when measured. */
const BOUND = 24;
/** Bytes that are on their way when nobody reads: in the kernel's buffers of two connections, tens of megabytes on Linux. */
const UNREAD = SIZE / 2;

const key = newKey('ES256');
const origin = await startOrigin();
const module = (name) => [name, readFileSync(join(ROOT, 'build', name))];
const workerd = await startWorkerd({
  modules: Object.fromEntries(['index.js', 'index_bg.wasm'].map(module)),
  bindings: {
    POLICY: {
      json: {
        version: 1,
        origin: origin.url,
        issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
        routes: [{ path: '/{*rest}', audience: API }],
      },
    },
  },
});
const headers = [['Authorization', `Bearer ${mint(key, claims(ISSUER))}`]];
beforeEach(() => origin.take());
after(async () => {
  await workerd.stop();
  await origin.close();
});

/** No two chunks are the same, so that none can be lost, doubled or exchanged unseen. */
function* chunks(size) {
  for (let sent = 0, index = 0; sent < size; sent += CHUNK, index += 1) {
    const chunk = Buffer.alloc(Math.min(CHUNK, size - sent), index % 251);
    chunk.writeUInt32BE(index);
    yield chunk;
  }
}

async function measure(stream) {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    hash.update(chunk);
  }
  return { size, digest: hash.digest('hex') };
}

/** How much more memory workerd had at its height than before, in MiB, and what the work gave. */
async function watched(work) {
  const before = processMemory(workerd.pid).rss;
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, processMemory(workerd.pid).rss);
  }, 20);
  const result = await work();
  clearInterval(timer);
  return { grown: Math.max(highest, processMemory(workerd.pid).rss) - before, result };
}

/** Programs the origin to take a body; gives a promise of what came. */
function receiver(path) {
  const whole = Promise.withResolvers();
  const handler = async (incoming, response) => {
    whole.resolve(await measure(incoming));
    response.end('done');
  };
  handler.streaming = true;
  origin.on(path, handler);
  return whole.promise;
}

async function up(size, more = []) {
  const received = receiver('/up');
  const answer = await request(workerd.port, '/up', { method: 'POST', headers: [...headers, ...more], body: Readable.from(chunks(size)) });
  assert.deepEqual([answer.status, answer.text], [200, 'done']);
  return received;
}

async function down(size, head = {}) {
  origin.on('/down', (incoming, response) => {
    response.writeHead(200, head);
    Readable.from(chunks(size)).pipe(response);
  });
  const answer = await open(workerd.port, '/down', { headers });
  assert.equal(answer.status, 200);
  return measure(answer.stream);
}

describe('200 MB', { timeout: 100_000 }, async () => {
  const whole = await measure(chunks(SIZE));
  assert.equal(whole.size, SIZE);
  const length = String(SIZE);
  // What workerd and the isolate need at all is there after some bodies.
  for (const move of [up, down, up, down]) await move(8_000_000);

  for (const [name, move] of [
    ['up, with its length', () => up(SIZE, [['Content-Length', length]])],
    ['up, in chunks', () => up(SIZE)],
    ['down, with its length', () => down(SIZE, { 'content-length': length })],
    ['down, in chunks', () => down(SIZE)],
  ]) {
    test(name, async (t) => {
      const { grown, result } = await watched(move);
      assert.deepEqual(result, whole);
      t.diagnostic(`workerd grew by ${grown.toFixed(1)} MiB`);
      assert.ok(grown < BOUND, `workerd grew by ${grown} MiB`);
    });
  }
});

/** Writes until nothing moves for a while; how many bytes went. */
async function writeUntilStalled(stream, chunk = Buffer.alloc(CHUNK)) {
  let written = 0;
  while (written < SIZE) {
    written += chunk.length;
    if (stream.write(chunk)) continue;
    const drained = await Promise.race([once(stream, 'drain').then(() => true), sleep(700, false)]);
    if (!drained) return written;
  }
  return written;
}

describe('who does not read holds back who writes', { timeout: 60_000 }, () => {
  test('a client that does not read', async (t) => {
    const wrote = Promise.withResolvers();
    origin.on('/unread', async (incoming, response) => {
      response.on('error', () => {});
      response.writeHead(200);
      wrote.resolve(await writeUntilStalled(response));
    });
    const { grown, result } = await watched(async () => {
      const answer = await open(workerd.port, '/unread', { headers });
      const written = await wrote.promise;
      answer.stream.destroy();
      return written;
    });
    t.diagnostic(`the origin wrote ${result} bytes`);
    assert.ok(result < UNREAD, `the origin wrote ${result} bytes`);
    assert.ok(grown < BOUND, `workerd grew by ${grown} MiB`);
  });
  test('an origin that does not read', async (t) => {
    const asked = Promise.withResolvers();
    const handler = (incoming) => {
      incoming.on('error', () => {});
      asked.resolve(incoming);
    };
    handler.streaming = true;
    origin.on('/deaf', handler);
    const body = new PassThrough();
    const answer = request(workerd.port, '/deaf', { method: 'POST', headers, body }).catch(() => {});
    const { grown, result } = await watched(() => writeUntilStalled(body));
    const incoming = await asked.promise;
    incoming.destroy();
    body.destroy();
    await answer;
    t.diagnostic(`the client wrote ${result} bytes`);
    assert.ok(result < UNREAD, `the client wrote ${result} bytes`);
    assert.ok(grown < BOUND, `workerd grew by ${grown} MiB`);
  });
});
