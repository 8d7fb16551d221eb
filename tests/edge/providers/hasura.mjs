// https://hasura.io/docs/latest/auth/authentication/jwt/

import { newKey } from '../support/tokens.mjs';

const NAMESPACE = 'https://hasura.io/jwt/claims';
const USER = '7d4b1c9e-0f3a-4a53-9a3b-5c1f6c1f2a10';
const hasura = (changes) => ({
  [NAMESPACE]: {
    'x-hasura-default-role': 'user',
    'x-hasura-allowed-roles': ['user', 'anonymous'],
    'x-hasura-user-id': USER,
    'x-hasura-org-id': '123',
    ...changes,
  },
});

export default {
  policy: 'hasura',
  key: newKey('RS256'),
  header: { typ: 'JWT' },
  claims: { iss: 'https://auth.example.com', aud: 'https://hasura.example.com', sub: USER, name: 'Zoë', ...hasura() },
  identity: { subject: USER, audience: 'https://hasura.example.com' },
  allowed: [
    ['one of the roles', 'POST /v1/graphql', {}, {}],
    ['another one of them', 'POST /v1/graphql', hasura({ 'x-hasura-allowed-roles': ['editor'] }), {}],
    ['the user in the path', `GET /api/rest/users/${USER}/orders`, {}, {}],
  ],
  refused: [
    ['none of the roles', 'POST /v1/graphql', hasura({ 'x-hasura-allowed-roles': ['anonymous'] }), 'auth.claim_mismatch'],
    ['a default role that is not allowed', 'POST /v1/graphql', hasura({ 'x-hasura-default-role': 'editor', 'x-hasura-allowed-roles': [] }), 'auth.claim_mismatch'],
    ['claims as a string of JSON', 'POST /v1/graphql', { [NAMESPACE]: JSON.stringify(hasura()[NAMESPACE]) }, 'auth.claim_mismatch'],
    ['the claims without their namespace', 'POST /v1/graphql', { ...hasura()[NAMESPACE], [NAMESPACE]: undefined }, 'auth.claim_mismatch'],
    ['another user', 'GET /api/rest/users/8/orders', {}, 'auth.claim_mismatch'],
    ['another API', 'POST /v1/graphql', { aud: 'https://blog.example.com' }, 'auth.invalid_audience'],
  ],
};
