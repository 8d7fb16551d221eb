// Runs other programs in the foreground, attached to the terminal.

import { spawn, spawnSync } from 'node:child_process';

/**
 * Runs a program to its end. Returns its exit code, or 1 if a signal ended it or it does not exist.
 * Signals are forwarded, and the program's exit is awaited: we never exit while it still runs.
 */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const pass = (signal) => child.kill(signal);
  for (const signal of END_SIGNALS) process.on(signal, pass);
  const code = await ended(child, command);
  for (const signal of END_SIGNALS) process.off(signal, pass);
  return code;
}

export const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function ended(child, command) {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Like `run`, but throws an error that names the step unless it succeeds. */
export async function must(step, command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new Error(`${step} failed (exit code ${code})`);
}

/** Runs a program to its end: its exit code as for `run`, and what it said on both of its streams. */
export async function recorded(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  return { code: await ended(child, command), said };
}

/** What a program prints, or null if it does not exist or fails. */
export function read(command, args, options = {}) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', ...options });
  return status === 0 ? stdout.trim() : null;
}
