// What grants keep is bounded, whatever a caller sends.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startGate } from '../load/gate.mjs';
import { Memory } from '../load/memory.mjs';
import { rawExchange } from './support/http.mjs';
import { startRecorder } from './support/recorder.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const ISSUER = 'https://issuer.test';
const MIB = 1024 * 1024;
const [IDS, PAGES, LENGTH] = [64, 16, 50_000];

const key = newKey('ES256');
const origin = await startRecorder();
const gate = await startGate({
  version: 1,
  origin: `http://127.0.0.1:${origin.port}`,
  issuers: { i: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
  cors: { origins: ['*'] },
  routes: [
    { path: '/items/{org}/{id}', audience: '*', claims: { orgs: { any: ['{org}'] } } },
    ...Array.from({ length: IDS }, (_, index) => ({ path: `/free/${index}`, access: 'public' })),
  ],
});
const memory = await Memory.of(gate);
after(async () => {
  memory.close();
  await gate.close();
  await origin.close();
});

/** Sends a request for each path from so many pages, whose origins are long; gives what lives then, in MiB. */
async function liveAfter(pathOf, headers = '') {
  for (let page = 0; page < PAGES; page += 1) {
    for (let id = 0; id < IDS; id += 8) {
      await Promise.all(Array.from({ length: 8 }, (_, lane) => {
        const origin = `https://p${page}-${id + lane}${'a'.repeat(LENGTH)}.example.com`;
        return rawExchange(gate.port, `GET ${pathOf(id + lane)} HTTP/1.1\r\nHost: gate.test\r\nOrigin: ${origin}\r\n${headers}Connection: close\r\n\r\n`);
      }));
    }
  }
  origin.take();
  return live();
}

/** What lives in the isolate, in MiB: it is asked between requests. */
async function live() {
  let isKnown = false;
  const known = memory.live().finally(() => (isKnown = true));
  while (!isKnown) await rawExchange(gate.port, 'GET /none HTTP/1.1\r\nHost: gate.test\r\n\r\n');
  return (await known).heap;
}

test('page origins of one caller, and of requests without a token', { timeout: 120_000 }, async () => {
  const before = await live();
  const token = mint(key, claims(ISSUER, { orgs: ['a'] }));
  const ofCaller = await liveAfter((id) => `/items/a/${id}`, `Authorization: Bearer ${token}\r\n`);
  const ofAnyone = await liveAfter((id) => `/free/${id}`);
  const all = (IDS * PAGES * LENGTH) / MIB;
  assert.ok(all > 40, 'much more than may be kept');
  assert.ok(ofCaller - before < 5, `${before} MiB, then ${ofCaller}`);
  assert.ok(ofAnyone - ofCaller < 20, `${ofCaller} MiB, then ${ofAnyone}`);
});
