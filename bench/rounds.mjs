// Scenarios in rounds: compared Workers run close together in time, and in a different order each time.

import { measure } from './measure.mjs';

/**
 * Runs every scenario in every round, one Worker after the other. A scenario has `name`, `workers` by name, the `set` of
 * requests, `wraps`, `status`, and `marks`, which are copied to its results.
 */
export async function interleaved(scenarios, { rounds, seconds, warm }) {
  const runs = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, marks, workers, set, wraps, status } of scenarios) {
      for (const [title, worker] of rotated(Object.entries(workers), round)) {
        const due = worker.tells ? status : 200; // the floor refuses nothing
        const result = await measure(worker, { set, wraps, status: due, seconds, warm }).catch((error) => {
          throw new Error(`${title}, ${name}: ${error.message}`);
        });
        runs.push({ round, scenario: name, ...marks, worker: title, ...result });
        console.log(line(runs.at(-1)));
      }
    }
  }
  return runs;
}

export function rotated(items, by) {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function line({ round, scenario, worker, cpu, rps, p50, p99 }) {
  const run = [`round ${round + 1}`, scenario.padEnd(20), worker.padEnd(12)];
  const cost = [`${cpu.toFixed(1).padStart(7)} µs`, `${rps.toFixed(0).padStart(6)}/s`];
  return [...run, ...cost, `p50 ${p50.toFixed(2)} ms`, `p99 ${p99.toFixed(2)} ms`].join('  ');
}
