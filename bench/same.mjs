// Checks that the two respond and forward alike: status, headers, body, and everything that the origin receives.

import assert from 'node:assert/strict';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../scripts/toolchain.mjs';
import { expiredSet, narrowSet, repeatedSet } from '../measure.mjs';
import { makeRoster, readBuilds } from '../roster.mjs';
import { startServers } from '../stage.mjs';
import { ALGORITHMS, AUDIENCE, keyOf, requestSet } from '../tokens.mjs';
import { startWorkerd } from '../workerd.mjs';

const HOST = { Host: 'api.yourapp.com' };
const ORG = 'urn:logto:organization:org1';
const first = (set) => JSON.parse(readFileSync(set, 'utf8'))[0].token;
const made = (name, claims, number = 0) => {
  return first(requestSet(`same-${name}`, 1, () => ({ key: keyOf('ES256', number), claims })));
};

const token = first(repeatedSet('ES256'));
const inviting = made('inviter', { aud: ORG, scope: 'invite:member' });
const reading = made('reading', { organization_id: 'org1', scope: 'read:data plan:pro' });
const PRODUCT = '/api/products/42';

/** The requests: a name, a path, a token, and what else differs from a plain GET. */
const REQUESTS = [
  ...ALGORITHMS.map((alg) => [alg, PRODUCT, first(repeatedSet(alg))]),
  ['known', PRODUCT, token],
  ['query', `${PRODUCT}?a=1&b=%20&a=2`, token],
  ['no token', PRODUCT],
  ['no token is needed', '/healthz'],
  ['expired', PRODUCT, first(expiredSet())],
  ['wrong scope', PRODUCT, first(narrowSet())],
  ['wrong audience', PRODUCT, made('foreign', { aud: `${AUDIENCE}.other` })],
  ['not yet', PRODUCT, made('early', { nbf: 4_000_000_000 })],
  ['unknown key', PRODUCT, made('unknown', {}, 7)],
  ['forged', PRODUCT, token.replace(/\.[^.]{4}([^.]*)$/, (_, rest) => `.AAAA${rest}`)],
  ['no JWT', PRODUCT, 'opaque'],
  ['another scheme', PRODUCT, undefined, { headers: { Authorization: 'Basic eDp5' } }],
  ['no route', '/nowhere', token],
  ['wrong method', PRODUCT, token, { method: 'DELETE' }],
  ['ambiguous path', '/api/products/%2e%2e', token],
  ['organization', '/orgs/org1/data/a/b', reading],
  ['other organization', '/orgs/org2/data/a/b', reading],
  ['body', '/orgs/org1/members', inviting, { method: 'POST', body: '{"email":"x@example.com"}' }],
  ['large body', '/files/7', token, { method: 'PUT', body: 'x'.repeat(3_000_000) }],
  ['identity of its own', PRODUCT, token, { headers: { 'X-Auth-Subject': 'root', 'x-auth-any': '1', x_auth_scopes: 'all' } }],
  ['hop by hop', PRODUCT, token, { headers: { Connection: 'keep-alive, x-hop', 'X-Hop': '1', TE: 'trailers' } }],
  ['many values', PRODUCT, token, { headers: { Accept: ['text/plain', 'text/html'], Cookie: 'a=b' } }],
];

const origin = http.createServer(async (request, response) => {
  const { method, url, rawHeaders } = request;
  const body = Buffer.concat(await request.toArray());
  const headers = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`])).sort();
  response.writeHead(201, { 'x-of-the-origin': '1', 'content-type': 'application/json' });
  response.end(JSON.stringify({ method, url, headers, bytes: body.length }));
});
await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));

const servers = await startServers();
const echo = `http://127.0.0.1:${origin.address().port}`;
const withEcho = { ...servers, url: (name) => (name === 'echo' ? echo : servers.url(name)) };
const builds = readBuilds({ portcullis: join(ROOT, 'build'), 'workers-rs': join(ROOT, 'target/workers-rs/build') });
const roster = await makeRoster(withEcho, builds, 'echo');
const gates = [];
for (const name of Object.keys(builds)) {
  await roster[name].ready();
  gates.push(await startWorkerd(roster[name]));
}
let differences = 0;
for (const [name, path, credentials, { method = 'GET', headers, body } = {}] of REQUESTS) {
  const authorization = credentials && { Authorization: `Bearer ${credentials}` };
  const sent = { path, method, headers: { ...HOST, ...authorization, ...headers }, body };
  const [one, other] = [await answerOf(gates[0].port, sent), await answerOf(gates[1].port, sent)];
  try {
    assert.deepEqual(other, one);
    console.log(`same  ${name}: ${one.status}`);
  } catch (error) {
    differences += 1;
    console.log(`DIFFERENT  ${name}: ${error.message}`);
  }
}
console.log(`${REQUESTS.length - differences} of ${REQUESTS.length} are the same`);
process.exit(differences > 0 ? 1 : 0);

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
