// https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference

import { newKey } from '../support/tokens.mjs';

const TENANT = '11111111-2222-3333-4444-555555555555';
const OTHER_TENANT = '99999999-2222-3333-4444-555555555555';
const API = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const CLIENT = '00001111-aaaa-2222-bbbb-3333cccc4444';
const GRAPH = '00000003-0000-0000-c000-000000000000';
const v2 = (tenant) => `https://login.microsoftonline.com/${tenant}/v2.0`;
const v1 = (tenant) => `https://sts.windows.net/${tenant}/`;

/** What is otherwise in tokens of version 1. */
const V1 = { iss: v1(TENANT), aud: 'api://shop', ver: '1.0', azp: undefined, azpacr: undefined, appid: CLIENT, appidacr: '0' };
/** The client's id is in `appid`, which the gate does not take for it. */
const V1_IDENTITY = { 'audience': 'api://shop', 'client-id': undefined, 'appid': CLIENT };
const APP = { scp: undefined, sub: 'service-oid', oid: 'service-oid', idtyp: 'app', roles: ['Orders.Process.All'] };

export default {
  policy: 'entra',
  jwksUri: `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`,
  // Keys that name no algorithm, and carry certificates and the issuer along. All tenants share them.
  key: newKey('RS256', { as: null, members: { x5t: 'thumbprint', x5c: ['MIIC'], issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0' } }),
  header: { typ: 'JWT' },
  claims: {
    iss: v2(TENANT),
    sub: 'pairwise-subject',
    aud: API,
    azp: CLIENT,
    azpacr: '0',
    oid: 'user-oid',
    tid: TENANT,
    ver: '2.0',
    scp: 'Orders.Read Orders.Write',
    aio: 'opaque',
    uti: 'opaque',
    rh: 'opaque',
  },
  identity: { 'subject': 'pairwise-subject', 'client-id': CLIENT, 'scopes': 'Orders.Read Orders.Write', 'audience': API, 'oid': 'user-oid' },
  allowed: [
    ['version 2', 'GET /orders', {}, {}],
    ['version 1', 'GET /orders', V1, V1_IDENTITY, { x5t: 'thumbprint' }],
    ['a scope and an app role', 'DELETE /orders/7', { roles: ['Orders.Admin'] }, { roles: 'Orders.Admin' }],
    [
      'an application by itself', 'POST /jobs/nightly', APP,
      { scopes: undefined, subject: 'service-oid', oid: 'service-oid', roles: 'Orders.Process.All' },
    ],
    [
      'an application by itself, version 1', 'POST /jobs/nightly', { ...V1, ...APP },
      { ...V1_IDENTITY, scopes: undefined, subject: 'service-oid', oid: 'service-oid', roles: 'Orders.Process.All' },
    ],
  ],
  refused: [
    ['another tenant, whose tokens the same keys sign', 'GET /orders', { iss: v2(OTHER_TENANT), tid: OTHER_TENANT }, 'auth.invalid_token'],
    ['another tenant, version 1', 'GET /orders', { ...V1, iss: v1(OTHER_TENANT), tid: OTHER_TENANT }, 'auth.invalid_token'],
    ['a token for Microsoft Graph', 'GET /orders', { aud: GRAPH }, 'auth.invalid_audience'],
    ['an ID token of another registration', 'GET /orders', { aud: CLIENT, azp: undefined, scp: undefined }, 'auth.invalid_audience'],
    [
      'an ID token where page and API share a registration: the same audience', 'GET /orders',
      { azp: undefined, scp: undefined, nonce: 'n', preferred_username: 'a@example.com' }, 'auth.insufficient_scope', { scope: 'Orders.Read' },
    ],
    ['an ID token with roles on a route for applications', 'POST /jobs/nightly', { ...APP, idtyp: undefined }, 'auth.claim_mismatch'],
    ['a user on a route for applications', 'POST /jobs/nightly', { roles: ['Orders.Process.All'] }, 'auth.claim_mismatch'],
    ['an application on a route for users', 'GET /orders', APP, 'auth.insufficient_scope', { scope: 'Orders.Read' }],
    ['a scope without the app role', 'DELETE /orders/7', {}, 'auth.claim_mismatch'],
  ],
};
