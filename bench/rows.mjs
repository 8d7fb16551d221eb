// The rows of the table. A scenario has a `name`, `marks` that are copied to its results, a `set` of requests, which of its
// `workers` serve it, and what is due. Scenarios of one group share rounds and processes.

import { generateKeyPairSync } from 'node:crypto';

import { WORKERS_RS, chosen, makeRoster, without } from './roster.mjs';
import { FOURTEEN, FROM_PAGE, NONE, PAGE, anonymousSet, expiredSet, knownSet, narrowSet, newSet, pathSet } from './sets.mjs';

const ONCE = ['headers', 'hono', 'hono-cached', WORKERS_RS]; // compared for one algorithm
const FLOOR_AND_FULL = ['proxy', 'full'];

/** Known and new tokens, for each algorithm. */
export function tokenRows({ algorithms, modes }, roster) {
  const few = without(roster, ONCE);
  return algorithms.flatMap((alg) => modes.map((mode) => {
    const set = mode === 'known' ? knownSet(alg) : newSet(alg);
    const marks = { alg, mode };
    return [scenario(`${alg} ${mode}`, set, { marks, wraps: mode === 'known', workers: alg === 'ES256' ? roster : few })];
  }));
}

/** Other requests and routes with a known ES256 token or none, and what a policy can turn on. */
export async function requestRows(servers, builds, roster, only) {
  const known = knownSet('ES256');
  const usual = chosen(roster, [...FLOOR_AND_FULL, 'jose-map'], builds);
  const peers = chosen(roster, FLOOR_AND_FULL, builds);
  const on = async (names, settings) => {
    const all = await makeRoster(servers, builds, settings);
    return chosen(Object.fromEntries(only.map((name) => [name, all[name]])), names, builds);
  };
  const paths = [false, true].map((varies) => (
    scenario(varies ? 'a thousand paths' : 'one path', pathSet(varies), { workers: usual })
  ));
  return [
    [scenario('2 headers', known, { headers: NONE, workers: usual })],
    [scenario('16 headers', known, { headers: FOURTEEN, workers: usual })],
    paths,
    [scenario('public', anonymousSet('/catalogue/books/42'), { workers: peers })],
    [scenario('optional, anonymous', anonymousSet('/articles/42'), { workers: peers })],
    [scenario('assertion', known, { ends: '|asserted', workers: await on(['proxy'], asserting()) })],
    [scenario('cors', known, { headers: FROM_PAGE, shows: SHARED, workers: await on(['proxy'], sharing()) })],
    [scenario('timeout_ms', known, { workers: await on(FLOOR_AND_FULL, { timeout: 30_000 }) })],
  ];
}

/** What the gates refuse and the floor forwards. */
export function refusalRows(roster) {
  const workers = without(roster, ONCE);
  return [
    [scenario('no token', anonymousSet(), { status: 401, workers })],
    [scenario('expired token', expiredSet(), { status: 401, workers })],
    [scenario('wrong scope', narrowSet(), { status: 403, workers })],
  ];
}

export function scenario(name, set, { marks = {}, ...given }) {
  return { name, marks: { scenario: name, ...marks }, set, wraps: true, status: 200, ends: '', shows: '', ...given };
}

function asserting() {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const assertion = { issuer: 'https://gate.example', keys: ['SIGNING_KEY'] };
  return { policy: { identity: { assertion } }, secrets: { SIGNING_KEY: JSON.stringify(key) } };
}

const SHARED = `Access-Control-Allow-Origin: ${PAGE}`;

function sharing() {
  return { policy: { cors: { origins: [PAGE] } } };
}
