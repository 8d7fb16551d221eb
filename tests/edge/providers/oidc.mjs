// https://www.rfc-editor.org/rfc/rfc9068: a provider that follows the profile for JWT access tokens.

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://accounts.example.com';

export default {
  policy: 'oidc',
  jwksUri: `${ISSUER}/keys`,
  key: newKey('ES256'),
  header: { typ: 'at+jwt' },
  claims: {
    iss: ISSUER,
    aud: 'https://api.example.com',
    sub: '5ba552d67',
    client_id: 's6BhdRkqt3',
    jti: 'dbe39bf3a3ba4238a513f51d6e1691c4',
    scope: 'openid read:products',
    groups: ['admins'],
  },
  identity: { subject: '5ba552d67', 'client-id': 's6BhdRkqt3', scopes: 'openid read:products', audience: 'https://api.example.com' },
  allowed: [
    ['a scope', 'GET /products/7', {}, {}],
    ['a group', 'POST /admin/users', {}, {}],
  ],
  refused: [
    ['an ID token', 'GET /products/7', { aud: 's6BhdRkqt3', scope: undefined, nonce: 'n-0S6_WzA2Mj' }, 'auth.invalid_audience', { header: { typ: 'JWT' } }],
    ['without the scope', 'GET /products/7', { scope: 'openid' }, 'auth.insufficient_scope', { scope: 'read:products' }],
    ['without the group', 'POST /admin/users', { groups: ['users'] }, 'auth.claim_mismatch'],
    ['another issuer', 'GET /products/7', { iss: 'https://accounts.example.com/' }, 'auth.invalid_token'],
  ],
};
