// https://developer.okta.com/docs/guides/validate-access-tokens/

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://example.okta.com/oauth2/default';
const CLIENT = '0oa1webapp';

export default {
  policy: 'okta',
  jwksUri: `${ISSUER}/v1/keys`,
  key: newKey('RS256'),
  header: { typ: undefined },
  claims: {
    ver: 1,
    jti: 'AT.MNAoEQ_jbKqoinrQo1D0XKjMX28U5d7ZszBceot7-Ts',
    iss: ISSUER,
    aud: 'api://default',
    sub: 'zoe@example.com',
    cid: CLIENT,
    uid: '00u1zoe',
    scp: ['openid', 'orders.read'],
    auth_time: 1_676_312_777,
    groups: ['Everyone', 'Admins'],
  },
  // The client's id is in `cid`, which the gate does not take for it.
  identity: { subject: 'zoe@example.com', cid: CLIENT, uid: '00u1zoe', scopes: 'openid orders.read', audience: 'api://default', groups: 'Everyone,Admins' },
  allowed: [
    ['scopes in an array', 'GET /orders', {}, {}],
    ['a client and a group', 'GET /admin/users', {}, {}],
    [
      'an application by itself', 'GET /orders',
      { sub: '0oa2jobs', cid: '0oa2jobs', uid: undefined, groups: undefined, scp: ['orders.read'] },
      { subject: '0oa2jobs', cid: '0oa2jobs', uid: undefined, groups: undefined, scopes: 'orders.read' },
    ],
  ],
  refused: [
    [
      'an ID token', 'GET /orders',
      { jti: 'ID.radCQMOQUmyvcTBmmIL0J6BaS60apUEiC7-vI7pOmkw', aud: CLIENT, cid: undefined, uid: undefined, scp: undefined, sub: '00u1zoe', amr: ['pwd'] },
      'auth.invalid_audience',
    ],
    ['a token of the org authorization server', 'GET /orders', { iss: 'https://example.okta.com', aud: 'https://example.okta.com' }, 'auth.invalid_token'],
    ['another authorization server', 'GET /orders', { iss: 'https://example.okta.com/oauth2/aus2other' }, 'auth.invalid_token'],
    ['without the scope', 'GET /orders', { scp: ['openid'] }, 'auth.insufficient_scope', { scope: 'orders.read' }],
    ['another client', 'GET /admin/users', { cid: '0oa9other' }, 'auth.claim_mismatch'],
    ['without the group', 'GET /admin/users', { groups: ['Everyone'] }, 'auth.claim_mismatch'],
  ],
};
