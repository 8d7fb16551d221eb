// The targets, and whether a run meets them.

import { mebibytes } from './bodies.mjs';
import { median, ratios, spread } from './statistics.mjs';

const REPEATED = 1.15; // × floor
const DISTINCT = { RS256: 0.95, ES256: 0.95, ES384: 1, EdDSA: 0.95 }; // × jose
const ROUTES = 1.05; // 10,000 × 10
const WASM = 200_000; // bytes, gzipped
const COLD = 5; // ms more than jose
const MEMORY = 16 * 1024 * 1024; // bytes that a body of 100 MB may add, or as many as it adds to the floor

/** For a build of Portcullis: `{ what, limit, measured, kept }` for each target that the run has measured. */
export function targets({ about, compare = [], refusals = [], cold = [], growth = [], bodies = [] }, build) {
  const against = (base, marks) => ratios(of(compare, marks), build, base);
  return [
    ...['RS256', 'ES256', 'ES384', 'EdDSA'].flatMap((alg) => [
      ratio(`repeated tokens, ${alg}, × floor`, REPEATED, against('proxy', { alg, mode: 'repeated' })),
      ratio(`distinct tokens, ${alg}, × jose`, DISTINCT[alg], against('jose', { alg, mode: 'distinct' })),
    ]),
    ratio('10,000 routes, × 10 routes', ROUTES, routeRatios(of(growth, { kind: 'routes', worker: build }))),
    ...['no token', 'expired token', 'wrong scope'].map((scenario) => (
      ratio(`refused for ${scenario}, × floor`, 1, ratios(of(refusals, { scenario }), build, 'proxy'))
    )),
    ...coldStart(cold, build),
    ...memory(bodies, build),
    size(about.wasm[build]),
  ].filter(Boolean);
}

function of(runs, marks) {
  return runs.filter((run) => Object.entries(marks).every(([name, value]) => run[name] === value));
}

function ratio(what, limit, values) {
  if (values.length === 0) return null;
  return { what, limit: `at most ${limit.toFixed(2)}`, measured: spread(values), kept: median(values) <= limit };
}

function routeRatios(runs) {
  const rounds = Object.values(Object.groupBy(runs, ({ round }) => round));
  return rounds.map((round) => {
    const at = (size) => round.find((run) => run.size === size).cpu;
    return at(10_000) / at(10);
  });
}

function coldStart(cold, build) {
  const [own, jose] = [build, 'jose'].map((worker) => of(cold, { worker }).map(({ ms }) => ms));
  if (!own.length || !jose.length) return [];
  const over = median(own) - median(jose);
  const measured = `${median(own).toFixed(1)} ms, ${over.toFixed(1)} ms over jose`;
  return [{ what: 'cold start, keys in KV', limit: `at most ${COLD} ms over jose`, measured, kept: over <= COLD }];
}

function memory(bodies, build) {
  return ['upload', 'download'].flatMap((mode) => {
    const more = (worker) => {
      const at = (size) => median(of(bodies, { mode, worker, size }).map(({ peak }) => peak));
      return at(100) - at(0);
    };
    const [own, floor] = [more(build), more('proxy')];
    if (Number.isNaN(own)) return [];
    const measured = `${mebibytes(own)} MiB (floor ${mebibytes(floor)} MiB)`;
    const limit = `at most ${mebibytes(MEMORY)} MiB, or the floor's`;
    return [{ what: `memory for 100 MB, ${mode}`, limit, measured, kept: own <= Math.max(MEMORY, floor * 1.1) }];
  });
}

function size({ gzip }) {
  const measured = `${(gzip / 1000).toFixed(1)} kB`;
  return { what: 'wasm, gzipped', limit: `at most ${WASM / 1000} kB`, measured, kept: gzip <= WASM };
}
