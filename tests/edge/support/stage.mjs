// One gate with one programmable issuer of its own, for tests of how key sets age and are fetched.

import { after, beforeEach } from 'node:test';

import { assertForwarded, assertRefused } from './expect.mjs';
import { API } from './fixture.mjs';
import { startGate } from './gate.mjs';
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
   * A gate with one issuer, which publishes `keys`. `settings` are keys of the policy's issuer; `entry` is what KV
   * holds before the first request: its `age` in seconds and its `keys`.
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

  return { origin, server, stage };
}
