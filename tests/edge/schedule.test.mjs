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
