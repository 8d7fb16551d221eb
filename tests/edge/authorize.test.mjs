// Section 3, step 7: audience, organization, scopes and claims of the route, in this order, and the templates.

import { describe, test } from 'node:test';

import { assertRefused } from './support/expect.mjs';
import { API, fixture } from './support/fixture.mjs';

const AUDIENCE = 'auth.invalid_audience';
const ORGANIZATION = 'auth.organization_mismatch';
const SCOPE = 'auth.insufficient_scope';
const CLAIM = 'auth.claim_mismatch';
const ORG = 'urn:logto:organization:';
const HASURA = 'https://hasura.io/jwt/claims';

const { gate, origin, token, accepts, refuses } = await fixture({
  policy: {
    routes: [
      { path: '/api', audience: API },
      { path: '/list', audience: ['https://one.test', 'https://two.test'] },
      { path: '/any-aud', audience: '*' },
      { path: '/any-org', audience: API, organization: '*' },
      { path: '/o/{org}', audience: `${ORG}{org}` },
      { path: '/o-header', audience: `${ORG}{header.x-organization}` },
      { path: '/o-query', audience: `${ORG}{query.org}` },
      { path: '/o-either/{org}', audience: [API, `${ORG}{org}`] },
      { path: '/host', audience: `${ORG}{tenant}`, hosts: ['{tenant}.host.test'] },
      { path: '/org/{org}', audience: API, organization: '{org}' },
      { path: '/org-fixed', audience: API, organization: 'org1' },
      { path: '/org-header', audience: API, organization: '{header.X-Organization}' },
      { path: '/org-query', audience: API, organization: '{query.org}' },
      { path: '/org-parts/{a}/{b}', audience: API, organization: '{a}-{b}' },
      { path: '/rest/{*path}', audience: 'files:{path}' },
      { path: '/all', audience: API, scopes: ['a', 'b'] },
      { path: '/any', audience: API, scopes: { any: ['a', 'b'] } },
      { path: '/all-any', audience: API, scopes: { all: ['a'], any: ['b', 'c'] } },
      { path: '/order/{org}', audience: API, organization: '{org}', scopes: ['a'], claims: { role: 'admin' } },
      {
        path: '/claims/{user}',
        audience: API,
        claims: {
          sub: '{user}', level: 3, active: true, 'profile.plan': { any: ['pro', 'team'] }, roles: { contains: 'admin' },
        },
      },
      { path: '/words', audience: API, claims: { entitlements: { contains: 'x' } } },
      { path: '/contains-number', audience: API, claims: { levels: { contains: 2 } } },
      { path: '/dotted', audience: API, claims: { 'https://claims.test/a.b': 'yes' } },
      { path: '/self/{user}', audience: API, claims: { sub: { any: ['{user}', 'root'] } } },
      { path: '/all-elements', audience: API, claims: { groups: { contains: ['a', 'b'] } } },
      { path: '/member/{name}', audience: API, claims: { [HASURA]: { has: '{name}' } } },
      { path: '/listed', audience: API, claims: [{ path: [HASURA, 'roles'], contains: 'admin' }] },
      { path: '/tenants/{t}', audience: API, claims: [{ path: ['tenants', '{t}', 'id'], is: '{t}' }] },
      { path: '/tenant-header', audience: API, claims: [{ path: ['tenants'], has: '{header.x-organization}' }] },
    ],
  },
});

function cases(list) {
  for (const [name, changes, path, code, options] of list) {
    if (code) test(`${code}: ${name}`, () => refuses(token(changes), code, path, options));
    else test(`200: ${name}`, () => accepts(token(changes), path, options));
  }
}

const header = (...values) => ({ headers: values.map((value) => ['X-Organization', value]) });

describe('audience', () => cases([
  ['the one', {}, '/api'],
  ['among others', { aud: ['x', API] }, '/api'],
  ['another', { aud: 'https://x.test' }, '/api', AUDIENCE],
  ['a prefix', { aud: `${API}/v1` }, '/api', AUDIENCE],
  ['absent', { aud: undefined }, '/api', AUDIENCE],
  ['an empty list', { aud: [] }, '/api', AUDIENCE],
  ['an empty string', { aud: '' }, '/api', AUDIENCE],
  ['a star in the token is only a character', { aud: '*' }, '/api', AUDIENCE],
  ['the first of a list', { aud: 'https://one.test' }, '/list'],
  ['the second of a list', { aud: ['https://two.test'] }, '/list'],
  ['none of a list', {}, '/list', AUDIENCE],
  ['a list is no concatenation', { aud: 'https://one.test,https://two.test' }, '/list', AUDIENCE],
  ['any', { aud: 'https://x.test' }, '/any-aud'],
  ['any, and none', { aud: undefined }, '/any-aud'],
]));

describe('audience of an organization', () => cases([
  ['of the path', { aud: `${ORG}org1` }, '/o/org1'],
  ['of the path, decoded', { aud: `${ORG}org 1` }, '/o/org%201'],
  ['among others', { aud: [`${ORG}org2`, `${ORG}org1`] }, '/o/org1'],
  ['without the trailing slash', { aud: `${ORG}org1` }, '/o/org1/'],
  ['another organization', { aud: `${ORG}org2` }, '/o/org1', ORGANIZATION],
  ['another organization among others', { aud: ['x', `${ORG}org2`] }, '/o/org1', ORGANIZATION],
  ['no organization', {}, '/o/org1', AUDIENCE],
  ['absent', { aud: undefined }, '/o/org1', AUDIENCE],
  ['a star in the path is only a character', { aud: `${ORG}org1` }, '/o/*', ORGANIZATION],
  ['case matters', { aud: `${ORG}ORG1` }, '/o/org1', ORGANIZATION],
  ['of a header', { aud: `${ORG}org1` }, '/o-header', null, header('org1')],
  ['another than the header', { aud: `${ORG}org2` }, '/o-header', ORGANIZATION, header('org1')],
  ['no header', { aud: `${ORG}org1` }, '/o-header', ORGANIZATION],
  ['no header and no organization', {}, '/o-header', AUDIENCE],
  ['an empty header', { aud: `${ORG}` }, '/o-header', ORGANIZATION, header('')],
  ['a header with a comma', { aud: `${ORG}org1,org2` }, '/o-header', ORGANIZATION, header('org1,org2')],
  ['the header twice', { aud: `${ORG}org1` }, '/o-header', ORGANIZATION, header('org1', 'org1')],
  ['a star in the header', { aud: `${ORG}org1` }, '/o-header', ORGANIZATION, header('*')],
  ['of the query', { aud: `${ORG}org1` }, '/o-query?x=1&org=org1'],
  ['of the query, form-decoded', { aud: `${ORG}org 1+é` }, '/o-query?%6Frg=org+1%2B%C3%A9'],
  ['no query', { aud: `${ORG}org1` }, '/o-query', ORGANIZATION],
  ['an empty value', { aud: ORG }, '/o-query?org=', ORGANIZATION],
  ['a name without value', { aud: ORG }, '/o-query?org', ORGANIZATION],
  ['the name twice', { aud: `${ORG}org1` }, '/o-query?org=org1&org=org1', ORGANIZATION],
  ['the name twice, once escaped', { aud: `${ORG}org1` }, '/o-query?org=org1&%6frg=org2', ORGANIZATION],
  ['another name case', { aud: `${ORG}org1` }, '/o-query?ORG=org1', ORGANIZATION],
  ['the API of a list', {}, '/o-either/org1'],
  ['the organization of a list', { aud: `${ORG}org1` }, '/o-either/org1'],
  ['another organization than the one of a list', { aud: `${ORG}org2` }, '/o-either/org1', ORGANIZATION],
  ['of the host', { aud: `${ORG}acme` }, '/host', null, { host: 'acme.host.test' }],
  ['another host', { aud: `${ORG}acme` }, '/host', ORGANIZATION, { host: 'other.host.test' }],
  ['a rest', { aud: 'files:a/b c' }, '/rest/a/b%20c'],
  ['a rest without its trailing slash', { aud: 'files:a/b' }, '/rest/a/b/'],
  ['another rest', { aud: 'files:a' }, '/rest/a/b', AUDIENCE],
]));

describe('organization', () => cases([
  ['none asked, none there', {}, '/api'],
  ['none asked, one there', { organization_id: 'org1' }, '/api', ORGANIZATION],
  ['none asked, an empty one there', { organization_id: '' }, '/api', ORGANIZATION],
  ['any, and none there', {}, '/any-org'],
  ['any, and one there', { organization_id: 'org9' }, '/any-org'],
  ['of the path', { organization_id: 'org1' }, '/org/org1'],
  ['another', { organization_id: 'org2' }, '/org/org1', ORGANIZATION],
  ['absent', {}, '/org/org1', ORGANIZATION],
  ['a star in the path', { organization_id: 'org1' }, '/org/*', ORGANIZATION],
  ['a star in both is a character', { organization_id: '*' }, '/org/*'],
  ['a fixed one', { organization_id: 'org1' }, '/org-fixed'],
  ['another than the fixed one', { organization_id: 'org2' }, '/org-fixed', ORGANIZATION],
  ['of a header', { organization_id: 'org1' }, '/org-header', null, header('org1')],
  ['no header', { organization_id: 'org1' }, '/org-header', ORGANIZATION],
  ['an empty header and an empty claim', { organization_id: '' }, '/org-header', ORGANIZATION, header('')],
  ['the header twice', { organization_id: 'org1' }, '/org-header', ORGANIZATION, header('org1', 'org2')],
  ['the header twice, joined in the claim', { organization_id: 'org1, org2' }, '/org-header', ORGANIZATION, header('org1', 'org2')],
  ['of the query', { organization_id: 'org1' }, '/org-query?org=org1'],
  ['the query twice', { organization_id: 'org1' }, '/org-query?org=org1&org=org2', ORGANIZATION],
  ['no query, no claim', {}, '/org-query', ORGANIZATION],
  ['of two captures', { organization_id: 'x-y' }, '/org-parts/x/y'],
  ['of two captures, swapped', { organization_id: 'y-x' }, '/org-parts/x/y', ORGANIZATION],
]));

describe('scopes', () => cases([
  ['all of a list', { scope: 'b c a' }, '/all'],
  ['one of a list', { scope: 'a' }, '/all', SCOPE, { scope: 'a b' }],
  ['no scope claim', {}, '/all', SCOPE, { scope: 'a b' }],
  ['several blanks between', { scope: 'a  b' }, '/all'],
  ['any', { scope: 'b' }, '/any'],
  ['none of any', { scope: 'c' }, '/any', SCOPE, { scope: 'a b' }],
  ['all and any', { scope: 'a c' }, '/all-any'],
  ['all without any', { scope: 'a' }, '/all-any', SCOPE, { scope: 'a b c' }],
  ['any without all', { scope: 'b c' }, '/all-any', SCOPE, { scope: 'a b c' }],
]));

describe('the order: audience, organization, scopes, claims', () => cases([
  ['all is right', { organization_id: 'o', scope: 'a', role: 'admin' }, '/order/o'],
  ['all is wrong', { aud: 'x', organization_id: 'p' }, '/order/o', AUDIENCE],
  ['the organization and the rest', { organization_id: 'p' }, '/order/o', ORGANIZATION],
  ['scopes and claims', { organization_id: 'o' }, '/order/o', SCOPE, { scope: 'a' }],
  ['claims', { organization_id: 'o', scope: 'a', role: 'user' }, '/order/o', CLAIM],
]));

const CLAIMS = { sub: 'u1', level: 3, active: true, profile: { plan: 'pro' }, roles: ['user', 'admin'] };
const claimed = (changes) => ({ ...CLAIMS, ...changes });

describe('claims', () => cases([
  ['all of them', CLAIMS, '/claims/u1'],
  ['the other alternative', claimed({ profile: { plan: 'team' } }), '/claims/u1'],
  ['another capture', CLAIMS, '/claims/u2', CLAIM],
  ['another number', claimed({ level: 4 }), '/claims/u1', CLAIM],
  ['a number as a string', claimed({ level: '3' }), '/claims/u1', CLAIM],
  ['a number in another form', claimed({ level: 3.0 }), '/claims/u1'],
  ['a boolean as a string', claimed({ active: 'true' }), '/claims/u1', CLAIM],
  ['false', claimed({ active: false }), '/claims/u1', CLAIM],
  ['none of the alternatives', claimed({ profile: { plan: 'free' } }), '/claims/u1', CLAIM],
  ['a list with one of the alternatives', claimed({ profile: { plan: ['free', 'pro'] } }), '/claims/u1'],
  ['a list of lists', claimed({ profile: { plan: [['pro']] } }), '/claims/u1', CLAIM],
  ['a list is no single value', claimed({ level: [3] }), '/claims/u1', CLAIM],
  ['a parent that is no object', claimed({ profile: 'pro' }), '/claims/u1', CLAIM],
  ['absent', claimed({ roles: undefined }), '/claims/u1', CLAIM],
  ['null', claimed({ roles: null }), '/claims/u1', CLAIM],
  ['a list without the element', claimed({ roles: ['user', 'administrator'] }), '/claims/u1', CLAIM],
  ['a word of a string', claimed({ roles: 'user admin' }), '/claims/u1'],
  ['a part of a word', claimed({ roles: 'useradmin' }), '/claims/u1', CLAIM],
  ['the words of a string', { entitlements: 'w x y' }, '/words'],
  ['an element with the word inside', { entitlements: ['w x y'] }, '/words', CLAIM],
  ['an element that is a number', { levels: [1, 2] }, '/contains-number'],
  ['a number is no word', { levels: '1 2' }, '/contains-number', CLAIM],
  ['a name with dots and slashes, matched whole first', { 'https://claims.test/a.b': 'yes' }, '/dotted'],
  ['a template among alternatives', { sub: 'u7' }, '/self/u7'],
  ['a literal among alternatives', { sub: 'root' }, '/self/u7'],
  ['neither', { sub: 'u8' }, '/self/u7', CLAIM],
  ['all of several elements', { groups: ['b', 'x', 'a'] }, '/all-elements'],
  ['one of several elements', { groups: ['a', 'a b'] }, '/all-elements', CLAIM],
  ['all of several words', { groups: 'a x b' }, '/all-elements'],
  ['a member', { [HASURA]: { 'x-hasura-org': null } }, '/member/x-hasura-org'],
  ['another member', { [HASURA]: { 'x-hasura-org': null } }, '/member/x-hasura-user', CLAIM],
  ['an element is no member', { [HASURA]: ['x-hasura-org'] }, '/member/x-hasura-org', CLAIM],
  ['a claim under a name with dots', { [HASURA]: { roles: ['user', 'admin'] } }, '/listed'],
  ['a value that is not listed there', { [HASURA]: { roles: ['user'] } }, '/listed', CLAIM],
  ['the names of a list are not joined', { [`${HASURA}.roles`]: ['admin'] }, '/listed', CLAIM],
  ['a name that the path captures', { tenants: { t1: { id: 't1' } } }, '/tenants/t1'],
  ['the same of another', { tenants: { t1: { id: 't1' } } }, '/tenants/t2', CLAIM],
  ['a number by its digits', { tenants: { 17: { id: 17 } } }, '/tenants/17'],
  ['a number by other digits', { tenants: { '017': { id: 17 } } }, '/tenants/017', CLAIM],
  ['a name that a header gives', { tenants: { org1: {} } }, '/tenant-header', undefined, header('org1')],
  ['a name that two headers give', { tenants: { org1: {} } }, '/tenant-header', CLAIM, header('org1', 'org1')],
  ['a name that no header gives', { tenants: { '': {} } }, '/tenant-header', CLAIM],
]));

test('checks of the route come after the signature: a forged token learns nothing of them', async () => {
  const forged = token({ aud: 'x' }).replace(/\.[^.]+$/, `.${'A'.repeat(86)}`);
  assertRefused(await gate.bearer(forged, '/all'), 'auth.invalid_token', { origin });
});
