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
    ...await Promise.all([LOGS, REVOCATIONS].map((rows) => (
      Promise.all(Object.entries(rows).map(async ([name, settings]) => scenario(name, known, { workers: await on([], settings) })))
    ))),
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

/** What the policy tells operators. The binding of the last does nothing: what it costs is Analytics Engine's. */
const LOGS = {
  'log: none': { policy: { log: { decisions: 'none' } } },
  'log: refused': { policy: { log: { decisions: 'refused' } } },
  'log: all': { policy: { log: { decisions: 'all' } } },
  'log: analytics': {
    policy: { log: { decisions: 'refused', analytics: 'DECISIONS' } },
    entry: `import gate from './index.js';
      const DECISIONS = { writeDataPoint() {} };
      let full;
      export default { fetch: (request, env, context) => gate.fetch(request, (full ??= { ...env, DECISIONS }), context) };`,
  },
};

/** A list of revocations with so many entries, none of which concerns the token. */
const REVOCATIONS = Object.fromEntries([0, 100_000].map((entries) => [`revocation: ${entries} entries`, {
  policy: { revocation: { store: 'REVOCATIONS' } },
  entry: `import gate from './index.js';
    const key = (i) => '01' + ((i * 2654435761) % 2 ** 32).toString(16).padStart(30, '0');
    const lines = Array.from({ length: ${entries} }, (_, i) => '\\n' + key(i) + ' 1').join('');
    const changes = (mark) => (mark === 'bench:1' ? 'since bench:1 end' : 'whole bench:1 end' + lines);
    const object = { fetch: async (url, { body }) => new Response(changes(body.split(' ')[1])) };
    const REVOCATIONS = { idFromName: () => 'list', get: () => object };
    let full;
    export default { fetch: (request, env, context) => gate.fetch(request, (full ??= { ...env, REVOCATIONS }), context) };`,
}]));

const SHARED = `Access-Control-Allow-Origin: ${PAGE}`;

function sharing() {
  return { policy: { cors: { origins: [PAGE] } } };
}
