// Runs the built Worker with `wrangler dev`, local KV and a given policy.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort } from './ports.mjs';
import { startService } from './service.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');

/**
 * Starts the gate and waits until it responds. Its state is empty at the start and deleted when the gate closes.
 * `secrets` are further variables; `log` receives what the gate writes once it is up.
 */
export async function startGate({ port, host = '127.0.0.1', policy, secrets, signal, log }) {
  mkdirSync(join(ROOT, '.wrangler'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.wrangler/demo-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  const config = join(folder, 'wrangler.json');
  writeFileSync(config, JSON.stringify(configuration({ POLICY: policy, ...secrets }), null, 2));
  const args = [
    WRANGLER, 'dev', '--config', config, '--ip', host, '--port', port, '--inspector-port', await freePort(host),
    '--persist-to', join(folder, 'state'), '--local', '--show-interactive-dev-session=false',
  ];
  const url = `http://${host}:${port}`;
  const health = `${url}/healthz`;
  try {
    const env = environment(folder);
    const wrangler = await startService({ name: 'wrangler', command: process.execPath, args, cwd: folder, env, health, signal, log });
    return { url, exited: wrangler.exited, close: () => wrangler.close().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

/** As in wrangler.toml, except for the variables; the bundle is not built again. */
function configuration(vars) {
  return {
    name: 'portcullis-demo',
    main: join(ROOT, 'build/index.js'),
    compatibility_date: '2026-11-01',
    no_bundle: true,
    kv_namespaces: [{ binding: 'JWKS', id: 'demo' }],
    durable_objects: { bindings: [{ name: 'REVOCATIONS', class_name: 'Revocations' }] },
    migrations: [{ tag: 'v1', new_sqlite_classes: ['Revocations'] }],
    vars,
  };
}

/** No telemetry, no fetches from the internet, no writes outside the folder. */
function environment(folder) {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_LOG_PATH: join(folder, 'logs'),
    WRANGLER_REGISTRY_PATH: join(folder, 'registry'),
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    NO_COLOR: '1',
  };
}
