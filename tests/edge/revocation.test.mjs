// Revoked tokens, through the built Worker: a real Durable Object that several isolates share, a real provider's logout,
// webhooks signed as Logto signs them, and stores that fail.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { setAhead, WITH_CLOCK } from './support/clock.mjs';
import { assertRefused } from './support/expect.mjs';
import { HOST, startGate, startGates, until } from './support/gate.mjs';
import { request } from './support/http.mjs';
import { startOrigin } from './support/origin.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const API = '/.well-known/portcullis/revocations';
const EVENTS = '/.well-known/portcullis/events/logto';
const LOGOUT = '/.well-known/portcullis/logout';
const ISSUER = 'https://issuer.test/oidc';
const SECRET = 'the signing key of the webhook';
const key = newKey('ES256');
const origin = await startOrigin();
after(() => origin.close());

const policy = (revocation = {}, changes = {}) => ({
  version: 1,
  origin: origin.url,
  issuers: { logto: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
  revocation: {
    store: 'REVOCATIONS',
    poll: 1,
    api: { audience: 'https://gate.test', scopes: ['revoke'] },
    logto: { secret: 'LOGTO', issuer: 'logto' },
    logout: { audiences: ['app'] },
    ...revocation,
  },
  routes: [{ path: '/{*rest}', audience: '*', organization: '*' }, { path: '/public', access: 'public' }],
  ...changes,
});
const bindings = { LOGTO: SECRET };
const gate = { policy: policy(), bindings, revocations: 'gate-0' };

/** A token that was issued a while ago. */
const token = (changes = {}) => mint(key, claims(ISSUER, { iat: now() - 100, ...changes }));
const operator = () => mint(key, claims(ISSUER, { aud: 'https://gate.test', scope: 'revoke', sub: 'operator' }));
const post = (to, entry) => to.bearer(operator(), API, { method: 'POST', body: JSON.stringify(entry) });

async function revoke(to, entry) {
  const answer = await post(to, { issuer: ISSUER, ...entry });
  assert.deepEqual([answer.status, answer.text, answer.header('cache-control')], [204, '', 'no-store']);
}

/** All entries. What the list says of tokens is what operators wrote into it, so the watch is not asked. */
async function entries(to) {
  const all = [];
  for (let query = ''; ;) {
    const headers = [['authorization', `Bearer ${operator()}`]];
    const { status, text, json } = await request(to.port, API + query, { host: HOST, headers });
    assert.equal(status, 200, text);
    all.push(...json.entries);
    if (json.cursor === undefined) return all;
    query = `?cursor=${json.cursor}`;
  }
}

async function allowed(to, compact, path = '/a') {
  const answer = await to.bearer(compact, path);
  assert.equal(answer.status, 200, answer.text);
  origin.take();
}

/** Waits until a token is refused as revoked; how long that took, in milliseconds. */
async function refusedSoon(to, compact) {
  const began = performance.now();
  const refused = await until(async () => {
    const answer = await to.bearer(compact, '/a');
    origin.take();
    return answer.status === 401 ? answer : undefined;
  }, { every: 50 });
  assertRefused(refused, 'auth.token_revoked', { origin });
  return performance.now() - began;
}

test('two isolates share one object: a revoked token is refused at once in one, and within the poll in the other', async () => {
  const gates = await startGates([gate, gate]);
  const [one, other] = gates;
  const user = token({ sub: 'mallory' });
  const friend = token({ sub: 'alice' });
  for (let i = 0; i < 3; i += 1) for (const to of gates) for (const compact of [user, friend]) await allowed(to, compact);
  await revoke(one, { sub: 'mallory' });
  assertRefused(await one.bearer(user, '/a'), 'auth.token_revoked', { origin });
  const waited = await refusedSoon(other, user);
  assert.ok(waited < 2500, `${waited} ms`);
  for (const to of gates) {
    await allowed(to, friend);
    await allowed(to, mint(key, claims(ISSUER, { sub: 'mallory', iat: now() + 2 })));
    assertRefused(await to.bearer(user, '/a'), 'auth.token_revoked', { origin });
    assert.equal((await to.request('/public')).status, 200);
    origin.take();
  }
  const listed = await entries(other);
  assert.deepEqual(listed.map(({ issuer, sub }) => [issuer, sub]), [[ISSUER, 'mallory']]);
  assert.ok(Math.abs(listed[0].before - now()) < 5);
  await one.close();
  await other.close();
});

test('nothing that was answered with 204 is lost, with a hundred writers at once', async () => {
  const gates = await startGates([gate, gate]);
  const written = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    await revoke(gates[i % 2], { sub: `user-${i % 100}`, before: now() - i });
    return `user-${i % 100}`;
  }));
  const listed = await entries(gates[0]);
  assert.deepEqual(listed.map(({ sub }) => sub).sort(), [...new Set(written)].sort());
  // The later time of two stays, whichever came first.
  assert.ok(listed.every(({ sub, before }) => before >= now() - Number(sub.slice(5)) - 20), JSON.stringify(listed));
  for (const to of gates) await to.close();
});

test('the list in KV is shared too', async () => {
  const kv = { policy: policy({ store: 'kv:JWKS', poll: 60 }), bindings, kv: 'shared' };
  const gates = await startGates([kv, kv]);
  await revoke(gates[0], { sub: 'mallory' });
  assertRefused(await gates[0].bearer(token({ sub: 'mallory' }), '/a'), 'auth.token_revoked', { origin });
  // A new isolate reads it first.
  assertRefused(await gates[1].bearer(token({ sub: 'mallory' }), '/a'), 'auth.token_revoked', { origin });
  await allowed(gates[1], token({ sub: 'alice' }));
  assert.deepEqual((await entries(gates[1])).map(({ sub }) => sub), ['mallory']);
  for (const to of gates) await to.close();
});

test('webhooks signed as Logto signs them', async (t) => {
  const to = await startGate(gate);
  const send = (body, { signature = createHmac('sha256', SECRET).update(body).digest('hex'), headers = [], ...options } = {}) =>
    to.request(EVENTS, {
      method: 'POST',
      body,
      headers: [['content-type', 'application/json'], ['user-agent', 'Logto (https://logto.io/)'], ...headers,
        ...(signature === null ? [] : [['logto-signature-sha-256', signature]])],
      ...options,
    });
  const event = (name, members) => JSON.stringify({
    hookId: 'hook', event: name, createdAt: new Date().toISOString(), ip: '::1', userAgent: 'x', ...members,
  });
  const of = (sub, organization) => (organization === undefined ? { issuer: ISSUER, sub } : { issuer: ISSUER, sub, organization });
  const deleted = event('User.Deleted', {
    path: '/users/u1', method: 'DELETE', status: 204, params: { userId: 'u1' }, matchedRoute: '/users/:userId', data: null,
  });
  const suspended = (isSuspended) => event('User.SuspensionStatus.Updated', {
    path: '/users/u2/is-suspended', method: 'PATCH', status: 200, params: { userId: 'u2' }, data: { id: 'u2', isSuspended },
  });
  const removed = event('Organization.Membership.Updated', {
    path: '/organizations/o1/users', method: 'PUT', status: 204, params: { id: 'o1' }, organizationId: 'o1',
    addedUserIds: ['u9'], removedUserIds: ['u3', 'u4'],
  });

  await t.test('what they take away is revoked', async () => {
    for (const body of [deleted, suspended(false), suspended(true), removed, deleted]) {
      const answer = await send(body);
      assert.deepEqual([answer.status, answer.text], [204, ''], body);
    }
    const listed = (await entries(to)).map(({ before, ...entry }) => [JSON.stringify(entry), before]).sort();
    const expected = [of('u1'), of('u2'), of('u3', 'o1'), of('u4', 'o1')].map((entry) => JSON.stringify(entry)).sort();
    assert.deepEqual(listed.map(([entry]) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(entry))))), expected);
    assert.ok(listed.every(([, before]) => Math.abs(before - now()) <= 2), JSON.stringify(listed));
    assertRefused(await to.bearer(token({ sub: 'u1' }), '/a'), 'auth.token_revoked', { origin });
    await allowed(to, token({ sub: 'u3' }));
    assertRefused(await to.bearer(token({ sub: 'u3', organization_id: 'o1' }), '/a'), 'auth.token_revoked', { origin });
    assertRefused(await to.bearer(token({ sub: 'u3', aud: ['urn:logto:organization:o1'] }), '/a'), 'auth.token_revoked', { origin });
  });

  await t.test('other events revoke nothing, and what is wrong nothing wider', async () => {
    const before = await entries(to);
    for (const body of [
      event('User.Created', { data: { id: 'u5' } }),
      event('Organization.Membership.Updated', { organizationId: 'o1', addedUserIds: ['u5'] }),
      event('Organization.Membership.Updated', { organizationId: 'o1', removedUserIds: [] }),
      event('Organization.Deleted', { params: { id: 'o1' }, data: null }),
      event('PostSignIn', { userId: 'u5' }),
    ]) assert.equal((await send(body)).status, 204, body);
    for (const body of [
      '', '{', '[]', '{}', '{"event":1}', `${deleted}x`, '\u00ff',
      event('User.Deleted', { params: {}, data: null }),
      event('User.Deleted', { params: { userId: '' }, data: null }),
      event('User.Deleted', { params: { userId: 7 }, data: null }),
      event('User.SuspensionStatus.Updated', { data: { id: 'u5' } }),
      event('User.SuspensionStatus.Updated', { data: { isSuspended: true } }),
      event('Organization.Membership.Updated', { removedUserIds: ['u5'] }),
      event('Organization.Membership.Updated', { organizationId: 'o1', removedUserIds: ['u5', ''] }),
      event('Organization.Membership.Updated', { organizationId: 'o1', removedUserIds: 'u5' }),
    ]) assertRefused(await send(body), 'gate.bad_request', { origin });
    assert.deepEqual(await entries(to), before);
  });

  await t.test('no event is taken that is not signed', async () => {
    const good = createHmac('sha256', SECRET).update(deleted).digest('hex');
    for (const signature of [
      null, '', 'x', good.slice(1), `${good}0`, `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`, 'g'.repeat(64),
      createHmac('sha256', 'another').update(deleted).digest('hex'),
      createHmac('sha256', SECRET).update(`${deleted} `).digest('hex'),
      createHmac('sha1', SECRET).update(deleted).digest('hex'), Buffer.from(good, 'hex').toString('base64'),
      `sha256=${good}`, `${good}, ${good}`,
    ]) assertRefused(await send(deleted, { signature }), 'gate.bad_signature', { origin });
    assert.equal((await send(deleted, { signature: good.toUpperCase() })).status, 204);
    assertRefused(await send(' '.repeat(1024 * 1024 + 1)), 'gate.too_large', { origin });
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await to.request(EVENTS, { method, headers: [] });
      assertRefused(answer, 'gate.method_not_allowed', { origin, allow: ['POST'] });
    }
  });

  await t.test('the largest event names 5,000 users', async () => {
    const users = Array.from({ length: 5000 }, (_, i) => `member-${i}-${'x'.repeat(8)}`);
    const body = event('Organization.Membership.Updated', { organizationId: 'o7', removedUserIds: users });
    assert.equal((await send(body)).status, 204);
    const listed = (await entries(to)).filter(({ organization }) => organization === 'o7');
    assert.deepEqual(listed.map(({ sub }) => sub).sort(), users.sort());
    assertRefused(await to.bearer(token({ sub: users[4999], organization_id: 'o7' }), '/a'), 'auth.token_revoked', { origin });
  });
  await to.close();

  await t.test('without its secret nothing is taken, and nothing else stops', async () => {
    const without = await startGate({ ...gate, bindings: {} });
    assertRefused(await without.request(EVENTS, { method: 'POST', body: deleted, headers: [] }), 'gate.misconfigured', { origin });
    await allowed(without, token());
    await without.close();
  });
});

test('logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6)', async () => {
  const to = await startGate(gate);
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const good = (changes = {}) => claims(ISSUER, { aud: 'app', sub: 'u1', client_id: undefined, events, ...changes });
  const send = (fields, options = {}) => to.request(LOGOUT, {
    method: 'POST', body: new URLSearchParams(fields).toString(), headers: [['content-type', 'application/x-www-form-urlencoded']], ...options,
  });
  const logout = (payload, header = { typ: 'logout+jwt' }, signer = key) => send([['logout_token', mint(signer, payload, { header })]]);
  const other = newKey('ES256');
  for (const [what, answer] of Object.entries({
    'no token': await send([]),
    'two tokens': await send([['logout_token', mint(key, good())], ['logout_token', mint(key, good())]]),
    'no JWT': await send([['logout_token', 'x']]),
    'an access token': await send([['logout_token', token()]]),
    'the type of an access token': await logout(good(), { typ: 'at+jwt' }),
    'no event': await logout(good({ events: undefined })),
    'another event': await logout(good({ events: { other: {} } })),
    'an event that is no object': await logout(good({ events: { 'http://schemas.openid.net/event/backchannel-logout': 1 } })),
    'a nonce': await logout(good({ nonce: 'n' })),
    'another audience': await logout(good({ aud: 'other' })),
    'no audience': await logout(good({ aud: undefined })),
    'another issuer': await logout(good({ iss: 'https://evil.test' })),
    'another key': await logout(good(), { typ: 'logout+jwt' }, { ...other, kid: key.kid }),
    'no iat': await logout(good({ iat: undefined })),
    'expired': await logout(good({ exp: now() - 100 })),
    'of the future': await logout(good({ iat: now() + 1000 })),
    'neither sub nor sid': await logout(good({ sub: undefined })),
    'a sid of another type': await logout(good({ sid: 7 })),
    'an empty sub': await logout(good({ sub: '' })),
  })) {
    assertRefused(answer, 'gate.bad_request', { origin });
    assert.ok(what);
  }
  assert.deepEqual(await entries(to), [], 'nothing changed');
  assertRefused(await to.request(LOGOUT, { headers: [] }), 'gate.method_not_allowed', { origin, allow: ['POST'] });
  for (const [payload, header] of [
    [good({ sub: 'u1', sid: 's1' }), { typ: 'logout+jwt' }],
    [good({ sub: undefined, sid: 's2' }), { typ: 'JWT' }],
    [good({ sub: 'u3' }), { typ: undefined }],
  ]) {
    const answer = await logout(payload, header);
    assert.deepEqual([answer.status, answer.text, answer.header('cache-control')], [200, '', 'no-store'], answer.text);
  }
  const listed = (await entries(to)).map(({ sub, sid }) => `${sub} ${sid}`).sort();
  assert.deepEqual(listed, ['u1 undefined', 'u3 undefined', 'undefined s1', 'undefined s2']);
  assertRefused(await to.bearer(token({ sub: 'u1' }), '/a'), 'auth.token_revoked', { origin });
  assertRefused(await to.bearer(token({ sub: 'x', sid: 's2' }), '/a'), 'auth.token_revoked', { origin });
  await allowed(to, token({ sub: 'x', sid: 's3' }));
  const told = (await to.logText()).split('\n').map((line) => JSON.parse(line).reason);
  assert.deepEqual(told, ['token_revoked', 'token_revoked'], 'the gate tells nothing of its own paths');
  await to.close();
});

test('bodies that anybody may send fill no memory, and hold up no other', async () => {
  const to = await startGate(gate);
  const large = 1024 * 1024 - 10;
  const open = Array.from({ length: 30 }, () => connect(to.port, '127.0.0.1'));
  const answers = open.map((socket) => new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => resolve(text += chunk)).on('error', () => resolve(text)).on('close', () => resolve(text));
    socket.write(`POST ${LOGOUT} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: ${large}\r\n\r\nlogout_token=`);
    socket.write('x'.repeat(large - 100));
  }));
  const early = await Promise.race([Promise.all(answers), sleep(3000).then(() => undefined)]);
  assert.equal(early, undefined, 'those that fit are waited for');
  // A small one has room.
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const compact = mint(key, claims(ISSUER, { aud: 'app', sub: 'u1', client_id: undefined, events }), { header: { typ: 'logout+jwt' } });
  const answer = await to.request(LOGOUT, { method: 'POST', body: `logout_token=${compact}`, headers: [] });
  assert.equal(answer.status, 200, answer.text);
  const refused = await Promise.all(answers.map((text) => Promise.race([text, sleep(100).then(() => 'waits')])));
  const busy = refused.filter((text) => text.startsWith('HTTP/1.1 503') && text.includes('gate.revocations_unavailable')).length;
  assert.ok(busy >= 10 && refused.filter((text) => text === 'waits').length >= 5, JSON.stringify(refused.map((text) => text.slice(0, 20))));
  for (const socket of open) socket.destroy();
  assertRefused(await to.request(LOGOUT, { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1), headers: [] }), 'gate.too_large', { origin });
  await to.close();
});

/** A class `Revocations` that fails, as another Worker's. */
const failing = (body) => `
  export class Revocations { async fetch(request) { ${body} } }
  export default { fetch: () => new Response() };
`;

test('an object that throws, hangs or answers garbage', async (t) => {
  for (const [what, body] of Object.entries({
    throws: 'throw new Error("out of order");',
    hangs: 'await new Promise((resolve) => setTimeout(resolve, 5000)); return new Response("whole x:1 end");',
    'answers garbage': 'return new Response("<html></html>");',
    'answers with 500': 'return new Response("whole x:1 end", { status: 500 });',
    'answers in part': 'return new Response("whole x:1 end\\n00");',
  })) {
    await t.test(what, async () => {
      for (const [onFailure, code] of [['allow', undefined], ['deny', 'gate.revocations_unavailable']]) {
        const to = await startGate({
          policy: policy({ on_failure: onFailure, poll: 5 }), bindings, revocations: 'failing', others: { failing: failing(body) },
        });
        const began = performance.now();
        const answers = await Promise.all(Array.from({ length: 10 }, () => to.bearer(token(), '/a')));
        const waited = performance.now() - began;
        assert.ok(waited < 3500, `${waited} ms`);
        answers.push(await to.bearer(token(), '/a'));
        assert.ok(performance.now() - began - waited < 1000, 'nobody waits again so soon');
        if (code === undefined) {
          assert.ok(answers.every(({ status }) => status === 200));
          origin.take();
        }
        for (const answer of code === undefined ? [] : answers) {
          assertRefused(answer, code, { origin });
          assert.ok(Number(answer.header('retry-after')) >= 1 && Number(answer.header('retry-after')) <= 5);
        }
        assert.equal((await to.request('/public')).status, 200);
        origin.take();
        const wrote = await Promise.race([post(to, { issuer: ISSUER }), sleep(1000)]);
        if (wrote) assert.notEqual(wrote.status, 204);
        if (what !== 'hangs') {
          await to.logged((line) => line.startsWith('revocation: REVOCATIONS cannot be read'));
          const told = (await to.logText()).split('\n').filter((line) => line.includes('cannot be read'));
          assert.equal(told.length, 1, 'once, not with each request');
        }
        await to.close();
      }
    });
  }
});

test('a store that is not bound is a gate that is misconfigured', async () => {
  const to = await startGate({ policy: policy(), bindings });
  for (let i = 0; i < 2; i += 1) {
    assertRefused(await to.bearer(token(), '/a'), 'gate.misconfigured', { origin });
    assertRefused(await post(to, { issuer: ISSUER }), 'gate.misconfigured', { origin });
  }
  assertRefused(await to.request('/a'), 'auth.authorization_header_missing', { origin });
  assert.equal((await to.request('/public')).status, 200);
  origin.take();
  assert.equal((await to.logText()).match(/no Durable Object is bound as REVOCATIONS/g)?.length, 1);
  await to.close();
});

test('a clock that jumps hides no entry for good', async () => {
  const to = await startGate({ ...gate, policy: policy({ keep: 600 }), entry: WITH_CLOCK });
  const long = token({ sub: 'mallory', exp: now() + 100_000 });
  await revoke(to, { sub: 'mallory' });
  assertRefused(await to.bearer(long, '/a'), 'auth.token_revoked', { origin });
  for (const seconds of [5000, 0, -90, 0]) {
    await setAhead(to, seconds);
    await to.bearer(long, '/a');
    origin.take();
  }
  await refusedSoon(to, long);
  await to.close();
});
