// The jose Worker with a bounded Map of verified tokens: the oldest is evicted first, and a token's times are checked on each
// use.

import { env } from 'cloudflare:workers';

import { forward, refuse, scopesOf } from './forward.js';
import { verify } from './verify.js';

const MOST = 1000;
const verified = new Map();

export default {
  async fetch(request) {
    const authorization = request.headers.get('authorization');
    if (!authorization?.startsWith('Bearer ')) return refuse(401, 'no token');
    let payload = known(authorization);
    if (!payload) {
      try {
        payload = await verify(authorization.slice(7));
      } catch {
        return refuse(401, 'invalid token');
      }
      remember(authorization, payload);
    }
    if (!scopesOf(payload).includes(env.SCOPE)) return refuse(403, 'insufficient scope');
    return forward(request, payload);
  },
};

function known(authorization) {
  const payload = verified.get(authorization);
  if (!payload || payload.exp > Date.now() / 1000 - 30) return payload;
  verified.delete(authorization);
}

function remember(authorization, payload) {
  if (verified.size >= MOST) verified.delete(verified.keys().next().value);
  verified.set(authorization, payload);
}
