// `npm run bench`: what a request costs in Portcullis and in the alternatives.
//
// 1. The Worker is built, and tokens are signed, unless an earlier run left some.
// 2. Each row (rows.mjs, growth.mjs) is measured (slices.mjs): its Workers are all alive, and get short slices of time in
//    random order.
// 3. Cold starts and large bodies, in a fresh process each, in random order too.
// 4. The results are written as JSON, tables, verdicts on the targets, and plots.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { must } from '../scripts/process.mjs';
import { endSignal } from '../scripts/signals.mjs';
import { ROOT } from '../scripts/toolchain.mjs';
import { bodyRuns } from './bodies.mjs';
import { coldStarts } from './cold.mjs';
import { environment } from './environment.mjs';
import { growthRows } from './growth.mjs';
import { USAGE, fewerRounds, readOptions } from './options.mjs';
import { plots } from './plots.mjs';
import { report } from './report.mjs';
import { WORKERS_RS, chosen, makeRoster, readBuilds } from './roster.mjs';
import { refusalRows, requestRows, tokenRows } from './rows.mjs';
import { generator } from './shuffle.mjs';
import { measured } from './slices.mjs';
import { startServers } from './stage.mjs';

process.setMaxListeners(100); // each child process has one, for the exit
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

async function bench({ parts, only, ...given }) {
  if (process.platform !== 'linux') throw new Error('CPU time is read from /proc: this needs Linux');
  const options = { ...given, random: generator(given.seed) };
  if (options.make) await must('the build', process.execPath, [join(ROOT, 'scripts/build.mjs')]);
  const makesOther = !options.built && only.includes(WORKERS_RS);
  if (makesOther) await must('the build of workers-rs', process.execPath, [join(ROOT, 'bench/workers-rs/build.mjs')]);
  const builds = readBuilds(options.builds);
  const results = { about: environment(options, builds) };
  console.log(`seed ${options.seed}`);
  const servers = await startServers();
  const all = await makeRoster(servers, builds);
  const roster = Object.fromEntries(only.map((name) => [name, all[name]]));
  const steps = {
    tokens: () => measured(tokenRows(options, roster), options),
    requests: async () => measured(await requestRows(servers, builds, roster, only), options),
    refusals: () => measured(refusalRows(roster), options),
    cold: () => coldStarts(roster, options),
    growth: () => growth({ servers, roster, builds }, options),
    bodies: () => bodies({ servers, builds }, options),
  };
  const took = (results.about.took = {});
  for (const part of parts) {
    const start = performance.now();
    results[part] = await steps[part]();
    took[part] = Math.round((performance.now() - start) / 1000);
    console.log(`${part}: ${took[part]} s`);
  }
  await servers.stop();
  return results;
}

/** Only the routes have a target for CPU. */
async function growth(context, options) {
  const { routes, others } = await growthRows(context);
  return [...(await measured(routes, options)), ...(await measured(others, fewer(options)))];
}

async function bodies({ servers, builds }, options) {
  const roster = await makeRoster(servers, builds, { origin: 'bodies' });
  return bodyRuns(chosen(roster, ['proxy'], builds), fewer(options));
}

function fewer(options) {
  return { ...options, rounds: fewerRounds(options.rounds) };
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
