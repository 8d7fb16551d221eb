// The tables of docs/revocation.md: what is run for each row, and which figures it shows.

import { BANDWIDTH, ENTRY, PAGE } from './isolates.mjs';
import { MOMENTS, simulate } from './tally.mjs';
import { DEFAULTS, FARTHEST, makeWorld, NEAREST, QUIET, rateOf } from './world.mjs';

const LIMIT = 1000; // requests a second, the soft limit that Cloudflare documents for one object
const ISSUERS = [1, 4, 16];
const SHORT = { seconds: 30, entries: 0 }; // enough for loads alone

/** All tables by name, each with its Markdown and the figures behind it. */
export function makeTables(given) {
  const known = new Map();
  const run = (settings) => {
    const key = JSON.stringify(settings);
    if (!known.has(key)) known.set(key, simulate({ ...given, ...settings }));
    return known.get(key);
  };
  const world = makeWorld(given);
  const tables = [load, times, open, traffic, age, churn, issuers];
  const isolates = world.locations * world.isolates;
  return { model: model(world), ...Object.fromEntries(tables.map((make) => [make.name, make(run, isolates)])) };
}

/** What holds unless a row says otherwise. */
function model(world) {
  const rates = [0, world.locations - 1].map((location) => fixed(rateOf(world, location, world.isolates - 1)));
  const rows = {
    isolates: `${world.locations} locations of ${world.isolates}; each lives for ${world.life / 60} minutes on average (exponential) and is replaced at once`,
    requests: `a Poisson process at each isolate, ${world.mean}/s on average; over locations by Zipf's law, from ${rates[0]}/s to ${rates[1]}/s; ${count(QUIET.part * 100)} % of the isolates of each location get a hundredth of that`,
    'round trip': `from ${count(NEAREST * 1000)} ms in the nearest location to ${count(FARTHEST * 1000)} ms in the farthest, and ${count(world.tail * 1000)} ms more on average (exponential); one in ${count(1 / world.slow)} takes another second on average`,
    list: `${count(world.list)} entries of ${ENTRY} bytes, in pages of ${count(PAGE)}, at ${BANDWIDTH / 1e6} MB/s; \`max_age\` is ${world.maxAge} s`,
    'edge cache': 'one in each location, with one answer for all of its isolates, which serves for half of `poll`; one request at a time goes to the object; whole lists do not pass through it',
    run: `${world.seconds} s, with ${world.entries} entries written; ${SHORT.seconds} s for the division by issuer; seed ${world.seed}`,
  };
  return table(['what', 'model'], Object.entries(rows).map(([name, text]) => row({ name }, { text }, [name, text])));
}

const POLLS = [false, true].flatMap((cache) => [1, 5, 30].map((poll) => ({ poll, cache })));
const pollCells = ({ poll, cache }) => [`${poll} s`, cache ? 'yes' : 'no'];

/** Requests that reach the object. */
function load(run, isolates) {
  const head = ['`poll`', 'edge cache', 'requests/s at the object', 'isolates at 1,000 requests/s'];
  return table(head, POLLS.map((settings) => {
    const { requests } = run(settings);
    const most = settings.cache || requests === 0 ? '—' : count(roundDown(isolates * LIMIT / requests, 2));
    return row(settings, { requests }, [...pollCells(settings), requestsCell(requests), most]);
  }));
}

/** How long it takes until an entry is honoured. */
function times(run) {
  const head = ['`poll`', 'edge cache', 'an isolate: 50 / 90 / 99 %', 'last decision without it: 50 / 90 / 100 %', 'last isolate without it: 50 / 90 / 100 %'];
  return table(head, POLLS.map((settings) => {
    const { isolate, lastDecision, lastIsolate } = run(settings);
    return row(settings, { isolate, lastDecision, lastIsolate }, [
      ...pollCells(settings), ...[isolate, lastDecision, lastIsolate].map((parts) => `${parts.map(fixed).join(' / ')} s`),
    ]);
  }));
}

/** Requests that are still decided without an entry. */
function open(run) {
  const head = ['`poll`', 'edge cache', ...MOMENTS.map((moment) => `after ${moment} s`)];
  return table(head, POLLS.map((settings) => {
    const figures = run(settings);
    return row(settings, { open: figures.open }, [...pollCells(settings), ...figures.open.map(percent)]);
  }));
}

/** What traffic and failing reads change. */
function traffic(run) {
  const rows = [
    ['10/s', { mean: 10 }],
    ['1/s', {}],
    ['0.1/s', { mean: 0.1 }],
    ['1/s to every isolate alike', { equal: true }],
    ['1/s; one read in 100 fails', { failures: 0.01 }],
  ];
  const head = ['requests to an isolate', 'requests/s at the object', 'without the entry after 10 s', 'last decision without it: median', 'last isolate without it: median'];
  return table(head, rows.map(([label, settings]) => {
    const { requests, open: parts, lastDecision, lastIsolate } = run(settings);
    return row(settings, { requests, open: parts, lastDecision, lastIsolate }, [
      label, requestsCell(requests), percent(parts[2]), seconds(lastDecision[0]), seconds(lastIsolate[0]),
    ]);
  }));
}

/** What `max_age` bounds, and what that costs. */
function age(run) {
  const head = ['`max_age`', 'last decision without an entry: median', 'slowest', 'requests that wait for a read', 'that wait in vain'];
  return table(head, [60, 30, 10, 5].map((maxAge) => {
    const { lastDecision, waiting, vain } = run({ maxAge });
    return row({ maxAge }, { lastDecision, waiting, vain }, [
      `${maxAge} s`, seconds(lastDecision[0]), seconds(lastDecision[2]), percent(waiting), million(vain),
    ]);
  }));
}

/** What new isolates read. */
function churn(run) {
  const rows = [3600, 600].flatMap((life) => [10_000, 100_000].map((list) => ({ life, list })));
  const head = ['life of an isolate', 'entries', 'new isolates/s', 'requests/s at the object', 'of these for whole lists', 'MB/s of lists', 'first requests that wait in vain'];
  return table(head, rows.map((settings) => {
    const { starts, requests, pages, bytes, unread } = run(settings);
    return row(settings, { starts, requests, pages, bytes, unread }, [
      `${settings.life / 60} min`, count(settings.list), fixed(starts), requestsCell(requests), fixed(pages), fixed(bytes / 1e6), unread === 0 ? '0' : `${(unread * 100).toFixed(1)} %`,
    ]);
  }));
}

/** Several objects, each with the entries of one issuer. Issuers' shares of the requests and entries follow Zipf's law. */
function issuers(run, isolates) {
  const head = ['issuers', 'an isolate reads', 'busiest object, requests/s', 'quietest', 'all objects', 'reads a minute by an isolate'];
  const all = run(SHORT);
  const rows = ISSUERS.flatMap((number) => {
    const objects = sharesOf(number).map((share, group) => ({ ...SHORT, share, group, list: DEFAULTS.list * share }));
    const seen = objects.map(({ group, ...settings }) => run(settings));
    const apart = objects.map(({ share, ...settings }) => run({ ...settings, groups: number }));
    return [['all of them', objects.map(() => all)], ['those whose tokens it sees', seen], ['its own: each issuer has its own locations', apart]]
      .slice(0, number === 1 ? 1 : 3)
      .map(([label, runs]) => divided(number, label, runs, isolates));
  });
  return table(head, rows);
}

function sharesOf(number) {
  const weights = Array.from({ length: number }, (_, index) => 1 / (index + 1));
  const sum = weights.reduce((one, other) => one + other);
  return weights.map((weight) => weight / sum);
}

function divided(number, label, runs, isolates) {
  const loads = runs.map(({ requests }) => requests);
  const sum = loads.reduce((one, other) => one + other);
  const reads = 60 * sum / isolates;
  return row({ issuers: number, reads: label }, { loads, reads }, [
    number, label, requestsCell(Math.max(...loads)), count(Math.min(...loads)), count(sum), fixed(reads),
  ]);
}

function table(head, rows) {
  const lines = [head, ...rows.map(({ cells }) => cells)].map((cells) => `| ${cells.join(' | ')} |`);
  lines.splice(1, 0, `|${'---|'.repeat(head.length)}`);
  return { markdown: lines.join('\n'), figures: rows.map(({ settings, figures }) => ({ ...settings, ...figures })) };
}

const row = (settings, figures, cells) => ({ settings, figures, cells });

/** A load above what one object bears is bold. */
const requestsCell = (requests) => (requests > LIMIT ? `**${count(requests)}**` : count(requests));

const count = (number) => Math.round(number).toLocaleString('en-US');
const fixed = (number) => (number < 100 ? number.toFixed(1) : count(number));
const seconds = (time) => `${fixed(time)} s`;
const million = (part) => (part < 1e-5 ? '< 10 in a million' : `${count(part * 1e6)} in a million`);

function percent(part) {
  if (part === 0) return '0';
  if (part < 0.00005) return '< 0.01 %';
  if (part > 0.995) return '> 99 %';
  return `${(part * 100).toFixed(part < 0.1 ? 2 : 0)} %`;
}

/** Rounded down to so many digits. */
function roundDown(number, digits) {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(number)) + 1 - digits);
  return Math.floor(number / unit) * unit;
}
