// https://clerk.com/docs/guides/sessions/session-tokens

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://clerk.example.com';
const USER = 'user_2abcdefghijklmnopqrstuvwxyz';
const ORG = 'org_2abcdefghijklmnopqrstuvwxyz';
const member = (rol) => ({ o: { id: ORG, slg: 'acme', rol, per: 'manage,read', fpm: '3,2' }, fea: 'o:dashboard,o:teams', pla: 'o:pro' });
const ADMIN = { 'org': ORG, 'org-role': 'admin' };

export default {
  policy: 'clerk',
  key: newKey('RS256'),
  header: { typ: 'JWT', cat: 'cl_B7d4PD111AAA' },
  claims: {
    iss: ISSUER,
    sub: USER,
    azp: 'https://app.example.com',
    sid: 'sess_2abcdefghijklmnopqrstuvwxyz',
    jti: '5a3f4b1c2d6e7f8090a1',
    fva: [7, -1],
    sts: 'active',
    pla: 'u:free',
    fea: 'u:dashboard',
    v: 2,
  },
  identity: { 'subject': USER, 'client-id': 'https://app.example.com' },
  allowed: [
    ['a session of the page', 'GET /orders', {}, {}],
    ['a role in the selected organization', `PUT /orgs/${ORG}/settings`, member('admin'), ADMIN],
    [
      'a token of a JWT template', 'GET /api/orders',
      { aud: 'https://api.example.com', permissions: ['orders:read'], sts: undefined, v: undefined },
      { audience: 'https://api.example.com' },
    ],
  ],
  refused: [
    ['another page', 'GET /orders', { azp: 'https://evil.example' }, 'auth.claim_mismatch'],
    ['no page', 'GET /orders', { azp: undefined }, 'auth.claim_mismatch'],
    ['a pending session', 'GET /orders', { sts: 'pending' }, 'auth.claim_mismatch'],
    ['no organization', `PUT /orgs/${ORG}/settings`, {}, 'auth.claim_mismatch'],
    ['another organization', 'PUT /orgs/org_other/settings', member('admin'), 'auth.claim_mismatch'],
    ['another role', `PUT /orgs/${ORG}/settings`, member('member'), 'auth.claim_mismatch'],
    ['a session token where the template is required', 'GET /api/orders', {}, 'auth.invalid_audience'],
    ['a template without the permission', 'GET /api/orders', { aud: 'https://api.example.com', permissions: [] }, 'auth.claim_mismatch'],
    ['another instance', 'GET /orders', { iss: 'https://other.clerk.accounts.dev' }, 'auth.invalid_token'],
  ],
};
