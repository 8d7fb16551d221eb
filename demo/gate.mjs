// The built Worker in workerd, by `wrangler dev`, with local KV and a policy of ours.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { freePort } from './ports.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js');
const READY_SECONDS = 60;
const GRACE_SECONDS = 5;
const LOG_CHARACTERS = 20_000;

/**
 * Starts the gate and waits until it answers. The state is fresh each time and goes when the gate closes.
 * `log` is given what the gate writes once it is up.
 */
export async function startGate({ port, host = '127.0.0.1', policy, signal, log = () => {} }) {
  mkdirSync(join(ROOT, '.wrangler'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.wrangler/demo-'));
  const wrangler = launch(folder, { host, port, inspector: await freePort(host), policy });
  const gate = { url: `http://${host}:${port}`, exited: wrangler.exited, close: () => close(wrangler, folder) };
  try {
    await ready(gate.url, wrangler, signal);
    wrangler.tell = log;
    return gate;
  } catch (error) {
    await gate.close();
    throw error;
  }
}

function launch(folder, { host, port, inspector, policy }) {
  const config = join(folder, 'wrangler.json');
  writeFileSync(config, JSON.stringify(configuration(policy), null, 2));
  const args = [
    WRANGLER, 'dev', '--config', config, '--ip', host, '--port', port, '--inspector-port', inspector,
    '--persist-to', join(folder, 'state'), '--local', '--show-interactive-dev-session=false',
  ];
  // Its own process group: wrangler starts more processes, and all of them have to go with it.
  const options = { cwd: folder, detached: true, env: environment(folder), stdio: ['ignore', 'pipe', 'pipe'] };
  const child = spawn(process.execPath, args.map(String), options);
  const wrangler = { pid: child.pid, log: '', running: true, tell: () => {} };
  const keep = (chunk) => {
    wrangler.log = (wrangler.log + chunk).slice(-LOG_CHARACTERS);
    wrangler.tell(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  wrangler.kill = (signal) => killGroup(child.pid, signal);
  wrangler.lastResort = () => wrangler.kill('SIGKILL');
  process.once('exit', wrangler.lastResort);
  wrangler.exited = new Promise((resolve) => {
    child.once('exit', () => {
      wrangler.running = false;
      resolve(wrangler.log);
    });
  });
  return wrangler;
}

/** As in wrangler.toml, but for the policy; the bundle is not built again. */
function configuration(policy) {
  return {
    name: 'portcullis-demo',
    main: join(ROOT, 'build/index.js'),
    compatibility_date: '2026-11-01',
    no_bundle: true,
    kv_namespaces: [{ binding: 'JWKS', id: 'demo' }],
    vars: { POLICY: policy },
  };
}

/** Nothing is reported, nothing is fetched from the internet, nothing is written outside the folder. */
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

async function ready(url, wrangler, signal) {
  const deadline = Date.now() + READY_SECONDS * 1000;
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (!wrangler.running) throw new Error(`wrangler ended before the gate was up:\n${wrangler.log}`);
    if (await answers(url)) return;
    await sleep(100);
  }
  throw new Error(`the gate did not answer within ${READY_SECONDS} seconds:\n${wrangler.log}`);
}

async function answers(url) {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Politely first; what is still there after the grace period is killed. */
async function close(wrangler, folder) {
  wrangler.tell = () => {}; // what it says of its own end is no news
  if (wrangler.running) {
    wrangler.kill('SIGTERM');
    await Promise.race([wrangler.exited, sleep(GRACE_SECONDS * 1000, undefined, { ref: false })]);
  }
  wrangler.lastResort();
  process.off('exit', wrangler.lastResort);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, which is what was wanted.
  }
}
