// Many requests at once. No request may wait for something that another request made: workerd cancels such a request,
// and a client that goes away would take the others with it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ISSUER, fixture } from './support/fixture.mjs';
import { until } from './support/gate.mjs';
import { open } from './support/http.mjs';
import { silence } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { ALGORITHM_NAMES, claims, mint, newKey } from './support/tokens.mjs';

const MANY = 20;
const [former, current] = [newKey('ES256'), newKey('RS256')];

const { stage } = await theatre();
const keys = ALGORITHM_NAMES.map((alg) => newKey(alg));
const { gate: literal } = await fixture({ keys });

/** Makes an issuer take its time, so that requests meet in the middle. */
function delay(issuer, milliseconds) {
  const sound = issuer.jwks;
  issuer.jwks = (request, response) => setTimeout(() => sound(request, response), milliseconds);
}

async function statuses(requests) {
  return (await Promise.all(requests)).map(({ status }) => status);
}

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));

describe('simultaneous requests', { timeout: 60_000 }, () => {
  test('the first ones cause at most two fetches', async (t) => {
    const { issuer, send } = await stage(t, { keys: [current] });
    delay(issuer, 150);
    assert.deepEqual(await statuses(times(MANY, () => send(current))), times(MANY, () => 200));
    assert.ok(issuer.counts.jwks <= 2, `${issuer.counts.jwks} fetches`);
  });

  test('a new kid on many of them causes at most two more', async (t) => {
    const { issuer, send, accepts } = await stage(t, { keys: [former] });
    await accepts(former);
    issuer.keys = [former.jwk, current.jwk];
    delay(issuer, 150);
    assert.deepEqual(await statuses(times(MANY, () => send(current))), times(MANY, () => 200));
    assert.ok(issuer.counts.jwks <= 3, `${issuer.counts.jwks} fetches`);
  });

  test('known keys do not wait for the refetch of an unknown one', async (t) => {
    const { issuer, send, accepts } = await stage(t, { keys: [former], settings: { timeout_ms: 2000 } });
    await accepts(former);
    issuer.jwks = silence();
    issuer.discovery = silence();
    const started = Date.now();
    const unknown = send(current);
    assert.deepEqual(await statuses(times(MANY, () => send(former))), times(MANY, () => 200));
    assert.ok(Date.now() - started < 1500, `took ${Date.now() - started} ms`);
    assert.equal((await unknown).status, 401);
  });

  test('a silent issuer: each is 503 in the end, none hangs', async (t) => {
    const { issuer, send } = await stage(t, { keys: [current], settings: { timeout_ms: 300 } });
    issuer.discovery = silence();
    assert.deepEqual(await statuses(times(MANY, () => send(current))), times(MANY, () => 503));
    assert.ok(issuer.counts.discovery <= 2, `${issuer.counts.discovery} fetches`);
  });

  test('a stale set is refreshed once or twice, not by each', async (t) => {
    const { gate, issuer, send } = await stage(t, { keys: [current], entry: { age: 1000, keys: [former, current] } });
    delay(issuer, 150);
    assert.deepEqual(await statuses(times(MANY, () => send(former))), times(MANY, () => 200));
    await until(async () => (await gate.entry(issuer.issuer)).keys.length === 1);
    assert.ok(issuer.counts.jwks <= 2, `${issuer.counts.jwks} fetches`);
  });

  test('literal keys of every algorithm, from the first request on', async () => {
    const requests = times(keys.length * 5, (index) => literal.bearer(mint(keys[index % keys.length], claims(ISSUER)), '/a'));
    assert.deepEqual(await statuses(requests), requests.map(() => 200));
  });
});

describe('a client that goes away', { timeout: 20_000 }, () => {
  /** Sends a request and cuts it once the issuer has been asked. */
  async function leave({ gate, issuer }, key) {
    const token = mint(key, claims(issuer.issuer));
    const controller = new AbortController();
    const gone = open(gate.port, '/a', { headers: [['Authorization', `Bearer ${token}`]], signal: controller.signal });
    await until(() => issuer.counts.jwks > 0);
    controller.abort();
    await assert.rejects(gone);
  }

  test('during the first fetch does not spoil it for those who wait', async (t) => {
    const actors = await stage(t, { keys: [current] });
    delay(actors.issuer, 300);
    const [, ...rest] = await Promise.all([leave(actors, current), ...times(5, () => actors.send(current))]);
    assert.deepEqual(rest.map(({ status }) => status), times(5, () => 200));
  });

  test('during the first fetch does not spoil it for those who come later', async (t) => {
    const actors = await stage(t, { keys: [current] });
    delay(actors.issuer, 300);
    await leave(actors, current);
    // Whether the request of the one who left still goes on is not the point here.
    for (let i = 0; i < 2; i += 1) assert.equal((await actors.send(current)).status, 200);
    assert.ok(actors.issuer.counts.jwks <= 2, `${actors.issuer.counts.jwks} fetches`);
  });
});
