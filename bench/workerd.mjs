// One Worker in a workerd of its own, and what the kernel says of that process.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

import workerdPackage from 'workerd';

import { read } from '../scripts/process.mjs';
import { ROOT } from '../scripts/toolchain.mjs';

const workerd = workerdPackage.default;
const WRANGLER = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8');
const COMPATIBILITY_DATE = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(WRANGLER)[1]; // what is deployed decides

export const WORKERD_VERSION = read(workerd, ['--version']);

/** The measured process has a core of its own; load and servers share the other. */
const CAN_PIN = cpus().length > 1 && read('taskset', ['-c', '0,1', 'true']) !== null;
export const PINNED = CAN_PIN ? 'workerd to core 0, load and servers to core 1' : 'nothing';

export function pinned(core, command, args) {
  return CAN_PIN ? ['taskset', ['-c', String(core), command, ...args]] : [command, args];
}

/**
 * Starts a Worker: `modules` by name, `bindings` by name (`{ text }`, `{ json }` or `{ kv: port }`).
 * `since` is when the process was asked for, `port` where it listens.
 */
export async function startWorkerd({ modules, bindings }) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  writeConfig(folder, modules, bindings);
  const since = performance.now();
  const [command, args] = pinned(0, workerd, ['serve', '--control-fd=3', join(folder, 'config.capnp')]);
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

/** workerd says on the control descriptor where it listens, in JSON lines. */
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

function writeConfig(folder, modules, bindings) {
  for (const [name, content] of Object.entries(modules)) writeFileSync(join(folder, name), content);
  const module = (name) => `(name = "${name}", ${name.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed "${name}")`;
  const binding = ([name, { text, json, kv }]) => {
    if (kv) return `(name = "${name}", kvNamespace = "kv")`;
    writeFileSync(join(folder, `${name}.value`), text ?? JSON.stringify(json));
    return `(name = "${name}", ${text === undefined ? 'json' : 'text'} = embed "${name}.value")`;
  };
  const { kv } = Object.values(bindings).find((value) => value.kv) ?? {};
  const services = [
    `(name = "main", worker = (
      modules = [${Object.keys(modules).map(module).join(', ')}],
      bindings = [${Object.entries(bindings).map(binding).join(', ')}],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      globalOutbound = "loopback"))`,
    '(name = "loopback", network = (allow = ["local"]))',
    ...(kv ? [`(name = "kv", external = (address = "127.0.0.1:${kv}", http = ()))`] : []),
  ];
  writeFileSync(join(folder, 'config.capnp'), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(',\n    ')}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
`);
}

/**
 * Microseconds of CPU time of a process, and those for which its threads were ready to run and had to wait: what the
 * scheduler counted in nanoseconds, over all threads.
 */
export function cpuOf(pid) {
  const sum = { cpu: 0, wait: 0 };
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const [ran, waited] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ').map(Number);
    sum.cpu += ran / 1000;
    sum.wait += waited / 1000;
  }
  return sum;
}

/** The same in ticks of 10 ms: utime and stime, which also count threads that have ended. A check on `cpuOf`. */
export function ticksOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Bytes: the most that was resident so far, and what is. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) * 1024;
  return { peak: bytes('VmHWM'), now: bytes('VmRSS') };
}
