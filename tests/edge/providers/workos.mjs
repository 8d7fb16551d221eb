// https://workos.com/docs/reference/authkit/session-tokens

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://api.workos.com/user_management/client_01EXAMPLE00000000000000000';
const USER = 'user_01HBEQKA6K4QJAS93VPE39W1JT';
const ORG = 'org_01HRDMC6CM357W30QMHMQ96Q0S';
const SESSION = 'session_01HQSXZGF8FHF7A9ZZFCW4387R';

export default {
  policy: 'workos',
  key: newKey('RS256'),
  header: { typ: undefined },
  claims: {
    iss: ISSUER,
    sub: USER,
    sid: SESSION,
    jti: '01HQSXZXPPFPKMDD32RKTFY6PV',
    org_id: ORG,
    role: 'member',
    roles: ['member'],
    permissions: ['posts:read', 'posts:write'],
    entitlements: ['audit-logs'],
    feature_flags: [],
  },
  identity: { subject: USER, scopes: 'posts:read posts:write', org: ORG, role: 'member', session: SESSION },
  allowed: [
    ['a permission in the organization', `GET /orgs/${ORG}/posts`, {}, {}],
    ['one of its roles', `PUT /orgs/${ORG}/settings`, { role: 'admin', roles: ['admin', 'member'] }, { role: 'admin' }],
    ['an impersonated user, whom the origin is not told of', `GET /orgs/${ORG}/posts`, { act: { sub: 'admin@foocorp.com' } }, {}],
  ],
  refused: [
    ['another organization', 'GET /orgs/org_other/posts', {}, 'auth.claim_mismatch'],
    ['no organization', `GET /orgs/${ORG}/posts`, { org_id: undefined }, 'auth.claim_mismatch'],
    ['no permission', `GET /orgs/${ORG}/posts`, { permissions: ['posts:write'] }, 'auth.insufficient_scope', { scope: 'posts:read' }],
    ['no permissions, as without an organization', `GET /orgs/${ORG}/posts`, { permissions: undefined }, 'auth.insufficient_scope', { scope: 'posts:read' }],
    ['another role', `PUT /orgs/${ORG}/settings`, {}, 'auth.claim_mismatch'],
    ['another client', `GET /orgs/${ORG}/posts`, { iss: 'https://api.workos.com/user_management/client_01OTHER' }, 'auth.invalid_token'],
  ],
};
