// A gate as a developer writes it by hand with jose: it checks what the policy of the benchmark asks for, and tells the
// origin who the caller is. What would only make it slower (logs, a router, CORS) is left out.

import { env } from 'cloudflare:workers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

import { forward, refuse, scopesOf } from './forward.js';

const keys = createRemoteJWKSet(new URL(env.JWKS_URI));
const options = {
  issuer: env.ISSUER,
  audience: env.AUDIENCE,
  algorithms: ['RS256', 'ES256', 'ES384', 'EdDSA'],
  clockTolerance: 30,
};

export default {
  async fetch(request) {
    const authorization = request.headers.get('authorization');
    if (!authorization?.startsWith('Bearer ')) return refuse(401, 'no token');
    let payload;
    try {
      ({ payload } = await jwtVerify(authorization.slice(7), keys, options));
    } catch {
      return refuse(401, 'invalid token');
    }
    if (!scopesOf(payload).includes(env.SCOPE)) return refuse(403, 'insufficient scope');
    return forward(request, payload);
  },
};
