// Pairs of random policies, the second one with some changes to the first, and random requests to both.

import { claims, mint, newKey, now } from '../support/tokens.mjs';

const API = 'https://api.test';
const RESOURCE = 'https://mcp.test/mcp';
const PAGES = ['https://app.test', 'https://other.test', 'https://evil.test'];
const ISSUERS = ['https://zero.test', 'https://one.test', 'https://away.test'];
const LATER = 100_000_000;

const PATHS = ['/', '/a', '/a/{id}', '/a/{id}/b', '/a/admin', '/b/{*rest}', '/{*rest}'];
const TARGETS = ['/', '/a', '/A', '/a/', '/a/1', '/a/acme', '/a/Admin', '/a/admin', '/a/acme/b', '/b', '/b/x/y', '/none', '//a', '/a/%2f', '/a;b', '/a/acme?org=acme', '/a?org=x&org=y'];
const HOSTS = ['gate.test', 'acme.h.test', 'GATE.test', 'elsewhere.test:8080'];
const DOCUMENTS = ['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'];

/** What generates them. Tokens are signed once and sent often. */
export function generator(random) {
  const [zero, one, stranger] = [newKey('ES256', { kid: 'zero' }), newKey('EdDSA', { kid: 'one' }), newKey('ES256', { kid: 'zero' })];
  const tokens = Array.from({ length: 160 }, () => newToken(random, [zero, one, stranger]));
  const issuers = {
    zero: { issuer: ISSUERS[0], jwks: { keys: [zero.jwk] } },
    one: { issuer: ISSUERS[1], jwks: { keys: [one.jwk] }, max_age: LATER },
    away: { issuer: ISSUERS[2], jwks_uri: 'http://127.0.0.1:9/jwks' },
  };
  return {
    pair() {
      const live = newPolicy(random, issuers);
      return { live: withResources(live), candidate: withResources(changed(random, live, issuers, stranger)) };
    },
    request: () => newRequest(random, tokens),
  };
}

function newToken(random, [zero, one, stranger]) {
  const key = random.pick([zero, zero, zero, one, one, stranger]);
  const changes = {
    iss: random.oneIn(8) ? random.pick([ISSUERS[2], 'https://nobody.test']) : ISSUERS[key === one ? 1 : 0],
    client_id: 'app-1',
    aud: random.pick([API, API, API, RESOURCE, 'urn:logto:organization:acme', ['x', API], undefined]),
    scope: random.pick(['read', 'read write', 'write', undefined]),
    organization_id: random.pick([undefined, undefined, 'acme', '1']),
    role: random.pick(['admin', 'guest', ['admin', 'x,y'], undefined]),
    exp: now() + (random.oneIn(8) ? -LATER : LATER),
    iat: random.pick([now() - 1000, now() - 2 * LATER, undefined]),
    nbf: random.oneIn(12) ? now() + LATER : undefined,
    cnf: random.oneIn(12) ? { jkt: 'x' } : undefined,
  };
  const header = random.pick([{}, {}, {}, {}, {}, { typ: 'logout+jwt' }, { kid: undefined }, { kid: 'of-nobody' }, { crit: ['exp'] }, { alg: 'HS256' }]);
  return mint(key, claims(ISSUERS[0], changes), { header });
}

function newPolicy(random, issuers) {
  const paths = PATHS.filter(() => !random.oneIn(3));
  const routes = (paths.length > 0 ? paths : PATHS).map((path, index) => newRoute(random, path, index));
  return {
    version: 1,
    origin: random.pick(['https://origin.test', 'https://origin.test/base']),
    issuers,
    identity: newIdentity(random),
    paths: { case: random.pick(['refuse', 'exact']) },
    log: { decisions: random.pick(['refused', 'refused', 'all']), analytics: 'POINTS' },
    ...(random.oneIn(3) ? { cors: newCors(random) } : {}),
    routes,
  };
}

/** A resource must be the audience of a route. */
function withResources(policy) {
  return policy.routes.some(({ audience }) => audience === RESOURCE) ? { ...policy, resources: { [RESOURCE]: {} } } : policy;
}

function newIdentity(random) {
  const prefix = random.pick(['x-auth-', 'x-auth-', 'x-user-']);
  return {
    prefix,
    ...(random.oneIn(3) ? { secret: { binding: random.pick(['A', 'B', 'B', 'ABSENT']) } } : {}),
    ...(random.oneIn(2) ? { claims: { [`${prefix}role`]: random.pick(['role', 'sub']) } } : {}),
    ...(random.oneIn(3) ? { payload_header: true } : {}),
    ...(random.oneIn(3) ? { forward_token: false } : {}),
  };
}

const newCors = (random) => ({ origins: random.pick([[PAGES[0]], [PAGES[0], PAGES[1]], ['*']]), ...(random.oneIn(3) ? { methods: ['GET', 'PUT'] } : {}) });

function newRoute(random, path, index) {
  const route = { path, name: `route-${index}`, access: random.pick(['token', 'token', 'token', 'optional', 'public', 'deny']) };
  const id = path.includes('{id}') ? '{id}' : 'acme';
  if (random.oneIn(3)) route.methods = random.pick([['GET'], ['GET', 'POST'], ['PUT', 'OPTIONS']]);
  if (random.oneIn(4)) route.hosts = random.pick([['gate.test'], ['gate.test', '{t}.h.test']]);
  if (random.oneIn(3)) route.enforce = false;
  if (random.oneIn(4)) route.cors = random.pick([false, newCors(random)]);
  if (random.oneIn(4)) route.origin = random.pick(['https://own.test', 'service:API', ...(route.hosts ? ['passthrough'] : [])]);
  if (random.oneIn(5) && path.startsWith('/a')) route.strip_prefix = '/a';
  if (route.access === 'token' || route.access === 'optional') {
    route.audience = random.pick([API, API, '*', RESOURCE, `urn:logto:organization:${id}`, [API, 'x']]);
    if (random.oneIn(3)) route.scopes = random.pick([['read'], ['read', 'write'], { any: ['write', 'admin'] }]);
    if (random.oneIn(3)) route.organization = random.pick([id, '*', '{query.org}', '{header.x-org}']);
    if (random.oneIn(4)) route.claims = random.pick([{ role: 'admin' }, { role: { contains: 'admin' } }]);
    if (random.oneIn(4)) route.issuers = random.pick([['zero'], ['zero', 'one'], ['one', 'away']]);
    if (random.oneIn(7)) route.token_header = 'x-token';
  }
  return route;
}

/** The policy with some changes, or none but in its text. */
function changed(random, live, issuers, stranger) {
  const policy = structuredClone(live);
  const changes = [
    () => { policy.identity = newIdentity(random); },
    () => { policy.paths.case = random.pick(['refuse', 'exact']); },
    () => { policy.cors = newCors(random); },
    () => { policy.origin = random.pick(['https://origin.test', 'https://new.test']); },
    () => { policy.issuers.one = { ...issuers.one, algorithms: ['ES256'] }; },
    () => { policy.issuers.zero = { ...issuers.zero, jwks: { keys: [stranger.jwk] } }; },
    () => { policy.issuers.zero = { ...issuers.zero, bound_tokens: 'ignore', types: ['logout+jwt', 'at+jwt'] }; },
    () => { policy.routes.splice(random.below(policy.routes.length), 1); },
    ...Array(8).fill(() => {
      const index = random.below(policy.routes.length);
      const { path, name } = policy.routes[index];
      policy.routes[index] = { ...newRoute(random, path, index), name: random.oneIn(4) ? `${name}-renamed` : name };
    }),
  ];
  for (let i = random.below(4); i > 0; i -= 1) if (policy.routes.length > 1) random.pick(changes)();
  policy.limits = { max_token_bytes: 8191 };
  return policy;
}

function newRequest(random, tokens) {
  const method = random.pick(['GET', 'GET', 'GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS']);
  const path = random.oneIn(25) ? random.pick(DOCUMENTS) : random.pick(TARGETS);
  const headers = [];
  if (!random.oneIn(6)) headers.push(['authorization', random.oneIn(12) ? random.pick(['Basic x', 'Bearer', 'Bearer a b', 'Bearer opaque', 'Bearer a.b.c']) : `Bearer ${random.pick(tokens)}`]);
  if (random.oneIn(6)) headers.push(['x-token', random.pick(tokens)]);
  if (random.oneIn(3)) headers.push(['x-org', random.pick(['acme', '1', 'a, b'])]);
  if (random.oneIn(3)) headers.push(['origin', random.pick(PAGES)]);
  if (method === 'OPTIONS' && random.oneIn(2)) headers.push(['access-control-request-method', random.pick(['GET', 'PUT', 'DELETE'])]);
  return { method, url: new URL(`http://${random.pick(HOSTS)}${path}`).href, headers };
}
