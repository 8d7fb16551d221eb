// Two issuers, one with each of the algorithms that the guides name, and a service of each permission model for both.

import { API, ORGANIZATION, kind } from '../../edge/differential/world.mjs';
import { newKey } from '../../edge/support/tokens.mjs';

/** Long, so that the clock does not decide; the reference has the same. */
const LEEWAY = 300;
const FAMILIES = ['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'];

const MODELS = {
  global: { audience: API, scopes: ['api:read', 'api:write'] },
  organization: { audience: `${ORGANIZATION}{org}`, scopes: ['invite:users', 'manage:settings'] },
  'organization api': { audience: API, organization: '{org}', scopes: ['api:read', 'api:write'] },
};

/** As the other differential test's world, with key sets that `server` publishes, and mutations of its own. */
export function newWorld(server) {
  // Without `kid`, two keys of one kind cannot be told apart, and one can.
  const issuers = [
    newIssuer(server, 'rs', [newKey('RS256'), newKey('RS256')]),
    newIssuer(server, 'es', [newKey('ES384')]),
  ];
  return {
    issuers,
    routes: issuers.flatMap(({ name }) => Object.entries(MODELS).map(([model, rule]) => newRoute(name, model, rule))),
    strangers: Object.fromEntries(FAMILIES.map((alg) => [kind(alg), newKey(alg)])),
    mutations: MUTATIONS,
  };
}

/** What the reference is told of the services, by the routes' names. */
export function servicesOf({ issuers, routes }) {
  return Object.fromEntries(routes.map(({ name, model, audience, scopes, issuers: [issuer] }) => {
    const { table: { issuer: iss, jwks_uri }, signers: [{ alg }] } = issuers.find((one) => one.name === issuer);
    return [name, { issuer: iss, jwks_uri, algorithm: alg, model, audience, scopes }];
  }));
}

export function policyOf({ issuers, routes }, origin) {
  const tables = routes.map(({ model, ...table }) => table);
  return { version: 1, origin, issuers: Object.fromEntries(issuers.map(({ name, table }) => [name, table])), routes: tables };
}

function newIssuer(server, name, signers) {
  // One that is for something else, and a kid that only it has.
  const encryption = newKey('ES256', { use: 'enc' });
  const { issuer, jwksUri } = server.issuer(name, [...signers, encryption].map(({ jwk }) => jwk));
  return { name, table: { issuer, jwks_uri: jwksUri, algorithms: [signers[0].alg], leeway: LEEWAY }, signers };
}

function newRoute(issuer, model, rule) {
  const name = `${issuer} ${model}`;
  return { path: `/${name.replaceAll(' ', '-')}/{org}`, name, model, issuers: [issuer], ...rule };
}

const MUTATIONS = {
  'times within the leeway': (draft, random) => {
    const [name, seconds] = random.pick([['exp', -LEEWAY / 2], ['nbf', LEEWAY / 2], ['iat', LEEWAY / 2]]);
    draft.claims[name] = draft.time + seconds;
  },
  'dates as strings': (draft, random) => {
    const name = random.pick(['exp', 'iat']);
    draft.claims[name] = String(draft.claims[name]);
  },
  'no exp': (draft) => {
    delete draft.claims.exp;
  },
  'no kid': (draft) => {
    delete draft.header.kid;
  },
  'a long token': (draft) => {
    draft.claims.padding = 'x'.repeat(9000);
  },
  'padding': (draft, random) => {
    draft.segments[random.below(2)].push((text) => text.padEnd(Math.ceil(text.length / 4) * 4, '='));
  },
  'another encoding of Unicode': (draft, random) => {
    draft.texts[random.below(2)].push((text) => Buffer.from(text, 'utf16le'));
  },
  'numbers of JavaScript': (draft, random) => {
    const number = random.pick(['NaN', 'Infinity', '-Infinity']);
    draft.texts[random.below(2)].push((text) => `${text.slice(0, -1)},"n":${number}}`);
  },
};

/** What the guides are about, and where their check is laxer. */
export const FAVOURITES = [
  'aud', 'organization_id', 'cnf', 'scopes', 'scope beside scp', 'org', 'authorization', 'alg', 'kid', 'exp', 'typ',
  'crit', 'Unicode', 'limits of JSON',
  ...Object.keys(MUTATIONS),
];
