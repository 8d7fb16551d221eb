// One gate and one origin, which the gate reaches in each way that a policy supports. What passes through must not depend on
// the way.

import { API, fixture } from './fixture.mjs';
import { HOST } from './gate.mjs';

/** A Worker behind a service binding, which goes to the origin itself. */
const OTHER = 'export default { fetch: (request) => fetch(request) };';

/** The result of `fixture`, and `ways`: each with the `host` to request and the `base` of its paths. */
export async function upstreams({ route = {}, issuer } = {}) {
  const routes = [{}, { origin: 'service:OTHER' }, { origin: 'passthrough' }];
  const world = await fixture({
    issuer,
    policy: { routes: routes.map((way, index) => ({ path: `/${index}/{*rest}`, audience: API, ...way, ...route })) },
    services: { OTHER: 'other' },
    others: { other: OTHER },
  });
  const ways = ['a server', 'a service binding', 'passthrough'].map((name, index) => ({
    name, base: `/${index}`, host: index === 0 ? HOST : world.origin.host,
  }));
  return { ...world, ways };
}
