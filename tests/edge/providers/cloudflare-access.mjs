// https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/

import { newKey } from '../support/tokens.mjs';

const ISSUER = 'https://yourteam.cloudflareaccess.com';
const APPLICATION = '4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2';
const USER = '7335d417-61da-459d-899c-0a01c76a2f94';
const SERVICE = { email: undefined, identity_nonce: undefined, country: undefined, sub: '', common_name: 'e367826f93b8d71185e03fe518aff3b4.access' };

export default {
  policy: 'cloudflare-access',
  tokenHeader: 'Cf-Access-Jwt-Assertion',
  key: newKey('RS256', { members: { use: 'sig' } }),
  header: { typ: undefined },
  claims: {
    iss: ISSUER,
    aud: [APPLICATION],
    sub: USER,
    email: 'zoe@example.com',
    type: 'app',
    identity_nonce: '6ei69kawdKzMIAPF',
    country: 'US',
  },
  identity: { subject: USER, audience: APPLICATION, email: 'zoe@example.com' },
  allowed: [
    ['a user of the application', 'GET /internal/reports', {}, {}],
    ['a service token', 'POST /jobs/nightly', SERVICE, { 'subject': '', 'email': undefined, 'common-name': SERVICE.common_name }],
  ],
  refused: [
    ['another application of the team, whose tokens the same keys sign', 'GET /internal/reports', { aud: ['0'.repeat(64)] }, 'auth.invalid_audience'],
    ['another team', 'GET /internal/reports', { iss: 'https://otherteam.cloudflareaccess.com' }, 'auth.invalid_token'],
    ['another service token', 'POST /jobs/nightly', { ...SERVICE, common_name: 'other.access' }, 'auth.claim_mismatch'],
    ['a user on a route for a service token', 'POST /jobs/nightly', {}, 'auth.claim_mismatch'],
  ],
};
