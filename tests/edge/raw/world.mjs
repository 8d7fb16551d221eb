// A gate under plain workerd, with an origin that keeps bytes and that the gate reaches in each way that a policy knows.

import { after } from 'node:test';

import { API, ISSUER } from '../support/fixture.mjs';
import { HOST } from '../support/gate.mjs';
import { startPlainGate } from '../support/plain.mjs';
import { startRecorder } from '../support/recorder.mjs';
import { claims, mint, newKey } from '../support/tokens.mjs';

const PARALLEL = 8;

/** Each kind of origin, as its routes name it. */
export const WAYS = { url: {}, service: { origin: 'service:OTHER' }, passthrough: { origin: 'passthrough' } };

/** The Worker behind the service binding: it goes to the origin itself, and says which method it was asked for. */
const OTHER = `export default {
  fetch(request) {
    const headers = new Headers(request.headers);
    headers.set('x-service-method', request.method);
    return fetch(new Request(request, { headers }));
  },
};`;

/**
 * Starts it, until the file's tests are over. `routes` are the policy's, or made from the recorder; `policy` is the rest
 * of it. Every request of every Worker goes to the recorder, whatever its URL, unless `byUrl` is set: then routes that
 * pass through, or to the service, get there by the host `recorder.host` alone.
 */
export async function rawWorld({ routes, policy = {}, secrets, byUrl = false }) {
  const key = newKey('ES256');
  const recorder = await startRecorder();
  const gate = await startPlainGate({
    policy: {
      version: 1,
      origin: byUrl ? recorder.url : 'http://origin.test',
      issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
      routes: typeof routes === 'function' ? routes(recorder) : routes,
      ...policy,
    },
    secrets,
    services: { OTHER: 'other' },
    others: { other: OTHER },
    outbound: byUrl ? undefined : recorder.port,
  });
  after(async () => {
    await gate.close();
    await recorder.close();
  });
  const token = (changes) => mint(key, claims(ISSUER, changes));
  return {
    gate,
    recorder,
    token,
    bearer: (changes) => ['Authorization', `Bearer ${token(changes)}`],
    /** Sends requests, some at a time; gives them with the `answer` and what of each `arrived`. */
    exchange: (requests) => exchange(gate, recorder, requests),
  };
}

/** The same routes for each kind of origin, below `/url`, `/service` and `/passthrough`. */
export function eachWay(routes) {
  return Object.entries(WAYS).flatMap(([way, origin]) => routes.map(({ path, ...route }) => ({ path: `/${way}${path}`, ...origin, ...route })));
}

/** A route that takes tokens. */
export function taken(route) {
  return { audience: API, ...route };
}

/** The bytes of a request: `headers` are [name, value], `host: null` sends none. */
export function bytesOf({ method = 'GET', target, host = HOST, headers = [], body = '', version = 'HTTP/1.1' }) {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${target} ${version}\r\n${host === null ? '' : `Host: ${host}\r\n`}${lines}\r\n${body}`;
}

/** How a case is known again at the origin. */
const CASE = 'x-case';

async function exchange(gate, recorder, requests) {
  recorder.take();
  const answers = [];
  let next = 0;
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (next < requests.length) {
      const index = next;
      next += 1;
      const { headers = [], ...request } = requests[index];
      answers[index] = await gate.raw(bytesOf({ ...request, headers: [[CASE, index], ...headers] }));
    }
  }));
  const arrived = Object.groupBy(recorder.take(), (record) => record.headers(CASE)[0]);
  if (arrived.undefined) throw new Error(`of no case: ${arrived.undefined[0].bytes}`);
  return requests.map((request, index) => ({ ...request, answer: answers[index], arrived: arrived[index] ?? [] }));
}
