// The built Worker under Miniflare.
//
// Requests go to a direct socket of the Worker: Miniflare's own entry worker would normalise paths and hosts, add headers and
// compress responses. The direct socket behaves like plain workerd.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Miniflare, convertV4MiniflareOptions } from 'miniflare';

import { headersIn, rawExchange, request } from './http.mjs';
import { Watch } from './watch.mjs';
import { COMPATIBILITY_DATE, mapped } from './workerd.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILD = join(ROOT, 'build');
/** A build that panics on demand: see src/edge/faults.rs. */
export const FAULTY_BUILD = join(ROOT, 'target/faults/build');

const WITH_STORE = readFileSync(new URL('with-store.js', import.meta.url), 'utf8');

/** The default Host header of requests, and the realm of their refusals. */
export const HOST = 'gate.test';

/** Starts one gate. See `startGates` for the options. */
export async function startGate({ build, entry, others, ...options }) {
  const [gate] = await startGates([options], { build, entry, others });
  return gate;
}

/**
 * Starts several gates in one workerd, each in its own isolate.
 *
 * - `policy`: the variable POLICY: an object, a string, or `undefined` for no variable
 * - `bindings`: further variables
 * - `services`: binding name → `(request) => Response`, run outside the gate, the name of one of the `others`, or a local
 *   port that receives every request, whatever its URL
 * - `outbound`: such a port, or the name of one of the `others`, to receive the requests that the gate makes (default: they
 *   go where their URL says)
 * - `kv`: id of the KV namespace; gates with the same id share it (default: one each); `null` for no binding
 * - `store`: a `Store` (store.mjs) instead of the KV namespace
 * - `policies`: id of the KV namespace that is bound as POLICY_KV; none by default
 * - `revocations`: the Worker whose class `Revocations` is bound as REVOCATIONS: `gate-0` for the first gate, or the name of
 *   one of the `others`; none by default
 * - `port`: where it listens (default: a free one)
 *
 * `kvDirectory` is where KV is stored on disk (default: a temporary folder). `build` is the folder of another build, `entry`
 * the text of a module that wraps it and imports it as `./index.js`. `others` are further Workers, name → text of the module,
 * which services can name.
 */
export async function startGates(list, { kvDirectory, build = BUILD, entry, others = {} } = {}) {
  const logs = [];
  const modules = [
    { type: 'ESModule', path: join(build, 'index.js') },
    { type: 'CompiledWasm', path: join(build, 'index_bg.wasm') },
  ];
  const workers = list.map(({ policy, bindings = {}, services = {}, kv = `kv-${crypto.randomUUID()}`, store, policies, revocations, port = 0, outbound }, index) => ({
    name: `gate-${index}`,
    // Next to the build from the view of workerd, so that it can import it.
    modules: [store ? WITH_STORE : entry].filter(Boolean).map(
      (contents) => ({ type: 'ESModule', path: join(build, 'entry.js'), contents }),
    ).concat(modules),
    modulesRoot: build,
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: policy === undefined ? bindings : { POLICY: policy, ...bindings },
    serviceBindings: { ...mapped(services, (service) => (typeof service === 'number' ? server(service) : service)), ...(store ? { STORE: store.handle } : {}) },
    ...(outbound ? { outboundService: typeof outbound === 'number' ? `outbound-${index}` : outbound } : {}),
    kvNamespaces: { ...(kv === null || store ? {} : { JWKS: kv }), ...(policies ? { POLICY_KV: policies } : {}) },
    ...(revocations ? { durableObjects: { REVOCATIONS: { className: 'Revocations', scriptName: revocations, useSQLite: true } } } : {}),
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
  }));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      ...(kvDirectory ? { resourcePersistencePath: kvDirectory } : {}),
      handleStructuredLogs: ({ level, message }) => logs.push({ level, message }),
      workers: [...workers, ...list.flatMap(relay), ...Object.entries(others).map(otherWorker)],
    }),
  );
  await miniflare.ready;

  const watch = new Watch(logs, list.map(({ policy }) => policy));
  let open = list.length;
  return Promise.all(workers.map(async ({ name }) => new Gate({
    miniflare,
    name,
    port: Number((await miniflare.unsafeGetDirectURL(name)).port),
    logs,
    watch,
    release: async () => {
      open -= 1;
      if (open > 0) return;
      await miniflare.dispose();
      await watch.close();
    },
  })));
}

/** In Miniflare only a Worker can receive the requests that a gate makes. */
function relay({ outbound }, index) {
  if (typeof outbound !== 'number') return [];
  const contents = 'export default { fetch: (request, env) => env.SERVER.fetch(request) };';
  return [{ ...otherWorker([`outbound-${index}`, contents]), serviceBindings: { SERVER: server(outbound) } }];
}

function server(port) {
  return { external: { address: `127.0.0.1:${port}`, http: {} } };
}

function otherWorker([name, contents]) {
  // workerd knows the class of another Worker only if that Worker uses it too.
  const hasObject = contents.includes('export class Revocations');
  const durableObjects = hasObject ? { OWN: { className: 'Revocations', useSQLite: true } } : {};
  return { name, durableObjects, modules: [{ type: 'ESModule', path: `${name}.js`, contents }], compatibilityDate: COMPATIBILITY_DATE };
}

class Gate {
  #miniflare;
  #name;
  #watch;
  #release;

  constructor({ miniflare, name, port, logs, watch, release }) {
    this.#miniflare = miniflare;
    this.#name = name;
    this.#watch = watch;
    this.#release = release;
    this.port = port;
    /** What every gate of the same workerd logged, oldest first. */
    this.logs = logs;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Sends a request with exactly this path and these headers. See `request` in http.mjs. */
  request(path, options = {}) {
    return this.#watch.exchange(options.headers, request(this.port, path, { host: HOST, ...options }));
  }

  /** Sends a request with a bearer token. */
  bearer(token, path, { headers = [], ...options } = {}) {
    return this.request(path, { headers: [...headers, ['Authorization', `Bearer ${token}`]], ...options });
  }

  /** Sends bytes on a socket; returns the bytes that come back. */
  raw(bytes) {
    return this.#watch.exchange(headersIn(bytes), rawExchange(this.port, bytes));
  }

  /** A request that appears to use https, which Miniflare's entry worker takes from a header. First gate only. */
  async https(path, { headers = [], ...options }) {
    const { port } = await this.#miniflare.ready;
    const sent = [...headers, ['X-Forwarded-Proto', 'https']];
    return this.#watch.exchange(sent, request(Number(port), path, { headers: sent, ...options }));
  }

  /** Runs the `scheduled` handler, waitUntil included. */
  async scheduled() {
    const worker = await this.#miniflare.getWorker(this.#name);
    const result = await worker.scheduled({ cron: '*/5 * * * *' });
    assert.equal(result.outcome, 'ok', 'the schedule is kept');
    return result;
  }

  /** The KV namespace as the gate sees it. */
  kv() {
    return this.#miniflare.getKVNamespace('JWKS', this.#name);
  }

  /** The namespace bound as POLICY_KV. */
  policies() {
    return this.#miniflare.getKVNamespace('POLICY_KV', this.#name);
  }

  /** The parsed KV entry of an issuer, or null. */
  async entry(issuer) {
    return (await this.kv()).get(`jwks:v1:${issuer}`, 'json');
  }

  /** Waits until a log line satisfies the condition; logs arrive a little later than the response. */
  async logged(condition, since = 0) {
    const found = await until(() => this.logs.slice(since).find(({ message }) => condition(message)));
    return found?.message;
  }

  /** Everything logged since `since`, once it has been quiet for a moment. */
  async logText(since = 0) {
    let length = -1;
    while (length !== this.logs.length) {
      length = this.logs.length;
      await sleep(60);
    }
    return this.logs.slice(since).map(({ message }) => message).join('\n');
  }

  /** Fails if any part of a token is in the logs or in the responses. See watch.mjs. */
  close() {
    return this.#release();
  }
}

/** Polls until the condition returns something, for background work whose end no response shows. */
export async function until(condition, { timeout = 4000, every = 20 } = {}) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value || Date.now() > deadline) return value;
    await sleep(every);
  }
}

/** A directory for KV that exists as long as the test runs. */
export function temporaryDirectory(test) {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-kv-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
