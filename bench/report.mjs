// The results as tables, with the targets next to the measurements.

import { fewerRounds } from './options.mjs';
import { WORKERS_RS, inOrder, titleOf } from './roster.mjs';
import { mebibytes, median, medianAndLeast, of, ratios, spread } from './statistics.mjs';
import { targets } from './targets.mjs';

export function report(results) {
  const { about, tokens = [], requests = [], refusals = [], cold = [], growth = [], bodies = [] } = results;
  return [
    '# Benchmark',
    '',
    setting(about),
    ...conditions([...tokens, ...requests, ...refusals, ...growth]),
    '',
    ...judged(about).flatMap((build) => verdicts(build, targets(results, build))),
    ...section('Size', sizeTable(about.wasm)),
    ...section('Known tokens (64 clients)', comparison('', of(tokens, { mode: 'known' }))),
    ...section('New tokens (each seen once)', comparison('', of(tokens, { mode: 'new' }))),
    ...section('Requests and routes', comparison('', requests), REQUESTS),
    ...section('Refusals', comparison('refused for', refusals), 'The floor refuses nothing: it forwards the requests.'),
    ...section('Cold start', coldTable(cold), 'From the start of the process, and from when it listens.'),
    ...section('Growth', growthTable(growth), 'CPU µs per request, with the minimum and maximum of the rounds.'),
    ...section('Bodies', bodyTable(bodies), 'CPU of the whole exchange, and the peak memory of workerd.'),
  ].join('\n');
}

const REQUESTS = [
  'A known ES256 token and 6 headers, or what the row says. The paths have a query. `assertion`, `cors` and `timeout_ms` are',
  'on for Portcullis, and `timeout_ms` for the full JavaScript Worker; the floor only forwards the same requests. `log` is what',
  'the policy tells operators, compared in common rounds.',
].join('\n');

function setting(about) {
  const { date, commit, cpu, cores, kernel, workerd, node, jose, hono, pinned, rounds, seconds, seed, load, took } = about;
  const minutes = (Object.values(took).reduce((sum, part) => sum + part, 0) / 60).toFixed(1);
  const parts = Object.entries(took).map(([part, own]) => `${part} ${own} s`).join(', ');
  return [
    `${date}, ${commit}. ${cpu}, ${cores} cores, ${kernel}; ${workerd}, Node ${node}, jose ${jose}, Hono ${hono}.`,
    `Rounds: ${rounds}, of bodies and of growth other than by routes ${fewerRounds(rounds)}; slices of ${seconds} s, seed`,
    `${seed}; 16 connections. Pinned: ${pinned}. Load average before: ${load.toFixed(2)}.`,
    `It took ${minutes} minutes: ${parts}.`,
    'CPU is user and system time of the workerd process per request. Values are medians of the slices. Ratios are computed',
    'within a round: their median, and in parentheses the least.',
  ].join('\n');
}

/** Evidence that nothing but the Worker was measured. */
function conditions(runs) {
  if (runs.length === 0) return [];
  const idle = runs.filter(({ busy, waited }) => busy + waited < 0.5).length;
  const share = (key) => `${spread(runs.map((run) => run[key] * 100), 1)} %`;
  const which = `${idle} of ${runs.length} slices`;
  const warning = `**In ${which} the rest was most of the time: do not trust their requests/s and p99.**`;
  return [
    `Of the measured time, workerd ran ${share('busy')} and waited for its core ${share('waited')};`,
    'in the rest it waited for the load and the origin.',
    ...(idle ? [warning] : []),
  ];
}

function section(title, rows, note) {
  if (rows.length <= 2) return []; // only a header
  return [`## ${title}`, '', ...(note ? [note, ''] : []), ...rows, ''];
}

/** The builds that the targets are about. */
function judged({ wasm }) {
  return Object.keys(wasm).filter((build) => build !== WORKERS_RS);
}

function verdicts(build, all) {
  const verdict = (reached) => (reached ? 'reached' : '**not reached**');
  const rows = all.map(({ what, limit, measured, reached }) => [verdict(reached), what, measured, limit]);
  return section(`Targets: ${titleOf(build)}`, table(['', 'what', 'measured', 'target'], rows));
}

function comparison(first, runs) {
  const bases = ['× floor', '× full JavaScript', '× jose', '× Portcullis'];
  const head = [first, 'Worker', 'CPU µs', ...bases, 'requests/s', 'p50 ms', 'p99 ms'];
  const groups = grouped(runs, ({ scenario }) => scenario);
  return table(head, groups.flatMap((group) => workersOf(group).map((worker) => row(worker, group))));
}

function row(worker, runs) {
  const own = of(runs, { worker });
  const middle = (key, digits) => median(own.map((run) => run[key])).toFixed(digits);
  const times = (base) => (base === worker ? '' : medianAndLeast(ratios(runs, { worker }, { worker: base })));
  return [
    own[0].alg ?? own[0].scenario,
    titleOf(worker),
    middle('cpu', 0),
    ...['proxy', 'full', 'jose', 'portcullis'].map(times),
    middle('rps', 0),
    middle('p50', 2),
    middle('p99', 2),
  ];
}

function sizeTable(wasm) {
  const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
  const rows = Object.entries(wasm).map(([build, { bytes, gzip }]) => [titleOf(build), kilobytes(bytes), kilobytes(gzip)]);
  return table(['wasm', 'kB', 'gzipped, kB'], rows);
}

function coldTable(cold) {
  const rows = workersOf(cold).map((worker) => {
    const own = cold.filter((start) => start.worker === worker);
    const values = [({ ms }) => ms, ({ answer }) => answer, ({ cpu }) => cpu / 1000];
    return [titleOf(worker), ...values.map((value) => spread(own.map(value), 1))];
  });
  return table(['Worker', 'first response, ms', 'since it listens, ms', 'CPU ms'], rows);
}

/** A line for each curve, a column for each size. */
function growthTable(growth) {
  const curves = grouped(growth, ({ kind, mode, worker }) => `${kind} ${mode} ${worker}`);
  const rows = curves.map((curve) => {
    const points = grouped(curve, ({ size }) => size);
    const cells = points.map((point) => `${point[0].size}: ${spread(point.map(({ cpu }) => cpu), 0)}`);
    return [`${curve[0].kind}, ${curve[0].mode}`, titleOf(curve[0].worker), cells.join('; ')];
  });
  return table(['by', 'Worker', 'size: CPU µs'], rows);
}

function bodyTable(bodies) {
  const points = grouped(bodies, ({ mode, size }) => `${mode} ${size}`);
  const rows = points.flatMap((point) => workersOf(point).map((worker) => {
    const middle = (key) => median(of(point, { worker }).map((run) => run[key]));
    const [{ mode, size }] = point;
    return [`${size} MB ${mode}`, titleOf(worker), (middle('cpu') / 1000).toFixed(0), mebibytes(middle('peak'))];
  }));
  return table(['body', 'Worker', 'CPU ms', 'peak MiB'], rows);
}

function workersOf(runs) {
  return inOrder(runs.map(({ worker }) => worker));
}

function grouped(runs, key) {
  return [...Map.groupBy(runs, key).values()];
}

function table(head, rows) {
  const cells = (row) => `| ${row.join(' | ')} |`;
  return [cells(head), cells(head.map((_, i) => (i < 2 ? '---' : '---:'))), ...rows.map(cells)];
}
