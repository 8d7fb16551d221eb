// The setup of most token tests: one gate, one origin, one issuer with a literal key set.

import { after, beforeEach } from 'node:test';

import { assertForwarded, assertRefused } from './expect.mjs';
import { startGate } from './gate.mjs';
import { startOrigin } from './origin.mjs';
import { claims, mint, newKey } from './tokens.mjs';

export const ISSUER = 'https://issuer.test/oidc';
export const API = 'https://api.yourapp.com';

/**
 * Starts a gate whose issuer `main` has the key set of `keys`; `policy` is the rest of the document, or a function of the
 * origin that returns it. Everything is stopped after the file's tests.
 */
export async function fixture({ keys = [newKey('ES256')], issuer = {}, policy = {}, ...options } = {}) {
  const origin = await startOrigin();
  const { issuers, ...document } = typeof policy === 'function' ? policy(origin) : policy;
  const gate = await startGate({
    policy: {
      version: 1,
      origin: origin.url,
      issuers: { main: { issuer: ISSUER, jwks: { keys: keys.map((key) => key.jwk ?? key) }, ...issuer }, ...issuers },
      routes: [{ path: '/{*any}', audience: API }],
      ...document,
    },
    ...options,
  });
  beforeEach(() => origin.take());
  after(async () => {
    await gate.close();
    await origin.close();
  });

  const [key] = keys;
  const token = (changes, options) => mint(key, claims(ISSUER, changes), options);
  return {
    gate,
    origin,
    key,
    /** A token signed with the first key, valid except for the changes. */
    token,
    async accepts(compact, path = '/a', request) {
      return assertForwarded(await gate.bearer(compact, path, request), origin);
    },
    async refuses(compact, code, path = '/a', { scope, ...request } = {}) {
      const answer = await gate.bearer(compact, path, request);
      return assertRefused(answer, code, { origin, scope, realm: request.host, secret: 'user-1' });
    },
  };
}
