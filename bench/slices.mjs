// How everything that has a rate is measured. The Workers of a group are all alive at once, each in a workerd of its own, and
// warmed up. Then come rounds: in each of them, every Worker gets one slice of time for every scenario, in random order.

import { inspect } from './inspect.mjs';
import { USUAL } from './sets.mjs';
import { shuffled } from './shuffle.mjs';
import { startLoad } from './stage.mjs';
import { medianAndLeast } from './statistics.mjs';
import { cpuOf, startWorkerd, ticksOf } from './workerd.mjs';

const CONNECTIONS = 16;
const WARM_NEW = 4000; // requests of the warm-up with new tokens, which are limited in number
const LEAST = 50; // requests of a slice: fewer say nothing

/** Measures the groups, which are lists of scenarios (rows.mjs): one result for each scenario, Worker and round. */
export async function measured(groups, options) {
  const runs = [];
  for (const group of groups) runs.push(...(await measuredGroup(group, options)));
  return runs;
}

async function measuredGroup(scenarios, options) {
  const processes = new Map(); // of each Worker, for all its scenarios
  const load = await startLoad();
  try {
    const contests = [];
    for (const [name, worker, scenario] of scenarios.flatMap(pairs)) {
      if (!processes.has(worker)) processes.set(worker, await started(name, worker, scenario));
      contests.push(await contest(load, contests.length, { name, worker, scenario, workerd: processes.get(worker) }));
    }
    const runs = await inRounds(contests, options);
    contests.forEach((one, i) => console.log(summary(one, runs[i])));
    return runs.flat();
  } finally {
    await load.stop();
    for (const workerd of processes.values()) await workerd.stop();
  }
}

function pairs(scenario) {
  return Object.entries(scenario.workers).map(([name, worker]) => [name, worker, scenario]);
}

async function started(name, worker, { ends }) {
  await worker.ready();
  const workerd = await startWorkerd(worker);
  if (worker.inspected) await explained(name, workerd, () => inspect(workerd.port, ends));
  return workerd;
}

/** A Worker in a scenario: it has connections of its own, and takes its own way through the requests. */
async function contest(load, id, { name, worker, scenario, workerd }) {
  const { set, wraps, headers = USUAL } = scenario;
  const { tells } = worker;
  // The floor refuses nothing, and adds nothing.
  const due = tells ? { status: scenario.status, shows: scenario.shows } : { status: 200, shows: '' };
  const plan = { set, headers, wraps, ...due, ends: scenario.ends, tells, port: workerd.port, connections: CONNECTIONS };
  const { requests } = await load.open({ id, ...plan });
  const run = (phase) => explained(`${name}, ${scenario.name}`, workerd, () => load.run({ id, ...phase }));
  const shareOf = (rounds) => (wraps ? undefined : Math.floor((requests - WARM_NEW) / rounds));
  return { name, scenario, pid: workerd.pid, run, shareOf };
}

/** For each contest its results, one per round. */
async function inRounds(contests, { rounds, seconds, warm, random }) {
  for (const { run, scenario } of contests) await run({ seconds: warm, most: scenario.wraps ? undefined : WARM_NEW });
  const runs = contests.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const i of shuffled([...contests.keys()], random)) {
      const { name, scenario, shareOf } = contests[i];
      const result = await slice(contests[i], { seconds, most: shareOf(rounds) });
      runs[i].push({ round, ...scenario.marks, worker: name, ...result });
    }
  }
  return runs;
}

async function slice({ name, scenario, pid, run }, phase) {
  const before = [cpuOf(pid), ticksOf(pid)];
  const { requests, seconds, p50, p99 } = await run(phase);
  const [after, ticks] = [cpuOf(pid), ticksOf(pid) - before[1]];
  const [cpu, wait] = ['cpu', 'wait'].map((kind) => after[kind] - before[0][kind]);
  if (requests < LEAST) throw new Error(`${name}, ${scenario.name}: only ${requests} requests in a slice`);
  // The count of a thread is lost when it ends. The kernel's other count would show that.
  if (Math.abs(cpu - ticks) > Math.max(60_000, cpu * 0.05)) {
    throw new Error(`${name}, ${scenario.name}: ${cpu} µs of CPU, but ${ticks} in ticks`);
  }
  const [busy, waited] = [cpu, wait].map((value) => value / 1e6 / seconds);
  return { cpu: cpu / requests, rps: requests / seconds, p50, p99, requests, busy, waited };
}

/** An error says which Worker it was, and what that wrote. */
async function explained(what, workerd, action) {
  try {
    return await action();
  } catch (error) {
    throw new Error(`${what}: ${error.message}\n${workerd.log()}`);
  }
}

function summary({ name, scenario }, runs) {
  const cpu = medianAndLeast(runs.map((run) => run.cpu), 1);
  return `${scenario.name.padEnd(22)}  ${name.padEnd(12)}  ${cpu.padStart(15)} µs`;
}
