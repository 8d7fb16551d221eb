// What a platform that fails does to the gate: it refuses, the origin receives nothing, the next request works. What the
// platform says is not passed on.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { startKeyServer } from './support/keyserver.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const WITH_FAULTS = readFileSync(new URL('support/with-faults.js', import.meta.url), 'utf8');
const CANARY = 'canary-of-the-platform';
const key = newKey('ES256');
const origin = await startOrigin();
const keyServer = await startKeyServer();
const issuer = keyServer.issuer('main', [key.jwk]);
const gates = [];
beforeEach(() => origin.take());
after(async () => {
  for (const gate of gates) await gate.close();
  await keyServer.close();
  await origin.close();
});

/** A fresh isolate, since each fault is to meet one that has no keys yet. */
async function start(log = {}) {
  const policy = {
    version: 1,
    log,
    origin: origin.url,
    issuers: { main: { issuer: issuer.issuer, jwks_uri: issuer.jwksUri, jwks_cooldown: 0 } },
    routes: [
      { path: '/a', audience: API },
      { path: '/service', access: 'public', origin: 'service:SERVICE' },
      { path: '/service/token', audience: API, origin: 'service:SERVICE' },
    ],
  };
  const [gate] = await startGates([{ policy }], { entry: WITH_FAULTS });
  gates.push(gate);
  return gate;
}

const token = () => mint(key, claims(issuer.issuer));
const send = (gate, path, fault) => gate.bearer(token(), path, { headers: fault ? [['x-platform', fault]] : [] });

async function refuses(gate, path, fault, code) {
  assertRefused(await send(gate, path, fault), code, { origin, secret: 'user-1' });
  assert.ok(!(await gate.logText()).includes(token().split('.')[1]), 'no token in the log');
}

describe('signature checks', () => {
  for (const fault of ['verify throws', 'verify rejects', 'verify rejects with no error', 'verify gives no boolean']) {
    test(`${fault}: 401, then the next request works`, async () => {
      const gate = await start();
      await refuses(gate, '/a', fault, 'auth.invalid_token');
      assertForwarded(await send(gate, '/a'), origin);
    });
  }

  for (const fault of ['import throws', 'import rejects']) {
    test(`${fault}: no set is usable, then the next request works`, async () => {
      const gate = await start();
      await refuses(gate, '/a', fault, 'gate.keys_unavailable');
      assertForwarded(await send(gate, '/a'), origin);
    });
  }
});

describe('the store', () => {
  for (const fault of ['store throws', 'store rejects', 'store gives nonsense', 'store never answers', 'store is no store']) {
    test(`${fault}: the issuer is asked instead`, async () => {
      const gate = await start();
      assertForwarded(await send(gate, '/a', fault), origin);
      assertForwarded(await send(gate, '/a'), origin);
    });
  }
});

for (const log of [{}, { decisions: 'all' }, { decisions: 'none', analytics: 'ABSENT' }, { traces: true }]) {
  test(`waitUntil throws: the work is done while the request lasts ${JSON.stringify(log)}`, async () => {
    const gate = await start(log);
    assertForwarded(await send(gate, '/a', 'waitUntil throws'), origin);
  });
}

describe('a service binding', () => {
  for (const fault of ['service throws', 'service rejects', 'service gives nothing', 'service gives no response']) {
    for (const path of ['/service', '/service/token']) {
      test(`${fault}: 502 at ${path}`, async () => {
        const gate = gates[0] ?? (await start());
        await refuses(gate, path, fault, 'gate.origin_unreachable');
        assert.ok(!(await gate.logText()).includes(CANARY), 'what a service throws is its own text');
        assertForwarded(await send(gate, '/a'), origin);
      });
    }
  }
});
