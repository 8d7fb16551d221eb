// What operators are told of decisions: the lines on the console, each of whose reasons has a request here that causes it, and
// the data points for Analytics Engine.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { after, describe, test } from 'node:test';

import { setAhead, WITH_CLOCK } from './support/clock.mjs';
import { HOST, startGate, startGates, until } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { base64url, claims, mint, newKey, now, withSegment } from './support/tokens.mjs';

const ISSUER = 'https://issuer.test';
const API = 'https://api.test';
const RESOURCE = 'https://gate.test/mcp';
const [key, twin, other] = [newKey('ES256'), newKey('ES256'), newKey('ES256')];
const token = (changes = {}, options) => mint(key, claims(ISSUER, { aud: API, scope: 'read', client_id: 'web', ...changes }), options);
const bearer = (compact) => [['Authorization', `Bearer ${compact}`]];

const origin = await startOrigin();
origin.on('/late', () => {});
after(() => origin.close());

const policy = (changes = {}) => ({
  version: 1,
  origin: origin.url,
  issuers: {
    main: { issuer: ISSUER, jwks: { keys: [key.jwk, twin.jwk] } },
    strict: { issuer: 'https://strict.test', jwks: { keys: [key.jwk] }, max_age: 60 },
    down: { issuer: 'https://down.test', jwks_uri: 'http://127.0.0.1:9/jwks', timeout_ms: 300 },
  },
  resources: { [RESOURCE]: {} },
  limits: { max_token_bytes: 2000 },
  routes: [
    { path: '/a/{id}', name: 'items', issuers: ['main', 'strict'], methods: ['GET'], audience: API },
    { path: '/scopes', audience: API, scopes: { all: ['read', 'write', 'delete'], any: ['plan:a', 'plan:b'] } },
    { path: '/orgs/{org}', audience: API, organization: '{org}' },
    { path: '/claims', audience: API, claims: { plan: 'pro' } },
    { path: '/down', issuers: ['down'], audience: API },
    { path: '/denied', access: 'deny' },
    { path: '/pages', audience: API, cors: { origins: ['https://page.test'] } },
    { path: '/mcp', issuers: ['main'], audience: RESOURCE, cors: { origins: ['https://page.test'] } },
    { path: '/service', origin: 'service:ABSENT', access: 'public' },
    { path: '/gone', origin: 'http://127.0.0.1:9', audience: API },
    { path: '/late', timeout_ms: 100, audience: API },
    { path: '/free', access: 'public' },
  ],
  ...changes,
});

const at = (path, headers = [], options = {}) => ({ path, headers, ...options });
const withToken = (compact, path = '/a/7') => at(path, bearer(compact));
const seen = { issuer: 'main', client: 'web' };
const named = { issuer: 'main' };

/** Reason → a request for it, and what its line holds besides. */
const REASONS = {
  bad_path: [at('/a//7'), { status: 400, code: 'gate.bad_path' }],
  no_route: [at('/nowhere/7'), { status: 404, code: 'gate.no_route' }],
  method_not_allowed: [at('/a/7', [], { method: 'DELETE' }), { status: 405, code: 'gate.method_not_allowed' }],
  preflight_denied: [
    at('/pages', [['Origin', 'https://evil.test'], ['Access-Control-Request-Method', 'GET']], { method: 'OPTIONS' }),
    { route: '/pages', status: 403, code: 'gate.preflight_denied' },
  ],
  denied: [withToken(token(), '/denied'), { route: '/denied', status: 403, code: 'gate.denied' }],
  origin_denied: [at('/mcp', [['Origin', 'https://evil.test'], ...bearer(token())]), { route: '/mcp', status: 403, code: 'gate.origin_denied' }],
  authorization_header_missing: [at('/a/7'), { route: 'items', status: 401, code: 'auth.authorization_header_missing' }],
  authorization_token_type_not_supported: [
    at('/a/7', [['Authorization', 'Basic dXNlcjpwYXNz']]),
    { route: 'items', status: 401, code: 'auth.authorization_token_type_not_supported' },
  ],
  authorization_token_invalid_format: [
    at('/a/7', [['Authorization', 'Bearer a b']]),
    { route: 'items', status: 401, code: 'auth.authorization_token_invalid_format' },
  ],
  too_long: [withToken(token({ padding: 'x'.repeat(2000) })), invalid()],
  not_three_parts: [withToken('opaque-token-of-a-provider'), invalid()],
  malformed: [withToken(withSegment(token(), 1, base64url('{"iss":'))), invalid()],
  critical: [withToken(token({}, { header: { crit: ['x'] } })), invalid()],
  algorithm: [withToken(token({}, { header: { alg: 'HS256' } })), invalid()],
  issuer: [withToken(token({ iss: 'https://elsewhere.test' })), invalid()],
  type: [withToken(token({}, { header: { typ: 'logout+jwt' } })), invalid(named)],
  claims: [withToken(token({ exp: undefined })), invalid(named)],
  bound: [withToken(token({ cnf: { jkt: 'x' } })), invalid(named)],
  key_unknown: [withToken(token({}, { header: { kid: 'nobody' } })), invalid(named)],
  key_ambiguous: [withToken(token({}, { header: { kid: undefined } })), invalid(named)],
  signature: [withToken(mint({ ...other, kid: key.kid }, claims(ISSUER, { aud: API }))), invalid(named)],
  token_expired: [withToken(token({ exp: now() - 100 })), { route: 'items', status: 401, code: 'auth.token_expired', ...named }],
  token_not_yet_valid: [withToken(token({ nbf: now() + 500 })), { route: 'items', status: 401, code: 'auth.token_not_yet_valid', ...named }],
  token_too_old: [
    withToken(token({ iss: 'https://strict.test', iat: now() - 500 })),
    { route: 'items', status: 401, code: 'auth.token_too_old', issuer: 'strict' },
  ],
  keys_unavailable: [withToken(token({ iss: 'https://down.test' }), '/down'), { route: '/down', status: 503, code: 'gate.keys_unavailable', issuer: 'down' }],
  invalid_audience: [withToken(token({ aud: 'https://other.test' })), { route: 'items', status: 403, code: 'auth.invalid_audience', ...seen }],
  organization_mismatch: [
    withToken(token({ organization_id: 'theirs' }), '/orgs/ours'),
    { route: '/orgs/{org}', status: 403, code: 'auth.organization_mismatch', ...seen },
  ],
  insufficient_scope: [
    withToken(token({ scope: 'read' }), '/scopes'),
    {
      route: '/scopes', status: 403, code: 'auth.insufficient_scope', ...seen,
      scopes_missing: ['write', 'delete', 'plan:a', 'plan:b'],
    },
  ],
  claim_mismatch: [withToken(token({ plan: 'free' }), '/claims'), { route: '/claims', status: 403, code: 'auth.claim_mismatch', ...seen }],
  misconfigured: [at('/service'), { route: '/service', status: 500, code: 'gate.misconfigured' }],
  origin_unreachable: [withToken(token(), '/gone'), { route: '/gone', status: 502, code: 'gate.origin_unreachable', ...seen }],
  origin_timeout: [withToken(token(), '/late'), { route: '/late', status: 504, code: 'gate.origin_timeout', ...seen }],
};

function invalid(more = {}) {
  return { route: 'items', status: 401, code: 'auth.invalid_token', ...more };
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
let last = 0;
/** A ray for one request, by which its lines are found. */
const newRay = () => `${(last += 1).toString(16).padStart(16, '0')}-FRA`;

const linesIn = (gate, since = 0) => gate.logs.slice(since).map(({ message }) => message).filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

/** Sends a request and returns its answer and the lines about it. */
async function told(gate, { path, headers, ...options }) {
  const ray = newRay();
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  const answer = await gate.request(path, { headers: [...headers, ['CF-Ray', ray], ['traceparent', traceparent]], ...options });
  await gate.logText();
  return { answer, lines: linesIn(gate).filter((line) => line.ray === ray), ray };
}

describe('every reason', () => {
  let gate;
  test('is told once, with what is known and no more', async (context) => {
    gate = await startGate({ policy: policy() });
    for (const [reason, [request, expected]] of Object.entries(REASONS)) {
      await context.test(reason, async () => {
        const { answer, lines, ray } = await told(gate, request);
        assert.equal(answer.status, expected.status, answer.text);
        assert.equal(answer.json.code, expected.code);
        const { method = 'GET' } = request;
        assert.deepEqual(lines, [{ event: 'decision', method, host: HOST, reason, enforced: true, ray, trace: TRACE, ...expected }]);
      });
    }
  });

  test('a revoked token, and a list that cannot be had', async () => {
    const others = { failing: 'export class Revocations { fetch() { throw new Error(); } } export default { fetch: () => new Response() };' };
    const revocation = { store: 'REVOCATIONS', on_failure: 'deny', api: { audience: API, scopes: ['revoke'] } };
    const gates = await startGates([{ policy: policy({ revocation }), revocations: 'gate-0' }, { policy: policy({ revocation }), revocations: 'failing' }], { others });
    const entry = { method: 'POST', body: JSON.stringify({ issuer: 'main', client_id: 'web' }) };
    const operator = token({ client_id: 'operator', scope: 'revoke' });
    assert.equal((await gates[0].request('/.well-known/portcullis/revocations', { headers: bearer(operator), ...entry })).status, 204);
    for (const [at, status, code] of [[0, 401, 'auth.token_revoked'], [1, 503, 'gate.revocations_unavailable']]) {
      const { answer, lines } = await told(gates[at], withToken(token({ iat: now() - 10 })));
      assert.deepEqual([answer.status, answer.json.code], [status, code]);
      const [, reason] = code.split('.');
      REASONS[reason] = [];
      assert.deepEqual(lines.map(({ ray, trace, ...line }) => line), [{ event: 'decision', route: 'items', method: 'GET', host: HOST, status, code, reason, ...seen, enforced: true }]);
    }
    for (const gate of gates) await gate.close();
  });

  test('is described in docs/operations.md, and none else', () => {
    const document = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const described = [...document.matchAll(/^\| \d{3} \| `[a-z_.]+` \| `([a-z_]+)` \|/gm)].map(([, word]) => word);
    assert.deepEqual(described.sort(), Object.keys(REASONS).sort());
  });

  test('a wrong audience on a resource is 401 in the log too', async () => {
    const { lines } = await told(gate, withToken(token(), '/mcp'));
    assert.deepEqual(lines.map(({ status, reason }) => [status, reason]), [[401, 'invalid_audience']]);
    await gate.close();
  });

  test('no policy at all', async () => {
    const none = await startGate({});
    const { lines } = await told(none, at('/x'));
    assert.deepEqual(lines.map(({ status, code, route }) => [status, code, route]), [[500, 'gate.misconfigured', undefined]]);
    await none.close();
  });
});

test('by default no line is told of what is allowed, nor of the gate\'s own paths', async () => {
  const gate = await startGate({ policy: policy() });
  const compact = token();
  for (let turn = 0; turn < 4; turn += 1) assert.equal((await gate.bearer(compact, '/a/7')).status, 200);
  assert.equal((await gate.request('/free')).status, 200);
  assert.equal((await gate.request('/.well-known/oauth-protected-resource/mcp')).status, 200);
  assert.equal((await gate.request('/.well-known/oauth-protected-resource/mcp', { method: 'POST' })).status, 405);
  const preflight = [['Origin', 'https://page.test'], ['Access-Control-Request-Method', 'GET']];
  assert.equal((await gate.request('/pages', { method: 'OPTIONS', headers: preflight })).status, 204);
  assert.equal(await gate.logText(), '');
  await gate.close();
});

test('"none" tells of nothing', async () => {
  const gate = await startGate({ policy: policy({ log: { decisions: 'none' } }) });
  assert.equal((await gate.request('/a/7')).status, 401);
  assert.equal((await gate.bearer(token(), '/late')).status, 504);
  assert.equal(await gate.logText(), '');
  await gate.close();
});

test('"all": one line a request, also of repeated ones, once the origin has answered', async () => {
  const gate = await startGate({ policy: policy({ log: { decisions: 'all' } }) });
  const compact = token();
  for (const [path, turns, expected] of [
    ['/a/7', 20, { route: 'items', status: 200, ...seen, enforced: true }],
    ['/free', 3, { route: '/free', status: 200, enforced: true }],
    ['/gone', 3, { route: '/gone', status: 502, code: 'gate.origin_unreachable', reason: 'origin_unreachable', ...seen, enforced: true }],
    ['/late', 2, { route: '/late', status: 504, code: 'gate.origin_timeout', reason: 'origin_timeout', ...seen, enforced: true }],
    ['/service', 2, { route: '/service', status: 500, code: 'gate.misconfigured', reason: 'misconfigured', enforced: true }],
  ]) {
    for (let turn = 0; turn < turns; turn += 1) {
      const { lines, ray } = await told(gate, withToken(compact, path));
      assert.deepEqual(lines, [{ event: 'decision', method: 'GET', host: HOST, ray, trace: TRACE, ...expected }], path);
    }
  }
  // Forty at once: allowed decisions are not bounded.
  const since = gate.logs.length;
  await Promise.all(Array.from({ length: 40 }, () => gate.bearer(compact, '/a/8')));
  await gate.logText();
  assert.equal(linesIn(gate, since).length, 40);
  await gate.close();
});

test('a client that leaves before the origin answers is told of too', async () => {
  let answer;
  origin.on('/held', (request, response) => { answer = () => response.end('x'); });
  const held = await startGate({ policy: policy({ log: { decisions: 'all' }, resources: {}, routes: [{ path: '/held', access: 'public' }] }) });
  const controller = new AbortController();
  const gone = fetch(`${held.url}/held`, { signal: controller.signal }).catch(() => {});
  assert.ok(await until(() => answer));
  controller.abort();
  await gone;
  answer();
  assert.ok(await held.logged((line) => line.includes('"route":"/held"')));
  await held.close();
});

describe('what only the runtime knows', () => {
  test('ids of traces that are not well-formed are left out, and pass as they came', async () => {
    const gate = await startGate({ policy: policy() });
    const parent = 'b7ad6b7169203331';
    for (const [traceparent, trace] of [
      [`00-${TRACE}-${parent}-00`, TRACE],
      [`cc-${TRACE}-${parent}-01-what-the-future-brings`, TRACE],
      [`00-${TRACE}-${parent}-01-more`, undefined],
      [`ff-${TRACE}-${parent}-01`, undefined],
      [`00-${'0'.repeat(32)}-${parent}-01`, undefined],
      [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
      [`00-${TRACE.toUpperCase()}-${parent}-01`, undefined],
      [`00-${TRACE}-${parent}`, undefined],
      [token(), undefined],
    ]) {
      const since = gate.logs.length;
      await gate.request('/a/7', { headers: [['traceparent', traceparent]] });
      await gate.logText();
      assert.deepEqual(linesIn(gate, since).map((line) => line.trace), [trace], traceparent);
      origin.take();
      await gate.request('/free', { headers: [['traceparent', traceparent], ['tracestate', 'a=b,c=d']] });
      const [received] = origin.take();
      assert.deepEqual([received.header('traceparent'), received.header('tracestate')], [traceparent, 'a=b,c=d'], 'the origin gets them as they came');
    }
    await gate.close();
  });

  test('a ray of another form is left out', async () => {
    const gate = await startGate({ policy: policy() });
    for (const ray of ['a b', 'x'.repeat(65), token(), 'a.b']) {
      const since = gate.logs.length;
      await gate.request('/a/7', { headers: [['CF-Ray', ray]] });
      await gate.logText();
      assert.deepEqual(linesIn(gate, since).map((line) => line.ray), [undefined], ray);
    }
    await gate.close();
  });

  test('neither path nor query nor value of either is told', async () => {
    const gate = await startGate({ policy: policy() });
    const { lines } = await told(gate, at('/a/secret-item?secret-name=secret-value', []));
    assert.equal(lines.length, 1);
    assert.ok(!(await gate.logText()).includes('secret'));
    await gate.close();
  });
});

describe('subjects', () => {
  const line = async (log, bindings = {}) => {
    const gate = await startGate({ policy: policy({ log }), bindings });
    const first = await told(gate, withToken(token({ sub: 'caller', plan: 'free' }), '/claims'));
    const second = await told(gate, withToken(mint({ ...other, kid: key.kid }, claims(ISSUER, { aud: API, sub: 'caller' })), '/claims'));
    const text = await gate.logText();
    return { gate, subjects: [...first.lines, ...second.lines].map(({ subject }) => subject), text };
  };

  test('are hashed under the secret, as documented', async () => {
    const secret = 'a secret of any length '.repeat(9);
    const { gate, subjects } = await line({ subject: 'hash', subject_key: 'SUBJECTS' }, { SUBJECTS: secret });
    const expected = createHmac('sha256', secret).update(`${ISSUER}\0caller`).digest('hex').slice(0, 16);
    assert.deepEqual(subjects, [expected, undefined], 'none of a token whose signature does not hold');
    await gate.close();
  });

  test('are left out without the secret, which the log says once', async () => {
    const { gate, subjects, text } = await line({ subject: 'hash', subject_key: 'SUBJECTS' });
    await told(gate, withToken(token({ plan: 'free' }), '/claims'));
    assert.deepEqual(subjects, [undefined, undefined]);
    assert.equal((await gate.logText()).split('SUBJECTS is absent').length, 2, text);
    await gate.close();
  });

  test('are plain if the policy says so', async () => {
    const gate = await startGate({ policy: policy({ log: { subject: 'plain' } }) });
    // A single word, which the watch over tokens does not take for a leak.
    const { lines } = await told(gate, withToken(token({ sub: 'caller', plan: 'free' }), '/claims'));
    assert.deepEqual(lines.map(({ subject }) => subject), ['caller']);
    await gate.close();
  });
});

test('a flood is bounded, and what was suppressed is told with the next refusal after its minute', async () => {
  const gate = await startGate({ policy: policy(), entry: WITH_CLOCK });
  await Promise.all(Array.from({ length: 60 }, () => gate.request('/a/7')));
  await Promise.all(Array.from({ length: 15 }, () => gate.request('/scopes')));
  await gate.logText();
  const of = (lines, route) => lines.filter((line) => line.route === route);
  assert.deepEqual([of(linesIn(gate), 'items').length, of(linesIn(gate), '/scopes').length], [10, 10]);
  await setAhead(gate, 50);
  await gate.request('/nowhere');
  await gate.logText();
  assert.equal(linesIn(gate).filter((line) => line.suppressed).length, 0, 'the minute is not over');
  await setAhead(gate, 61);
  const since = gate.logs.length;
  await gate.bearer(token(), '/a/7');
  await gate.logText();
  assert.deepEqual(linesIn(gate, since), [], 'only a refusal brings them');
  await gate.request('/nowhere');
  await gate.logText();
  const lines = linesIn(gate, since);
  const suppressed = { event: 'decision', code: 'auth.authorization_header_missing', reason: 'authorization_header_missing' };
  assert.deepEqual(
    lines.filter((line) => line.suppressed).sort((one, next) => (one.route < next.route ? -1 : 1)),
    [{ ...suppressed, route: '/scopes', suppressed: 5 }, { ...suppressed, route: 'items', suppressed: 50 }],
  );
  assert.equal(lines.filter((line) => line.code === 'gate.no_route').length, 1);
  await gate.close();
});

describe('Analytics Engine', () => {
  const RECORDING = `
    import gate from './index.js';
    const DECISIONS = { writeDataPoint(point) { console.log('POINT ' + JSON.stringify(point)); FAULT } };
    export default { fetch: (request, env, context) => gate.fetch(request, { ...env, DECISIONS }, context) };`;
  const points = (gate) => gate.logs.map(({ message }) => message).filter((line) => line.startsWith('POINT ')).map((line) => JSON.parse(line.slice(6)));
  const log = { decisions: 'none', analytics: 'DECISIONS' };
  const named = 'x'.repeat(95) + 'é';

  test('receives a data point for each decision, whatever the lines', async () => {
    const routes = [...policy().routes, { path: '/long', name: named, access: 'deny' }, { path: '/tried', audience: API, scopes: ['no'], enforce: false }];
    const gate = await startGate({ policy: policy({ log, routes }), entry: RECORDING.replace('FAULT', '') });
    const compact = token();
    for (let turn = 0; turn < 5; turn += 1) await gate.bearer(compact, '/a/7');
    await gate.request('/nowhere');
    await gate.bearer(compact, '/scopes');
    await gate.bearer(compact, '/gone');
    await gate.request('/long');
    await gate.bearer(compact, '/tried');
    await gate.request('/.well-known/oauth-protected-resource/mcp');
    await Promise.all(Array.from({ length: 30 }, () => gate.request('/denied')));
    await gate.logText();
    const allowed = { indexes: ['items'], blobs: ['GET', 'allowed', '', 'main', 'web', HOST, 'enforced'], doubles: [200, 1] };
    assert.deepEqual(points(gate), [
      ...Array(5).fill(allowed),
      { indexes: [''], blobs: ['GET', 'gate.no_route', 'no_route', '', '', HOST, 'enforced'], doubles: [404, 1] },
      { indexes: ['/scopes'], blobs: ['GET', 'auth.insufficient_scope', 'insufficient_scope', 'main', 'web', HOST, 'enforced'], doubles: [403, 1] },
      { indexes: ['/gone'], blobs: ['GET', 'gate.origin_unreachable', 'origin_unreachable', 'main', 'web', HOST, 'enforced'], doubles: [502, 1] },
      { indexes: ['x'.repeat(95)], blobs: ['GET', 'gate.denied', 'denied', '', '', HOST, 'enforced'], doubles: [403, 1] },
      { indexes: ['/tried'], blobs: ['GET', 'auth.insufficient_scope', 'insufficient_scope', 'main', 'web', HOST, 'shadow'], doubles: [403, 1] },
      ...Array(30).fill({ indexes: ['/denied'], blobs: ['GET', 'gate.denied', 'denied', '', '', HOST, 'enforced'], doubles: [403, 1] }),
    ]);
    assert.deepEqual(linesIn(gate), [], 'no line');
    await gate.close();
  });

  for (const [what, entry] of [
    ['throws', RECORDING.replace('FAULT', 'throw new Error("full")')],
    ['rejects', RECORDING.replace('FAULT', 'return Promise.reject(new Error("full"))')],
    ['is absent', undefined],
  ]) {
    test(`a binding that ${what} changes no answer`, async () => {
      const gate = await startGate({ policy: policy({ log }), entry });
      const compact = token();
      for (let turn = 0; turn < 4; turn += 1) assert.equal((await gate.bearer(compact, '/a/7')).status, 200);
      for (let turn = 0; turn < 4; turn += 1) assert.equal((await gate.request('/a/7')).status, 401);
      const text = await gate.logText();
      assert.ok(text.split('takes no data points').length <= 2, 'it is told once');
      await gate.close();
    });
  }
});
