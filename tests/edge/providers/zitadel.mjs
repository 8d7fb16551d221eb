// https://zitadel.com/docs/apis/openidoauth/claims

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://example.zitadel.cloud';
const PROJECT = '170086363054473473';
const CLIENT = '170086774599581953@shop';
const USER = '170085993847398401';
const ACME = '170085950079828225';
const OTHER = '170085950079828999';
const ROLES = 'urn:zitadel:iam:org:project:roles';

export default {
  policy: 'zitadel',
  jwksUri: `${ISSUER}/oauth/v2/keys`,
  key: newKey('RS256'),
  header: { typ: 'JWT' },
  claims: {
    iss: ISSUER,
    sub: USER,
    aud: [CLIENT, PROJECT],
    client_id: CLIENT,
    jti: 'V2_170086800000000000-at_170086800000000001',
    [ROLES]: { reader: { [ACME]: 'acme.example.zitadel.cloud' } },
    [`urn:zitadel:iam:org:project:${PROJECT}:roles`]: { reader: { [ACME]: 'acme.example.zitadel.cloud' } },
    'urn:zitadel:iam:user:resourceowner:id': ACME,
    'urn:zitadel:iam:user:resourceowner:name': 'ACME',
  },
  identity: { 'subject': USER, 'client-id': CLIENT, 'audience': `${CLIENT},${PROJECT}`, 'owner': ACME },
  allowed: [
    ['a role', 'GET /reports', {}, {}],
    ['a role in the organization of the path', `GET /orgs/${ACME}/reports/7`, { [ROLES]: { admin: { [ACME]: 'acme' } } }, {}],
  ],
  refused: [
    ['no roles, as in a token that did not request them', 'GET /reports', { [ROLES]: undefined }, 'auth.claim_mismatch'],
    ['another role', 'GET /reports', { [ROLES]: { writer: { [ACME]: 'acme' } } }, 'auth.claim_mismatch'],
    ['a list with the name of the role', 'GET /reports', { [ROLES]: ['reader'] }, 'auth.claim_mismatch'],
    ['the role in another organization', `GET /orgs/${ACME}/reports/7`, { [ROLES]: { admin: { [OTHER]: 'other' } } }, 'auth.claim_mismatch'],
    ['another role in this organization', `GET /orgs/${ACME}/reports/7`, {}, 'auth.claim_mismatch'],
    ['another project', 'GET /reports', { aud: [CLIENT, '170086363054470000'] }, 'auth.invalid_audience'],
    ['another instance', 'GET /reports', { iss: 'https://other.zitadel.cloud' }, 'auth.invalid_token'],
  ],
};
