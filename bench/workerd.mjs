// One Worker in a workerd of its own, and the kernel's statistics of that process.

import { readFileSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';

import { read } from '../scripts/process.mjs';
import { WORKERD, startWorkerd as start } from '../tests/edge/support/workerd.mjs';

export const WORKERD_VERSION = read(WORKERD, ['--version']);

/** The measured process has a core to itself; load and servers share the other. */
const CAN_PIN = cpus().length > 1 && read('taskset', ['-c', '0,1', 'true']) !== null;
export const PINNED = CAN_PIN ? 'workerd to core 0, load and servers to core 1' : 'nothing';

export function pinned(core, command, args) {
  return CAN_PIN ? ['taskset', ['-c', String(core), command, ...args]] : [command, args];
}

/** Starts a Worker: see tests/edge/support/workerd.mjs. */
export function startWorkerd(world) {
  return start({ ...world, launch: (command, args) => pinned(0, command, args) });
}

/**
 * Microseconds of CPU time of a process, and those for which its threads were runnable but had to wait: the scheduler's
 * nanosecond counts, over all threads.
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

/** The same in ticks of 10 ms: utime and stime, which include threads that have ended. A check on `cpuOf`. */
export function ticksOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Peak and current resident memory, in bytes. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) * 1024;
  return { peak: bytes('VmHWM'), now: bytes('VmRSS') };
}
