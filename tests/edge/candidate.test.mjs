// A candidate policy in KV: what is told of requests that it decides otherwise, and that nothing else shows that it is there.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';

import { WITH_CLOCK, setWorld } from './support/clock.mjs';
import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { HOST, startGate, startGates, until } from './support/gate.mjs';
import { startKeyServer } from './support/keyserver.mjs';
import { newRay, told } from './support/lines.mjs';
import { answerWith, startOrigin } from './support/origin.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const MINUTE = 60_000;
const STALE = 5 * MINUTE;
const APP = 'https://app.example.com';
const key = newKey('ES256');
const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const bindings = { SHARED: 's3cret-of-the-gate', OTHER: 's3cret-of-another', KEY: JSON.stringify(signing) };
const origin = await startOrigin();
const keyServer = await startKeyServer();
beforeEach(() => origin.take());
after(async () => {
  await keyServer.close();
  await origin.close();
});

const issuers = { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } };
const document = (routes, more = {}) => ({ version: 1, origin: origin.url, issuers, routes, ...more });
const token = (changes = {}, by = key) => mint(by, claims(ISSUER, { client_id: 'app-1', scope: 'read', exp: now() + 1_000_000, ...changes }));
const bearer = (...args) => ['Authorization', `Bearer ${token(...args)}`];

let serial = 0;

/** A gate with POLICY_KV, whose clock the test controls. `live` and `candidate` are what it starts with. */
async function stage(t, { live, candidate, ...options }) {
  const gate = await startGate({ policies: `candidates-${(serial += 1)}`, entry: WITH_CLOCK, bindings, ...options });
  t.after(() => gate.close());
  const kv = await gate.policies();
  const text = (policy) => (typeof policy === 'string' ? policy : JSON.stringify(policy));
  const put = (policy, at = 'policy:candidate') => kv.put(at, text(policy));
  let ahead = 0;
  const pass = (milliseconds) => setWorld(gate, { ahead: (ahead += milliseconds) });
  await put(live, 'policy');
  if (candidate !== undefined) await put(candidate);
  const stagehand = {
    gate,
    kv,
    put,
    pass,
    world: (change) => setWorld(gate, change),
    /** A request, its answer, and the lines about it. */
    async ask(path, { headers = [], ...rest } = {}) {
      const { ray, header } = newRay();
      const since = gate.logs.length;
      const answer = await gate.request(path, { headers: [header, ...headers], ...rest });
      const lines = (await told(gate, since)).filter((line) => line.ray === ray);
      return { answer, ray, decisions: lines.filter(({ event }) => event === 'decision'), differences: lines.filter(({ event }) => event === 'candidate') };
    },
    /** Lets the gate look for policies, behind a request. */
    async look(milliseconds = MINUTE) {
      await pass(milliseconds);
      await gate.request('/look');
      await gate.logText();
      origin.take();
    },
  };
  await stagehand.look(0);
  return stagehand;
}

describe('a difference', () => {
  const route = (name, more = {}) => ({ path: `/${name}`, name, audience: API, ...more });
  const open = (name, more = {}) => ({ path: `/${name}`, name, access: 'public', ...more });
  const identity = { secret: { binding: 'SHARED' }, assertion: { issuer: 'https://gate.test', keys: ['KEY'] }, claims: { 'x-auth-plan': 'plan' } };
  const live = document([
    route('same'), route('stricter'), route('laxer', { scopes: ['admin'] }), route('denied'), route('gone'), route('methods'),
    route('shadow'), route('audience'), route('renamed'), route('moved'), route('cut'), route('unshadowed', { enforce: false, scopes: ['admin'] }),
    route('shared', { cors: { origins: [APP] } }), route('header', { organization: '{header.x-org}' }),
    route('bound'), open('opened'),
  ], { identity });
  const other = document([
    route('same'), route('stricter', { scopes: ['admin'] }), route('laxer'), { path: '/denied', name: 'denied', access: 'deny' }, route('methods', { methods: ['PUT'] }),
    route('shadow', { enforce: false }), route('audience', { audience: 'https://other.test' }), { ...route('renamed'), name: 'new-name' }, route('moved', { origin: `${origin.url}/base` }),
    route('cut', { strip_prefix: '/cut' }), route('unshadowed', { scopes: ['admin'] }),
    route('shared', { cors: { origins: ['https://other.example.com'] } }), route('header', { organization: '{header.x-tenant}' }),
    route('bound', { origin: 'service:NOBODY' }), { path: '/opened', name: 'opened', audience: API },
    { path: '/new', name: 'new', access: 'public' },
  ], { identity });
  const allowed = (name, more) => ({ status: 200, route: name, origin: origin.url, enforced: true, ...more });
  const refused = (status, code, name, more) => ({ status, code, ...(name ? { route: name } : {}), enforced: true, ...more });
  let actor;
  const hooks = [];
  before(async () => {
    actor = await stage({ after: (hook) => hooks.push(hook) }, { live, candidate: other });
  });
  after(() => Promise.all(hooks.map((hook) => hook())));

  for (const [name, request, expected] of [
    ['refuses what is allowed', ['/stricter', { headers: [bearer()] }], [allowed('stricter'), refused(403, 'auth.insufficient_scope', 'stricter'), 'insufficient_scope']],
    ['allows what is refused', ['/laxer', { headers: [bearer()] }], [refused(403, 'auth.insufficient_scope', 'laxer'), allowed('laxer')]],
    ['denies', ['/denied', { headers: [bearer()] }], [allowed('denied'), refused(403, 'gate.denied', 'denied'), 'denied']],
    ['refuses otherwise', ['/audience', { headers: [bearer({ aud: 'https://third.test', organization_id: 'x' })] }], undefined],
    ['refuses another token', ['/audience', { headers: [bearer()] }], [allowed('audience'), refused(403, 'auth.invalid_audience', 'audience'), 'invalid_audience']],
    ['has no such route', ['/gone', { headers: [bearer()] }], [allowed('gone'), refused(404, 'gate.no_route'), 'no_route']],
    ['has a new route', ['/new'], [refused(404, 'gate.no_route'), allowed('new')]],
    ['has other methods', ['/methods', { headers: [bearer()] }], [allowed('methods'), refused(405, 'gate.method_not_allowed'), 'method_not_allowed']],
    ['does not enforce', ['/shadow', { headers: [bearer()] }], [allowed('shadow'), allowed('shadow', { enforced: false })]],
    ['does not enforce a refusal', ['/shadow'], [refused(401, 'auth.authorization_header_missing', 'shadow'),
      { ...refused(401, 'auth.authorization_header_missing', 'shadow', { enforced: false }), origin: origin.url }, 'authorization_header_missing']],
    ['enforces a refusal', ['/unshadowed', { headers: [bearer()] }], [
      { ...refused(403, 'auth.insufficient_scope', 'unshadowed', { enforced: false }), origin: origin.url }, refused(403, 'auth.insufficient_scope', 'unshadowed'), 'insufficient_scope']],
    ['names the route otherwise', ['/renamed', { headers: [bearer()] }], [allowed('renamed'), allowed('new-name')]],
    ['sends it elsewhere', ['/moved', { headers: [bearer()] }], [allowed('moved'), allowed('moved', { origin: `${origin.url}/base` })]],
    ['sends it to a service', ['/bound', { headers: [bearer()] }], [allowed('bound'), allowed('bound', { origin: 'service:NOBODY' }), undefined, ['x-auth-assertion']]],
    ['cuts the path', ['/cut', { headers: [bearer()] }], [allowed('cut'), allowed('cut'), undefined, ['x-forwarded-prefix']]],
    ['wants a token', ['/opened'], [allowed('opened'), refused(401, 'auth.authorization_header_missing', 'opened'), 'authorization_header_missing']],
    ['reads another header', ['/header', { headers: [bearer({ organization_id: 'org-1' }), ['x-tenant', 'org-1']] }],
      [refused(403, 'auth.organization_mismatch', 'header'), allowed('header')]],
    ['grants a preflight', ['/shared', { method: 'OPTIONS', headers: [['Origin', 'https://other.example.com'], ['Access-Control-Request-Method', 'PUT']] }],
      [refused(403, 'gate.preflight_denied', 'shared'), { status: 204, enforced: true }]],
    ['denies a preflight that is granted, of which nothing is told', ['/shared', { method: 'OPTIONS', headers: [['Origin', APP], ['Access-Control-Request-Method', 'PUT']] }], undefined],
    ['agrees', ['/same', { headers: [bearer()] }], undefined],
    ['agrees to refuse', ['/same'], undefined],
    ['agrees that there is no route', ['/nowhere'], undefined],
    ['agrees that the path is ambiguous', ['//same'], undefined],
    ['shows in the key set of assertions, which is the gate\'s own', ['/.well-known/portcullis/jwks.json'], undefined],
  ]) {
    test(`of a candidate that ${name}`, async () => {
      const { differences, ray } = await actor.ask(...request);
      if (expected === undefined) return assert.deepEqual(differences, []);
      const [was, would, reason, headers = []] = expected;
      return assert.deepEqual(differences, [{
        event: 'candidate', ...(would.route ? { route: would.route } : {}), method: request[1]?.method ?? 'GET', host: HOST,
        ...(reason ? { reason } : {}), live: was, candidate: would, headers, ray,
      }]);
    });
  }

  test('has the trace, and nothing of the token', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const { differences: [line] } = await actor.ask('/stricter?secret=path', { headers: [['traceparent', `00-${trace}-b7ad6b7169203331-01`], bearer()] });
    assert.equal(line.trace, trace);
    assert.deepEqual(Object.keys(line), ['event', 'route', 'method', 'host', 'reason', 'live', 'candidate', 'headers', 'ray', 'trace']);
  });

  test('of headers', async (t) => {
    for (const [changes, names] of [
      [{}, undefined],
      [{ prefix: 'x-user-' , claims: { 'x-user-plan': 'plan' } }, ['assertion', 'audience', 'client-id', 'issuer', 'plan', 'scopes', 'secret', 'subject'].flatMap((name) => [`x-auth-${name}`, `x-user-${name}`])],
      [{ secret: { binding: 'OTHER' } }, ['x-auth-secret']],
      [{ claims: { 'x-auth-plan': 'sub' } }, ['x-auth-plan']],
      [{ claims: {} }, ['x-auth-plan']],
      [{ payload_header: true }, ['x-auth-claims']],
      [{ assertion: { issuer: 'https://other.test', keys: ['KEY'] } }, ['x-auth-assertion']],
      [{ forward_token: false }, undefined],
    ]) {
      const { ask } = await stage(t, { live, candidate: { ...live, identity: { ...identity, ...changes }, limits: { max_token_bytes: 8000 } } });
      const { differences } = await ask('/same', { headers: [bearer({ plan: 'pro' })] });
      assert.deepEqual(differences.map(({ headers }) => headers.sort()), names ? [names.sort()] : [], JSON.stringify(changes));
      const text = JSON.stringify(differences);
      for (const secret of [bindings.SHARED, bindings.OTHER, 'pro']) assert.ok(!text.includes(secret));
    }
  });
});

test('each of ten identical requests is judged, also those that a grant would have forwarded', async (t) => {
  const routes = (more) => document([{ path: '/a', name: 'a', audience: API, ...more }]);
  const { ask, put, look, kv } = await stage(t, { live: routes(), candidate: routes({ scopes: ['admin'] }) });
  const headers = [bearer()];
  for (let i = 0; i < 10; i += 1) assert.equal((await ask('/a', { headers })).differences.length, 1);
  await kv.delete('policy:candidate');
  await look();
  for (let i = 0; i < 5; i += 1) assert.equal((await ask('/a', { headers })).differences.length, 0);
  await put(routes({ scopes: ['admin'] }));
  await look();
  for (let i = 0; i < 5; i += 1) assert.equal((await ask('/a', { headers })).differences.length, 1, 'the grants are forgotten');
});

test('a decision that was under way when a candidate came leaves no grant behind', async (t) => {
  const slowly = `${WITH_CLOCK}
const { sign } = SubtleCrypto.prototype;
SubtleCrypto.prototype.sign = async function (...args) {
  await new Promise((resolve) => { setTimeout(resolve, world.signing ?? 0); });
  return sign.apply(this, args);
};`;
  const identity = { assertion: { issuer: 'https://gate.test', keys: ['KEY'] } };
  // Assertions for two names of one origin: the second one is signed for a token that is known.
  const routes = (more) => document([
    { path: '/a', name: 'a', audience: API }, { path: '/b', name: 'b', audience: API, origin: `http://localhost:${origin.port}`, ...more },
  ], { identity });
  const { ask, put, look, gate, world } = await stage(t, { live: routes(), entry: slowly });
  const headers = [bearer()];
  assertForwarded((await ask('/a', { headers })).answer, origin);
  await world({ signing: 1500 });
  const underWay = gate.request('/b', { headers });
  await put(routes({ scopes: ['admin'] }));
  await look();
  await world({ signing: 0 });
  assert.equal((await ask('/b', { headers: [bearer()] })).differences.length, 1, 'the candidate is there');
  assert.equal((await underWay).status, 200);
  for (let i = 0; i < 4; i += 1) assert.equal((await ask('/b', { headers })).differences.length, 1);
});

test('a candidate appears, is replaced, is dropped and is promoted', async (t) => {
  const named = (name) => document([{ path: '/a', name, access: 'public' }]);
  const { ask, put, look, kv } = await stage(t, { live: named('live') });
  const names = async () => (await ask('/a')).differences.map(({ route }) => route);
  assert.deepEqual(await names(), []);
  await put(named('one'));
  assert.deepEqual(await names(), [], 'the store is asked once a minute');
  await look();
  assert.deepEqual(await names(), ['one']);
  await put(named('two'));
  await look(STALE);
  assert.deepEqual(await names(), ['two']);
  await kv.delete('policy:candidate');
  await look();
  assert.deepEqual(await names(), []);
  await put(named('three'));
  await look();
  await put(named('three'), 'policy');
  await look();
  const { decisions, differences } = await ask('/a');
  assert.deepEqual([decisions, differences], [[], []]);
  assert.deepEqual((await ask('/b')).differences, []);
});

test('the schedule looks for candidates too, and leaves none beside a policy that it puts in force', async (t) => {
  const named = (name) => document([{ path: '/a', name, access: 'public' }]);
  const { ask, gate, put, pass } = await stage(t, { live: named('live') });
  await put(named('one'));
  await gate.scheduled();
  assert.deepEqual((await ask('/a')).differences.map(({ route }) => route), ['one']);
  await put(named('one'), 'policy');
  await pass(MINUTE / 2);
  await gate.scheduled();
  assert.deepEqual((await ask('/a')).differences, []);
});

test('an invalid candidate is told once and ignored, and costs no grants', async (t) => {
  const live = document([{ path: '/a', name: 'a', audience: API }]);
  const { ask, gate, look, put } = await stage(t, { live, candidate: { version: 1, routes: [{ path: 'a', access: 'publik' }] } });
  for (let round = 0; round < 4; round += 1) {
    assertForwarded((await ask('/a', { headers: [bearer()] })).answer, origin);
    await look();
  }
  const lines = (await gate.logText()).split('\n').filter((line) => line.startsWith('policy:candidate is rejected: '));
  assert.equal(lines.length, 1, lines.join('\n'));
  await put(document([{ path: '/b', name: 'b', audience: API }]));
  await look();
  assert.equal((await ask('/a')).differences.length, 1);
});

test('lines are bounded by route and reason, and what was left out is told later', async (t) => {
  const live = document([{ path: '/a', name: 'a', access: 'public' }, { path: '/b', name: 'b', access: 'public' }]);
  const candidate = document([{ path: '/a', name: 'a', audience: API }, { path: '/b', name: 'b', access: 'deny' }]);
  const { gate, pass } = await stage(t, { live, candidate });
  const since = gate.logs.length;
  for (let i = 0; i < 25; i += 1) await gate.request('/a');
  for (let i = 0; i < 12; i += 1) await gate.request('/a', { headers: [['Authorization', 'Basic x']] });
  for (let i = 0; i < 3; i += 1) await gate.request('/b');
  const counts = Map.groupBy(await told(gate, since), ({ event, route, reason }) => `${event} ${route} ${reason}`);
  assert.deepEqual(Object.fromEntries([...counts].map(([kind, lines]) => [kind, lines.length])), {
    'candidate a authorization_header_missing': 10, 'candidate a authorization_token_type_not_supported': 10, 'candidate b denied': 3,
  });
  await pass(MINUTE);
  const later = gate.logs.length;
  await gate.request('/b');
  const summaries = (await told(gate, later)).filter(({ suppressed }) => suppressed);
  assert.deepEqual(summaries.sort((one, two) => two.suppressed - one.suppressed), [
    { event: 'candidate', route: 'a', code: 'auth.authorization_header_missing', reason: 'authorization_header_missing', suppressed: 15 },
    { event: 'candidate', route: 'a', code: 'auth.authorization_token_type_not_supported', reason: 'authorization_token_type_not_supported', suppressed: 2 },
  ]);
});

test('nothing is told under decisions = "none" of the live policy, whatever the candidate says', async (t) => {
  const policy = (name, decisions) => document([{ path: '/a', name, access: 'public' }], { log: { decisions } });
  const silent = await stage(t, { live: policy('live', 'none'), candidate: policy('other', 'all') });
  const { differences, decisions } = await silent.ask('/a');
  assert.deepEqual([differences, decisions], [[], []]);
  const talking = await stage(t, { live: policy('live', 'refused'), candidate: policy('other', 'none') });
  assert.equal((await talking.ask('/a')).differences.length, 1);
});

test('nothing else shows that there is a candidate: not to clients, origins, issuers or the store', { timeout: 60_000 }, async (t) => {
  const issuer = keyServer.issuer(`shared-${(serial += 1)}`, [key.jwk]);
  const own = keyServer.issuer(`own-${serial}`, [key.jwk]);
  const live = {
    version: 1,
    origin: origin.url,
    issuers: { main: { issuer: issuer.issuer } },
    identity: { secret: { binding: 'SHARED' }, claims: { 'x-auth-plan': 'plan' } },
    cors: { origins: [APP] },
    routes: [
      { path: '/a', name: 'a', audience: API }, { path: '/scoped', audience: API, scopes: ['admin'] }, { path: '/shadow', audience: API, scopes: ['admin'], enforce: false },
      { path: '/open/{*rest}', access: 'public' }, { path: '/denied', access: 'deny' }, { path: '/by/{org}', audience: API, organization: '{org}' },
    ],
  };
  const candidate = {
    ...live,
    // The same iss, with its keys elsewhere; and an issuer of its own.
    issuers: { main: { issuer: issuer.issuer, jwks_uri: own.jwksUri, jwks_cooldown: 300 }, own: { issuer: own.issuer } },
    identity: { prefix: 'x-user-', forward_token: false, payload_header: true },
    cors: { origins: ['*'] },
    paths: { case: 'exact' },
    routes: [{ path: '/{*rest}', name: 'all', audience: '*', organization: '{header.x-org}' }],
  };
  const start = async (text) => {
    const gate = await startGate({ policies: `bare-${(serial += 1)}`, entry: WITH_CLOCK, bindings });
    t.after(() => gate.close());
    const kv = await gate.policies();
    await kv.put('policy', JSON.stringify(live));
    if (text) await kv.put('policy:candidate', text);
    await gate.request('/look');
    await gate.logText();
    return gate;
  };
  origin.on('/open/cors', answerWith(200, [['access-control-allow-origin', '*'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['etag', '"1"']], 'text'));
  const by = (changes) => ['Authorization', `Bearer ${token({ iss: issuer.issuer, jti: 'fixed', iat: undefined, exp: 4_000_000_000, ...changes })}`];
  const [good, admin, ofOrg, unknown] = [by({ plan: 'pro' }), by({ scope: 'admin' }), by({ organization_id: 'org-1' }), ['Authorization', `Bearer ${token({ iss: issuer.issuer }, newKey('ES256', { kid: 'never' }))}`]];
  const foreign = ['Authorization', `Bearer ${token({ iss: own.issuer })}`];
  const requests = [];
  for (const path of ['/a', '/A', '/scoped', '/shadow', '/open/x?y=1', '/open/cors', '/denied', '/by/org-1', '/by/org-2', '/none', '//a']) {
    for (const headers of [[], [good], [admin], [ofOrg], [unknown], [foreign], [['Authorization', 'Basic x']], [good, ['Origin', APP], ['x-org', 'org-1']], [['Origin', 'https://evil.test']]]) {
      requests.push([path, { headers }], [path, { headers, method: 'POST', body: 'a=b' }]);
    }
    requests.push([path, { method: 'OPTIONS', headers: [['Origin', APP], ['Access-Control-Request-Method', 'PUT']] }], [path, { method: 'HEAD', headers: [good] }]);
  }
  const history = async (gate) => {
    const seen = [];
    for (const [path, options] of [...requests, ...requests]) {
      const { status, rawHeaders, text } = await gate.request(path, options);
      const arrived = origin.take().map(({ method, url, rawHeaders: headers, body }) => [method, url, headers, body?.toString()]);
      const plain = rawHeaders.filter((_, index) => !/^date$/i.test(rawHeaders[index - (index % 2)]));
      seen.push([path, status, plain, text, arrived]);
    }
    await gate.logText();
    return seen;
  };
  const [without, withCandidate] = [await start(), await start(JSON.stringify(candidate))];
  issuer.reset();
  const expected = await history(without);
  const [fetches, entry] = [{ ...issuer.counts }, await without.entry(issuer.issuer)];
  issuer.reset();
  const seen = await history(withCandidate);
  for (const [index, each] of seen.entries()) assert.deepEqual(each, expected[index]);
  assert.deepEqual(issuer.counts, fetches, 'as many fetches of the issuer that the policy in force names');
  assert.ok(fetches.jwks >= 1);
  const stored = await withCandidate.entry(issuer.issuer);
  assert.deepEqual({ ...stored, fetched_at: 0 }, { ...entry, fetched_at: 0 }, 'and its entry is its own');
  assert.equal(await withCandidate.entry(own.issuer), null);
  assert.ok((await told(withCandidate)).some(({ event }) => event === 'candidate'));
});

describe('keys', () => {
  const policies = (own, more) => [
    document([{ path: '/a', name: 'a', access: 'public' }]),
    document([{ path: '/a', name: 'a', audience: '*' }], { issuers: { own: { issuer: own.issuer, ...more } } }),
  ];

  test('of an issuer that only the candidate names are asked for once a cooldown, however many tokens name unknown ones', async (t) => {
    const own = keyServer.issuer(`flooded-${(serial += 1)}`, [key.jwk]);
    const [live, candidate] = policies(own, { jwks_cooldown: 50, jwks_ttl: 20 });
    const { gate, pass } = await stage(t, { live, candidate });
    const flood = async () => {
      const send = (i) => gate.bearer(token({ iss: own.issuer }, newKey('ES256', { kid: `of-nobody-${i}` })), '/a');
      for (let round = 0; round < 3; round += 1) {
        const answers = await Promise.all(Array.from({ length: 15 }, (_, i) => send(i)));
        assert.ok(answers.every(({ status }) => status === 200));
        await gate.logText();
      }
    };
    const counts = [];
    // Seconds apart enough for a busy machine.
    for (const seconds of [0, 20, 10, 30, 25, 40]) {
      await pass(seconds * 1000);
      await flood();
      counts.push(own.counts.jwks);
    }
    assert.deepEqual(counts, [1, 1, 1, 2, 2, 3]);
    assert.equal(own.counts.discovery, 3);
  });

  test('that a request would have to wait for are not waited for, and it is not judged', async (t) => {
    const own = keyServer.issuer(`slow-${(serial += 1)}`, [key.jwk]);
    const [live, candidate] = policies(own);
    const { ask, gate } = await stage(t, { live, candidate });
    const headers = [bearer({ iss: own.issuer })];
    assert.deepEqual((await ask('/a', { headers })).differences, []);
    assert.ok(await until(() => own.counts.jwks === 1));
    await gate.logText();
    const { differences: [line] } = await ask('/a', { headers });
    assert.deepEqual(line.headers.sort(), ['audience', 'client-id', 'issuer', 'scopes', 'subject'].map((name) => `x-auth-${name}`));
  });

  test('of an issuer that both name are never asked for by the candidate, and no cooldown begins', async (t) => {
    const both = keyServer.issuer(`both-${(serial += 1)}`, [key.jwk]);
    const of = (routes) => document(routes, { issuers: { [`main-${routes.length}`]: { issuer: both.issuer, jwks_cooldown: 300, ...(routes.length === 1 ? { timeout_ms: 1, jwks_max_stale: 1, jwks_ttl: 1 } : {}) } } });
    const live = of([{ path: '/a', name: 'a', access: 'public' }, { path: '/t', name: 't', audience: API }]);
    const { ask, gate } = await stage(t, { live, candidate: of([{ path: '/{*rest}', name: 'all', audience: '*' }]) });
    const unknown = () => ['Authorization', `Bearer ${token({ iss: both.issuer }, newKey('ES256', { kid: 'never' }))}`];
    for (let i = 0; i < 5; i += 1) assert.deepEqual((await ask('/a', { headers: [unknown()] })).differences, [], 'there are no keys to judge by');
    await gate.logText();
    assert.deepEqual(both.counts, { discovery: 0, jwks: 0 });
    assertForwarded((await ask('/t', { headers: [bearer({ iss: both.issuer })] })).answer, { take: () => origin.take().slice(-1) });
    assert.equal(both.counts.jwks, 1);
    // Had the candidate begun a cooldown, this key would not be found.
    const added = newKey('ES256');
    both.keys.push(added.jwk);
    for (let i = 0; i < 3; i += 1) await ask('/a', { headers: [unknown()] });
    assert.equal(both.counts.jwks, 1);
    assert.equal((await ask('/t', { headers: [bearer({ iss: both.issuer }, added)] })).answer.status, 200);
    assert.equal(both.counts.jwks, 2);
  });

  test('of an issuer that is down are told of once', async (t) => {
    const own = keyServer.issuer(`down-${(serial += 1)}`, [key.jwk]);
    own.discovery = (request, response) => response.writeHead(500).end();
    const [live, candidate] = policies(own, { jwks_cooldown: 1 });
    const { ask, gate, pass } = await stage(t, { live, candidate, policy: candidate });
    for (let i = 0; i < 4; i += 1) {
      assert.deepEqual((await ask('/a', { headers: [bearer({ iss: own.issuer })] })).differences, []);
      await pass(5000);
    }
    assert.ok(own.counts.discovery > 1);
    const lines = (await gate.logText()).split('\n').filter((line) => line.includes('cannot be fetched'));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0], /^candidate: issuer own: /);
  });
});

test('a secret that only the candidate lacks is a difference, and is told once', async (t) => {
  const of = (binding) => document([{ path: '/a', name: 'a', audience: API }], { identity: { secret: { binding } } });
  const { ask, gate } = await stage(t, { live: of('SHARED'), candidate: of('ABSENT') });
  for (let i = 0; i < 3; i += 1) {
    const { answer, differences: [line] } = await ask('/a', { headers: [bearer()] });
    assertForwarded(answer, origin);
    assert.deepEqual([line.candidate.status, line.candidate.code, line.reason], [500, 'gate.misconfigured', 'misconfigured']);
  }
  assert.equal((await gate.logText()).split('\n').filter((line) => line.includes('ABSENT')).length, 1);
});

test('a request that fails behind its decision is told as such, and as the difference that it is', async (t) => {
  const live = document([{ path: '/a', name: 'a', access: 'public', origin: 'service:NOBODY' }]);
  const { ask } = await stage(t, { live, candidate: document([{ path: '/b', name: 'b', access: 'public' }]) });
  const { answer, decisions, differences } = await ask('/a');
  assertRefused(answer, 'gate.misconfigured', { origin });
  assert.deepEqual([decisions.length, decisions[0].status, differences.length, differences[0].live.status], [1, 500, 1, 200]);
});

test('where no work goes on behind a response, nothing is judged, and that is told once', async (t) => {
  const entry = `
    import gate from './index.js';
    const context = { waitUntil() { throw new TypeError('lost'); } };
    export default { fetch: (request, env) => gate.fetch(request, env, context) };
  `;
  const gate = await startGate({ policies: 'candidates-lost', entry, bindings });
  t.after(() => gate.close());
  const kv = await gate.policies();
  await kv.put('policy', JSON.stringify(document([{ path: '/{*rest}', access: 'public' }])));
  await kv.put('policy:candidate', JSON.stringify(document([{ path: '/{*rest}', access: 'deny' }])));
  for (let i = 0; i < 20; i += 1) assertForwarded(await gate.request('/a'), origin);
  const lines = (await gate.logText()).split('\n');
  assert.deepEqual(lines.filter((line) => line.startsWith('waitUntil: ')), ['waitUntil: TypeError']);
  assert.deepEqual(lines.filter((line) => line.includes('"candidate"')), []);
});
