// A case: a request that its route accepts, and mutations of it. What a case is depends on seeds alone (and on the
// keys of the world), so dropping a mutation leaves the others as they are.

import { now, signature } from '../support/tokens.mjs';
import { MUTATIONS } from './mutations.mjs';
import { Random } from './random.mjs';
import { API } from './world.mjs';

const NAMES = Object.keys(MUTATIONS);

/** These have the most variants, or are all that leads to a 403. */
const FAVOURITES = [
  'crit', 'encoding', 'iat', 'Unicode', 'limits of JSON', 'aud', 'organization_id', 'scopes', 'a claim', 'org', 'tenant',
  'query',
];

/** A case without its request: what `build` makes a request of. `favourites` are mutations to try more often. */
export function newCase(random, favourites = FAVOURITES) {
  // One mutation is what finds most; several show which check comes first.
  const count = random.pick([0, 1, 1, 1, 1, 2, 2, 3]);
  return {
    seed: random.seed(),
    mutations: Array.from({ length: count }, () => ({ name: random.pick(random.oneIn(3) ? favourites : NAMES), seed: random.seed() })),
  };
}

/** The case's route and its request: `path`, `org`, `query`, `headers`. A world may have mutations of its own. */
export function build({ seed, mutations }, world) {
  const draft = sound(new Random(seed), world);
  const all = { ...MUTATIONS, ...world.mutations };
  for (const { name, seed: own } of mutations) all[name](draft, new Random(own), world);
  const { route, headers, query, authorization } = draft;
  const path = route.path.replace('{org}', draft.rawOrg ?? encodeURIComponent(draft.org));
  return {
    route,
    path: query === '' ? path : `${path}?${query}`,
    request: { org: draft.org, query, headers: [...headers, ...authorization(tokenOf(draft))] },
  };
}

function tokenOf({ header, claims, signer, texts, segments, signatures, tokens }) {
  const [head, body] = [JSON.stringify(header), JSON.stringify(claims)].map((text, index) => (
    texts[index].reduce((value, change) => change(String(value)), text)
  ));
  const encoded = [head, body].map((part, index) => (
    segments[index].reduce((value, change) => change(value), Buffer.from(part).toString('base64url'))
  ));
  const signed = signatures.reduce((value, change) => change(value), signature(signer, encoded.join('.')));
  const last = segments[2].reduce((value, change) => change(value), signed.toString('base64url'));
  return tokens.reduce((value, change) => change(value), [...encoded, last].join('.'));
}

/** A request as the route wants it. */
function sound(random, { issuers, routes }) {
  const route = random.pick(routes);
  const issuer = random.pick(issuers.filter(({ name }) => (route.issuers ?? [name]).includes(name)));
  const signer = random.pick(issuer.signers);
  const draft = {
    route,
    issuer,
    signer,
    org: random.pick(['acme', 'globex', 'f\u00f6\u00f6 bar']),
    tenant: random.pick(['acme', 'globex']),
    time: now(),
    header: { alg: signer.alg, kid: signer.kid, typ: random.pick(issuer.table.types ?? ['JWT', 'at+jwt', 'application/at+jwt']) },
    // What becomes of the JSON of header and payload, of the three segments, of the signature's bytes, of the token.
    texts: [[], []],
    segments: [[], [], []],
    signatures: [],
    tokens: [],
    authorization: (token) => [['Authorization', `Bearer ${token}`]],
  };
  draft.headers = [['X-Tenant', draft.tenant]];
  draft.query = `t=${random.pick(['acme', 'globex'])}&u=1`;
  draft.claims = soundClaims(draft, random);
  return draft;
}

function soundClaims(draft, random) {
  const { route, time, issuer: { table } } = draft;
  const expand = (value) => (typeof value !== 'string' ? value : value.replace('{org}', draft.org)
    .replace('{header.x-tenant}', draft.tenant).replace(/\{query\.(.)\}/, (_, name) => new URLSearchParams(draft.query).get(name)));
  const audience = route.audience === '*' ? API : expand(random.pick([route.audience].flat()));
  const claims = { iss: table.issuer, sub: 'user-1', client_id: 'client-1', iat: time - 60, exp: time + 600 };
  claims.aud = random.pick([audience, [audience], ['https://more.test', audience]]);
  if (route.organization && (route.organization !== '*' || random.oneIn(2))) claims.organization_id = expand(route.organization);
  for (const [names, rule] of rulesOf(route.claims, expand, random)) put(claims, names, example(rule, expand, random));
  const { all = [], any = [] } = Array.isArray(route.scopes) ? { all: route.scopes } : route.scopes ?? {};
  const scopes = [...all, ...(any.length > 0 ? [random.pick(any)] : []), 'openid'];
  put(claims, namesOf(table.scope_claim ?? random.pick(['scope', 'scp']), random), random.pick([scopes, scopes.join(' ')]));
  return claims;
}

/** The names that lead to each claim that is tested, and its test. */
function rulesOf(rules = {}, expand, random) {
  if (!Array.isArray(rules)) return Object.entries(rules).map(([path, rule]) => [namesOf(path, random), rule]);
  return rules.map(({ path, ...rule }) => [path.map(expand), rule]);
}

/** A claim is found by its whole name, or nested. */
function namesOf(path, random) {
  return random.oneIn(3) ? [path] : path.split('.');
}

function example(rule, expand, random) {
  // A template is text, and a claim may be a number of these digits.
  const own = (value) => {
    const text = expand(value);
    return text !== value && /^\d+$/.test(text) && random.oneIn(2) ? Number(text) : text;
  };
  if (typeof rule !== 'object') return own(rule);
  if ('is' in rule) return own(rule.is);
  if ('has' in rule) return { [expand(rule.has)]: null, other: 1 };
  if ('any' in rule) {
    const value = own(random.pick(rule.any));
    return random.pick([value, ['other', value]]);
  }
  const values = [rule.contains].flat();
  const texts = values.map(expand);
  if (texts.every((value) => typeof value === 'string') && random.oneIn(2)) return ['other', ...texts].join(' ');
  return ['other', 7, ...values.map(own)];
}

function put(claims, names, value) {
  const last = names.at(-1);
  let table = claims;
  for (const name of names.slice(0, -1)) table = table[name] ??= {};
  table[last] = value;
}
