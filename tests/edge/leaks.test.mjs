// Nothing of a token is in a log or in an answer. Every gate of every test file is watched for that (support/watch.mjs);
// here are the requests that make the gate log something, and the proof that the watch sees a leak.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { freePort } from '../../demo/ports.mjs';
import { assertRefused } from './support/expect.mjs';
import { API, ISSUER } from './support/fixture.mjs';
import { startGate } from './support/gate.mjs';
import { bytes, redirect, startKeyServer, status } from './support/keyserver.mjs';
import { startOrigin } from './support/origin.mjs';
import { base64url, claims, mint, newKey } from './support/tokens.mjs';
import { Watch, remember } from './support/watch.mjs';

const key = newKey('ES256');
const down = `http://127.0.0.1:${await freePort()}`;
const canary = () => `canary-${randomUUID()}`;

/** A token that says something of its own wherever it can. */
function marked(signer, iss, changes = {}, header = {}) {
  return mint(signer, claims(iss, {
    sub: canary(), client_id: canary(), azp: canary(), scope: `${canary()} read`, aud: [API, canary()], [canary()]: canary(), nested: { a: [canary()] }, ...changes,
  }), { header: { [canary()]: canary(), ...header } });
}

/** A gate for one test; closing it looks for leaks. */
async function gateOf(t, policy, options) {
  const gate = await startGate({ policy: { version: 1, origin: down, ...policy }, ...options });
  t.after(() => gate.close());
  return gate;
}

const literal = { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } };
const tokenRoute = { path: '/a', audience: API };

describe('what the gate logs says nothing of the tokens that were sent', () => {
  test('an origin that cannot be reached', async (t) => {
    const gate = await gateOf(t, { issuers: literal, routes: [tokenRoute] });
    assertRefused(await gate.bearer(marked(key, ISSUER), '/a'), 'gate.origin_unreachable');
    assert.ok(await gate.logged((line) => line.includes('route /a')));
  });
  test('a service binding that throws what it was given', async (t) => {
    const throwing = (request) => {
      throw new Error(request.headers.get('authorization'));
    };
    const gate = await gateOf(t, { issuers: literal, routes: [{ ...tokenRoute, origin: 'service:THROWING' }] }, { services: { THROWING: throwing } });
    // Its answer is not the gate's, so it is taken past the watch.
    const answer = await fetch(`${gate.url}/a`, { headers: { Authorization: `Bearer ${marked(key, ISSUER)}` } });
    assert.ok(answer.status >= 500);
    await answer.text();
  });
  test('a service that is not bound', async (t) => {
    const gate = await gateOf(t, { issuers: literal, routes: [{ ...tokenRoute, origin: 'service:NOWHERE' }] });
    assertRefused(await gate.bearer(marked(key, ISSUER), '/a'), 'gate.misconfigured');
    assert.ok(await gate.logged((line) => line.includes('NOWHERE')));
  });
  test('no policy', async (t) => {
    const gate = await startGate({ policy: undefined });
    t.after(() => gate.close());
    assertRefused(await gate.bearer(marked(key, ISSUER), '/a'), 'gate.misconfigured');
    assert.ok(await gate.logged((line) => line.includes('POLICY')));
  });
  test('no key store', async (t) => {
    const server = await startKeyServer();
    t.after(() => server.close());
    const issuer = server.issuer('main', [key.jwk]);
    const gate = await gateOf(t, { issuers: { main: { issuer: issuer.issuer } }, routes: [tokenRoute] }, { kv: null });
    assertRefused(await gate.bearer(marked(newKey('ES256'), issuer.issuer), '/a'), 'auth.invalid_token');
    await gate.scheduled();
  });
  for (const [name, answer] of [
    ['no JSON', bytes('not JSON')],
    ['an error', status(500)],
    ['a redirect', redirect('http://127.0.0.1:9/')],
    ['no keys', bytes('{"keys":[]}')],
    ['too much', bytes('x'.repeat(300_000))],
  ]) {
    test(`an issuer that answers with ${name}`, async (t) => {
      const server = await startKeyServer();
      t.after(() => server.close());
      const issuer = server.issuer('main', [key.jwk]);
      issuer.jwks = answer;
      const gate = await gateOf(t, { issuers: { main: { issuer: issuer.issuer } }, routes: [tokenRoute] });
      for (const signer of [key, newKey('ES256', { kid: canary() })]) {
        assertRefused(await gate.bearer(marked(signer, issuer.issuer), '/a'), 'gate.keys_unavailable');
      }
      assert.ok(await gate.logged((line) => line.includes('issuer main')));
    });
  }
});

test('each refusal of a token says nothing of it', async (t) => {
  const gate = await gateOf(t, {
    issuers: literal,
    routes: [
      tokenRoute,
      { path: '/denied', access: 'deny' },
      { path: '/org', audience: API, organization: 'org1' },
      { path: '/scope', audience: API, scopes: ['admin'] },
      { path: '/claim', audience: API, claims: { role: 'admin' } },
      { path: '/aud', audience: 'https://x.test' },
    ],
  });
  const good = (changes, header) => marked(key, ISSUER, changes, header);
  for (const [token, path, code, options] of [
    [good(), '/denied', 'gate.denied'],
    [good(), '/nowhere', 'gate.no_route'],
    [good(), '/a;x', 'gate.bad_path'],
    [good(), '/org', 'auth.organization_mismatch'],
    [good(), '/scope', 'auth.insufficient_scope', { scope: 'admin' }],
    [good(), '/claim', 'auth.claim_mismatch'],
    [good(), '/aud', 'auth.invalid_audience'],
    [good({ exp: 1 }), '/a', 'auth.token_expired'],
    [good({ nbf: 9_999_999_999 }), '/a', 'auth.token_not_yet_valid'],
    [good({ iss: `https://${canary()}.test` }), '/a', 'auth.invalid_token'],
    [good({ exp: canary() }), '/a', 'auth.invalid_token'],
    [good({}, { alg: canary() }), '/a', 'auth.invalid_token'],
    [good({}, { typ: canary() }), '/a', 'auth.invalid_token'],
    [good({}, { kid: canary() }), '/a', 'auth.invalid_token'],
    [good({}, { crit: [canary()] }), '/a', 'auth.invalid_token'],
    [mint(key, `{"${canary()}":"${canary()}`), '/a', 'auth.invalid_token'],
    [`${good()}.${canary()}`, '/a', 'auth.invalid_token'],
    [`${good()}, ${good()}`, '/a', 'auth.authorization_token_invalid_format'],
    [marked(newKey('ES256', { kid: key.kid }), ISSUER), '/a', 'auth.invalid_token'],
  ]) {
    assertRefused(await gate.bearer(token, path), code, options);
  }
});

describe('the watch', () => {
  const secret = canary();
  const token = mint(key, claims(ISSUER, { sub: secret, number: 987_654_321, nested: [{ deep: 'a deep one, 1' }] }), { header: { kid: 'kid\r\nof 1' } });
  const [header, payload, signature] = token.split('.');
  const leaksOf = (message) => new Watch([{ message }], []).leaks();
  for (const [name, message] of Object.entries({
    'a token': `refused ${token}!`,
    'its start': `refused ${token.slice(0, 24)}…`,
    'its header': header,
    'its payload': payload,
    'its signature': `bad signature ${signature}`,
    'the end of its signature': `… ${signature.slice(-24)}`,
    'a claim': `no such user: ${secret}`,
    'a claim below the top': 'deep: a deep one, 1',
    'a number': 'number 987654321',
    'a kid': 'kid\r\nof 1',
    'a kid as JSON has it': 'kid\\r\\nof 1',
    'a token that it never saw': `refused ${base64url('{"alg":"none"}')}`,
  })) {
    test(`finds ${name} in a log`, () => assert.notDeepEqual(leaksOf(message), []));
  }
  test('finds nothing where nothing is', () => {
    assert.deepEqual(leaksOf('issuer main: its keys cannot be fetched: 500'), []);
    assert.deepEqual(leaksOf(''), []);
  });
  test('takes for no leak what the policy says', () => {
    remember(mint(key, claims('https://in-the-policy.test')));
    const watch = new Watch([{ message: 'issuer https://in-the-policy.test: no' }], [{ issuers: { main: { issuer: 'https://in-the-policy.test' } } }]);
    assert.deepEqual(watch.leaks(), []);
  });
  test('sees the answers of a gate, so that closing the gate fails', async () => {
    const origin = await startOrigin();
    origin.on('/a', (request, response) => response.end(request.headers.authorization));
    const gate = await startGate({ policy: { version: 1, origin: origin.url, issuers: literal, routes: [tokenRoute] } });
    await gate.bearer(marked(key, ISSUER), '/a');
    await assert.rejects(gate.close(), /an answer holds a token/);
    await origin.close();
  });
  test('sees the answers to bytes on a socket', async () => {
    const origin = await startOrigin();
    origin.on('/a', (request, response) => response.end(`${request.headers['x-auth-subject']}`));
    const gate = await startGate({ policy: { version: 1, origin: origin.url, issuers: literal, routes: [tokenRoute] } });
    await gate.raw(`GET /a HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\nAuthorization: Bearer ${marked(key, ISSUER)}\r\n\r\n`);
    await assert.rejects(gate.close(), /an answer holds what a token says/);
    await origin.close();
  });
  test('sees the log of a gate, so that closing the gate fails', async () => {
    const subject = canary();
    // What is wrong with a policy is logged; this one is not known to the watch.
    const gate = await startGate({ bindings: { POLICY: `{"version":1,"routes":[],"${subject}":1}` } });
    await gate.bearer(mint(key, claims(ISSUER, { sub: subject })), '/a');
    assert.ok(await gate.logged((line) => line.includes(subject)));
    await assert.rejects(gate.close(), /the log holds what a token says/);
  });
});
