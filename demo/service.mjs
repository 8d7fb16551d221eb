// Runs a server as a child process: starts it, waits until it responds, and stops it with all its own child processes.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_SECONDS = 60;
const GRACE_SECONDS = 5;
const LOG_CHARACTERS = 20_000;

/**
 * Starts the program and waits until it responds at `health`, where nothing else may respond before. `log` receives what
 * it writes once it is up. `exited` resolves with the end of its log when it exits; `close()` stops it.
 */
export async function startService({ name, command, args, cwd, env, health, signal, log = () => {} }) {
  if (await answers(health)) throw new Error(`something else responds at ${health} before ${name} is started`);
  const service = launch(command, args, { cwd, env });
  const close = () => end(service);
  try {
    await ready(name, service, health, signal);
  } catch (error) {
    await close();
    throw error;
  }
  service.tell = log;
  return { exited: service.exited, close };
}

function launch(command, args, options) {
  // Its own process group: it may start more processes, and all of them must stop with it.
  const child = spawn(command, args.map(String), { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const service = { log: '', running: true, tell: () => {} };
  const keep = (chunk) => {
    service.log = (service.log + chunk).slice(-LOG_CHARACTERS);
    service.tell(chunk);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  service.kill = (signal) => killGroup(child.pid, signal);
  service.lastResort = () => service.kill('SIGKILL');
  process.once('exit', service.lastResort);
  service.exited = new Promise((resolve) => {
    const ended = () => {
      service.running = false;
      resolve(service.log);
    };
    child.once('exit', ended);
    child.once('error', (error) => {
      keep(error.message);
      ended();
    });
  });
  return service;
}

async function ready(name, service, health, signal) {
  const deadline = Date.now() + READY_SECONDS * 1000;
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (!service.running) throw new Error(`${name} exited before it was ready:\n${service.log}`);
    if (await answers(health)) return;
    await sleep(100);
  }
  throw new Error(`${name} did not respond within ${READY_SECONDS} seconds:\n${service.log}`);
}

async function answers(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Sends SIGTERM first; kills what still runs after the grace period. */
async function end(service) {
  service.tell = () => {}; // do not report its output during shutdown
  if (service.running) {
    service.kill('SIGTERM');
    await Promise.race([service.exited, sleep(GRACE_SECONDS * 1000, undefined, { ref: false })]);
  }
  service.lastResort();
  process.off('exit', service.lastResort);
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is already gone.
  }
}
