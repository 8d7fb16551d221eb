// Policies, callers and requests: few of each again and again, and now and then another that differs in one thing.

import { API, ISSUER } from '../support/fixture.mjs';
import { claims, mint, newKey, now } from '../support/tokens.mjs';
import { JWKS_URI } from './world.mjs';

const OTHER = 'https://other.example.com';
const DAY = 86_400;

const routes = (scope) => [
  { path: '/any', audience: '*', organization: '*' },
  { path: '/scoped/{id}', audience: API, scopes: [scope] },
  { path: '/scoped/{id}', methods: ['POST'], audience: API, scopes: ['write'], cache: true },
  { path: '/main', audience: API, issuers: ['main'], timeout_ms: 5000 },
  { path: '/org/{org}/{*rest}', audience: API, organization: '{org}' },
  { path: '/orgs/{org}', audience: 'urn:logto:organization:{org}' },
  { path: '/label', hosts: ['{a}.a.test', '{b}.b.test'], audience: '*', organization: '{a}' },
  { path: '/header', audience: '*', organization: '{header.x-org}' },
  { path: '/claim', audience: '*', organization: '*', claims: { 'org.id': '{query.org}' } },
  { path: '/stripped/{*rest}', audience: '*', organization: '*', strip_prefix: '/stripped', origin: 'http://origin.test/base' },
  { path: '/optional', audience: API, access: 'optional', cors: { origins: ['https://page.test'] } },
  { path: '/tools', audience: API, scopes: ['read'], cors: { origins: ['https://page.test'] } },
  { path: '/tools/all', audience: API, cors: { origins: ['*'] } },
  { path: '/shared', access: 'public', cors: { origins: ['https://page.test', 'https://*.other.test'], credentials: true } },
  { path: '/public/{*rest}', access: 'public', strip_prefix: '/public' },
  { path: '/café/中/{*rest}', access: 'public', strip_prefix: '/café/中' },
  { path: '/ünï/{*rest}', audience: API, strip_prefix: '/ünï', origin: 'http://origin.test/base' },
  { path: '/{version}/cut', audience: API, strip_prefix: '/v1' },
  { path: '/service/{*rest}', audience: API, strip_prefix: '/service', origin: 'service:ORIGIN' },
  { path: '/through/{*rest}', hosts: ['gate.test'], access: 'optional', audience: API, strip_prefix: '/through', origin: 'passthrough' },
  { path: '/denied', access: 'deny' },
];

/** A policy. `fillers` are further routes, which take memory. */
function policy(jwks, { scope = 'read', fillers = 0, ...members }) {
  return JSON.stringify({
    version: 1,
    origin: 'http://origin.test',
    issuers: { main: { issuer: ISSUER, jwks_uri: JWKS_URI, max_age: DAY }, other: { issuer: OTHER, jwks: { keys: jwks }, leeway: 0 } },
    resources: { [API]: {} },
    routes: [...routes(scope), ...Array.from({ length: fillers }, (_, i) => ({ path: `/filler/${i}/{id}/x`, access: 'deny' }))],
    ...members,
  });
}

/** The traffic of a seed: `policies`, `rotations` of the first issuer's keys, and `request` for the next one. */
export function trafficOf(random) {
  const [first, second, static1, static2] = ['ES256', 'EdDSA', 'ES384', 'RS256'].map((alg) => newKey(alg));
  const other = [static1.jwk, static2.jwk];
  const assertion = { issuer: 'https://gate.test', keys: ['GATE_KEY'], algorithm: 'EdDSA', ttl: 120 };
  const policies = [
    {},
    { scope: 'write', identity: { forward_token: false, payload_header: true, secret: { binding: 'SECRET' } } },
    { identity: { assertion, prefix: 'x-id-', claims: { 'x-id-org': 'org.id' } }, paths: { case: 'exact' } },
    { fillers: 4000, identity: { assertion: { ...assertion, audience: 'https://api' } } },
  ].flatMap((members) => [policy(other, members), policy(other.slice(0, 1), members)]);
  const callers = callersOf([first, second], [static1, static2]);
  const newRequest = () => requestOf(random, callers);
  let few = Array.from({ length: 12 }, newRequest);
  return {
    policies,
    rotations: [[first, second], [first], [second], [static1], [second, first]],
    request() {
      if (random.oneIn(300)) few = Array.from({ length: 12 }, newRequest);
      const request = random.oneIn(4) ? varied(random, random.pick(few), newRequest()) : random.pick(few);
      if (random.oneIn(request.path.startsWith('/tools') ? 2 : 12)) return { ...request, headers: [ACCEPT, ['origin', random.pick(PAGES)]] };
      return random.oneIn(8) ? { ...request, headers: oddHeaders(random) } : request;
    },
    /** A request that makes the gate look at its policy and at every key set. */
    touches: [callers[0], callers.at(-1)].map((authorization) => ({ method: 'GET', host: 'gate.test', path: '/any', headers: [], authorization })),
  };
}

function callersOf(main, other) {
  const far = { iat: now(), exp: now() + 20 * DAY };
  const token = (key, issuer, changes = {}) => mint(key, claims(issuer, { ...far, scope: 'read write', org: { id: 'o1' }, ...changes }));
  const bearer = (...of) => `Bearer ${token(...of)}`;
  const good = bearer(main[0], ISSUER);
  return [
    good,
    bearer(main[1], ISSUER, { organization_id: 'o1' }),
    bearer(main[1], ISSUER, { aud: ['urn:logto:organization:o1', 'urn:logto:organization:o2'], sub: 'ünïcode, %' }),
    bearer(main[0], ISSUER, { exp: now() + DAY }),
    bearer(main[0], ISSUER, { nbf: now() + DAY }),
    bearer(main[0], ISSUER, { iat: now() - DAY / 2 }),
    bearer(main[0], ISSUER, { scope: 'read' }),
    bearer(main[0], ISSUER, { aud: 'https://elsewhere' }),
    undefined,
    good.replace('Bearer ', 'bearer  '),
    `${good}x`,
    'Basic Zm9v',
    bearer(other[1], OTHER, { organization_id: 'o2' }),
    bearer(other[0], OTHER),
  ];
}

const PATHS = [
  '/any', 'http://other.test/any', '/any?a=1', '/any/', '/%61ny', '/ANY', '/scoped/1', '/scoped/2?x=/y?z', '/main', '/org/o1/a', '/org/%6F1/a/b?q', '/org/o2/a', '/orgs/o1',
  '/orgs/o2/', '/label', '/label/', '/header', '/claim?org=o1', '/stripped', '/stripped/', '/stripped/a/b?c', '/%73tripped/a', '/optional',
  '/shared', '/shared?x', '/v1/cut', '/v1/cut?x', '/v2/cut', '/service/a', '/service/b?x', '/through/a', '/through/', '/public/a', '/public', '/denied', '/nothing', '/any/../any', '//any', '/.well-known/portcullis/jwks.json',
];

// Not in ASCII, as some clients send it, and encoded.
const latin = (text) => Buffer.from(text).toString('latin1');
PATHS.push(latin('/café/中/a/b'), latin('/café/中/@other.test/a?é'), '/caf%C3%A9/%E4%B8%AD/a/b', latin('/ünï/x/é'), latin('/ünï/a/admin'), latin('/any?é'));

// Refused for what stands behind as much as the buffer for requests holds.
PATHS.push(`/stripped/${'a'.repeat(4100)}%2f`, `/any?${'a'.repeat(4100)}\t`);

function requestOf(random, callers) {
  const path = random.pick(random.oneIn(6) ? TOOLS : PATHS);
  const hosts = path.startsWith('/label') ? ['o1.a.test', 'o1.b.test', 'O1.A.test:81', 'o2.a.test'] : ['gate.test', 'gate.test:81', 'gate.test:80', 'Gate.test.', 'x@gate.test'];
  return {
    method: random.oneIn(6) ? random.pick(['POST', 'HEAD', 'OPTIONS', 'PURGE']) : 'GET',
    host: random.oneIn(3) ? random.pick(hosts) : hosts[0],
    path,
    headers: usualHeaders(random),
    authorization: random.oneIn(3) ? random.pick(callers) : random.pick([undefined, ...callers.slice(0, 3)]),
  };
}

/** A request in one thing like another, so that it is all but one that is forwarded by a grant. */
function varied(random, request, other) {
  const thing = random.pick(Object.keys(request));
  // Neighbours in the list are much alike.
  const near = PATHS[PATHS.indexOf(request.path) + random.pick([-2, -1, 1, 2])] ?? random.pick(TOOLS);
  return { ...request, [thing]: thing === 'path' && random.oneIn(2) ? near : other[thing] };
}

const ACCEPT = ['accept', '*/*'];
const PAGES = ['https://page.test', 'https://a.other.test', 'https://evil.test', 'null', ''];
const TOOLS = ['/tools', '/tools', '/tools/?x', '/tools/all'];

function usualHeaders(random) {
  const usual = [ACCEPT, ['connection', 'keep-alive'], ['origin', 'https://page.test'], ['x-scheme', 'https']];
  return usual.filter(() => random.oneIn(2));
}

const HEADERS = [
  ACCEPT, ['close', '1'], ['connection', 'close'], ['connection', 'Keep-Alive'], ['connection', 'x-org'], ['cookie', 'a=b'],
  ...PAGES.map((page) => ['origin', page]), ['te', 'trailers'], ['keep_alive', '1'],
  ['upgrade', 'h2c'], ['x_auth_subject', 'admin'], ['x-auth-subject', 'admin'], ['x-id-subject', 'admin'], ['x-forwarded-host', 'evil.test'],
  ['x_forwarded_prefix', '/evil'], [`x-auth-${'long-'.repeat(20)}`, 'admin'], ['x-http-method-override', 'DELETE'], ['x-org', 'o1'], [`x-${'long-'.repeat(20)}`, '1'],
];

function oddHeaders(random) {
  return random.some(HEADERS, 8).concat(random.oneIn(3) ? [[`x-${random.below(5000)}`, '1']] : []);
}
