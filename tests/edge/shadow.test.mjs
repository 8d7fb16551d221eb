// Shadow mode: a route with `enforce = false` refuses nothing that it would refuse otherwise. The origin gets the request as
// it came, without the gate's word for the caller, and operators are told what would have become of it.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';

import { WebSocket } from 'ws';

import { freePort } from '../../demo/ports.mjs';
import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { HOST, startGate, startGates } from './support/gate.mjs';
import { newRay, told } from './support/lines.mjs';
import { answerWith, startOrigin } from './support/origin.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const APP = 'https://app.example.com';
const EVIL = 'https://evil-example.com';
const RESOURCE = 'https://mcp.test/mcp';
const [key, stranger, twin] = [newKey('ES256'), newKey('ES256'), newKey('ES256')];
const origin = await startOrigin();
const down = `http://127.0.0.1:${await freePort()}`;
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const bindings = { SHARED: 's3cret-of-the-gate', KEY: JSON.stringify(signing) };

/** The ways to an origin, and the host of requests that go there. */
const WAYS = [
  { name: 'a server', base: '/server', host: HOST, route: {} },
  { name: 'a service binding', base: '/service', host: origin.host, route: { origin: 'service:OTHER' } },
  { name: 'passthrough', base: '/through', host: origin.host, route: { origin: 'passthrough', hosts: ['127.0.0.1'] } },
];

const RULES = { audience: API, scopes: ['read'], claims: { role: 'admin' }, issuers: ['main'] };
/** The routes of a way, by the last segment of their paths. */
const ROUTES = {
  all: RULES,
  aged: { audience: API, issuers: ['aged'] },
  away: { audience: API, issuers: ['away'] },
  twins: { audience: API, issuers: ['twins'] },
  header: { ...RULES, token_header: 'X-Token' },
  optional: { ...RULES, access: 'optional' },
  denied: { access: 'deny' },
  shared: { ...RULES, cors: { origins: [APP], expose: ['x-total'] } },
  mcp: { audience: RESOURCE, issuers: ['main'], cors: { origins: [APP] } },
  socket: RULES,
};

const issuers = {
  main: { issuer: ISSUER, jwks: { keys: [key.jwk] } },
  aged: { issuer: 'https://aged.test', jwks: { keys: [key.jwk] }, max_age: 60 },
  twins: { issuer: 'https://twins.test', jwks: { keys: [key.jwk, twin.jwk] } },
  away: { issuer: 'https://away.test', jwks_uri: `${down}/jwks` },
};

const policy = (identity, more = {}) => ({
  version: 1,
  origin: origin.url,
  issuers,
  identity: { forward_token: false, ...identity },
  log: { decisions: 'all' },
  resources: { [RESOURCE]: {} },
  routes: [
    ...WAYS.flatMap(({ base, route }) => Object.entries(ROUTES).map(([name, rules]) => (
      { path: `${base}/${name}`, name: `${base}/${name}`, enforce: false, ...rules, ...route }
    ))),
    { path: '/down', name: 'down', enforce: false, origin: down, ...RULES },
    { path: '/slow', name: 'slow', enforce: false, timeout_ms: 100, ...RULES },
    { path: '/unbound', name: 'unbound', enforce: false, origin: 'service:NOBODY', ...RULES },
    { path: '/get', name: 'get', methods: ['GET'], enforce: false, ...RULES },
    { path: '/split', name: 'split', methods: ['GET'], enforce: false, cors: { origins: [APP] }, ...RULES },
    { path: '/split', name: 'split-options', methods: ['OPTIONS'], ...RULES },
    { path: '/case/{*rest}', name: 'case', enforce: false, cors: { origins: [APP] }, ...RULES },
    { path: '/case/admin/{*rest}', name: 'case-admin', access: 'deny' },
    { path: '/slash/{x}', methods: ['POST'], name: 'slash', enforce: false, cors: { origins: [APP] }, encoded_slashes: 'keep', ...RULES },
    { path: '/slash/{x}', methods: ['OPTIONS'], name: 'slash-options', enforce: false, ...RULES },
    ...(more.routes ?? []),
  ],
});

const OTHER = 'export default { fetch: (request) => fetch(request) };';
const [gate, unsigned] = await startGates([
  { policy: policy({ assertion: { issuer: 'https://gate.test', keys: ['KEY'] }, secret: { binding: 'SHARED' } }), bindings, services: { OTHER: 'other' } },
  { policy: { ...policy({ secret: { binding: 'ABSENT' } }), log: {} }, services: { OTHER: 'other' } },
], { others: { other: OTHER } });
beforeEach(() => origin.take());
after(async () => {
  await Promise.all([gate.close(), unsigned.close()]);
  await origin.close();
});

const good = (changes, options) => mint(options?.key ?? key, claims(ISSUER, { client_id: 'app-1', scope: 'read', role: 'admin', ...changes }), options);
const bearer = (token) => [['Authorization', `Bearer ${token}`]];
const invalid = (reason, headers, more) => ({ reason, status: 401, code: 'auth.invalid_token', headers, ...more });

/** What a route refuses. `tells` are the members of the line that say more. */
const REFUSALS = [
  { reason: 'authorization_header_missing', status: 401, headers: () => [] },
  { reason: 'authorization_token_type_not_supported', status: 401, headers: () => [['Authorization', 'Basic dXNlcjpwYXNz']] },
  { reason: 'authorization_token_invalid_format', status: 401, headers: () => [['Authorization', 'Bearer one two']] },
  invalid('too_long', () => bearer(good({ padding: 'x'.repeat(8192) }))),
  invalid('not_three_parts', () => bearer('opaque-token-of-someone')),
  invalid('malformed', () => bearer('bm90.and.bm90')),
  invalid('critical', () => bearer(good({}, { header: { crit: ['exp'] } }))),
  invalid('algorithm', () => bearer(good({}, { header: { alg: 'HS256' } }))),
  invalid('issuer', () => bearer(good({ iss: 'https://nobody.test' }))),
  invalid('type', () => bearer(good({}, { header: { typ: 'logout+jwt' } })), { tells: { issuer: 'main' } }),
  invalid('claims', () => bearer(good({ exp: undefined })), { tells: { issuer: 'main' } }),
  invalid('bound', () => bearer(good({ cnf: { jkt: 'thumbprint' } })), { tells: { issuer: 'main' } }),
  { reason: 'token_expired', status: 401, headers: () => bearer(good({ exp: now() - 100 })), tells: { issuer: 'main' } },
  { reason: 'token_not_yet_valid', status: 401, headers: () => bearer(good({ nbf: now() + 100 })), tells: { issuer: 'main' } },
  { reason: 'token_too_old', status: 401, path: '/aged', headers: () => bearer(good({ iss: 'https://aged.test', iat: now() - 200 })), tells: { issuer: 'aged' } },
  { reason: 'keys_unavailable', status: 503, code: 'gate.keys_unavailable', path: '/away', headers: () => bearer(good({ iss: 'https://away.test' })), tells: { issuer: 'away' } },
  invalid('key_unknown', () => bearer(good({}, { header: { kid: 'of-nobody' } })), { tells: { issuer: 'main' } }),
  invalid('key_ambiguous', () => bearer(good({ iss: 'https://twins.test' }, { header: { kid: undefined } })), { path: '/twins', tells: { issuer: 'twins' } }),
  invalid('signature', () => bearer(good({}, { key: stranger, header: { kid: key.kid } })), { tells: { issuer: 'main' } }),
  { reason: 'invalid_audience', status: 403, headers: () => bearer(good({ aud: 'https://other.test' })), tells: { issuer: 'main', client: 'app-1' } },
  { reason: 'invalid_audience', status: 401, path: '/mcp', headers: () => bearer(good()), tells: { issuer: 'main', client: 'app-1' } },
  { reason: 'organization_mismatch', status: 403, headers: () => bearer(good({ organization_id: 'org-1' })), tells: { issuer: 'main', client: 'app-1' } },
  { reason: 'insufficient_scope', status: 403, headers: () => bearer(good({ scope: 'other' })), tells: { issuer: 'main', client: 'app-1', scopes_missing: ['read'] } },
  { reason: 'claim_mismatch', status: 403, headers: () => bearer(good({ role: 'guest' })), tells: { issuer: 'main', client: 'app-1' } },
  { reason: 'authorization_header_missing', status: 401, path: '/header', headers: () => bearer(good()) },
  { reason: 'token_expired', status: 401, path: '/header', headers: () => [['X-Token', good({ exp: now() - 100 })], ['Authorization', 'Basic b3RoZXI6b25l']], tells: { issuer: 'main' } },
  { reason: 'authorization_token_type_not_supported', status: 401, path: '/optional', headers: () => [['Authorization', 'Digest a="b"']] },
  { reason: 'denied', status: 403, code: 'gate.denied', path: '/denied', headers: () => bearer(good()) },
  { reason: 'origin_denied', status: 403, code: 'gate.origin_denied', path: '/mcp', headers: () => [['Origin', EVIL], ...bearer(good({ aud: RESOURCE }))] },
  { reason: 'preflight_denied', status: 403, code: 'gate.preflight_denied', path: '/shared', method: 'OPTIONS', body: undefined,
    headers: () => [['Origin', EVIL], ['Access-Control-Request-Method', 'PUT'], ['Access-Control-Request-Headers', 'x-y']] },
  { reason: 'preflight_denied', status: 403, code: 'gate.preflight_denied', path: '/mcp', method: 'OPTIONS', body: undefined,
    headers: () => [['Origin', EVIL], ['Access-Control-Request-Method', 'POST']] },
];

/** What only the gate may say, said by a client. */
const SPOOFED = [
  ['x-auth-subject', 'root'], ['X_Auth_Scopes', 'admin'], ['x-auth-assertion', 'e30.e30.e30'], ['x-auth-secret', 'guess'],
  ['X-Forwarded-Host', 'evil.test'], ['x.forwarded.proto', 'gopher'],
];

const sent = (record) => Object.fromEntries(['authorization', 'x-token', 'origin', 'access-control-request-method', 'access-control-request-headers', 'x-plain']
  .map((name) => [name, record.headers(name)]));

for (const { name, base, host } of WAYS) {
  describe(`a request that is refused in theory, ${name}`, () => {
    for (const { reason, status, code = `auth.${reason}`, path = '/all', headers, method = 'POST', tells = {}, ...rest } of REFUSALS) {
      test(`${reason} of ${path}`, async () => {
        const { ray, header } = newRay();
        const body = 'body' in rest ? rest.body : 'a=1&b=%20';
        const own = [['x-plain', 'a, b'], ...headers()];
        const since = gate.logs.length;
        const answer = await gate.request(`${base}${path}?q=%20a&q=%2F`, { method, host, body, headers: [header, ...own, ...SPOOFED] });
        const record = assertForwarded(answer, origin);
        assert.deepEqual([answer.json, answer.header('www-authenticate')], [{ ok: true }, null]);
        assert.deepEqual([record.method, record.url, record.body.toString()], [method, `${base}${path}?q=%20a&q=%2F`, body ?? '']);
        const wanted = (sentName) => own.filter(([each]) => each.toLowerCase() === sentName).map(([, value]) => value);
        for (const [sentName, values] of Object.entries(sent(record))) assert.deepEqual(values, wanted(sentName), sentName);
        assert.deepEqual(record.names('x-auth-'), []);
        assert.equal(record.header('x-forwarded-host'), host);
        assert.equal(record.header('x-forwarded-proto'), 'http');
        assert.deepEqual(record.headers('x.forwarded.proto'), []);
        const lines = (await told(gate, since)).filter((line) => line.ray === ray);
        assert.deepEqual(lines, [{
          event: 'decision', route: `${base}${path}`, method, host: host.split(':')[0], status, code, reason, ...tells, enforced: false, ray,
        }]);
      });
    }
  });

  describe(`a request that is allowed on such a route, ${name}`, () => {
    test('carries identity, assertion and secret, and is repeated', async () => {
      const token = good();
      const since = gate.logs.length;
      const rays = [];
      for (let i = 0; i < 4; i += 1) {
        const { ray, header } = newRay();
        rays.push(ray);
        const answer = await gate.request(`${base}/all`, { host, headers: [header, ...bearer(token), ...SPOOFED] });
        const record = assertForwarded(answer, origin);
        assert.equal(record.header('x-auth-subject'), 'user-1');
        assert.equal(record.header('x-auth-scopes'), 'read');
        assert.equal(record.header('x-auth-secret'), bindings.SHARED);
        assert.match(record.header('x-auth-assertion'), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
        assert.deepEqual(record.headers('authorization'), [], 'forward_token is obeyed where the decision is to allow');
      }
      const lines = (await told(gate, since)).filter(({ ray }) => rays.includes(ray));
      const line = { event: 'decision', route: `${base}/all`, method: 'GET', host: host.split(':')[0], status: 200, issuer: 'main', client: 'app-1', enforced: false };
      assert.deepEqual(lines, rays.map((ray) => ({ ...line, ray })));
    });

    test('and one of the same caller that is not are not mixed up', async () => {
      const [admin, guest] = [good(), good({ role: 'guest' })];
      for (const [token, names] of [[admin, 1], [guest, 0], [admin, 1], [guest, 0], [admin, 1]]) {
        const record = assertForwarded(await gate.request(`${base}/all`, { host, headers: bearer(token) }), origin);
        assert.equal(record.headers('x-auth-subject').length, names);
        assert.deepEqual(record.headers('authorization'), names ? [] : [`Bearer ${token}`]);
      }
    });

    test('without a token, where none is needed, carries the secret only', async () => {
      const record = assertForwarded(await gate.request(`${base}/optional`, { host }), origin);
      assert.deepEqual(record.names('x-auth-'), ['x-auth-secret']);
    });
  });

  test(`WebSockets of refused and of allowed callers, ${name}`, { timeout: 20_000 }, async () => {
    for (const [token, identity] of [[good(), true], [good({ role: 'guest' }), false]]) {
      const headers = { Authorization: `Bearer ${token}`, Host: host, 'X-Auth-Subject': 'root' };
      const socket = new WebSocket(`ws://127.0.0.1:${gate.port}${base}/socket`, { headers });
      await Promise.all([once(origin.webSockets, 'connection'), once(socket, 'open')]);
      socket.send('echo');
      assert.equal((await once(socket, 'message'))[0].toString(), 'echo');
      socket.terminate();
      const [record] = origin.take();
      assert.equal(record.header('upgrade'), 'websocket');
      assert.equal(record.header('x-auth-subject'), identity ? 'user-1' : null);
      assert.deepEqual(record.headers('authorization'), identity ? [] : [`Bearer ${token}`]);
    }
  });
}

test('allowed requests on such a route are forwarded by a grant, and refused ones are decided each', async (t) => {
  const entry = readFileSync(new URL('grants/entry.js', import.meta.url), 'utf8');
  const counted = await startGate({ policy: policy({ secret: { binding: 'SHARED' } }), bindings, entry });
  t.after(() => counted.close());
  const texts = async () => (await counted.request('/', { headers: [['x-world', String(Date.now())]] })).json.texts;
  await texts(); // which sets the clock
  for (const [changes, isRepeated] of [[{}, true], [{ role: 'guest' }, false]]) {
    const headers = bearer(good(changes));
    for (let i = 0; i < 3; i += 1) assertForwarded(await counted.request('/server/all', { headers }), origin);
    await texts();
    const record = assertForwarded(await counted.request('/server/all', { headers }), origin);
    assert.equal(record.headers('x-auth-subject').length, isRepeated ? 1 : 0);
    assert.equal(await texts() === 0, isRepeated);
  }
});

describe('what stands all the same', () => {
  const lineOf = async (on, ray, since) => (await told(on, since)).filter((line) => line.ray === ray);

  for (const [code, status, path, more, extra] of [
    ['gate.bad_path', 400, '/server//all', {}],
    ['gate.bad_path', 400, '/server/%2e%2e/all', {}],
    ['gate.bad_path', 400, '/case/ADMIN/x', {}],
    ['gate.no_route', 404, '/nowhere', {}],
    ['gate.method_not_allowed', 405, '/get', { method: 'POST' }, { allow: ['GET', 'HEAD'] }],
    ['gate.method_not_allowed', 405, '/server/all', { method: 'TRACE' }, { allow: ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] }],
  ]) {
    test(`${code} of ${path}`, async () => {
      const { ray, header } = newRay();
      const since = gate.logs.length;
      const answer = await gate.request(path, { headers: [header], ...more });
      if (extra?.allow) assert.equal(answer.json.code, code);
      else assertRefused(answer, code, { origin });
      assert.equal(answer.status, status);
      assert.deepEqual(origin.take(), []);
      const [line, ...others] = await lineOf(gate, ray, since);
      assert.deepEqual([line.status, line.code, line.enforced, others], [status, code, true, []]);
    });
  }

  test('500 where a secret is absent behind an allowed decision; a refusal does not need it', async () => {
    const [first, second] = [newRay(), newRay()];
    const since = unsigned.logs.length;
    assertRefused(await unsigned.request('/server/all', { headers: [first.header, ...bearer(good())] }), 'gate.misconfigured', { origin });
    assertForwarded(await unsigned.request('/server/all', { headers: [second.header] }), origin);
    const lines = await told(unsigned, since);
    const of = (ray) => lines.filter((line) => line.ray === ray).map(({ status, code, enforced, reason }) => ({ status, code, enforced, reason }));
    assert.deepEqual(of(first.ray), [{ status: 500, code: 'gate.misconfigured', enforced: true, reason: 'misconfigured' }]);
    assert.deepEqual(of(second.ray), [{ status: 401, code: 'auth.authorization_header_missing', enforced: false, reason: 'authorization_header_missing' }]);
  });

  const silent = () => {};
  silent.streaming = true;
  origin.on('/slow', silent);
  for (const [path, code, status] of [['/down', 'gate.origin_unreachable', 502], ['/slow', 'gate.origin_timeout', 504], ['/unbound', 'gate.misconfigured', 500]]) {
    test(`${code} is told of an allowed request, and of a refused one its refusal`, async () => {
      for (const [headers, expected] of [
        [bearer(good()), { status, code, enforced: true }],
        [[], { status: 401, code: 'auth.authorization_header_missing', enforced: false }],
      ]) {
        const { ray, header } = newRay();
        const since = gate.logs.length;
        const answer = await gate.request(path, { headers: [header, ...headers] });
        assertRefused(answer, code);
        const lines = (await lineOf(gate, ray, since)).map((line) => ({ status: line.status, code: line.code, enforced: line.enforced }));
        assert.deepEqual(lines, [expected]);
        origin.take();
      }
    });
  }

  test('a refusal that is one line too many is not told as what happens behind it', async () => {
    const since = unsigned.logs.length;
    for (let i = 0; i < 15; i += 1) assert.equal((await unsigned.request('/down')).status, 502);
    const lines = (await told(unsigned, since)).filter(({ route }) => route === 'down');
    assert.deepEqual(lines.map(({ code, enforced }) => [code, enforced]), Array(10).fill(['auth.authorization_header_missing', false]));
  });
});

describe('pages of other origins', () => {
  const sharing = (answer) => Object.fromEntries(['access-control-allow-origin', 'access-control-expose-headers', 'access-control-allow-methods', 'vary']
    .map((name) => [name, answer.header(name)]));
  const OWN = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'x-own', 'access-control-allow-methods': 'PURGE', 'vary': 'accept' };
  const answering = answerWith(200, Object.entries(OWN).concat([['content-type', 'application/json']]), '{"ok":true}');
  for (const path of ['/server/shared', '/server/mcp', '/split', '/case/ADMIN/x', '/case/x', '/slash/a', '/slash/a%2Fb']) origin.on(path, answering);
  const preflight = (path, page, method = 'GET') => gate.request(path, { method: 'OPTIONS', headers: [['Origin', page], ['Access-Control-Request-Method', method]] });
  const GATE = { 'access-control-allow-origin': APP, 'access-control-expose-headers': 'x-total', 'access-control-allow-methods': null, 'vary': 'accept, origin' };

  for (const [path, headers, page, expected] of [
    ['/server/shared', () => bearer(good()), APP, GATE],
    ['/server/shared', () => [], APP, GATE],
    ['/server/shared', () => bearer(good()), EVIL, OWN],
    ['/server/shared', () => [], EVIL, OWN],
    ['/server/mcp', () => bearer(good({ aud: RESOURCE })), APP, { ...GATE, 'access-control-expose-headers': null }],
    ['/server/mcp', () => bearer(good({ aud: RESOURCE })), EVIL, OWN],
    ['/server/mcp', () => bearer(good()), EVIL, OWN],
  ]) {
    test(`${page === APP ? 'the one that cors names gets its headers' : 'others get those of the origin'}, ${path}, ${headers().length} token`, async () => {
      const answer = await gate.request(path, { headers: [['Origin', page], ...headers()] });
      assertForwarded(answer, origin);
      assert.deepEqual(sharing(answer), expected);
    });
  }

  test('take turns with one token, and none gets what is for the other', async () => {
    const token = good();
    for (let round = 0; round < 3; round += 1) {
      for (const [page, expected] of [[EVIL, OWN], [APP, GATE], [APP, GATE], [EVIL, OWN], [EVIL, OWN], [APP, GATE]]) {
        const answer = await gate.request('/server/shared', { headers: [['Origin', page], ...bearer(token)] });
        assert.equal(assertForwarded(answer, origin).header('x-auth-subject'), 'user-1');
        assert.deepEqual(sharing(answer), expected);
      }
    }
  });

  test('a preflight that is granted is answered by the gate, and one that is not by the origin', async () => {
    const granted = await preflight('/server/shared', APP, 'DELETE');
    assert.deepEqual([granted.status, granted.header('access-control-allow-origin'), origin.take()], [204, APP, []]);
    assert.match(granted.header('access-control-allow-methods'), /DELETE/);
    const denied = await preflight('/server/shared', EVIL, 'DELETE');
    assert.equal(assertForwarded(denied, origin).method, 'OPTIONS');
    assert.deepEqual(sharing(denied), OWN);
  });

  test('a preflight with a path that has two readings goes nowhere', async () => {
    assert.equal(assertForwarded(await preflight('/case/x', EVIL), origin).method, 'OPTIONS');
    const answer = await preflight('/case/ADMIN/x', EVIL);
    assert.deepEqual([answer.status, answer.json?.code, origin.take()], [400, 'gate.bad_path', []]);
    // Nor one whose own method has no route with encoded slashes.
    assert.equal(assertForwarded(await preflight('/slash/a', EVIL, 'POST'), origin).method, 'OPTIONS');
    const slashed = await preflight('/slash/a%2Fb', EVIL, 'POST');
    assert.deepEqual([slashed.status, slashed.json?.code, origin.take()], [400, 'gate.bad_path', []]);
  });

  test('a preflight is no way around the route of its own method', async () => {
    const since = gate.logs.length;
    const { ray, header } = newRay();
    assertRefused(await gate.request('/split', { method: 'OPTIONS' }), 'auth.authorization_header_missing', { origin });
    const answer = await gate.request('/split', { method: 'OPTIONS', headers: [header, ['Origin', EVIL], ['Access-Control-Request-Method', 'GET']] });
    assertRefused(answer, 'gate.preflight_denied', { origin });
    const lines = (await told(gate, since)).filter((line) => line.ray === ray);
    assert.deepEqual(lines.map(({ code, route, enforced }) => [code, route, enforced]), [['gate.preflight_denied', 'split', true]]);
  });
});
