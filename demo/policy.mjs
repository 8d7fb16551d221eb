// The policy of the demo: one route for each permission model and each kind of access.

import { API } from './tokens.mjs';

/** The name of the secret that holds the key for assertions. */
export const ASSERTION_KEY = 'ASSERTION_KEY';

/** `gate` is the gate's own URL. */
export function demoPolicy({ issuer, origin, gate }) {
  return {
    version: 1,
    origin,
    issuers: { demo: { issuer } },
    identity: { assertion: { issuer: gate, keys: [ASSERTION_KEY] } },
    status: { audience: API, scopes: ['api:read'] },
    revocation: { store: 'REVOCATIONS', api: { audience: API, scopes: ['api:read'] } },
    routes: [
      // 1. A permission of a global API resource.
      { path: '/api/protected', methods: ['GET'], audience: API, scopes: ['api:read'] },
      { path: '/api/products/{id}', methods: ['GET'], audience: API, scopes: ['read:products'] },
      // 2. A permission in an organization.
      {
        path: '/orgs/{org}/members',
        methods: ['POST'],
        audience: 'urn:logto:organization:{org}',
        scopes: ['invite:member'],
      },
      // 3. A permission of an API resource within an organization.
      {
        path: '/orgs/{org}/data/{*rest}',
        audience: API,
        organization: '{org}',
        scopes: { all: ['read:data'] },
      },
      { path: '/catalog', access: 'optional', audience: API },
      { path: '/healthz', access: 'public' },
      { path: '/internal/{*rest}', access: 'deny' },
      // A rule that is tried: the log says what it would refuse.
      { path: '/beta/{*rest}', audience: API, scopes: ['beta:use'], enforce: false },
    ],
  };
}
