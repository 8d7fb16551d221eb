// One run: a Worker in a fresh process, checked first, warmed up, then measured.

import { readFileSync } from 'node:fs';

import { startLoad } from './stage.mjs';
import { AUDIENCE, SCOPE, keyOf, requestSet } from './tokens.mjs';
import { cpuOf, memoryOf, startWorkerd, ticksOf } from './workerd.mjs';

const LEAST = 1000; // measured requests, even if that takes longer
const WARM_REQUESTS = 6000; // for distinct tokens, which are limited in number

/**
 * Measures a Worker of the roster. `set` is the path of the requests, `wraps` whether they are sent repeatedly, `status` the
 * expected status of each. Any other response is an error, and so is an identity at the origin that is not the token's.
 */
export async function measure(worker, { set, wraps, status = 200, seconds, warm }) {
  await worker.ready();
  const workerd = await startWorkerd(worker);
  let load;
  try {
    if (worker.inspected) await inspect(workerd.port);
    load = await startLoad({ set, wraps, status, port: workerd.port, told: worker.tells });
    await load.run({ seconds: warm, most: wraps ? undefined : WARM_REQUESTS });
    const before = [cpuOf(workerd.pid), ticksOf(workerd.pid)];
    const { requests, seconds: took, p50, p99 } = await load.run({ seconds, least: LEAST });
    const [after, ticks] = [cpuOf(workerd.pid), ticksOf(workerd.pid) - before[1]];
    const [cpu, wait] = ['cpu', 'wait'].map((kind) => after[kind] - before[0][kind]);
    if (requests < LEAST) throw new Error(`no tokens left after ${requests} requests`);
    // The count of a thread is lost when it ends. The kernel's other count would show that.
    if (Math.abs(cpu - ticks) > Math.max(60_000, cpu * 0.05)) throw new Error(`${cpu} µs of CPU, but ${ticks} in ticks`);
    const [busy, waited] = [cpu, wait].map((value) => value / 1e6 / took);
    const { peak } = memoryOf(workerd.pid);
    return { cpu: cpu / requests, rps: requests / took, p50, p99, requests, busy, waited, peak };
  } catch (error) {
    throw new Error(`${error.message}\n${workerd.log()}`);
  } finally {
    await load?.stop();
    await workerd.stop();
  }
}

/** What a gate must refuse, and the identity that must not pass: a Worker that checks less is not comparable. */
async function inspect(port) {
  const [{ token, path, told }] = entries(repeatedSet('ES256'));
  const ask = async (credentials, due, headers = {}) => {
    const authorization = credentials && { authorization: `Bearer ${credentials}` };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { ...headers, ...authorization } });
    const body = await response.text();
    if (!due.includes(response.status)) throw new Error(`${due} was due, not ${response.status} ${body}`);
    return body;
  };
  await ask(undefined, [401]);
  await ask(forged(token), [401]);
  await ask(entries(expiredSet())[0].token, [401]);
  await ask(entries(foreignSet())[0].token, [401, 403]); // for another audience; gates differ in the status
  await ask(entries(narrowSet())[0].token, [403]);
  const body = await ask(token, [200], { 'x-auth-subject': 'intruder', 'x-auth-scopes': 'all' });
  if (body !== told) throw new Error(`the origin was told ${body}, not ${told}`);
}

function entries(set) {
  return JSON.parse(readFileSync(set, 'utf8'));
}

/** The token with a different signature of the same length. */
function forged(token) {
  const [head, payload, signature] = token.split('.');
  return [head, payload, signature.replace(/^.{4}/, (start) => (start === 'AAAA' ? 'BBBB' : 'AAAA'))].join('.');
}

const CLIENTS = 64;
const DISTINCT = 24_000;
const DISTINCT_OF_MANY = 12_000; // for each of the many points of growth

export function repeatedSet(alg) {
  return repeatedOf(alg, () => ({ key: keyOf(alg) }));
}

export function distinctSet(alg) {
  const key = keyOf(alg);
  return requestSet(`${alg}-distinct`, DISTINCT, () => ({ key }));
}

/** Requests of 64 clients; more than 64 if they differ in more than the token. */
export function repeatedOf(name, each, count = CLIENTS) {
  return requestSet(`${name}-repeated`, count, (i) => ({ client: i % CLIENTS, ...each(i) }));
}

export function distinctOf(name, each) {
  return requestSet(`${name}-distinct`, DISTINCT_OF_MANY, each);
}

export function expiredSet() {
  return repeatedOf('expired', () => ({ key: keyOf('ES256'), claims: { iat: 1_600_000_000, exp: 1_600_000_600 } }));
}

/** Tokens without the scope that the route requires. */
export function narrowSet() {
  return repeatedOf('narrow', () => ({ key: keyOf('ES256'), claims: { scope: SCOPE.replace('read', 'write') } }));
}

function foreignSet() {
  return requestSet('foreign', 1, () => ({ key: keyOf('ES256'), claims: { aud: `${AUDIENCE}.other` } }));
}

export function anonymousSet() {
  return requestSet('anonymous', 1, () => ({}));
}
