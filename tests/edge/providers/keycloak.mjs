// https://www.keycloak.org/docs/latest/server_admin/#audience-support

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://keycloak.example.com/realms/shop';
const ROLES = ['offline_access', 'default-roles-shop', 'customer'];
/** An audience mapper adds the API; that role of `account` adds the other. */
const FOR_API = { aud: ['shop-api', 'account'] };
const FOR_API_IDENTITY = { audience: 'shop-api,account' };

export default {
  policy: 'keycloak',
  jwksUri: `${ISSUER}/protocol/openid-connect/certs`,
  key: newKey('RS256', { members: { x5c: ['MIIC'], x5t: 'thumbprint' } }),
  header: { typ: 'JWT' },
  claims: {
    iss: ISSUER,
    sub: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
    aud: 'account',
    azp: 'shop-web',
    typ: 'Bearer',
    acr: '1',
    'allowed-origins': ['https://shop.example.com'],
    realm_access: { roles: ROLES },
    resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
    scope: 'openid email profile',
    sid: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
    email_verified: true,
    preferred_username: 'zoë',
  },
  identity: {
    'subject': '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
    'client-id': 'shop-web',
    'scopes': 'openid email profile',
    'audience': 'account',
    'username': 'zo%C3%AB',
    'roles': ROLES.join(','),
  },
  allowed: [
    ['an audience mapper and a role of the realm', 'GET /orders', FOR_API, FOR_API_IDENTITY],
    [
      'a role of a client', 'DELETE /orders/7',
      { ...FOR_API, resource_access: { 'shop-api': { roles: ['order-admin'] }, account: { roles: [] } } }, FOR_API_IDENTITY,
    ],
    ['no mapper, but issued for the right client', 'GET /profile', {}, {}],
    [
      'a service account', 'GET /orders',
      { aud: 'shop-api', azp: 'shop-jobs', client_id: 'shop-jobs', scope: 'profile email', preferred_username: 'service-account-shop-jobs' },
      { 'audience': 'shop-api', 'client-id': 'shop-jobs', 'scopes': 'profile email', 'username': 'service-account-shop-jobs' },
    ],
  ],
  refused: [
    ['a token for account alone', 'GET /orders', {}, 'auth.invalid_audience'],
    ['no audience at all, as for a user without roles', 'GET /orders', { aud: undefined }, 'auth.invalid_audience'],
    ['another client', 'GET /profile', { azp: 'blog' }, 'auth.claim_mismatch'],
    ['an ID token', 'GET /orders', { typ: 'ID', aud: 'shop-web' }, 'auth.invalid_audience'],
    ['an ID token whose client is the API', 'GET /orders', { typ: 'ID', aud: 'shop-api' }, 'auth.claim_mismatch'],
    ['without the role', 'GET /orders', { ...FOR_API, realm_access: { roles: ['offline_access'] } }, 'auth.claim_mismatch'],
    ['a lightweight token, which has no roles', 'GET /orders', { ...FOR_API, realm_access: undefined }, 'auth.claim_mismatch'],
    [
      'the same role of another client', 'DELETE /orders/7',
      { ...FOR_API, resource_access: { blog: { roles: ['order-admin'] } } }, 'auth.claim_mismatch',
    ],
    ['another realm', 'GET /orders', { ...FOR_API, iss: 'https://keycloak.example.com/realms/blog' }, 'auth.invalid_token'],
    ['a refresh token, which a secret of the realm signs', 'GET /orders', { typ: 'Refresh', aud: ISSUER }, 'auth.invalid_token', { header: { alg: 'HS512' } }],
  ],
};
