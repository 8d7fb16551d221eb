// https://supabase.com/docs/guides/auth/jwt-fields

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://abcdefghijklmnopqrst.supabase.co/auth/v1';
const USER = '123e4567-e89b-12d3-a456-426614174000';
const SESSION = 'c6a2b2d9-1f3e-4f6e-9a43-4b1f7d0e9c55';

export default {
  policy: 'supabase',
  key: newKey('ES256', { members: { key_ops: ['verify'], ext: true } }),
  header: { typ: 'JWT' },
  claims: {
    iss: ISSUER,
    aud: 'authenticated',
    sub: USER,
    role: 'authenticated',
    aal: 'aal1',
    amr: [{ method: 'password', timestamp: 1_640_991_600 }],
    session_id: SESSION,
    email: 'zoe@example.com',
    phone: '',
    is_anonymous: false,
    app_metadata: { provider: 'email', providers: ['email'] },
    user_metadata: { name: 'Zoë' },
  },
  identity: { subject: USER, audience: 'authenticated', role: 'authenticated', session: SESSION },
  allowed: [
    ['a user who signed in', 'GET /orders', {}, {}],
    ['a second factor', 'POST /payments/7', { aal: 'aal2' }, {}],
    ['a role of the application', 'GET /admin/users', { app_metadata: { provider: 'email', roles: ['admin'] } }, {}],
  ],
  refused: [
    ['an anonymous user, whose role is the same', 'GET /orders', { is_anonymous: true }, 'auth.claim_mismatch'],
    ['no second factor', 'POST /payments/7', {}, 'auth.claim_mismatch'],
    ['a role that the user wrote', 'GET /admin/users', { user_metadata: { roles: ['admin'] } }, 'auth.claim_mismatch'],
    ['another role', 'GET /orders', { role: 'anon' }, 'auth.claim_mismatch'],
    ['the legacy anon key', 'GET /orders', { iss: 'supabase', aud: undefined, sub: undefined, role: 'anon' }, 'auth.invalid_token', { header: { alg: 'HS256' } }],
    ['a token signed with the legacy secret', 'GET /orders', {}, 'auth.invalid_token', { header: { alg: 'HS256', kid: undefined } }],
    ['another project', 'GET /orders', { iss: 'https://zyxwvutsrqponmlkjihg.supabase.co/auth/v1' }, 'auth.invalid_token'],
  ],
};
