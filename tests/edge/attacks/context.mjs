// A good token, in the wrong place: of another model, another organization, another issuer.

import { claims, mint } from '../support/tokens.mjs';
import {
  ACCEPTED, API, AUDIENCE, BAD_PATH, INVALID, ISSUER, NO_ROUTE, ORG, ORGANIZATION, OTHER_ISSUER, keys, otherKeys, token,
} from './world.mjs';

const member = (id) => token({ organization_id: id });
const ofOrg = (id) => token({ aud: `${ORG}${id}` });
const header = (...values) => values.map((value) => ['X-Organization', value]);
const algorithms = Object.keys(keys);

export default {
  family: 'context',
  rows: [
    {
      attack: 'an organization\'s token for the API, on a global route', why: 'its scopes are those within the organization',
      token: () => [member('org1'), member('')], answer: ORGANIZATION,
    },
    {
      attack: 'an organization\'s own token, on a global route', why: 'its audience is the organization',
      token: () => ofOrg('org1'), answer: AUDIENCE,
    },
    {
      attack: 'an organization\'s token with both audiences, on a global route', why: 'the API among its audiences does not make it global',
      token: () => token({ aud: [API, `${ORG}org1`], organization_id: 'org1' }), answer: ORGANIZATION,
    },
    {
      attack: 'a global token, on a route of an organization\'s API', why: 'it is of no organization',
      path: '/org/org1', token: () => token(), answer: ORGANIZATION,
    },
    {
      attack: 'a global token, on a route of an organization', why: 'its audience is the API',
      path: '/o/org1', token: () => token(), answer: AUDIENCE,
    },
    {
      attack: 'an organization\'s token for the API, on a route of the organization', why: 'its audience is the API',
      path: '/o/org1', token: () => member('org1'), answer: AUDIENCE,
    },
    {
      attack: 'an organization\'s own token, on a route of its API', why: 'its audience is the organization',
      path: '/org/org1', token: () => token({ aud: `${ORG}org1`, organization_id: 'org1' }), answer: AUDIENCE,
    },

    {
      attack: 'organization_id of another organization', why: 'the path says whose data it is',
      path: '/org/org1', token: () => ['org2', 'org', 'org11', 'ORG1', 'org1 ', ' org1', 'org1/', '*', '{org}', ''].map(member),
      answer: ORGANIZATION,
    },
    {
      attack: 'an audience of another organization', why: 'the path says whose data it is',
      path: '/o/org1', token: () => ['org2', 'org', 'org11', 'ORG1', 'org1 ', 'org1:x', '*', '{org}', ''].map(ofOrg), answer: ORGANIZATION,
    },
    { attack: 'the right organization', why: 'control', path: '/org/org1', token: () => member('org1'), answer: ACCEPTED },
    {
      attack: 'the right audience of an organization', why: 'control',
      path: '/o/org1', token: () => [ofOrg('org1'), token({ aud: [`${ORG}org2`, `${ORG}org1`] })], answer: ACCEPTED,
    },
    {
      attack: 'a capture that is empty', why: 'nothing is no organization',
      token: () => [member(''), ofOrg('')], path: '/org/', answer: NO_ROUTE,
    },
    {
      attack: 'a capture that is empty, before a slash', why: 'the segment is empty',
      token: () => [member(''), ofOrg('')], path: '/o//', answer: BAD_PATH,
    },
    {
      attack: 'a capture that is encoded', why: 'control: it is compared decoded',
      path: '/org/%6frg%31', token: () => member('org1'), answer: ACCEPTED,
    },
    {
      attack: 'a capture that is encoded, of another organization', why: 'what is decoded counts',
      path: '/org/%6frg%32', token: () => member('org1'), answer: ORGANIZATION,
    },
    {
      attack: 'a capture that is encoded, and an organization_id as it stands', why: 'it is decoded, once and everywhere',
      path: '/org/%6frg1', token: () => member('%6frg1'), answer: ORGANIZATION,
    },
    {
      attack: 'a capture that is encoded twice', why: 'what decodes twice reads another',
      path: '/org/%256frg1', token: () => [member('org1'), member('%6frg1')], answer: BAD_PATH,
    },
    {
      attack: 'a capture of another case', why: 'organizations are compared exactly',
      path: '/org/ORG1', token: () => member('org1'), answer: ORGANIZATION,
    },
    { attack: 'a capture with blanks', why: 'nothing is trimmed', path: '/org/org1%20', token: () => member('org1'), answer: ORGANIZATION },
    {
      attack: 'a capture that is a pattern', why: 'a star is only a character',
      path: '/org/*', token: () => [member('org1'), token()], answer: ORGANIZATION,
    },
    {
      attack: 'a capture that is a template', why: 'a template is not filled in twice',
      path: '/org/%7Borg%7D', token: () => member('org1'), answer: ORGANIZATION,
    },
    {
      attack: 'a capture with another behind a slash', why: 'a capture is one segment',
      path: '/org/org1%2forg2', token: () => [member('org1'), member('org1/org2')], answer: BAD_PATH,
    },
    {
      attack: 'a capture that begins with the namespace of organizations', why: 'a value fills its place and no more',
      path: `/o/${ORG}org1`, token: () => ofOrg('org1'), answer: ORGANIZATION,
    },

    {
      attack: 'a header given twice', why: 'gate and origin may take different ones',
      path: '/org-header', headers: header('org1', 'org2'), token: () => ['org1', 'org2', 'org1, org2', 'org1,org2'].map(member),
      answer: ORGANIZATION,
    },
    {
      attack: 'a header given twice alike', why: 'twice is twice',
      path: '/org-header', headers: header('org1', 'org1'), token: () => member('org1'), answer: ORGANIZATION,
    },
    {
      attack: 'a header given twice, in two cases of its name', why: 'header names have no case',
      path: '/org-header', headers: [['X-Organization', 'org1'], ['x-organization', 'org2']], token: () => ['org1', 'org2'].map(member),
      answer: ORGANIZATION,
    },
    {
      attack: 'a header given twice, for an audience', why: 'the same',
      path: '/o-header', headers: header('org1', 'org2'), token: () => ['org1', 'org2'].map(ofOrg), answer: ORGANIZATION,
    },
    {
      attack: 'a header that holds a comma', why: 'a list is what two headers become',
      path: '/org-header', headers: header('org1,org2'), token: () => ['org1', 'org2', 'org1,org2'].map(member), answer: ORGANIZATION,
    },
    {
      attack: 'a header that is empty or absent', why: 'nothing is no organization',
      path: '/org-header', headers: header(''), token: () => [member(''), member('org1'), token()], answer: ORGANIZATION,
    },
    {
      attack: 'a header that is absent', why: 'nothing is no organization',
      path: '/org-header', token: () => [member(''), member('org1'), member('undefined'), member('null'), token()], answer: ORGANIZATION,
    },
    {
      attack: 'a header with an underscore in its name', why: 'it is another header',
      path: '/org-header', headers: [['X_Organization', 'org1']], token: () => member('org1'), answer: ORGANIZATION,
    },
    { attack: 'a header', why: 'control', path: '/org-header', headers: header('org1'), token: () => member('org1'), answer: ACCEPTED },
    ...['?org=org1&org=org2', '?org=org2&org=org1', '?org=org1&org=org1', '?org=org1&%6Frg=org2', '?org=org1&org', '?org&org=org1'].map((query) => ({
      attack: `a query value given twice: ${query}`, why: 'gate and origin may take different ones', path: `/org-query${query}`, token: () => ['org1', 'org2', ''].map(member), answer: ORGANIZATION,
    })),
    {
      attack: 'a query value given twice, for an audience', why: 'the same',
      path: '/o-query?org=org1&org=org2', token: () => ['org1', 'org2', ''].map(ofOrg), answer: ORGANIZATION,
    },
    ...['?org=', '?org', '', '?', '?ORG=org1', '?org[]=org1', '?org%00=org1', '?x=1;org=org1'].map((query) => ({
      attack: `no query value: ${query || 'no query'}`, why: 'what is not exactly there is not there', path: `/org-query${query}`, token: () => [member(''), member('org1'), token()], answer: ORGANIZATION,
    })),
    { attack: 'a query value', why: 'control', path: '/org-query?x=1&org=org1', token: () => member('org1'), answer: ACCEPTED },
    {
      attack: 'a value in the query for one in the path', why: 'each template has one source',
      path: '/org/org1?org=org2', token: () => member('org2'), answer: ORGANIZATION,
    },
    {
      attack: 'a value in the header for one in the query', why: 'each template has one source',
      path: '/org-query', headers: [['org', 'org1'], ...header('org1')], token: () => member('org1'), answer: ORGANIZATION,
    },

    {
      attack: 'a token of one issuer, signed by another\'s key with the same kid', why: 'keys are looked up within the issuer', cve: 'CVE-2025-59936',
      token: () => algorithms.flatMap((alg) => [mint(otherKeys[alg], claims(ISSUER)), mint(keys[alg], claims(OTHER_ISSUER))]), answer: INVALID,
    },
    {
      attack: 'the same, right behind a good token of that kid and issuer', why: 'what is remembered is remembered by issuer', cve: 'CVE-2025-59936',
      before: () => [mint(keys.ES256, claims(ISSUER)), mint(otherKeys.ES256, claims(OTHER_ISSUER))],
      token: () => [mint(otherKeys.ES256, claims(ISSUER)), mint(keys.ES256, claims(OTHER_ISSUER))], answer: INVALID,
    },
    {
      attack: 'a kid that ends in what another issuer begins with', why: 'no two pairs of issuer and kid may become one text', cve: 'CVE-2025-59936',
      token: () => [':', '/', '|', '-', '\u0000', ' '].flatMap((joint) => [`${ISSUER}${joint}ES256`, `ES256${joint}${ISSUER}`].map((kid) => mint(keys.ES256, claims(OTHER_ISSUER), { header: { kid } }))),
      answer: INVALID,
    },
    {
      attack: 'each issuer\'s own', why: 'control: both are taken',
      token: () => algorithms.flatMap((alg) => [mint(keys[alg], claims(ISSUER)), mint(otherKeys[alg], claims(OTHER_ISSUER))]),
      answer: ACCEPTED,
    },
    {
      attack: 'a good token of an issuer that the route does not take', why: 'a route names who speaks for it',
      path: '/main', token: () => mint(otherKeys.ES256, claims(OTHER_ISSUER)), answer: INVALID,
    },
  ],
};
