// The built Worker under Miniflare.
//
// Requests go to a direct socket of the Worker: Miniflare's own entry worker would normalise paths and hosts,
// add headers and compress answers before the gate sees anything. The direct socket is what plain workerd does.

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

/** The Host header of requests that name none; the realm of their refusals. */
export const HOST = 'gate.test';

/** Starts one gate. See `startGates` for the options. */
export async function startGate({ build, entry, others, ...options }) {
  const [gate] = await startGates([options], { build, entry, others });
  return gate;
}

/**
 * Starts several gates, each an isolate of its own, in one workerd.
 *
 * - `policy`: the variable POLICY: an object, a string, or `undefined` for none
 * - `bindings`: further variables
 * - `services`: binding name → `(request) => Response`, run outside the gate, the name of one of the `others`, or a port of
 *   this machine, where every request goes, whatever its URL
 * - `outbound`: such a port, for the requests that the gate makes (default: the URL says where they go), or the name of one
 *   of the `others`, which then gets them
 * - `kv`: id of the KV namespace; gates with one id share it (default: one each); `null` for no binding
 * - `store`: a `Store` (store.mjs) in place of the KV namespace
 * - `policies`: id of the KV namespace that is bound as POLICY_KV; none by default
 * - `port`: where it listens (default: a free one)
 *
 * `kvDirectory` says where KV is kept on disk; a temporary place otherwise. `build` is the folder of another build,
 * `entry` the text of a module to put in front of it, which imports it as `./index.js`. `others` are further Workers, name
 * → text of the module, which services can name.
 */
export async function startGates(list, { kvDirectory, build = BUILD, entry, others = {} } = {}) {
  const logs = [];
  const modules = [
    { type: 'ESModule', path: join(build, 'index.js') },
    { type: 'CompiledWasm', path: join(build, 'index_bg.wasm') },
  ];
  const workers = list.map(({ policy, bindings = {}, services = {}, kv = `kv-${crypto.randomUUID()}`, store, policies, port = 0, outbound }, index) => ({
    name: `gate-${index}`,
    // Beside the build, as far as workerd knows, so that it can import it.
    modules: [store ? WITH_STORE : entry].filter(Boolean).map(
      (contents) => ({ type: 'ESModule', path: join(build, 'entry.js'), contents }),
    ).concat(modules),
    modulesRoot: build,
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: policy === undefined ? bindings : { POLICY: policy, ...bindings },
    serviceBindings: { ...mapped(services, (service) => (typeof service === 'number' ? server(service) : service)), ...(store ? { STORE: store.handle } : {}) },
    ...(outbound ? { outboundService: typeof outbound === 'number' ? `outbound-${index}` : outbound } : {}),
    kvNamespaces: { ...(kv === null || store ? {} : { JWKS: kv }), ...(policies ? { POLICY_KV: policies } : {}) },
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

/** Miniflare lets nothing but a Worker take what a gate sends out. */
function relay({ outbound }, index) {
  if (typeof outbound !== 'number') return [];
  const contents = 'export default { fetch: (request, env) => env.SERVER.fetch(request) };';
  return [{ ...otherWorker([`outbound-${index}`, contents]), serviceBindings: { SERVER: server(outbound) } }];
}

function server(port) {
  return { external: { address: `127.0.0.1:${port}`, http: {} } };
}

function otherWorker([name, contents]) {
  return { name, modules: [{ type: 'ESModule', path: `${name}.js`, contents }], compatibilityDate: COMPATIBILITY_DATE };
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

  /** One request; the path and the headers are sent exactly as given. See `request` in http.mjs. */
  request(path, options = {}) {
    return this.#watch.exchange(options.headers, request(this.port, path, { host: HOST, ...options }));
  }

  /** One request with a Bearer token. */
  bearer(token, path, { headers = [], ...options } = {}) {
    return this.request(path, { headers: [...headers, ['Authorization', `Bearer ${token}`]], ...options });
  }

  /** Bytes on a socket, and the bytes that come back. */
  raw(bytes) {
    return this.#watch.exchange(headersIn(bytes), rawExchange(this.port, bytes));
  }

  /** One request that came by https: Miniflare's entry worker takes a header's word for it. First gate only. */
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

  /** The namespace that is bound as POLICY_KV. */
  policies() {
    return this.#miniflare.getKVNamespace('POLICY_KV', this.#name);
  }

  /** The parsed KV entry of an issuer, or null. */
  async entry(issuer) {
    return (await this.kv()).get(`jwks:v1:${issuer}`, 'json');
  }

  /** Waits until a log line satisfies the condition; logs leave workerd a little later than the answer does. */
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

  /** Fails if anything of a token is in the logs or in the answers. See watch.mjs. */
  close() {
    return this.#release();
  }
}

/** Polls until the condition gives something, for background work that no answer announces. */
export async function until(condition, { timeout = 4000, every = 20 } = {}) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value || Date.now() > deadline) return value;
    await sleep(every);
  }
}

/** A directory for KV that lives as long as the test. */
export function temporaryDirectory(test) {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-kv-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
