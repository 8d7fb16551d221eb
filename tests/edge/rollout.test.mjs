// The policy in KV: which one is in force, when another takes its place, and that none is ever in force by half.

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { WITH_CLOCK, setWorld } from './support/clock.mjs';
import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { FAULTY_BUILD, startGate, until } from './support/gate.mjs';
import { startKeyServer } from './support/keyserver.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const MINUTE = 60_000;
const STALE = 5 * MINUTE;
const CANARY = 'canary-of-the-store';

const key = newKey('ES256');
const jwks = { keys: [key.jwk] };
const origin = await startOrigin();
const keyServer = await startKeyServer();
beforeEach(() => origin.take());
after(async () => {
  await keyServer.close();
  await origin.close();
});

/** A policy that sends all to the folder of this name. */
const named = (name, changes = {}) => ({
  version: 1,
  origin: `${origin.url}/${name}`,
  issuers: { main: { issuer: ISSUER, jwks } },
  routes: [{ path: '/{*any}', access: 'public' }],
  ...changes,
});
const BAD = { version: 1, route: [], routes: [{ path: '/a', access: 'publik' }, { path: 'b', access: 'public', scopes: ['x'] }] };
const BAD_PLACES = ['route:', 'routes[0].access', 'routes[1].path', 'routes[1].scopes'];

/** A token that outlives the tests' clock. */
const tokenOf = (issuer, changes) => mint(key, claims(issuer, { exp: now() + 1_000_000, ...changes }));

let serial = 0;

/** A gate with POLICY_KV. `stored` is what it holds: key → policy, or a text. */
async function stage(t, { variable, stored = {}, kept = `policies-${(serial += 1)}`, ...options } = {}) {
  const gate = await startGate({ policy: variable, policies: kept, entry: WITH_CLOCK, ...options });
  t.after(() => gate.close());
  const kv = await gate.policies();
  const put = (policy, at = 'policy') => kv.put(at, typeof policy === 'string' ? policy : JSON.stringify(policy));
  for (const [at, policy] of Object.entries(stored)) await put(policy, at);
  let ahead = 0;
  const world = (change) => setWorld(gate, change);
  return {
    gate,
    kv,
    put,
    world,
    pass: (milliseconds) => world({ ahead: (ahead += milliseconds) }),
    /** The folder that a request goes to. */
    async goesTo(name, ...request) {
      assert.equal(assertForwarded(await gate.request('/x', ...request), origin).url, `/${name}/x`);
    },
    async refuses() {
      assertRefused(await gate.request('/x'), 'gate.misconfigured', { origin, secret: CANARY });
    },
  };
}

describe('the first request of an isolate', () => {
  test('is decided by the policy in KV, not by the variable', async (t) => {
    const { goesTo, kv } = await stage(t, { variable: named('variable'), stored: { policy: named('kv') } });
    await goesTo('kv');
    assert.equal(await until(() => kv.get('policy:last-good')), JSON.stringify(named('kv')));
  });

  test('is decided by the variable where KV has none', async (t) => {
    const { goesTo, kv } = await stage(t, { variable: named('variable') });
    await goesTo('variable');
    assert.equal(await kv.get('policy:last-good'), null);
  });

  test('is refused where there is none at all, and the log says so', async (t) => {
    const { gate, refuses, pass, put, goesTo } = await stage(t);
    await refuses();
    assert.ok(await gate.logged((line) => line === 'there is no policy: POLICY_KV has none, and the variable POLICY is absent'));
    await put(named('kv'));
    await pass(1000);
    await goesTo('kv');
  });

  test('is decided by the last good one where the one in KV is bad', async (t) => {
    const stored = { policy: BAD, 'policy:last-good': named('good') };
    const { goesTo } = await stage(t, { variable: named('variable'), stored });
    await goesTo('good');
  });

  test('is refused where the policies in KV are bad and there is no variable', async (t) => {
    const { gate, refuses } = await stage(t, { stored: { policy: BAD } });
    await refuses();
    const line = await gate.logged((text) => text.startsWith('policy is rejected: invalid policy:'));
    for (const place of BAD_PLACES) assert.ok(line.includes(`\n  ${place}`), line);
  });

  for (const fault of ['throws', 'rejects', 'rejects with no error', 'gives nothing', 'gives an object', 'never answers']) {
    test(`is refused where KV ${fault}, whatever the variable; then it is tried again`, async (t) => {
      const { gate, world, refuses, pass, goesTo } = await stage(t, { variable: named('variable'), stored: { policy: named('kv') } });
      await world({ fault });
      await refuses();
      assert.ok(await gate.logged((line) => line.startsWith('POLICY_KV cannot be read: ')));
      await world({ fault: null });
      await pass(1000);
      await goesTo('kv');
    });
  }

  test('comes with others: all are answered by the policy', async (t) => {
    const { gate } = await stage(t, { stored: { policy: named('kv') } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => gate.request('/x')));
    assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200));
    assert.deepEqual(new Set(origin.take().map(({ url }) => url)), new Set(['/kv/x']));
  });
});

describe('a new policy', () => {
  test('comes into force within a minute, behind the response', async (t) => {
    const { pass, put, goesTo, gate } = await stage(t, { stored: { policy: named('a') } });
    await goesTo('a');
    await put(named('b'));
    await goesTo('a');
    await pass(MINUTE);
    await goesTo('a');
    assert.ok(await gate.logged((line) => line === 'a new policy is in force'));
    await goesTo('b');
  });

  test('is asked for first by an isolate that had no requests', async (t) => {
    const { pass, put, goesTo } = await stage(t, { stored: { policy: named('a') } });
    await goesTo('a');
    await put(named('b'));
    await pass(STALE);
    await goesTo('b');
  });

  for (const back of [2 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE]) {
    test(`is asked for first where the clock went back by ${back / MINUTE} minutes, and then a minute later`, async (t) => {
      const { gate, pass, put, goesTo } = await stage(t, { stored: { policy: named('a') } });
      await pass(back);
      await goesTo('a');
      await put(named('b'));
      await pass(-back);
      await goesTo('b');
      await put(named('c'));
      await goesTo('b');
      await pass(MINUTE);
      await goesTo('b');
      assert.ok(await until(async () => assertForwarded(await gate.request('/x'), origin).url === '/c/x'));
    });
  }

  for (const [name, bad] of [
    ['with mistakes', BAD], ['that is no JSON', 'version = 1'], ['that is empty', ''], ['of 5 MB', JSON.stringify(named('x')) + ' '.repeat(5e6)],
    ['with keys that nobody can import', named('x', { issuers: { main: { issuer: ISSUER, jwks: { keys: [{ ...key.jwk, x: key.jwk.y }] } } } })],
  ]) {
    test(`${name} is refused, once, and the last good one goes on; the next good one gets in`, async (t) => {
      const { gate, pass, put, goesTo, kv } = await stage(t, { variable: named('variable'), stored: { policy: named('a') } });
      await goesTo('a');
      await put(bad);
      for (let round = 0; round < 4; round += 1) {
        await pass(STALE);
        await goesTo('a');
        await goesTo('a');
      }
      const lines = (await gate.logText()).split('\n').filter((line) => line.startsWith('policy is rejected'));
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.equal(await kv.get('policy:last-good'), JSON.stringify(named('a')));
      await put(named('b'));
      await pass(STALE);
      await goesTo('b');
    });
  }

  test('that is taken away again leaves the last good one in force', async (t) => {
    const { gate, kv, pass, goesTo } = await stage(t, { variable: named('variable'), stored: { policy: named('a') } });
    await goesTo('a');
    await kv.delete('policy');
    await pass(STALE);
    await goesTo('a');
    assert.ok(await gate.logged((line) => line.includes('no policy any more')));
  });

  for (const fault of ['throws', 'never answers']) {
    test(`of a KV that ${fault} leaves the last good one in force`, async (t) => {
      const { world, pass, put, goesTo } = await stage(t, { stored: { policy: named('a') } });
      await goesTo('a');
      await put(named('b'));
      await world({ fault });
      await pass(MINUTE);
      await goesTo('a');
      await world({ fault: null });
      await pass(STALE);
      await goesTo('b');
    });
  }

  test('decides by the headers that it names, from its first request on', async (t) => {
    const asking = (header) => named(header, { routes: [{ path: '/{*any}', audience: API, organization: `{header.${header}}` }] });
    const { gate, pass, put } = await stage(t, { stored: { policy: asking('x-first') } });
    const token = tokenOf(ISSUER, { organization_id: 'org-1' });
    const send = (header, value) => gate.bearer(token, '/x', { headers: [[header, value]] });
    for (const [header, other] of [['x-first', 'x-second'], ['x-second', 'x-first'], ['x-first', 'x-second']]) {
      await put(asking(header));
      await pass(STALE);
      assert.equal(assertForwarded(await send(header, 'org-1'), origin).url, `/${header}/x`);
      for (const [name, value] of [[header, 'org-2'], [other, 'org-1']]) {
        assertRefused(await send(name, value), 'auth.organization_mismatch', { origin });
      }
    }
  });

  test('does not make an issuer\'s keys be fetched again', async (t) => {
    const issuer = keyServer.issuer('stays', [key.jwk]);
    const policy = (name) => named(name, {
      issuers: { [name]: { issuer: issuer.issuer } }, routes: [{ path: '/{*any}', audience: API }],
    });
    const { gate, pass, put } = await stage(t, { stored: { policy: policy('a') }, kv: null });
    const token = tokenOf(issuer.issuer);
    for (const name of ['a', 'b']) {
      await put(policy(name));
      await pass(STALE);
      assert.equal(assertForwarded(await gate.bearer(token, '/x'), origin).url, `/${name}/x`);
    }
    assert.equal(issuer.counts.jwks, 1);
  });
});

test('requests under load see one policy or the other, never a part of both', async (t) => {
  const reads = (name) => named(name, {
    issuers: { [`of-${name}`]: { issuer: ISSUER, jwks } },
    routes: [{ path: '/{*any}', audience: API, claims: { sub: `{header.x-${name}}`, [`only-${name}`]: name } }],
  });
  const { gate, pass, put } = await stage(t, { stored: { policy: reads('a') } });
  const token = () => tokenOf(ISSUER, { 'only-a': 'a', 'only-b': 'b' });
  const headers = [['x-a', 'user-1'], ['x-b', 'user-1']];
  let isOver = false;
  const statuses = [];
  const client = async () => {
    while (!isOver) statuses.push((await gate.bearer(token(), '/x', { headers })).status);
  };
  const clients = Array.from({ length: 8 }, client);
  for (let round = 0; round < 12; round += 1) {
    await put(reads(round % 2 === 0 ? 'b' : 'a'));
    await pass(MINUTE);
    await new Promise((resolve) => { setTimeout(resolve, 60); });
  }
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual(statuses.filter((status) => status !== 200), []);
  const folders = origin.take().map(({ url }) => url);
  const changes = folders.filter((folder, index) => index > 0 && folder !== folders[index - 1]).length;
  assert.deepEqual(new Set(folders), new Set(['/a/x', '/b/x']));
  assert.ok(changes >= 6, `${changes} changes in ${folders.length} requests`);
});

describe('the scheduled handler', () => {
  test('looks for the policy, then refreshes the keys of its issuers', async (t) => {
    const [first, second] = ['first', 'second'].map((name) => keyServer.issuer(name, [key.jwk]));
    const of = (name, issuer) => named(name, { issuers: { main: { issuer: issuer.issuer } } });
    const { gate, put, goesTo } = await stage(t, { stored: { policy: of('a', first) } });
    await gate.scheduled();
    assert.deepEqual((await gate.entry(first.issuer)).keys, [key.jwk]);
    await put(of('b', second));
    await gate.scheduled();
    assert.deepEqual((await gate.entry(second.issuer)).keys, [key.jwk]);
    await goesTo('b');
  });

  test('does nothing where there is no policy', async (t) => {
    const { gate, refuses } = await stage(t, { stored: { policy: BAD } });
    await gate.scheduled();
    await refuses();
  });
});

test('an instance that breaks is followed by one with the same policy, whatever KV says', async (t) => {
  const { gate, world, goesTo, put, pass } = await stage(t, { stored: { policy: named('a') }, build: FAULTY_BUILD });
  await goesTo('a');
  for (const fault of ['panic', 'memory', 'stack later']) {
    await world({ fault: 'throws' });
    assertRefused(await gate.request('/x', { headers: [['x-fault', fault]] }), 'gate.misconfigured', { origin });
    await goesTo('a');
  }
  await world({ fault: null });
  await put(named('b'));
  await pass(STALE);
  await goesTo('b');
});

describe('a policy that breaks the instance that reads it', () => {
  const breaking = named('x-fault');
  const leftOut = (line) => line === 'POLICY_KV: the gate broke while it read policy, and will not read this text again';

  test('costs one request, and the last good one goes on', async (t) => {
    const { gate, goesTo, refuses, put, pass } = await stage(t, { stored: { policy: named('a') }, build: FAULTY_BUILD });
    await goesTo('a');
    await put(breaking);
    await pass(STALE);
    await refuses();
    for (let round = 0; round < 3; round += 1) {
      await goesTo('a');
      await pass(STALE);
    }
    assert.equal((await gate.logText()).split('\n').filter(leftOut).length, 1);
    await put(named('b'));
    await pass(STALE);
    await goesTo('b');
  });

  test('costs one more if the candidate is another such text', async (t) => {
    const stored = { policy: named('a'), 'policy:candidate': named('x-fault-too') };
    const { gate, goesTo, put, pass } = await stage(t, { stored, build: FAULTY_BUILD });
    await goesTo('a');
    await gate.logText();
    await put(breaking);
    await pass(STALE);
    let broken = 0;
    for (let round = 0; round < 6; round += 1) {
      broken += Number((await gate.request('/x')).status !== 200);
      origin.take();
      await gate.logText();
      await pass(STALE);
    }
    assert.ok(broken <= 2, `${broken} of 6 requests`);
    await goesTo('a');
    const lines = (await gate.logText()).split('\n').filter((line) => line.includes('will not read this text again'));
    assert.equal(lines.length, 2, lines.join('\n'));
  });

  test('does so in an isolate that starts with it', async (t) => {
    const stored = { policy: breaking, 'policy:last-good': named('a') };
    const { goesTo, refuses } = await stage(t, { stored, build: FAULTY_BUILD });
    await refuses();
    await goesTo('a');
  });
});

describe('a policy of 10,000 routes and 2 MB', () => {
  const routes = Array.from({ length: 10_000 }, (_, i) => ({
    path: `/service-${i % 100}/resource-${i}/{id}/items/{item}`,
    methods: ['GET', 'POST'],
    audience: API,
    scopes: [`read:resource-${i}`, `write:resource-${i}`],
    claims: { tenant: '{id}' },
  }));
  const large = (name) => named(name, { routes });
  const token = (i) => tokenOf(ISSUER, { scope: `read:resource-${i} write:resource-${i}`, tenant: 't' });
  const send = (gate, i) => gate.bearer(token(i), `/service-${i % 100}/resource-${i}/t/items/1`);

  test('works, and another one takes its place while requests go on', { timeout: 60_000 }, async (t) => {
    assert.ok(JSON.stringify(large('a')).length > 1_900_000);
    const { gate, pass, put } = await stage(t, { stored: { policy: large('a') } });
    for (const i of [0, 5_000, 9_999]) assertForwarded(await send(gate, i), origin);
    assertRefused(await gate.bearer(token(1), '/service-1/resource-2/t/items/1'), 'gate.no_route', { origin });
    await put(large('b'));
    await pass(MINUTE);
    const folders = await until(async () => {
      assert.equal((await send(gate, 7_777)).status, 200);
      const urls = origin.take().map(({ url }) => url.split('/')[1]);
      return urls.includes('b') && urls;
    }, { timeout: 20_000 });
    assert.ok(folders, 'the new one is in force');
  });
});
