// Runs in workerd, between the gate and its servers, in the place of Cloudflare's cache: it caches by URL, for all callers
// alike, what a server declares cacheable, and obeys `cf` of a fetch. `x-cache` says how it treated a request.

const kept = new Map();

export default {
  async fetch(request) {
    const { method, url, cf } = request;
    const upgrades = request.headers.get('upgrade') !== null;
    const isBypassed = cf?.cacheLevel === 'bypass';
    const key = method === 'GET' && !upgrades && !isBypassed ? url : undefined;
    if (kept.has(key)) return new Response(...marked(kept.get(key), 'hit'));
    const response = await fetch(request);
    if (upgrades) return response;
    const answer = { status: response.status, headers: new Headers(response.headers), body: await response.text() };
    if (key !== undefined && /\bmax-age=[1-9]/.test(answer.headers.get('cache-control'))) kept.set(key, answer);
    return new Response(...marked(answer, isBypassed ? 'bypass' : 'miss'));
  },
};

function marked({ status, headers, body }, how) {
  const all = new Headers(headers);
  all.set('x-cache', how);
  return [status === 204 ? null : body, { status, headers: all }];
}
