// The policy of the gates before the origins: its templates read each part of a request, and its routes are there once for
// each kind of origin.

import { API, ISSUER } from '../edge/support/fixture.mjs';
import { claims, mint, newKey } from '../edge/support/tokens.mjs';

/** By this host a request gets routes of each kind of origin. */
export const HOSTS = { url: 'gate.test', service: 'service.test', passthrough: 'passthrough.test' };
/** Whom assertions are for. */
export const AUDIENCE = 'urn:origin';
export const SECRET = 's3cret';

const token = (route) => ({ audience: API, organization: '*', ...route });

/** By the name that the origins' apps have for each, too. */
export const ROUTES = {
  'query': token({ path: '/query/{*rest}', organization: '{query.org}' }),
  'query-id': token({ path: '/query-id/{*rest}', organization: '{query.org_id}' }),
  'header': token({ path: '/header/{*rest}', organization: '{header.x-org}' }),
  'items': token({ path: '/orgs/{org}/items/{item}', organization: '{org}', claims: { item: '{item}' } }),
  'open': { path: '/open/{*rest}', access: 'public' },
  'maybe': token({ path: '/maybe/{*rest}', access: 'optional' }),
  'docs-read': token({ path: '/docs/{*rest}', methods: ['GET'], scopes: ['read'] }),
  'docs': { path: '/docs/{*rest}', access: 'public' },
  'admin': { path: '/admin/{*rest}', access: 'deny' },
  'rest': { path: '/{*rest}', access: 'public' },
};

const key = newKey('ES256');
const identity = { payload_header: true, claims: { 'x-auth-item': 'item' }, secret: { binding: 'SHARED' } };

/** `gate` is the URL that assertions name as their issuer. */
export function policyFor(gate) {
  const kinds = {
    // What the origin gets as Host says by which route the request came.
    url: (name) => ({ origin: `http://${name}.origin.test` }),
    service: () => ({ hosts: [HOSTS.service], origin: 'service:ORIGIN' }),
    passthrough: () => ({ hosts: [HOSTS.passthrough], origin: 'passthrough' }),
  };
  return {
    version: 1,
    issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
    identity: { ...identity, assertion: { issuer: gate, keys: ['KEY'], audience: AUDIENCE } },
    routes: Object.values(kinds).flatMap((kind) => Object.entries(ROUTES).map(([name, route]) => ({ ...route, ...kind(name) }))),
  };
}

/** What the token of a request may say; one of each is enough, so that the gate knows it again. */
export const TOKENS = {
  mine: { organization_id: 'mine', item: 'i-1', scope: 'read' },
  narrow: { organization_id: 'mine', item: 'i-1' },
  other: { organization_id: 'other', item: 'i-2', scope: 'read write', sub: 'user-2', client_id: undefined },
  nobody: { sub: undefined, client_id: undefined },
};

const minted = Object.fromEntries(Object.entries(TOKENS).map(([name, changes]) => {
  const payload = claims(ISSUER, { exp: Math.floor(Date.now() / 1000) + 3600, ...changes });
  return [name, { payload, compact: mint(key, payload) }];
}));

export function compactOf(name) {
  return minted[name].compact;
}

/** The identity headers for a token: text, or `true` where only the gate knows what they hold. */
export function identityOf(name) {
  if (name === null) return { 'x-auth-secret': SECRET };
  const { payload, compact } = minted[name];
  return JSON.parse(JSON.stringify({
    'x-auth-subject': payload.sub,
    'x-auth-client-id': payload.client_id,
    'x-auth-organization-id': payload.organization_id,
    'x-auth-scopes': payload.scope,
    'x-auth-audience': payload.aud,
    'x-auth-issuer': payload.iss,
    'x-auth-claims': compact.split('.')[1],
    'x-auth-item': payload.item,
    'x-auth-assertion': true,
    'x-auth-secret': SECRET,
  }));
}

/** Whom an example's own check takes for the caller. */
export function callerOf(name) {
  if (name === null) return null;
  const { sub = null, client_id: clientId = null, organization_id: organizationId = null, scope = '', aud } = minted[name].payload;
  // A subject is one within its issuer only, so an assertion without one names no issuer.
  return { issuer: sub === null ? null : ISSUER, sub, clientId, organizationId, scopes: scope.split(' ').filter(Boolean), audience: [aud] };
}
