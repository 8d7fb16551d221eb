// Runs in workerd, as the entry of a gate whose clock and policy store the test controls: the header `x-world` says how many
// milliseconds the clock is ahead, and which fault the store has.

import gate from './index.js';

const CANARY = 'canary-of-the-store';
const FAULTS = {
  throws: () => {
    throw new Error(CANARY);
  },
  rejects: () => Promise.reject(new Error(CANARY)),
  'rejects with no error': () => Promise.reject(CANARY),
  'gives nothing': async () => undefined,
  'gives an object': async () => ({ version: 1 }),
  'never answers': () => new Promise(() => {}),
};

let world = { ahead: 0 };
const now = Date.now;
Date.now = () => now() + world.ahead;

const bindings = (env) => env.POLICY_KV === undefined ? env : {
  ...env,
  POLICY_KV: {
    get: (...args) => (FAULTS[world.fault] ?? (() => env.POLICY_KV.get(...args)))(),
    put: (...args) => (FAULTS[world.fault] ?? (() => env.POLICY_KV.put(...args)))(),
  },
};

export default {
  fetch(request, env, context) {
    const change = request.headers.get('x-world');
    if (change === null) return gate.fetch(request, bindings(env), context);
    world = { ...world, ...JSON.parse(change) };
    return new Response(null, { status: 204 });
  },
  scheduled: (event, env, context) => gate.scheduled(event, bindings(env), context),
};
export { Revocations } from './index.js';
