// How the cost grows with the policy, the key sets, the token and the body.

import { distinctOf, repeatedOf } from './measure.mjs';
import { gate } from './roster.mjs';
import { AUDIENCE, ISSUER, SCOPE, keyOf, published } from './tokens.mjs';

const ROUTES = [10, 100, 1000, 10_000];
const ISSUERS = [1, 10, 100];
const KEYS = [1, 10, 100];
const TOKEN_BYTES = [500, 1000, 2000, 4000, 8000];

const MODES = { repeated: repeatedOf, distinct: distinctOf };

/** Scenarios for `interleaved`; `kind` and `size` identify the curve and the point of a result. */
export async function growthScenarios({ servers, roster, builds, algorithm = 'ES256' }) {
  const context = { servers, roster, builds, key: keyOf(algorithm), algorithm };
  const kinds = [byRoutes, byIssuers, byKeys, byTokenBytes];
  return (await Promise.all(kinds.map((kind) => kind(context)))).flat();
}

/** Requests go to routes throughout the policy. */
function byRoutes({ servers, builds, key }) {
  const path = (route) => `/v1/service-${route}/items`;
  return ROUTES.map((size) => {
    const routes = Array.from({ length: size }, (_, i) => ({ path: `${path(i)}/{id}`, methods: ['GET'], ...rule() }));
    const each = (i) => ({ key, path: `${path(Math.floor((i * size) / 1024))}/42` });
    const set = repeatedOf(`routes-${size}`, each, 1024);
    return scenario('routes', size, 'repeated', set, gates(servers, builds, routes, [single(servers, key)]));
  });
}

function byIssuers({ servers, builds, algorithm }) {
  const issuer = (i) => ({ key: keyOf(algorithm, i), claims: { iss: `${ISSUER}/${i}` } });
  return Promise.all(ISSUERS.flatMap((size) => Object.entries(MODES).map(async ([mode, make]) => {
    const set = make(`issuers-${size}`, (i) => issuer(i % size));
    const issuers = Array.from({ length: size }, (_, i) => {
      const { key, claims } = issuer(i);
      return { issuer: claims.iss, uri: `${servers.url('keys')}/issuer-${i}`, keys: [published(key)] };
    });
    for (const { uri, keys } of issuers) await servers.publish(new URL(uri).pathname, { keys });
    return scenario('issuers', size, mode, set, gates(servers, builds, [products()], issuers));
  })));
}

function byKeys({ servers, builds, algorithm }) {
  return Promise.all(KEYS.flatMap((size) => Object.entries(MODES).map(async ([mode, make]) => {
    const set = make(`keys-${size}`, (i) => ({ key: keyOf(algorithm, i % size) }));
    const keys = Array.from({ length: size }, (_, i) => published(keyOf(algorithm, i)));
    const path = `/keys-${size}`;
    await servers.publish(path, { keys });
    const issuers = [{ issuer: ISSUER, uri: servers.url('keys') + path, keys }];
    return scenario('keys', size, mode, set, gates(servers, builds, [products()], issuers));
  })));
}

/** Longer tokens also cost the floor and jose more. */
function byTokenBytes({ roster, builds, key }) {
  const names = ['proxy', ...Object.keys(builds), 'jose-map', 'jose'];
  const workers = Object.fromEntries(names.map((name) => [name, roster[name]]));
  return TOKEN_BYTES.flatMap((size) => Object.entries(MODES).map(([mode, make]) => {
    const set = make(`bytes-${size}`, () => ({ key, bytes: size }));
    return scenario('token bytes', size, mode, set, workers);
  }));
}

function scenario(kind, size, mode, set, workers) {
  const wraps = mode === 'repeated';
  return { name: `${size} ${kind} ${mode}`, marks: { kind, size, mode }, set, wraps, status: 200, workers };
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
