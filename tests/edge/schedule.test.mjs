// The cron handler: it refreshes every issuer's keys into KV.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { API } from './support/fixture.mjs';
import { startGate } from './support/gate.mjs';
import { status } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { claims, mint, newKey, now } from './support/tokens.mjs';

const { origin, server } = await theatre();
const [former, current] = [newKey('ES256'), newKey('ES256')];

describe('the scheduled handler', () => {
  test('refreshes every issuer into KV, whether or not a request came', async (t) => {
    const [one, two, down] = ['cron-1', 'cron-2', 'cron-down'].map((name) => server.issuer(name, [former.jwk]));
    const gate = await startGate({
      policy: {
        version: 1,
        origin: origin.url,
        issuers: {
          down: { issuer: down.issuer },
          one: { issuer: one.issuer },
          two: { issuer: 'urn:two', jwks_uri: two.jwksUri },
          literal: { issuer: 'urn:literal', jwks: { keys: [former.jwk] } },
        },
        routes: [{ path: '/a', audience: API }],
      },
    });
    t.after(() => gate.close());
    down.jwks = status(500);
    const kept = { version: 1, issuer: down.issuer, jwks_uri: down.jwksUri, fetched_at: now() - 1000, keys: [former.jwk] };
    await (await gate.kv()).put(`jwks:v1:${down.issuer}`, JSON.stringify(kept));

    await gate.scheduled();
    for (const name of [one.issuer, 'urn:two']) assert.deepEqual((await gate.entry(name))?.keys, [former.jwk], name);
    assert.deepEqual(await gate.entry(down.issuer), kept, 'a failure leaves the entry alone');
    assert.equal(await gate.entry('urn:literal'), null);

    one.keys = [current.jwk];
    await gate.scheduled();
    assert.deepEqual((await gate.entry(one.issuer)).keys, [current.jwk], 'a fresh set is refreshed too');
    assertForwarded(await gate.bearer(mint(current, claims(one.issuer)), '/a'), origin);
    assert.equal(one.counts.jwks, 2, 'the request found the keys there');
  });

  test('of many issuers refreshes as many as Workers allow subrequests for, and the others in the next runs', async (t) => {
    const tenants = Array.from({ length: 60 }, (_, number) => server.issuer(`tenant-${number}`, [former.jwk]));
    const shared = server.issuer('shared', [former.jwk]);
    const gate = await startGate({
      policy: {
        version: 1,
        origin: origin.url,
        issuers: Object.fromEntries([
          ...tenants.map(({ issuer }, number) => [`t${number}`, { issuer }]),
          ...['urn:a', 'urn:b', 'urn:c'].map((issuer, number) => [`s${number}`, { issuer, jwks_uri: shared.jwksUri }]),
        ]),
        routes: [{ path: '/a', audience: API }],
      },
    });
    t.after(() => gate.close());
    // These would be first in every run if an attempt that failed did not count.
    for (const tenant of tenants.slice(0, 10)) tenant.discovery = status(500);
    const fetches = () => [...tenants, shared].reduce((sum, { counts }) => sum + counts.discovery + counts.jwks, 0);
    const stored = async () => {
      const { keys } = await (await gate.kv()).list({ prefix: 'jwks:v1:' });
      return keys.length;
    };

    for (let run = 1; run <= 3; run += 1) {
      const before = fetches();
      await gate.scheduled();
      assert.ok(fetches() - before <= 45, `run ${run}: ${fetches() - before} fetches`);
    }
    assert.equal(await stored(), 53, 'all that answer were refreshed');
    assert.equal(shared.counts.jwks, 3, 'one fetch serves the three issuers in each run');
    const before = fetches();
    assertForwarded(await gate.bearer(mint(former, claims(tenants[59].issuer)), '/a'), origin);
    assert.equal(fetches(), before, 'the request found the keys there');
  });

  for (const [name, issuers] of [
    ['no issuers', {}],
    ['a literal key set only', { literal: { issuer: 'urn:literal', jwks: { keys: [former.jwk] } } }],
  ]) {
    test(`with ${name} there is nothing to do`, async (t) => {
      const routes = [{ path: '/a', access: 'public' }];
      const gate = await startGate({ policy: { version: 1, origin: origin.url, issuers, routes } });
      t.after(() => gate.close());
      await gate.scheduled();
      assertForwarded(await gate.request('/a'), origin);
    });
  }

  test('without a KV namespace the keys are fetched all the same', async (t) => {
    const issuer = server.issuer('without-kv', [current.jwk]);
    const policy = {
      version: 1,
      origin: origin.url,
      issuers: { main: { issuer: issuer.issuer } },
      routes: [{ path: '/a', audience: API }],
    };
    const gate = await startGate({ policy, kv: null });
    t.after(() => gate.close());
    await gate.scheduled();
    assertForwarded(await gate.bearer(mint(current, claims(issuer.issuer)), '/a'), origin);
    assert.equal(issuer.counts.jwks, 1);
  });

  test('with an invalid policy it does nothing', async (t) => {
    const gate = await startGate({ policy: { version: 1 } });
    t.after(() => gate.close());
    await gate.scheduled();
    assertRefused(await gate.request('/a'), 'gate.misconfigured');
  });
});
