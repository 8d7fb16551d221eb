// The compared Workers, each as modules and bindings.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build as bundle } from 'esbuild';

import { ALGORITHMS, AUDIENCE, ISSUER, SCOPE, keyOf, published } from './tokens.mjs';

/** The same core behind the `worker` crate (bench/workers-rs): a build like Portcullis' own, for the same policy. */
export const WORKERS_RS = 'workers-rs';

/** The handwritten Workers; all others are builds of the core. */
const WRITTEN = {
  proxy: 'proxy only',
  headers: 'headers only',
  full: 'full JavaScript',
  jose: 'jose',
  'jose-map': 'jose and a Map',
  hono: 'Hono',
  'hono-cached': 'Hono, keys cached',
};

export const NAMES = ['proxy', 'headers', 'portcullis', WORKERS_RS, 'full', 'jose-map', 'jose', 'hono-cached', 'hono'];

export function titleOf(name) {
  const builds = { portcullis: 'Portcullis', [WORKERS_RS]: 'core and workers-rs' };
  return WRITTEN[name] ?? builds[name] ?? `Portcullis (${name})`;
}

/** Names in the order of NAMES; other builds of Portcullis next to the first. */
export function inOrder(names) {
  const place = (name) => (NAMES.includes(name) ? NAMES.indexOf(name) : 1.5);
  return [...new Set(names)].sort((a, b) => place(a) - place(b));
}

/** The named Workers, as far as they are there, and the gate's own builds. */
export function chosen(workers, names, builds) {
  const isChosen = (name) => names.includes(name) || (name in builds && name !== WORKERS_RS);
  return Object.fromEntries(Object.entries(workers).filter(([name]) => isChosen(name)));
}

export function without(workers, names) {
  return Object.fromEntries(Object.entries(workers).filter(([name]) => !names.includes(name)));
}

const KEYS_PATH = '/jwks';

/** The builds of the core, read now, so that a concurrent build changes nothing. */
export function readBuilds(folders) {
  const files = (folder) => ['index.js', 'index_bg.wasm'].map((name) => [name, readFileSync(join(folder, name))]);
  return Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, Object.fromEntries(files(folder))]));
}

/**
 * The Workers by name: `modules`, `bindings`, `ready` to be awaited before each start, whether it `tells` the origin who the
 * caller is, and whether it is `inspected` as a gate.
 *
 * - `origin`: a name in `servers`
 * - `policy`: more of the gates' policy, with the Worker secrets that it names in `secrets`
 * - `timeout`: milliseconds, on every route and for the full JavaScript Worker
 * - `entry`: the text of a module around the gates, which imports them as `./index.js`
 */
export async function makeRoster(servers, builds, { origin = 'origin', policy = {}, secrets = {}, timeout, entry } = {}) {
  const keys = ALGORITHMS.map((alg) => published(keyOf(alg)));
  await servers.publish(KEYS_PATH, { keys });
  const uri = servers.url('keys') + KEYS_PATH;
  const values = {
    ORIGIN: servers.url(origin), JWKS_URI: uri, ISSUER, AUDIENCE, SCOPE, ...(timeout && { TIMEOUT_MS: String(timeout) }),
  };
  const written = Object.keys(WRITTEN).map(async (name) => [name, await writtenWorker(name, values)]);
  const document = { ...documentOf(servers.url(origin), uri, timeout), ...policy };
  const bindings = texts(secrets);
  const gates = Object.entries(builds).map(([name, files]) => (
    [name, gate(servers, entry ? { 'entry.js': entry, ...files } : files, document, [{ issuer: ISSUER, uri, keys }], bindings)]
  ));
  const all = [...(await Promise.all(written)), ...gates];
  const inspected = (worker) => ({ ...worker, inspected: origin === 'origin' && worker.tells });
  return Object.fromEntries(all.map(([name, worker]) => [name, inspected(worker)]));
}

const bundles = new Map(); // name → text of a handwritten Worker

async function writtenWorker(name, values) {
  if (!bundles.has(name)) bundles.set(name, bundled(name));
  const modules = { 'index.js': await bundles.get(name) };
  return { modules, bindings: texts(values), ready: () => {}, tells: !['proxy', 'headers'].includes(name) };
}

async function bundled(name) {
  const { outputFiles } = await bundle({
    entryPoints: [fileURLToPath(new URL(`workers/${name}.js`, import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'esnext',
    minify: true,
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    logLevel: 'warning',
  });
  return outputFiles[0].contents;
}

function texts(values) {
  return Object.fromEntries(Object.entries(values).map(([key, text]) => [key, { text }]));
}

/** A build of Portcullis with a policy; the issuers' keys are in KV before it starts, and fresh. */
export function gate(servers, modules, json, issuers, secrets = {}) {
  const ready = async () => {
    const fetched_at = Math.floor(Date.now() / 1000);
    for (const { issuer, uri, keys } of issuers) {
      await servers.keep(`jwks:v1:${issuer}`, { version: 1, issuer, jwks_uri: uri, fetched_at, keys });
    }
  };
  return { modules, bindings: { POLICY: { json }, JWKS: { kv: servers.kvPort }, ...secrets }, ready, tells: true };
}

/** The routes of the README, and those of the rows, for one issuer. */
function documentOf(origin, uri, timeout) {
  const routes = [
    { path: '/api/products/{id}', methods: ['GET'], audience: AUDIENCE, scopes: [SCOPE] },
    {
      path: '/orgs/{org}/members',
      methods: ['POST'],
      audience: 'urn:logto:organization:{org}',
      scopes: ['invite:member'],
    },
    {
      path: '/orgs/{org}/data/{*rest}',
      audience: AUDIENCE,
      organization: '{org}',
      scopes: { all: ['read:data'], any: ['plan:pro', 'plan:team'] },
    },
    { path: '/healthz', access: 'public' },
    { path: '/catalogue/{*rest}', access: 'public' },
    { path: '/articles/{id}', access: 'optional', audience: AUDIENCE, scopes: [SCOPE] },
    { path: '/files/{id}', audience: AUDIENCE, scopes: [SCOPE] },
  ];
  const timed = routes.map((route) => (timeout ? { ...route, timeout_ms: timeout } : route));
  return { version: 1, origin, issuers: { main: { issuer: ISSUER, jwks_uri: uri } }, routes: timed };
}
