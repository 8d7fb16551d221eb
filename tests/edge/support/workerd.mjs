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
 * - `bindings`: name → `{ text }`, `{ json }`, `{ service: name }` of one of the others or `outbound`, or `{ kv: port }`
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
  const [command, args] = launch(WORKERD, ['serve', '--control-fd=3', join(folder, 'config.capnp')]);
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

function writeConfig(folder, { modules, bindings = {}, others = {}, outbound, port = 0 }) {
  const { kv } = Object.values(bindings).find((value) => value.kv) ?? {};
  const workers = [
    worker(folder, 'main', { modules, bindings, outbound }),
    ...Object.entries(others).map(([name, text]) => worker(folder, name, { modules: { 'index.js': text }, bindings: {}, outbound })),
  ];
  const services = [
    ...workers,
    '(name = "loopback", network = (allow = ["local"]))',
    ...[['kv', kv], ['outbound', outbound]].filter(([, server]) => server).map(([name, server]) => (
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
function worker(folder, name, { modules, bindings, outbound }) {
  mkdirSync(join(folder, name));
  const embed = (file, content) => {
    writeFileSync(join(folder, name, file), content);
    return `embed "${name}/${file}"`;
  };
  const module = ([file, content]) => `(name = "${file}", ${file.endsWith('.wasm') ? 'wasm' : 'esModule'} = ${embed(file, content)})`;
  const value = (binding, { text, json, kv, service }) => {
    if (kv) return 'kvNamespace = "kv"';
    if (service) return `service = "${service}"`;
    return `${text === undefined ? 'json' : 'text'} = ${embed(`${binding}.value`, text ?? JSON.stringify(json))}`;
  };
  return `(name = "${name}", worker = (
      modules = [${Object.entries(modules).map(module).join(', ')}],
      bindings = [${Object.entries(bindings).map(([binding, is]) => `(name = "${binding}", ${value(binding, is)})`).join(', ')}],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      globalOutbound = "${outbound ? 'outbound' : 'loopback'}"))`;
}
