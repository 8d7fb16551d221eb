// The targets, and whether a run reaches them: by the medians of what the same run measured.

import { mebibytes, median, medianAndLeast, of, ratios } from './statistics.mjs';

const KNOWN = 1.12; // × floor
const KNOWN_WITH_TIMER = 1.18; // × floor
const NEW = { RS256: 0.95, ES256: 0.95, ES384: 1, EdDSA: 0.95 }; // × jose
const PATHS = 1.03; // a thousand × one
const ROUTES = 1.03; // 10,000 × 10
const LOG = 1.02; // told of refusals only × told of nothing
const REVOCATIONS = 1.02; // 100,000 entries × none
const COLD = 12; // ms more than jose
const WASM = 220_000; // bytes, gzipped
const MEMORY = 16 * 1024 * 1024; // bytes that a body of 100 MB may add, or as many as it adds to the floor

/** For a build of Portcullis: `{ what, limit, measured, reached }` for each target that the run has measured. */
export function targets({ about, tokens = [], requests = [], refusals = [], cold = [], growth = [], bodies = [] }, build) {
  const against = (runs, marks, worker, key) => ratios(runs, { ...marks, worker: build }, { ...marks, worker }, key);
  const each = (values) => Object.keys(NEW).flatMap((alg) => values(alg, { alg, mode: 'known' }, { alg, mode: 'new' }));
  const timed = { scenario: 'timeout_ms' };
  const path = (scenario) => ({ scenario, worker: build });
  const routes = (size) => ({ kind: 'routes', size, worker: build });
  return [
    ...each((alg, known) => ratio(`known tokens, ${alg}, × floor`, KNOWN, against(tokens, known, 'proxy'))),
    ratio('known tokens with a timer, × floor', KNOWN_WITH_TIMER, against(requests, timed, 'proxy')),
    ...each((alg, known) => ratio(`known tokens, ${alg}, × full JavaScript`, 1, against(tokens, known, 'full'))),
    ratio('known tokens with a timer, × full JavaScript', 1, against(requests, timed, 'full')),
    ...each((alg, known, fresh) => ratio(`new tokens, ${alg}, × jose`, NEW[alg], against(tokens, fresh, 'jose'))),
    ratio('varied paths, × one path', PATHS, ratios(requests, path('a thousand paths'), path('one path'))),
    ...['no token', 'expired token', 'wrong scope'].map((scenario) => (
      ratio(`refused for ${scenario}, × floor`, 1, against(refusals, { scenario }, 'proxy'))
    )),
    ratio('allowed, log of refusals, × no log', LOG, ratios(requests, path('log: refused'), path('log: none'))),
    ratio('100,000 revocations, × none', REVOCATIONS, ratios(requests, path('revocation: 100000 entries'), path('revocation: 0 entries'))),
    ratio('10,000 routes, × 10 routes', ROUTES, ratios(growth, routes(10_000), routes(10))),
    ...each((alg, known) => ratio(`p99 of known tokens, ${alg}, × floor's`, 1, against(tokens, known, 'proxy', 'p99'))),
    coldStart(cold, build),
    ...memory(bodies, build),
    size(about.wasm[build]),
  ].filter(Boolean);
}

function ratio(what, limit, values) {
  if (values.length === 0) return null;
  return { what, limit: `at most ${limit.toFixed(2)}`, measured: medianAndLeast(values), reached: median(values) <= limit };
}

function coldStart(cold, build) {
  const [own, jose] = [build, 'jose'].map((worker) => of(cold, { worker }).map(({ ms }) => ms));
  if (!own.length || !jose.length) return null;
  const over = median(own) - median(jose);
  const measured = `${median(own).toFixed(1)} ms, ${over.toFixed(1)} ms over jose`;
  return { what: 'cold start, keys in KV', limit: `at most ${COLD} ms over jose`, measured, reached: over <= COLD };
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
    return [{ what: `memory for 100 MB, ${mode}`, limit, measured, reached: own <= Math.max(MEMORY, floor * 1.1) }];
  });
}

function size({ gzip }) {
  const measured = `${(gzip / 1000).toFixed(1)} kB`;
  return { what: 'wasm, gzipped', limit: `at most ${WASM / 1000} kB`, measured, reached: gzip <= WASM };
}
