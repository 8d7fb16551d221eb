// Plain workerd with a configuration file: what Miniflare puts in front of a Worker would normalise some requests.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import workerdPackage from 'workerd';

export const WORKERD = workerdPackage.default;

const WRANGLER = readFileSync(fileURLToPath(new URL('../../../wrangler.toml', import.meta.url)), 'utf8');
/** From the deployed configuration, so that workerd behaves the same in all runs. */
export const COMPATIBILITY_DATE = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(WRANGLER)[1];

/**
 * Starts a Worker in a workerd of its own.
 *
 * - `modules`: name → content; the first is the entry
 * - `bindings`: name → `{ text }`, `{ json }`, `{ service: name }` of one of the others or `outbound`, `{ kv: port }`, or
 *   `{ analytics: port }`, which receives the data points of the runtime's own Analytics Engine binding, or `{ object: class }`
 *   for a Durable Object of the Worker's own
 * - `disk`: the folder for the storage of Durable Objects
 * - `tail`: the text of a module that receives the Worker's events as they happen
 * - `others`: further Workers, name → text of the module
 * - `outbound`: a local port that receives every request that a Worker makes, whatever its URL; by default requests go to the
 *   local address in their URL
 * - `port`: where it listens (default: a free one)
 * - `launch`: `(command, args) => [command, args]`, to run it under another program
 *
 * `since` is when the process was started, `port` where it listens.
 */
export async function startWorkerd({ launch = (...command) => command, ...world }) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-workerd-'));
  writeConfig(folder, world);
  const since = performance.now();
  const flags = isExperimental(world) ? ['--experimental'] : [];
  const [command, args] = launch(WORKERD, ['serve', '--control-fd=3', ...flags, join(folder, 'config.capnp')]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk));
  const end = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', end);
  const exited = new Promise((resolve) => child.once('close', resolve));
  const stop = async () => {
    end();
    await exited;
    process.off('exit', end);
  };
  try {
    const port = await Promise.race([
      listening(child.stdio[3]),
      exited.then(() => Promise.reject(new Error(`workerd ended:\n${log}`))),
    ]);
    return { since, port, pid: child.pid, log: () => log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The object with each of its values changed. */
export function mapped(object, map) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}

/** workerd reports on the control descriptor where it listens, in JSON lines. */
function listening(stream) {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk) => {
      text += chunk;
      const port = /"event":"listen".*?"port":(\d+)/.exec(text)?.[1];
      if (port) resolve(Number(port));
    });
  });
}

/** Bindings and tails that workerd has behind a flag, as it deploys them. */
function isExperimental({ bindings = {}, tail }) {
  return tail !== undefined || Object.values(bindings).some((value) => value.analytics);
}

function writeConfig(folder, { modules, bindings = {}, others = {}, outbound, port = 0, tail, disk }) {
  const { kv } = Object.values(bindings).find((value) => value.kv) ?? {};
  const { analytics } = Object.values(bindings).find((value) => value.analytics) ?? {};
  const workers = [
    worker(folder, 'main', { modules, bindings, outbound, tail: tail && 'tail', disk }),
    ...(tail ? [worker(folder, 'tail', { modules: { 'index.js': tail }, bindings: {}, outbound, flags: ['streaming_tail_worker', 'experimental'] })] : []),
    ...Object.entries(others).map(([name, text]) => worker(folder, name, { modules: { 'index.js': text }, bindings: {}, outbound })),
  ];
  const services = [
    ...workers,
    ...(disk ? [`(name = "disk", disk = (path = ${JSON.stringify(disk)}, writable = true))`] : []),
    '(name = "loopback", network = (allow = ["local"]))',
    ...[['kv', kv], ['outbound', outbound], ['analytics', analytics]].filter(([, server]) => server).map(([name, server]) => (
      `(name = "${name}", external = (address = "127.0.0.1:${server}", http = ()))`
    )),
  ];
  writeFileSync(join(folder, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(',\n    ')}],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);
`);
}

/** A Worker as a service; its modules and values are files in a folder of the same name. */
function worker(folder, name, { modules, bindings, outbound, tail, disk, flags = [] }) {
  mkdirSync(join(folder, name));
  const embed = (file, content) => {
    writeFileSync(join(folder, name, file), content);
    return `embed "${name}/${file}"`;
  };
  const module = ([file, content]) => `(name = "${file}", ${file.endsWith('.wasm') ? 'wasm' : 'esModule'} = ${embed(file, content)})`;
  const value = (binding, { text, json, kv, service, analytics, object }) => {
    if (object) return `durableObjectNamespace = "${object}"`;
    if (analytics) return 'analyticsEngine = "analytics"';
    if (kv) return 'kvNamespace = "kv"';
    if (service) return `service = "${service}"`;
    return `${text === undefined ? 'json' : 'text'} = ${embed(`${binding}.value`, text ?? JSON.stringify(json))}`;
  };
  const classes = Object.values(bindings).flatMap(({ object }) => object ?? []);
  const objects = classes.map((object) => `(className = "${object}", uniqueKey = "${object}", enableSql = true)`);
  return `(name = "${name}", worker = (
      modules = [${Object.entries(modules).map(module).join(', ')}],
      bindings = [${Object.entries(bindings).map(([binding, is]) => `(name = "${binding}", ${value(binding, is)})`).join(', ')}],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(', ')}],
      ${disk ? `durableObjectNamespaces = [${objects.join(', ')}], durableObjectStorage = (localDisk = "disk"),` : ''}
      ${tail ? `streamingTails = ["${tail}"],` : ''}
      globalOutbound = "${outbound ? 'outbound' : 'loopback'}"))`;
}
