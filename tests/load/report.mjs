// What a load run says at its end: the answers, the course of memory, and whether all of it is as it should be.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { drawing } from './drawing.mjs';

/** What may be more in the last third than in the second, on average: a share, or MiB where that is more. */
const TOLERANCES = [
  { name: 'rss', what: 'resident memory of the process', share: 0.05, mib: 8 },
  { name: 'wasm', what: 'memory of the wasm', share: 0.05, mib: 0.25 },
];
/** What lives is counted behind a full collection, so that only the requests under way differ. */
const LIVE = { name: 'live', what: 'live heap of the isolate', share: 0.05, mib: 1 };

const COLUMNS = [
  ['seconds', 'seconds'], ['perSecond', 'answers/s'], ['rss', 'RSS'], ['peak', 'peak'], ['heap', 'heap'], ['buffers', 'buffers'], ['wasm', 'wasm'],
  ['values', 'values'], ['wrong', 'wrong'],
];

/** A sample as a line of the table; its head without one. Memory is in MiB. */
export function line(sample) {
  return COLUMNS.map(([name, head]) => String(sample ? sample[name] ?? '' : head).padStart(9)).join(' ');
}

/** Prints all that the table of samples does not tell, writes it down, and gives whether all is well. */
export function report({ tally, course, bounds, ...options }) {
  const results = {
    ...options,
    seconds: Math.round(course.milliseconds / 1000),
    answers: tally.answers,
    wrong: tally.wrong,
    wrongs: tally.wrongs,
    kinds: kindsOf(tally, course.milliseconds),
    fetches: bounds.fetches,
    entries: bounds.entries,
    memory: judged(course),
    live: course.live,
    samples: course.samples,
  };
  const isFlat = results.memory.every(({ flat }) => flat);
  print(results);
  console.log(`\nload: ${results.answers} answers in ${results.seconds} s, ${results.wrong} wrong; memory ${isFlat ? 'is flat' : 'GROWS'}`);
  // Of some kinds alone, it is no result to keep.
  if (options.only.length === 0) write(results);
  return isFlat && results.wrong === 0;
}

function kindsOf({ kinds }, milliseconds) {
  const all = [...kinds].sort(([one], [two]) => one.localeCompare(two)).map(([kind, statuses]) => {
    const answers = [...statuses.values()].reduce((total, count) => total + count, 0);
    return [kind, { answers, perSecond: Math.round(answers / milliseconds * 10_000) / 10, statuses: Object.fromEntries([...statuses].sort()) }];
  });
  return Object.fromEntries(all);
}

/** Compares the last third with the second. A run that ended early has too little of them. */
function judged({ samples, live }) {
  const third = (index) => samples.slice(Math.ceil(samples.length * index / 3), Math.ceil(samples.length * (index + 1) / 3));
  const means = TOLERANCES.map((tolerance) => {
    const [second, last] = [1, 2].map((index) => mean(having(third(index), tolerance.name).map((sample) => sample[tolerance.name])));
    return verdict(tolerance, second, last, perMinute(having(samples.slice(Math.ceil(samples.length / 3)), tolerance.name), tolerance.name));
  });
  const [first, last] = live;
  return last ? [...means, verdict(LIVE, first.heap, last.heap, perMinute(live, 'heap'))] : means;
}

function verdict({ name, what, share, mib }, before, after, growth) {
  const allowed = Math.max(before * share, mib);
  const [from, to, per, most] = [before, after, growth, allowed].map((number) => Math.round(number * 100) / 100);
  return { name, what, before: from, after: to, perMinute: per, allowed: most, flat: after - before <= allowed };
}

function mean(numbers) {
  return numbers.reduce((total, one) => total + one, 0) / numbers.length;
}

/** Those of the samples that have it. */
const having = (samples, name) => samples.filter((sample) => sample[name] !== undefined);

/** The slope of the straight line through the samples (least squares). */
function perMinute(samples, name) {
  const [x, y] = [mean(samples.map(({ seconds }) => seconds)), mean(samples.map((sample) => sample[name]))];
  const [above, below] = samples.reduce(([xy, xx], sample) => (
    [xy + (sample.seconds - x) * (sample[name] - y), xx + (sample.seconds - x) ** 2]
  ), [0, 0]);
  return below === 0 ? 0 : above / below * 60;
}

function print({ kinds, fetches, entries, memory, live, wrongs }) {
  console.log(`\n${'kind'.padEnd(15)} ${'answers'.padStart(9)} ${'per s'.padStart(8)}  by status`);
  for (const [kind, { answers, perSecond, statuses }] of Object.entries(kinds)) {
    const said = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`).join(', ');
    console.log(`${kind.padEnd(15)} ${String(answers).padStart(9)} ${String(perSecond).padStart(8)}  ${said}`);
  }
  const asked = Object.entries(fetches).map(([name, { count, most }]) => `${name} ${count} of ${most}`);
  console.log(`\nkeys were fetched: ${asked.join(', ')} that the policy allows; entries in KV: ${entries}`);
  const collected = live.map(({ seconds, heap, rss }) => `at ${seconds} s ${heap} MiB of heap and ${rss} of the process`);
  console.log(`behind a full collection: ${collected.join('; ')}`);
  for (const { what, before, after, perMinute: growth, allowed, flat } of memory) {
    console.log(`${flat ? 'flat ' : 'GROWS'} ${what}: ${before} MiB, then ${after} (${allowed} more are allowed); ${growth} a minute`);
  }
  for (const wrong of wrongs) console.log(`\nWRONG ${wrong}`);
}

function write(results) {
  const place = (name) => fileURLToPath(new URL(name, import.meta.url));
  // A sample, a kind's statuses: whatever holds no other object is a line.
  const text = JSON.stringify(results, null, 1).replace(/\{[^{}]*\}/g, (flat) => flat.replace(/\s*\n\s*/g, ' '));
  writeFileSync(place('results.json'), `${text}\n`);
  writeFileSync(place('memory.svg'), drawing(results));
}
