// One gate with its own programmable issuer, for tests of the ageing and fetching of key sets.

import assert from 'node:assert/strict';
import { after, beforeEach } from 'node:test';

import { assertForwarded, assertRefused } from './expect.mjs';
import { API } from './fixture.mjs';
import { startGate, startGates } from './gate.mjs';
import { startKeyServer } from './keyserver.mjs';
import { startOrigin } from './origin.mjs';
import { claims, mint, now } from './tokens.mjs';

/** Starts what the stages of a file share; everything is stopped after the file's tests. */
export async function theatre() {
  const origin = await startOrigin();
  const server = await startKeyServer();
  beforeEach(() => origin.take());
  after(async () => {
    await origin.close();
    await server.close();
  });
  let serial = 0;

  /**
   * A gate with one issuer, which publishes `keys`. `settings` are keys of the policy's issuer; `entry` is the entry in KV
   * before the first request: its `age` in seconds and its `keys`.
   */
  async function stage(t, { keys, settings = {}, entry } = {}) {
    serial += 1;
    const issuer = server.issuer(`issuer-${serial}`, keys.map(({ jwk }) => jwk));
    const gate = await startGate({
      policy: {
        version: 1,
        origin: origin.url,
        issuers: { main: { issuer: issuer.issuer, ...settings } },
        routes: [{ path: '/a', audience: API }],
      },
    });
    t.after(() => gate.close());
    const write = async ({ age = 0, keys: held, ...members }) => {
      const value = {
        version: 1, issuer: issuer.issuer, jwks_uri: issuer.jwksUri, fetched_at: now() - age, keys: held.map(({ jwk }) => jwk), ...members,
      };
      await (await gate.kv()).put(`jwks:v1:${issuer.issuer}`, JSON.stringify(value));
    };
    if (entry) await write(entry);
    const send = (key, options) => gate.bearer(mint(key, claims(issuer.issuer)), '/a', options);
    return {
      gate,
      issuer,
      send,
      write,
      accepts: async (key) => assertForwarded(await send(key), origin),
      refuses: async (key, code = 'auth.invalid_token') => assertRefused(await send(key), code, { origin }),
    };
  }

  /**
   * Gates with one policy that share one KV (or `store`), with an issuer for each of the settings, so that the tests of a
   * table can run concurrently: they assert only on responses. Returns one actor for each issuer. `entry` is that of
   * startGates.
   */
  async function company(t, list, { gates: count = 1, store, entry } = {}) {
    const issuers = list.map(({ keys }) => server.issuer(`issuer-${(serial += 1)}`, keys.map(({ jwk }) => jwk)));
    const policy = {
      version: 1,
      origin: origin.url,
      issuers: Object.fromEntries(issuers.map(({ issuer }, index) => [`i${index}`, { issuer, ...list[index].settings }])),
      routes: [{ path: '/a', audience: API }],
    };
    const gates = await startGates(Array.from({ length: count }, () => ({ policy, kv: 'shared', store })), { entry });
    t.after(() => Promise.all(gates.map((gate) => gate.close())));
    return issuers.map((issuer, index) => new Actor(issuer, `i${index}`, gates));
  }

  return { origin, server, stage, company };
}

/** An issuer and the callers with its tokens. */
class Actor {
  constructor(issuer, name, gates) {
    Object.assign(this, { issuer, name, gates, gate: gates[0] });
  }

  /** The token is valid by every clock. */
  send(key, gate = this.gate) {
    return gate.bearer(mint(key, claims(this.issuer.issuer, { iat: undefined, exp: now() + 1_000_000 })), '/a');
  }

  async accepts(key, gate) {
    assertAnswered(await this.send(key, gate));
  }

  async refuses(key, code = 'auth.invalid_token', gate = undefined) {
    assertRefused(await this.send(key, gate), code);
  }

  entry() {
    return this.gate.entry(this.issuer.issuer);
  }

  /** Waits until the log contains this about the issuer. */
  logged(pattern, since) {
    return this.gate.logged((line) => line.includes(`issuer ${this.name}:`) && pattern.test(line), since);
  }
}

/** The response is the recording origin's. */
export function assertAnswered(answer) {
  assert.deepEqual([answer.status, answer.json], [200, { ok: true }], `${answer.status} ${answer.text}`);
}
