// The status of the gate: who may read it, what it says, and what the tool makes of it.

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, test } from 'node:test';

import { setAhead, WITH_CLOCK } from './support/clock.mjs';
import { assertRefused } from './support/expect.mjs';
import { startGate, until } from './support/gate.mjs';
import { startKeyServer } from './support/keyserver.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';
import { buildTool, run } from './support/tool.mjs';

const PATH = '/.well-known/portcullis/status';
const API = 'https://api.test';
const key = newKey('ES256');
const [origin, keys] = [await startOrigin(), await startKeyServer()];
after(() => Promise.all([origin.close(), keys.close()]));
const issuer = keys.issuer('main', [key.jwk, newKey('RS256', { kid: null }).jwk]);
// Issued a while ago: the status has times of its own, which the watch over tokens must not take for theirs.
const at = { iat: now() - 100, exp: now() + 1000 };
const token = (changes = {}) => mint(key, claims('https://static.test', { aud: API, scope: 'gate:status', ...at, ...changes }));

const policy = (changes = {}) => ({
  version: 1,
  origin: origin.url,
  issuers: {
    main: { issuer: issuer.issuer, jwks_uri: issuer.jwksUri, algorithms: ['ES256'], jwks_ttl: 60, jwks_max_stale: 120 },
    static: { issuer: 'https://static.test', jwks: { keys: [key.jwk] } },
  },
  status: { audience: API, scopes: ['gate:status'], issuers: ['static'] },
  routes: [{ path: '/{*rest}', audience: API }],
  ...changes,
});

const read = async (gate) => {
  const answer = await gate.bearer(token(), PATH);
  assert.equal(answer.status, 200, answer.text);
  return answer;
};

test('whoever the policy names may read it, on every host, and nobody else', async () => {
  const gate = await startGate({ policy: policy() });
  const answer = await read(gate);
  assert.deepEqual([answer.header('content-type'), answer.header('cache-control')], ['application/json', 'no-store']);
  assert.equal((await gate.bearer(token(), PATH, { host: 'other.test' })).status, 200);
  assert.equal((await gate.bearer(token(), PATH, { method: 'HEAD' })).status, 200);
  assertRefused(await gate.request(PATH), 'auth.authorization_header_missing', { origin });
  assertRefused(await gate.bearer(token({ scope: 'other' }), PATH), 'auth.insufficient_scope', { origin, scope: 'gate:status' });
  assertRefused(await gate.bearer(token({ aud: 'x' }), PATH), 'auth.invalid_audience', { origin });
  assertRefused(await gate.bearer(token({ organization_id: 'o' }), PATH), 'auth.organization_mismatch', { origin });
  assertRefused(await gate.bearer(token({ exp: now() - 100 }), PATH), 'auth.token_expired', { origin });
  const elsewhere = mint(key, claims(issuer.issuer, { aud: API, scope: 'gate:status', ...at }));
  assertRefused(await gate.bearer(elsewhere, PATH), 'auth.invalid_token', { origin });
  assertRefused(await gate.bearer(token(), PATH, { method: 'POST' }), 'gate.method_not_allowed', { origin, allow: ['GET', 'HEAD'] });
  const preflight = [['Origin', 'https://page.test'], ['Access-Control-Request-Method', 'GET']];
  assertRefused(await gate.request(PATH, { method: 'OPTIONS', headers: preflight }), 'gate.method_not_allowed', { origin, allow: ['GET', 'HEAD'] });
  assert.equal(await gate.logText(), '', 'the gate tells nothing of its own paths');
  await gate.close();
});

test('without `status` in the policy the path is a path like others', async () => {
  const { status: _, ...without } = policy();
  const gate = await startGate({ policy: without });
  assert.equal((await gate.bearer(token(), PATH)).status, 200);
  assert.deepEqual(origin.take().map(({ url }) => url), [PATH]);
  await gate.close();
});

test('it says what is in force, and how the keys are', async () => {
  const policies = `policies-${randomUUID()}`;
  const gate = await startGate({ policy: undefined, policies, entry: WITH_CLOCK });
  const text = JSON.stringify(policy());
  await (await gate.policies()).put('policy', text);
  await (await gate.policies()).put('policy:candidate', JSON.stringify(policy({ identity: { prefix: 'x-user-' } })));
  const first = (await read(gate)).json;
  const { policy: inForce, issuers, ...rest } = first;
  const digest = (of) => createHash('sha256').update(of).digest('hex').slice(0, 16);
  assert.deepEqual([inForce.digest, inForce.source, inForce.routes], [digest(text), 'POLICY_KV', 1]);
  assert.match(rest.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual([rest.waiting, rest.tokens.kept, rest.tokens.bytes > 0], [0, 1, true], 'it does not count itself');
  assert.deepEqual(issuers, [
    { name: 'main', issuer: issuer.issuer, keys: [], state: 'none' },
    { name: 'static', issuer: 'https://static.test', keys: [{ kid: key.kid, algorithms: ['ES256'] }], state: 'static' },
  ]);
  const candidate = await until(async () => (await read(gate)).json.policy.candidate);
  assert.deepEqual(candidate, { digest: digest(JSON.stringify(policy({ identity: { prefix: 'x-user-' } }))) });

  const compact = mint(key, claims(issuer.issuer, { aud: API, ...at }));
  assert.equal((await gate.bearer(compact, '/a')).status, 200);
  const fresh = (await read(gate)).json.issuers[0];
  assert.deepEqual([fresh.state, fresh.keys], ['fresh', [{ kid: key.kid, algorithms: ['ES256'] }, { algorithms: [] }]]);
  assert.ok(Math.abs(fresh.fetched_at - now()) < 5 && fresh.age < 5);

  issuer.jwks = (request, response) => response.writeHead(503).end();
  await setAhead(gate, 90);
  assert.equal((await gate.bearer(compact, '/a')).status, 200, 'stale keys still count');
  const failed = await until(async () => (await read(gate)).json.issuers[0].last_failure);
  assert.match(failed.reason, /status 503$/);
  assert.ok(Math.abs(failed.at - now() - 90) < 10);
  assert.equal((await read(gate)).json.issuers[0].state, 'stale');
  await setAhead(gate, 200);
  assert.equal((await read(gate)).json.issuers[0].state, 'expired');
  issuer.restore();
  await gate.close();
});

test('the tool prints it', async () => {
  const gate = await startGate({ policy: policy() });
  await gate.bearer(mint(key, claims(issuer.issuer, { aud: API, ...at })), '/a');
  const tool = buildTool();
  const status = (...args) => run(tool, ['status', gate.url, ...args], { env: { PORTCULLIS_TOKEN: token() } });
  const { code, out, err } = await status();
  assert.equal(code, 0, err);
  for (const part of ['main', 'static', 'fresh', key.kid, 'ES256', 'variable']) assert.ok(out.includes(part), `${part} in\n${out}`);
  assert.deepEqual(Object.keys(JSON.parse((await status('--format', 'json')).out)), ['version', 'policy', 'issuers', 'waiting', 'tokens']);
  await gate.close();
});
