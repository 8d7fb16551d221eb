// A gate as a developer would write it with jose: it checks what the benchmark's policy requires, and tells the origin who
// the caller is. What would only make it slower (logs, a router, CORS) is left out.

import { env } from 'cloudflare:workers';

import { forward, refuse, scopesOf } from './forward.js';
import { verify } from './verify.js';

export default {
  async fetch(request) {
    const authorization = request.headers.get('authorization');
    if (!authorization?.startsWith('Bearer ')) return refuse(401, 'no token');
    let payload;
    try {
      payload = await verify(authorization.slice(7));
    } catch {
      return refuse(401, 'invalid token');
    }
    if (!scopesOf(payload).includes(env.SCOPE)) return refuse(403, 'insufficient scope');
    return forward(request, payload);
  },
};
