// Runs in workerd, as the entry of a gate whose platform fails on demand: the built Worker with bindings and WebCrypto that
// behave as the header `x-platform` says, for the duration of that request.

import gate from './index.js';

const CANARY = 'canary-of-the-platform';
const raise = () => {
  throw new Error(CANARY);
};
const reject = () => Promise.reject(new Error(CANARY));
const rejectOddly = () => Promise.reject(CANARY);
const never = () => new Promise(() => {});

const FAULTS = {
  'verify throws': { verify: raise },
  'verify rejects': { verify: reject },
  'verify rejects with no error': { verify: rejectOddly },
  'verify gives no boolean': { verify: () => undefined },
  'import throws': { importKey: raise },
  'import rejects': { importKey: reject },
  'store throws': { store: { getWithMetadata: raise, put: raise } },
  'store rejects': { store: { getWithMetadata: reject, put: reject } },
  'store gives nonsense': { store: { getWithMetadata: async () => undefined, put: async () => 1 } },
  'store never answers': { store: { getWithMetadata: never, put: never } },
  'store is no store': { store: {} },
  'waitUntil throws': { waitUntil: raise },
  'service throws': { service: raise },
  'service rejects': { service: reject },
  'service gives nothing': { service: async () => undefined },
  'service gives no response': { service: async () => ({ status: 200 }) },
};

let fault = {};
for (const name of ['verify', 'importKey']) {
  const real = SubtleCrypto.prototype[name];
  SubtleCrypto.prototype[name] = function (...args) {
    return fault[name] ? fault[name]() : real.apply(this, args);
  };
}

export default {
  async fetch(request, env, context) {
    fault = FAULTS[request.headers.get('x-platform')] ?? {};
    const { store = env.JWKS, service, waitUntil } = fault;
    const bindings = { ...env, JWKS: store, ...(service ? { SERVICE: { fetch: service } } : {}) };
    const outer = waitUntil ? { waitUntil } : context;
    try {
      return await gate.fetch(request, bindings, outer);
    } finally {
      fault = {};
    }
  },
};
