// Runs in workerd, as the entry of a gate that decides many requests at once: a pair of policies comes with its requests, the
// lines and data points of the gate go back. Time, the stores, origins and Analytics Engine are here.

import gate from './index.js';

/** A gate looks for policies before it decides, where it has not for so long. */
const STALE = 301_000;
/** Lines are bounded by the minute: ten of a kind. */
const MINUTE = 61_000;
const AT_ONCE = 10;

let ahead = 0;
const clock = Date.now;
Date.now = () => clock() + ahead;

let lines = [];
console.log = (line) => lines.push(JSON.parse(line));

const answering = { fetch: async () => new Response('{}') };
globalThis.fetch = async (url) => new Response('{}', { status: String(url.url ?? url).endsWith('/jwks') ? 500 : 200 });

export default {
  async fetch(request, env) {
    const { live, candidate, requests } = await request.json();
    const stored = { 'policy': live, 'policy:candidate': candidate };
    let points = [];
    const bindings = {
      ...env,
      API: answering,
      POINTS: { writeDataPoint: (point) => points.push(point) },
      POLICY_KV: { get: async (key) => stored[key] ?? null, put: async () => {} },
      JWKS: { getWithMetadata: async () => ({ value: null, metadata: null }), put: async () => {} },
    };
    ahead += STALE;
    await send(new Request('http://look.test/look'), bindings);
    lines = [];
    points = [];
    const statuses = [];
    for (let i = 0; i < requests.length; i += AT_ONCE) {
      ahead += MINUTE;
      const some = requests.slice(i, i + AT_ONCE).map(({ method, url, headers, ray }) => (
        send(new Request(url, { method, headers: [...headers, ['cf-ray', ray]] }), bindings)
      ));
      statuses.push(...await Promise.all(some));
    }
    return Response.json({ lines, points, statuses });
  },
};

/** The status of the answer, once all that was to be done behind it is. */
async function send(request, env) {
  const pending = [];
  const response = await gate.fetch(request, env, { waitUntil: (promise) => pending.push(promise) });
  for (let i = 0; i < pending.length; i += 1) await pending[i];
  return response.status;
}
