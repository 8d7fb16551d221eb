// Running other programs: in the foreground, with the terminal as theirs.

import { spawn, spawnSync } from 'node:child_process';

/**
 * Runs a program to its end; its exit code, or 1 where a signal or its absence ended it.
 * Signals are passed on and waited for: nobody is told that all has ended while the program still runs.
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

/** Like `run`, but anything other than success is an error that names the step. */
export async function must(step, command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new Error(`${step} failed (exit code ${code})`);
}

/** What a program prints, or null where it is absent or fails. */
export function read(command, args, options = {}) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', ...options });
  return status === 0 ? stdout.trim() : null;
}
