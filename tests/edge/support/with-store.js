// Runs in workerd, as the entry of a gate with a store of the test's: the built Worker with another JWKS. Calls of KV's methods
// go to the test as JSON, and the test's results come back. See store.mjs.

import gate from './index.js';

async function ask(env, question) {
  const response = await env.STORE.fetch('http://store/', { method: 'POST', body: JSON.stringify(question) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

const withStore = (env) => ({
  ...env,
  JWKS: {
    get: async (key, options) => (await ask(env, { method: 'get', key, options })).value,
    getWithMetadata: async (key, options) => ({ ...await ask(env, { method: 'get', key, options }), cacheStatus: null }),
    put: async (key, value, options) => void await ask(env, { method: 'put', key, value, options }),
    delete: async (key) => void await ask(env, { method: 'delete', key }),
    list: async () => ({ keys: [], list_complete: true }),
  },
});

export default {
  fetch: (request, env, context) => gate.fetch(request, withStore(env), context),
  scheduled: (event, env, context) => gate.scheduled(event, withStore(env), context),
};
