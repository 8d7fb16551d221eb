// The simulation of revocation: it agrees with formulas and with a plain simulation of every request, and the tables of
// docs/revocation.md are its output.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { withTables } from '../../simulations/revocation.mjs';
import { exponential, stream } from '../../simulations/revocation/random.mjs';
import { makeTables } from '../../simulations/revocation/tables.mjs';
import { MOMENTS, simulate } from '../../simulations/revocation/tally.mjs';
import { leastRoundTrip, makeWorld } from '../../simulations/revocation/world.mjs';

const PROGRAM = fileURLToPath(new URL('../../simulations/revocation.mjs', import.meta.url));
const PAGE = readFileSync(new URL('../../docs/revocation.md', import.meta.url), 'utf8');

/** Isolates that all get the same traffic and do not end, and round trips that are never slow. */
const EVEN = { locations: 10, isolates: 100, equal: true, life: Infinity, slow: 0, seconds: 600 };
const [ISOLATES, TRIP] = [1000, 0.1525 + 0.02]; // of EVEN: all isolates, the mean round trip

function near(actual, expected, part, what) {
  assert.ok(Math.abs(actual - expected) <= part * Math.abs(expected), `${what}: ${actual}, not ${expected}`);
}

test('the page has the tables that the program prints', () => {
  assert.equal(withTables(PAGE, makeTables({})), PAGE, 'to update it: node simulations/revocation.mjs --write');
});

test('a seed repeats the output, and another one changes it', () => {
  const run = (seed) => execFileSync(process.execPath, [PROGRAM, '--seed', seed, '--locations', '6', '--isolates', '5', '--seconds', '20', '--json'], { encoding: 'utf8' });
  assert.equal(run('7'), run('7'));
  assert.notEqual(run('7'), run('8'));
});

test('a world so small that nothing happens has tables too', () => {
  for (const { markdown } of Object.values(makeTables({ locations: 1, isolates: 1, seconds: 1 }))) assert.doesNotMatch(markdown, /NaN|undefined|∞/);
});

test('an option that is not a positive number is an error', () => {
  const run = (...args) => () => execFileSync(process.execPath, [PROGRAM, ...args], { stdio: 'pipe' });
  for (const args of [['--seed', 'x'], ['--isolates', '0'], ['--seconds', '1.5'], ['--write', '--seed', '2']]) assert.throws(run(...args), /simulate: --/);
});

test('an isolate looks once in `poll` and the wait for a request', () => {
  for (const { poll, mean } of [{ poll: 1, mean: 10 }, { poll: 5, mean: 1 }, { poll: 5, mean: 0.05 }, { poll: 30, mean: 0.2 }]) {
    near(simulate({ ...EVEN, poll, mean }).requests, ISOLATES / (poll + 1 / mean), 0.02, `poll ${poll}, mean ${mean}`);
  }
});

test('a cache asks once in its time to live, a round trip and the wait for the next look', () => {
  for (const poll of [1, 5, 30]) {
    const looks = EVEN.isolates / (poll + 1);
    const { requests } = simulate({ ...EVEN, poll, cache: true });
    near(requests, EVEN.locations / (poll / 2 + TRIP + 1 / looks), 0.05, `poll ${poll}`);
  }
});

test('with much traffic, delays are spread evenly over `poll`', () => {
  const { isolate, lastIsolate, open } = simulate({ ...EVEN, poll: 10, mean: 50, entries: 200 });
  near(isolate[0], 5, 0.02, 'median');
  near(isolate[1], 9, 0.02, '90 %');
  near(open[MOMENTS.indexOf(5)], 0.5, 0.03, 'after 5 s');
  assert.ok(lastIsolate[2] < 10 + 1, `the last isolate: ${lastIsolate[2]}`);
});

test('no request is decided by a list that is older than `max_age`', () => {
  for (const maxAge of [5, 20, 60]) {
    const quiet = { locations: 30, isolates: 100, mean: 0.1, slow: 0, maxAge };
    const [direct, cached] = [simulate(quiet), simulate({ ...quiet, cache: true })];
    assert.ok(direct.lastDecision[2] <= maxAge, `${maxAge}: ${direct.lastDecision[2]}`);
    assert.ok(direct.lastDecision[2] > 0.9 * maxAge, `${maxAge}: ${direct.lastDecision[2]}`);
    assert.ok(cached.lastDecision[2] <= maxAge + 2.5 + 0.7, `${maxAge}, cached: ${cached.lastDecision[2]}`);
  }
});

test('a new isolate reads the whole list in pages', () => {
  const { starts, pages, bytes } = simulate({ ...EVEN, life: 60, list: 90_000 });
  near(starts, ISOLATES / (60 + 1), 0.03, 'new isolates that get a request');
  near(pages, 5 * starts, 1e-9, 'pages');
  near(bytes, 90_000 * 43 * starts, 1e-9, 'bytes');
});

test('reads that fail make requests wait in vain', () => {
  const settings = { ...EVEN, mean: 0.02, maxAge: 20 };
  assert.equal(simulate(settings).vain, 0);
  const { vain, waiting } = simulate({ ...settings, failures: 0.5 });
  assert.ok(vain > 0.4 * waiting, `${vain} of ${waiting}`);
});

test('drawing only the requests that matter gives what a simulation of every request gives', () => {
  for (const settings of [{ mean: 1 }, { mean: 0.1 }, { mean: 0.1, maxAge: 8 }]) {
    const given = { ...EVEN, locations: 20, seconds: 200, entries: 40, maxAge: 20, poll: 5, ...settings };
    const [drawn, plain] = [simulate({ ...given, seed: 3 }), plainly(given)];
    near(drawn.requests, plain.requests, 0.02, 'requests');
    near(drawn.waiting, plain.waiting, given.mean === 1 ? 1 : 0.05, 'waiting');
    for (const index of [0, 1]) near(drawn.isolate[index], plain.isolate[index], 0.04, `isolate ${index}`);
    for (const [index, moment] of MOMENTS.entries()) {
      assert.ok(Math.abs(drawn.open[index] - plain.open[index]) < 0.025, `after ${moment} s: ${drawn.open[index]}, not ${plain.open[index]}`);
    }
    near(drawn.lastDecision[0], plain.lastDecision, 0.1, 'the last decision');
  }
});

/** Every request of every isolate, one after the other. */
function plainly(settings) {
  const world = makeWorld(settings);
  const { written, poll, maxAge, mean, seconds } = world;
  const counts = { requests: 0, served: 0, waiting: 0 };
  const delays = [];
  const lasts = written.map(() => 0);
  const decided = MOMENTS.map(() => ({ all: 0, old: 0 }));
  for (let number = 0; number < world.locations * world.isolates; number += 1) {
    const random = stream(99, number);
    let [list, read] = [{ at: -Infinity, has: 0 }, null];
    for (let now = -300; now < seconds + 100; now += exponential(random, 1 / mean)) {
      if (read !== null && read.done <= now) [list, read] = [take(list, read, delays, written), null];
      if (read === null && now >= list.at + poll) {
        const trip = leastRoundTrip(world, number % world.locations) + exponential(random, world.tail);
        read = { at: now, done: now + trip, has: written.filter((entry) => entry.written <= now + trip / 2).length };
        if (now >= 0 && now < seconds) counts.requests += 1;
      }
      const waits = now >= list.at + maxAge;
      if (now >= 0 && now < seconds) counts.served += 1;
      if (waits && now >= 0 && now < seconds) counts.waiting += 1;
      judge(written, { now, at: waits ? read.done : now, has: waits ? read.has : list.has }, lasts, decided);
    }
  }
  delays.sort((one, other) => one - other);
  lasts.sort((one, other) => one - other);
  return {
    requests: counts.requests / seconds,
    waiting: counts.waiting / counts.served,
    isolate: [0.5, 0.9].map((part) => delays[Math.floor(part * delays.length)]),
    open: decided.map(({ all, old }) => old / all),
    lastDecision: lasts[lasts.length / 2],
  };
}

/** The list that a read brings, and the delays of what is new in it. */
function take(list, read, delays, written) {
  for (const { answered } of written.slice(list.has, read.has)) delays.push(Math.max(0, read.done - answered));
  return read;
}

/** Which entries a decision lacks, and those among them that were answered some moments ago. */
function judge(written, { now, at, has }, lasts, decided) {
  written.forEach(({ answered }, index) => {
    if (index >= has) lasts[index] = Math.max(lasts[index], at - answered);
    MOMENTS.forEach((moment, place) => {
      if (Math.abs(now - answered - moment) > 0.25) return;
      decided[place].all += 1;
      decided[place].old += index >= has ? 1 : 0;
    });
  });
}
