// Checks that the gate's peers do what it does: status, and everything that the origin and the client receive. It compares
// the built gate with the full JavaScript Worker, and with the core behind workers-rs if its build is there.

import assert from 'node:assert/strict';
import http from 'node:http';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../scripts/toolchain.mjs';
import { WORKERS_RS, makeRoster, readBuilds } from './roster.mjs';
import { entries, expiredSet, knownSet, narrowSet } from './sets.mjs';
import { startServers } from './stage.mjs';
import { ALGORITHMS, AUDIENCE, keyOf, requestSet } from './tokens.mjs';
import { startWorkerd } from './workerd.mjs';

const HOST = { Host: 'api.yourapp.com' };
const ORG = 'urn:logto:organization:org1';
const first = (set) => entries(set)[0].token;
const made = (name, claims, number = 0) => {
  return first(requestSet(`same-${name}`, 1, () => ({ key: keyOf('ES256', number), claims })));
};

const token = first(knownSet('ES256'));
const inviting = made('inviter', { aud: ORG, scope: 'invite:member' });
const reading = made('reading', { organization_id: 'org1', scope: 'read:data plan:pro' });
const PRODUCT = '/api/products/42';

const PATHS = [
  ...['%2e%2e', '..', 'a//b', 'a%2fb', 'a;b', 'a%5Cb', '%', '%ff', '%c2%85'], // ambiguous
  ...['caf%C3%A9', 'a%20b', '...', '7/', '~a:b@c'],
];

/** Requests for all: a name, a path, a token, and what else differs from a plain GET. */
const REQUESTS = [
  ...ALGORITHMS.map((alg) => [alg, PRODUCT, first(knownSet(alg))]),
  ['known', PRODUCT, token],
  ['query', `${PRODUCT}?a=1&b=%20&a=2`, token],
  ['no token', PRODUCT],
  ['public', '/catalogue/books/42'],
  ['public, with a token', '/catalogue/books/42', 'opaque'],
  ['optional, anonymous', '/articles/42'],
  ['optional, known', '/articles/42', token],
  ['optional, no JWT', '/articles/42', 'opaque'],
  ['expired', PRODUCT, first(expiredSet())],
  ['wrong scope', PRODUCT, first(narrowSet())],
  ['wrong audience', PRODUCT, made('foreign', { aud: `${AUDIENCE}.other` })],
  ['not yet', PRODUCT, made('early', { nbf: 4_000_000_000 })],
  ['unknown key', PRODUCT, made('unknown', {}, 7)],
  ['forged', PRODUCT, token.replace(/\.[^.]{4}([^.]*)$/, (_, rest) => `.AAAA${rest}`)],
  ['no JWT', PRODUCT, 'opaque'],
  ['another scheme', PRODUCT, undefined, { headers: { Authorization: 'Basic eDp5' } }],
  ...PATHS.map((end) => [`path ${end}`, `/files/${end}`, token]),
  ['another host', PRODUCT, token, { headers: { Host: 'api.yourapp.com/x' } }],
  ['a port', PRODUCT, token, { headers: { Host: 'api.yourapp.com:8443' } }],
  ['for an organization', PRODUCT, reading],
  ['large body', '/files/7', token, { method: 'PUT', body: 'x'.repeat(3_000_000) }],
  ['identity of its own', PRODUCT, token, { headers: { 'X-Auth-Subject': 'root', 'x-auth-any': '1', x_auth_scopes: 'all' } }],
  ['forwarded', PRODUCT, token, { headers: { 'X-Forwarded-Host': 'a', x_forwarded_proto: 'b', 'X-Forwarded-Prefix': '/c' } }],
  ['method', PRODUCT, token, { headers: { 'X-HTTP-Method-Override': 'DELETE' } }],
  ['hop by hop', PRODUCT, token, { headers: { Connection: 'keep-alive, x-hop', 'X-Hop': '1', TE: 'trailers' } }],
  ['many values', PRODUCT, token, { headers: { Accept: ['text/plain', 'text/html'], Cookie: 'a=b' } }],
  ['a name to encode', PRODUCT, made('encoded', { sub: ' Zoë 100%, ', azp: 'b', client_id: undefined })],
  ['lists', PRODUCT, made('lists', { aud: ['urn:a,b', AUDIENCE], scope: undefined, scp: ['read:products', 'a,b'] })],
];

/** Requests that the Worker in JavaScript has no rules for. */
const OF_THE_POLICY = [
  ['no route', '/nowhere', token],
  ['wrong method', PRODUCT, token, { method: 'DELETE' }],
  ['organization', '/orgs/org1/data/a/b', reading],
  ['other organization', '/orgs/org2/data/a/b', reading],
  ['body', '/orgs/org1/members', inviting, { method: 'POST', body: '{"email":"x@example.com"}' }],
];

/** What workers-rs lacks (workers-rs/README.md). */
const OF_RESPONSES = [['hop by hop, back', `${PRODUCT}?hops`, token], ['redirect', `${PRODUCT}?redirect`, token]];

/** By query: the status, and more headers. */
const ANSWERS = {
  hops: [201, { connection: 'x-gone', 'x-gone': '1', 'proxy-authenticate': 'Basic' }],
  redirect: [302, { location: '/elsewhere' }],
};

const origin = http.createServer(async (request, response) => {
  const { method, url, rawHeaders } = request;
  const body = Buffer.concat(await request.toArray());
  const headers = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`])).sort();
  const [status, more] = ANSWERS[url.split('?')[1]] ?? [201, {}];
  response.writeHead(status, { 'x-of-the-origin': '1', 'content-type': 'application/json', ...more });
  response.end(JSON.stringify({ method, url, headers, bytes: body.length }));
});
await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));

const servers = await startServers();
const echo = `http://127.0.0.1:${origin.address().port}`;
const withEcho = { ...servers, url: (name) => (name === 'echo' ? echo : servers.url(name)) };
const other = join(ROOT, 'target/workers-rs/build');
const builds = readBuilds({ portcullis: join(ROOT, 'build'), ...(existsSync(other) && { [WORKERS_RS]: other }) });
const roster = await makeRoster(withEcho, builds, { origin: 'echo' });
const gate = await started('portcullis');
let differences = await compared('full', [...REQUESTS, ...OF_RESPONSES], isAlike);
if (WORKERS_RS in builds) differences += await compared(WORKERS_RS, [...REQUESTS, ...OF_THE_POLICY], assert.deepEqual);
process.exit(differences > 0 ? 1 : 0);

async function started(name) {
  await roster[name].ready();
  return startWorkerd(roster[name]);
}

/** How many of the requests are answered otherwise than by the gate. */
async function compared(name, requests, check) {
  const peer = await started(name);
  let different = 0;
  for (const [what, path, credentials, { method = 'GET', headers, body } = {}] of requests) {
    const authorization = credentials && { Authorization: `Bearer ${credentials}` };
    const sent = { path, method, headers: { ...HOST, ...authorization, ...headers }, body };
    const [own, its] = [await answerOf(gate.port, sent), await answerOf(peer.port, sent)];
    try {
      check(its, own);
      console.log(`${name}: same  ${what}: ${own.status}`);
    } catch (error) {
      different += 1;
      console.log(`${name}: DIFFERENT  ${what}: ${error.message}`);
    }
  }
  console.log(`${name}: ${requests.length - different} of ${requests.length} are the same`);
  return different;
}

/** Refusals in JavaScript have texts of their own, and one status for all invalid tokens. */
function isAlike(its, own) {
  const isRefused = ({ status }) => status >= 400;
  if (isRefused(own) && isRefused(its)) return;
  assert.deepEqual(its, own);
}

function answerOf(port, { path, method, headers, body }) {
  return new Promise((resolve, reject) => {
    const length = body && { 'content-length': Buffer.byteLength(body) };
    const to = { port, host: '127.0.0.1', path, method, headers: { ...headers, ...length }, agent: false };
    const request = http.request(to);
    request.on('error', reject);
    request.on('response', async (response) => {
      const { date: _, ...rest } = response.headers;
      resolve({ status: response.statusCode, headers: rest, body: Buffer.concat(await response.toArray()).toString() });
    });
    request.end(body);
  });
}
