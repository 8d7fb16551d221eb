// How the cost grows with the policy, the key sets and the token.

import { WORKERS_RS, chosen, gate, without } from './roster.mjs';
import { scenario } from './rows.mjs';
import { knownOf, newOf } from './sets.mjs';
import { AUDIENCE, ISSUER, SCOPE, keyOf, published } from './tokens.mjs';

const ROUTES = [10, 100, 1000, 10_000];
const ISSUERS = [1, 10, 100];
const KEYS = [1, 10, 100];
const TOKEN_BYTES = [500, 1000, 2000, 4000, 8000];

const MODES = { known: knownOf, new: newOf };

/** Groups of scenarios; `kind` and `size` identify the curve and the point of a result. */
export async function growthRows({ servers, roster, builds, algorithm = 'ES256' }) {
  const own = without(builds, [WORKERS_RS]); // of what grows, the gate's own curves say enough
  const context = { servers, roster, builds: own, key: keyOf(algorithm), algorithm };
  const [routes, issuers, keys] = await Promise.all([byRoutes, byIssuers, byKeys].map((kind) => kind(context)));
  return { routes: [routes], others: [issuers, keys, ...byTokenBytes(context)] };
}

/** Requests go to routes throughout the policy. */
function byRoutes({ servers, builds, key }) {
  const path = (route) => `/v1/service-${route}/items`;
  return ROUTES.map((size) => {
    const routes = Array.from({ length: size }, (_, i) => ({ path: `${path(i)}/{id}`, methods: ['GET'], ...rule() }));
    const each = (i) => ({ key, path: `${path(Math.floor((i * size) / 1024))}/42` });
    const set = knownOf(`routes-${size}`, each, 1024);
    return point('routes', size, 'known', set, gates(servers, builds, routes, [single(servers, key)]));
  });
}

async function byIssuers({ servers, builds, algorithm }) {
  const issuer = (i) => ({ key: keyOf(algorithm, i), claims: { iss: `${ISSUER}/${i}` } });
  const points = ISSUERS.map(async (size) => {
    const issuers = Array.from({ length: size }, (_, i) => {
      const { key, claims } = issuer(i);
      return { issuer: claims.iss, uri: `${servers.url('keys')}/issuer-${i}`, keys: [published(key)] };
    });
    for (const { uri, keys } of issuers) await servers.publish(new URL(uri).pathname, { keys });
    const workers = gates(servers, builds, [products()], issuers);
    return bothModes('issuers', size, (i) => issuer(i % size), workers);
  });
  return (await Promise.all(points)).flat();
}

async function byKeys({ servers, builds, algorithm }) {
  const points = KEYS.map(async (size) => {
    const keys = Array.from({ length: size }, (_, i) => published(keyOf(algorithm, i)));
    const path = `/keys-${size}`;
    await servers.publish(path, { keys });
    const workers = gates(servers, builds, [products()], [{ issuer: ISSUER, uri: servers.url('keys') + path, keys }]);
    return bothModes('keys', size, (i) => ({ key: keyOf(algorithm, i % size) }), workers);
  });
  return (await Promise.all(points)).flat();
}

/** Longer tokens also cost the others more. Each size is a group: the tokens of all would take much memory. */
function byTokenBytes({ roster, builds, key }) {
  const workers = chosen(roster, ['proxy', 'jose'], builds);
  return TOKEN_BYTES.map((bytes) => bothModes('token bytes', bytes, () => ({ key, bytes }), workers));
}

function bothModes(kind, size, each, workers) {
  const name = `${kind.replace(' ', '-')}-${size}`;
  return Object.entries(MODES).map(([mode, make]) => point(kind, size, mode, make(name, each), workers));
}

function point(kind, size, mode, set, workers) {
  return scenario(`${size} ${kind} ${mode}`, set, { marks: { kind, size, mode }, wraps: mode === 'known', workers });
}

function gates(servers, builds, routes, issuers) {
  const named = Object.fromEntries(issuers.map(({ issuer, uri }, i) => [`issuer-${i}`, { issuer, jwks_uri: uri }]));
  const policy = { version: 1, origin: servers.url('origin'), issuers: named, routes };
  const made = Object.entries(builds).map(([name, files]) => [name, gate(servers, files, policy, issuers)]);
  return Object.fromEntries(made);
}

function single(servers, key) {
  return { issuer: ISSUER, uri: `${servers.url('keys')}/single`, keys: [published(key)] };
}

function products() {
  return { path: '/api/products/{id}', methods: ['GET'], ...rule() };
}

function rule() {
  return { audience: AUDIENCE, scopes: [SCOPE] };
}
