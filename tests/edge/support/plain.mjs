// The built Worker under plain workerd, for requests as raw bytes.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { headersIn, rawExchange } from './http.mjs';
import { Watch } from './watch.mjs';
import { mapped, startWorkerd } from './workerd.mjs';

const BUILD = new URL('../../../build/', import.meta.url);

/**
 * Starts a gate.
 *
 * - `policy`: the variable POLICY
 * - `secrets`: name → text
 * - `services`: binding → name of one of the `others`, or `outbound`
 * - `analytics`: name → local port, for a binding of Analytics Engine
 * - `disk`: the folder of the list of revocations, whose Durable Object is then bound as REVOCATIONS
 * - `others`, `outbound`, `port`: as for `startWorkerd`
 */
export async function startPlainGate({ policy, secrets = {}, services = {}, analytics = {}, disk, ...world }) {
  const modules = Object.fromEntries(['index.js', 'index_bg.wasm'].map((name) => [name, readFileSync(fileURLToPath(new URL(name, BUILD)))]));
  const bindings = {
    POLICY: { json: policy },
    ...mapped(secrets, (text) => ({ text })),
    ...mapped(services, (service) => ({ service })),
    ...mapped(analytics, (port) => ({ analytics: port })),
    ...(disk ? { REVOCATIONS: { object: 'Revocations' } } : {}),
  };
  const workerd = await startWorkerd({ modules, bindings, disk, ...world });
  const watch = new Watch([{ get message() { return workerd.log(); } }], [policy]);
  return {
    port: workerd.port,
    log: workerd.log,
    /** Sends bytes on a new socket; returns the bytes that come back. */
    raw: (bytes) => watch.exchange(headersIn(bytes), rawExchange(workerd.port, bytes)),
    /** Fails if any part of a token is in the log or in the responses. */
    async close() {
      await workerd.stop();
      await watch.close();
    },
  };
}
