// The Hono Worker with `keys` as a function that caches the key set for ten minutes.

import { env } from 'cloudflare:workers';

import { gate } from './hono-gate.js';

const FRESH_FOR = 600_000;
let kept = { keys: null, until: 0 };

export default gate({ keys });

async function keys() {
  if (kept.until < Date.now()) {
    const response = await fetch(env.JWKS_URI);
    if (!response.ok) throw new Error('no key set');
    kept = { ...(await response.json()), until: Date.now() + FRESH_FOR };
  }
  return kept.keys;
}
