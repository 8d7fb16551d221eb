// `npm run bench`: what a request costs in Portcullis and in the alternatives.
//
// 1. The Worker is built, and tokens are signed, unless an earlier run left some.
// 2. Each round runs each Worker in each scenario: a fresh workerd, warm-up, measurement.
// 3. Cold starts, growth and large bodies, also in rounds.
// 4. The results are written as JSON, tables, verdicts on the targets, and plots.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { must } from '../scripts/process.mjs';
import { endSignal } from '../scripts/signals.mjs';
import { ROOT } from '../scripts/toolchain.mjs';
import { bodyRuns } from './bodies.mjs';
import { coldStarts } from './cold.mjs';
import { environment } from './environment.mjs';
import { growthScenarios } from './growth.mjs';
import { anonymousSet, distinctSet, expiredSet, narrowSet, repeatedSet } from './measure.mjs';
import { USAGE, readOptions } from './options.mjs';
import { plots } from './plots.mjs';
import { report } from './report.mjs';
import { WORKERS_RS, makeRoster, readBuilds } from './roster.mjs';
import { interleaved } from './rounds.mjs';
import { startServers } from './stage.mjs';

const signal = endSignal();
signal.addEventListener('abort', () => process.exit(1)); // child processes end with this one
try {
  const options = readOptions();
  if (options.help) console.log(USAGE);
  else publish(options.out, options.report ? earlier(options.out) : await bench(options));
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
process.exit();

async function bench({ parts, only, ...options }) {
  if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: this needs Linux');
  if (options.make) await must('the build', process.execPath, [join(ROOT, 'scripts/build.mjs')]);
  const makesOther = !options.built && only.includes(WORKERS_RS);
  if (makesOther) await must('the build of workers-rs', process.execPath, [join(ROOT, 'bench/workers-rs/build.mjs')]);
  const builds = readBuilds(options.builds);
  const { [WORKERS_RS]: _, ...own } = builds; // of what grows, the gate's own curves say enough
  const results = { about: environment(options, builds) };
  const servers = await startServers();
  const roster = await makeRoster(servers, builds);
  const chosen = (names) => Object.fromEntries(names.map((name) => [name, roster[name]]));
  const steps = {
    compare: () => interleaved(compared(options, chosen(only)), options),
    refusals: () => interleaved(refused(chosen(only.filter((name) => !name.startsWith('hono')))), options),
    cold: () => coldStarts(chosen(only), options.starts),
    growth: async () => interleaved(await growthScenarios({ servers, roster, builds: own }), fewer(options)),
    bodies: async () => bodyRuns(floorAnd(own, await makeRoster(servers, builds, 'bodies')), fewer(options).rounds),
  };
  for (const part of parts) results[part] = await steps[part]();
  await servers.stop();
  return results;
}

function compared({ algorithms, modes }, workers) {
  return algorithms.flatMap((alg) => modes.map((mode) => {
    const wraps = mode === 'repeated';
    const set = wraps ? repeatedSet(alg) : distinctSet(alg);
    return { name: `${alg} ${mode}`, marks: { alg, mode }, set, wraps, status: 200, workers };
  }));
}

/** What the gates refuse and the floor forwards. */
function refused(workers) {
  return [
    { name: 'no token', status: 401, set: anonymousSet(), wraps: true, workers },
    { name: 'expired token', status: 401, set: expiredSet(), wraps: true, workers },
    { name: 'wrong scope', status: 403, set: narrowSet(), wraps: true, workers },
  ];
}

/** The curves have many points: three rounds are enough. */
function fewer(options) {
  return { ...options, rounds: Math.min(3, options.rounds) };
}

function floorAnd(builds, roster) {
  return Object.fromEntries(['proxy', ...Object.keys(builds)].map((name) => [name, roster[name]]));
}

function earlier(folder) {
  return JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8'));
}

function publish(folder, results) {
  const text = report(results);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'bench.json'), json(results));
  writeFileSync(join(folder, 'bench.md'), text);
  for (const [name, svg] of Object.entries(plots(results))) writeFileSync(join(folder, name), svg);
  console.log(`\n${text}\nbench: in ${folder}`);
}

/** One line per run. */
function json(results) {
  const lines = (runs) => `[\n${runs.map((run) => JSON.stringify(run, rounded)).join(',\n')}\n]`;
  const parts = Object.entries(results).map(([name, part]) => (
    `${JSON.stringify(name)}: ${Array.isArray(part) ? lines(part) : JSON.stringify(part, rounded, 1)}`
  ));
  return `{\n${parts.join(',\n')}\n}\n`;
}

/** Five digits are the precision of the measurements. */
function rounded(_key, value) {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
