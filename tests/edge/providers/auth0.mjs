// https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://tenant.eu.auth0.com/';
const API = 'https://shop.example.com/api';
const ROLES = 'https://shop.example.com/roles';
const CLIENT = 'my_client_id';

export default {
  policy: 'auth0',
  jwksUri: `${ISSUER}.well-known/jwks.json`,
  key: newKey('RS256'),
  header: { typ: 'JWT' },
  claims: {
    iss: ISSUER,
    sub: 'auth0|123456',
    aud: [API, `${ISSUER}userinfo`],
    azp: CLIENT,
    scope: 'openid profile read:orders',
    permissions: ['read:orders', 'delete:orders'],
  },
  identity: {
    'subject': 'auth0|123456',
    'client-id': CLIENT,
    'scopes': 'openid profile read:orders',
    'audience': `${API},${ISSUER}userinfo`,
    'permissions': 'read:orders,delete:orders',
  },
  allowed: [
    ['a scope', 'GET /orders', {}, {}],
    ['the RFC 9068 profile', 'GET /orders', { azp: undefined, client_id: CLIENT, jti: '73WakrfVbNJBaAmhQtEeDv' }, {}, { typ: 'at+jwt' }],
    ['a permission that the application did not ask for as a scope', 'DELETE /orders/7', {}, {}],
    ['a role in a namespaced claim', 'GET /admin/users', { [ROLES]: ['staff', 'admin'] }, { roles: 'staff,admin' }],
    ['the organization of the path', 'GET /orgs/org_9/orders', { org_id: 'org_9' }, {}],
    [
      'an application by itself', 'GET /orders',
      { sub: `${CLIENT}@clients`, aud: API, gty: 'client-credentials', scope: 'read:orders', permissions: ['read:orders'] },
      { subject: `${CLIENT}@clients`, audience: API, scopes: 'read:orders', permissions: 'read:orders' },
    ],
  ],
  refused: [
    ['an ID token', 'GET /orders', { aud: CLIENT, azp: undefined, scope: undefined, nonce: 'n' }, 'auth.invalid_audience'],
    ['a token for userinfo alone', 'GET /orders', { aud: `${ISSUER}userinfo` }, 'auth.invalid_audience'],
    ['without the scope', 'GET /orders', { scope: 'openid profile' }, 'auth.insufficient_scope', { scope: 'read:orders' }],
    ['without the permission', 'DELETE /orders/7', { permissions: ['read:orders'] }, 'auth.claim_mismatch'],
    ['without permissions, as long as the API does not add them', 'DELETE /orders/7', { permissions: undefined }, 'auth.claim_mismatch'],
    ['a role outside the namespace', 'GET /admin/users', { roles: ['admin'] }, 'auth.claim_mismatch'],
    ['another organization', 'GET /orgs/org_9/orders', { org_id: 'org_8' }, 'auth.claim_mismatch'],
    ['an issuer without its slash', 'GET /orders', { iss: ISSUER.slice(0, -1) }, 'auth.invalid_token'],
    ['another tenant', 'GET /orders', { iss: 'https://other.eu.auth0.com/' }, 'auth.invalid_token'],
  ],
};
