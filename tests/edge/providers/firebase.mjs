// https://firebase.google.com/docs/auth/admin/verify-id-tokens

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://securetoken.google.com/example-project';
const USER = 'aBcDeFgHiJkLmNoPqRsTuVwXyZ12';
const by = (sign_in_provider, more) => ({ firebase: { identities: { email: ['zoe@example.com'] }, sign_in_provider, ...more } });

export default {
  policy: 'firebase',
  key: newKey('RS256'),
  header: { typ: 'JWT' },
  claims: {
    iss: ISSUER,
    aud: 'example-project',
    auth_time: 1_764_000_000,
    user_id: USER,
    sub: USER,
    name: 'Zoë',
    email: 'zoe@example.com',
    email_verified: true,
    ...by('password'),
  },
  identity: { subject: USER, audience: 'example-project', email: 'zoe@example.com', provider: 'password' },
  allowed: [
    ['an anonymous user', 'GET /catalogue', { ...by('anonymous'), provider_id: 'anonymous', email: undefined }, { email: undefined, provider: 'anonymous' }],
    ['a user with a verified address', 'POST /orders', {}, {}],
    ['a user through Google', 'POST /orders', by('google.com'), { provider: 'google.com' }],
    ['a custom claim', 'GET /admin/users', { roles: ['admin'] }, {}],
    ['a tenant', 'GET /tenants/shop-x1y2z/orders', by('password', { tenant: 'shop-x1y2z' }), {}],
  ],
  refused: [
    ['an anonymous user', 'POST /orders', { ...by('anonymous'), email_verified: undefined }, 'auth.claim_mismatch'],
    ['an address that is not verified', 'POST /orders', { email_verified: false }, 'auth.claim_mismatch'],
    ['no custom claim', 'GET /admin/users', {}, 'auth.claim_mismatch'],
    ['another tenant', 'GET /tenants/shop-x1y2z/orders', by('password', { tenant: 'blog-x1y2z' }), 'auth.claim_mismatch'],
    ['a user of no tenant', 'GET /tenants/shop-x1y2z/orders', {}, 'auth.claim_mismatch'],
    ['another project, whose tokens the same keys sign', 'POST /orders', { iss: 'https://securetoken.google.com/other', aud: 'other' }, 'auth.invalid_token'],
    ['the audience of another project', 'POST /orders', { aud: 'other' }, 'auth.invalid_audience'],
    ['a session cookie', 'POST /orders', { iss: 'https://session.firebase.google.com/example-project' }, 'auth.invalid_token'],
    ['a token of the emulator, which is not signed', 'POST /orders', {}, 'auth.invalid_token', { header: { alg: 'none', kid: undefined } }],
  ],
};
