// Whether an origin read a request as the gate judged it: what it says it saw, held against the policy.

import { isDeepStrictEqual } from 'node:util';

import { HOSTS, TOKENS, callerOf, identityOf } from './policy.mjs';

const FIRST_SEGMENTS = ['query', 'query-id', 'header', 'open', 'maybe', 'docs', 'admin'];
/** They give a caller's identity to the origin. */
const TAKING = ['query', 'query-id', 'header', 'items', 'maybe', 'docs-read'];

/** What is wrong, as a sentence; undefined where nothing is. `sent` is a request of requests.mjs. */
export function judge(view, sent) {
  if (view.method !== sent.method) return `the origin read the method ${view.method}`;
  const path = decodeURIComponent(sent.path.replace(/[^\x00-\x7f]+/g, (bytes) => encodeURIComponent(Buffer.from(bytes, 'latin1').toString())));
  if (view.path !== path) return `the origin read the path ${JSON.stringify(view.path)}`;
  const route = policyRoute(routeOf(path), sent.method);
  const wrongRoute = routing(view, route, sent);
  if (wrongRoute) return wrongRoute;
  const token = TAKING.includes(route) ? sent.token : null;
  return openedBy(route, token, view) ?? told(view, token, sent);
}

/** The route by its path, as any router without special rules has it. */
function routeOf(path) {
  const segments = path.replace(/\/$/, '').split('/').slice(1);
  if (segments.length === 4 && segments[0] === 'orgs' && segments[2] === 'items') return 'items';
  return FIRST_SEGMENTS.includes(segments[0]) ? segments[0] : 'rest';
}

/** The policy has two for `docs`. */
function policyRoute(route, method) {
  return route === 'docs' && ['GET', 'HEAD'].includes(method) ? 'docs-read' : route;
}

/**
 * Routers that are stricter than the policy miss a route of theirs and take what takes all: Express compares literals before
 * they are decoded, and to others a slash at the end is part of the path.
 */
function isMissed(path) {
  const literals = path.split('/').filter((_, index) => index === 1 || index === 3);
  return path.endsWith('/') || literals.some((segment) => segment.includes('%'));
}

/** The origin's router and the gate's chose the same route. */
function routing(view, route, { host, path }) {
  const own = policyRoute(view.route ?? routeOf(view.path), view.method);
  if (own !== route && !(own === 'rest' && isMissed(path))) return `the origin's router chose ${own}, not ${route}`;
  // The gate's choice shows in the Host, where the route names a URL.
  const received = String(view.headers.host);
  const isNamed = !Object.values(HOSTS).slice(1).includes(host.toLowerCase().replace(/\.?(:\d+)?$/, ''));
  if (isNamed && received !== `${route}.origin.test`) return `the gate chose ${received}, not ${route}`;
  return undefined;
}

/** What the origin read where a template did is what the token says; a path that is denied is not read at all. */
function openedBy(route, token, { query, headers, parameters, path }) {
  if (route === 'admin') return 'the origin served what is denied';
  if (token === null) return TAKING.includes(route) && route !== 'maybe' ? 'the origin served nobody' : undefined;
  const { organization_id: organization, item, scope = '' } = TOKENS[token];
  const [, , org, , last] = path.split('/');
  const differs = (what, value, expected) => (value === expected ? undefined : `the origin read ${what} as ${JSON.stringify(value)}, not ${expected}`);
  switch (route) {
    case 'query': return differs('the parameter org', query.org, organization);
    case 'query-id': return differs('the parameter org_id', query.org_id, organization);
    case 'header': return differs('the header X-Org', headers['x-org'], organization);
    case 'items': return differs('{org}', parameters?.org ?? org, organization) ?? differs('{item}', parameters?.item ?? last, item);
    case 'docs-read': return scope.split(' ').includes('read') ? undefined : 'the origin served a token without the scope';
    default: return undefined;
  }
}

/** The origin was told of the caller, and of the request's own host, what the gate knows, and no more. */
function told({ headers, caller }, token, { host }) {
  const expected = { ...identityOf(token), 'x-forwarded-host': host, 'x-forwarded-proto': 'http' };
  const reserved = Object.entries(headers).filter(([name]) => /^x-auth-|^x-forwarded-(host|proto|prefix)$/.test(plain(name)));
  for (const [name, value] of reserved) {
    if (!Object.hasOwn(expected, name)) return `the origin was told ${name}: ${JSON.stringify(value)}`;
    if (expected[name] !== true && value !== expected[name]) return `the origin was told ${name}: ${JSON.stringify(value)}, not ${expected[name]}`;
  }
  const missing = Object.keys(expected).find((name) => !reserved.some(([known]) => known === name));
  if (missing) return `the origin was not told ${missing}`;
  if (caller !== undefined && !isDeepStrictEqual(caller, callerOf(token))) return `the example took ${JSON.stringify(caller)} for the caller`;
  return undefined;
}

/** A header's name as the laxest reader has it. */
function plain(name) {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}
