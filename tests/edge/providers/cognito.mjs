// https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html

import { newKey } from '../support/tokens.mjs';

const REGION = 'https://cognito-idp.eu-central-1.amazonaws.com';
const ISSUER = `${REGION}/eu-central-1_Example12`;
const CLIENT = '1example23456789';
const USER = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';

/** What is otherwise in an ID token. */
const ID_TOKEN = {
  'token_use': 'id', 'aud': CLIENT, 'client_id': undefined, 'scope': undefined, 'username': undefined, 'cognito:username': 'zoe', 'email': 'zoe@example.com',
};

export default {
  policy: 'cognito',
  jwksUri: `${ISSUER}/.well-known/jwks.json`,
  key: newKey('RS256'),
  header: { typ: undefined },
  claims: {
    'iss': ISSUER,
    'sub': USER,
    'cognito:groups': ['staff', 'admins'],
    'version': 2,
    'client_id': CLIENT,
    'origin_jti': 'origin',
    'event_id': 'event',
    'token_use': 'access',
    'scope': 'openid shop/orders.read',
    'auth_time': 1_676_312_777,
    'username': 'zoe',
  },
  identity: { 'subject': USER, 'client-id': CLIENT, 'scopes': 'openid shop/orders.read', 'username': 'zoe', 'groups': 'staff,admins' },
  allowed: [
    ['an access token, without audience and type', 'GET /orders', {}, {}],
    ['a group', 'GET /admin/users', {}, {}],
    [
      'an application by itself', 'GET /orders',
      { 'sub': CLIENT, 'cognito:groups': undefined, 'username': undefined, 'scope': 'shop/orders.read' },
      { subject: CLIENT, groups: undefined, username: undefined, scopes: 'shop/orders.read' },
    ],
    ['an audience, where the client asked for a resource', 'GET /orders', { aud: 'https://shop.example.com' }, { audience: 'https://shop.example.com' }],
  ],
  refused: [
    ['an ID token, which has no scopes', 'GET /orders', ID_TOKEN, 'auth.insufficient_scope', { scope: 'shop/orders.read' }],
    ['an ID token of a user in the group', 'GET /admin/users', ID_TOKEN, 'auth.claim_mismatch'],
    ['an ID token that claims a client', 'GET /admin/users', { ...ID_TOKEN, client_id: CLIENT }, 'auth.claim_mismatch'],
    ['another client of the pool', 'GET /orders', { client_id: '9example23456789' }, 'auth.claim_mismatch'],
    ['without the scope', 'GET /orders', { scope: 'aws.cognito.signin.user.admin' }, 'auth.insufficient_scope', { scope: 'shop/orders.read' }],
    ['without the group', 'GET /admin/users', { 'cognito:groups': ['staff'] }, 'auth.claim_mismatch'],
    ['another pool', 'GET /orders', { iss: `${REGION}/eu-central-1_Other1234` }, 'auth.invalid_token'],
  ],
};
