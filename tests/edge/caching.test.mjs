// HTTP caching of key sets (RFC 9111): max-age says for how long a set is fresh, within bounds; an entity tag spares
// its transfer. The bounds are wide, so what can be seen in seconds is tested here, and the rest natively.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from './support/gate.mjs';
import { json } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { newKey } from './support/tokens.mjs';

const [former, current] = [newKey('ES256'), newKey('ES256')];
const { company } = await theatre();

/** Answers with the issuer's keys and a Cache-Control. */
const cached = (issuer, control) => json(() => ({ keys: issuer.keys }), { 'cache-control': control });

/** Cache-Control values that keep a set fresh although `jwks_ttl` is one second. */
const LONG = [
  'max-age=3600', 'public, max-age=3600', 'MAX-AGE=3600', 'max-age=60 , must-revalidate',
  'max-age=99999999999999999999', // RFC 9111 section 1.2.2: as many as can be
];

/** Values that leave it at `jwks_ttl`, or ask for less than that. */
const SHORT = [
  'max-age=0', 'no-store', 'no-cache', 'no-store, max-age=3600', 'max-age=3600, no-cache', 'public', 'max-age=abc',
  'max-age=-5', 'max-age', '',
];

/** Answers 304 to the tag, 200 with the tag otherwise; `control` is the Cache-Control of the 304. */
function tagged(issuer, tag, control) {
  return (request, response) => {
    const headers = control ? { etag: tag, 'cache-control': control } : { etag: tag };
    if (request.headers['if-none-match'] === tag) response.writeHead(304, headers).end();
    else json({ keys: issuer.keys }, { etag: tag })(request, response);
  };
}

const tags = (issuer) => issuer.requests.filter(({ kind }) => kind === 'jwks').map(({ headers }) => headers['if-none-match']);
const actors = await company({ after }, Array.from({ length: LONG.length + SHORT.length + 6 }, () => ({
  keys: [former], settings: { jwks_ttl: 1, jwks_cooldown: 1 },
})));

/** Lets a ttl of one second pass. */
const ttl = () => sleep(1200);

describe('HTTP caching', { concurrency: true }, () => {
  describe('Cache-Control', { concurrency: true, timeout: 30_000 }, () => {
    for (const control of LONG) {
      test(`"${control}" lengthens the ttl`, async () => {
        const actor = actors.pop();
        const { issuer } = actor;
        issuer.jwks = cached(issuer, control);
        await actor.accepts(former);
        for (let i = 0; i < 2; i += 1) {
          await ttl();
          await actor.accepts(former);
        }
        await sleep(300); // for a refresh that should not be
        assert.equal(issuer.counts.jwks, 1);
        // It says nothing of keys that are not there.
        issuer.keys = [current.jwk];
        await actor.accepts(current);
        await actor.refuses(former);
      });
    }

    for (const control of SHORT) {
      test(`"${control}" does not`, async () => {
        const actor = actors.pop();
        const { issuer } = actor;
        issuer.jwks = cached(issuer, control);
        await actor.accepts(former);
        for (let i = 0; i < 5; i += 1) await actor.accepts(former);
        assert.ok(issuer.counts.jwks <= 2, 'not for each request');
        await ttl();
        const before = issuer.counts.jwks;
        await actor.accepts(former);
        assert.ok(await until(() => issuer.counts.jwks === before + 1), 'refreshed after the ttl');
      });
    }

    test('of a 304 counts too', async () => {
      const actor = actors.pop();
      const { issuer } = actor;
      issuer.jwks = tagged(issuer, '"v1"', 'max-age=3600');
      await actor.accepts(former);
      await ttl();
      await actor.accepts(former);
      assert.ok(await until(() => issuer.counts.jwks === 2));
      for (let i = 0; i < 2; i += 1) {
        await ttl();
        await actor.accepts(former);
      }
      await sleep(300);
      assert.deepEqual(tags(issuer), [undefined, '"v1"']);
    });

    test('of discovery says nothing of the keys', async () => {
      const actor = actors.pop();
      const { issuer } = actor;
      issuer.discovery = json({ issuer: issuer.issuer, jwks_uri: issuer.jwksUri }, { 'cache-control': 'max-age=3600' });
      await actor.accepts(former);
      await ttl();
      await actor.accepts(former);
      assert.ok(await until(() => issuer.counts.jwks === 2));
    });
  });

  describe('an entity tag', { concurrency: true, timeout: 30_000 }, () => {
    test('is sent back as it came, until another comes', async () => {
      const actor = actors.pop();
      const { issuer } = actor;
      issuer.jwks = tagged(issuer, 'W/"a, b"');
      await actor.accepts(former);
      await ttl();
      await actor.accepts(former);
      assert.ok(await until(() => issuer.counts.jwks === 2));
      issuer.keys = [current.jwk];
      issuer.jwks = tagged(issuer, '"second"');
      await ttl();
      await actor.accepts(former);
      assert.ok(await until(async () => (await actor.send(current)).status === 200));
      await actor.refuses(former);
      assert.deepEqual(tags(issuer).slice(0, 3), [undefined, 'W/"a, b"', 'W/"a, b"']);
      assert.equal(await until(async () => (await actor.entry()).etag), '"second"');
    });

    test('that comes no more is forgotten', async () => {
      const actor = actors.pop();
      const { issuer } = actor;
      issuer.jwks = tagged(issuer, '"v1"');
      await actor.accepts(former);
      issuer.jwks = json(() => ({ keys: issuer.keys }));
      for (let count = 2; count <= 3; count += 1) {
        await ttl();
        await actor.accepts(former);
        assert.ok(await until(() => issuer.counts.jwks >= count));
      }
      assert.deepEqual(tags(issuer), [undefined, '"v1"', undefined]);
      assert.ok(await until(async () => !('etag' in await actor.entry())));
    });

    test('is not sent for a key set elsewhere', async () => {
      const actor = actors.pop();
      const { issuer } = actor;
      issuer.jwks = tagged(issuer, '"v1"');
      await actor.accepts(former);
      const moved = `${issuer.jwksUri}?moved`;
      issuer.discovery = json({ issuer: issuer.issuer, jwks_uri: moved });
      await ttl();
      await actor.accepts(former);
      assert.ok(await until(async () => (await actor.entry()).jwks_uri === moved));
      assert.deepEqual(tags(issuer), [undefined, undefined]);
    });

    test('was not sent: a 304 is no answer, and the good set stays', async () => {
      const actor = actors.pop();
      const { issuer } = actor;
      await actor.accepts(former);
      issuer.jwks = (request, response) => response.writeHead(304).end();
      await ttl();
      await actor.accepts(former);
      assert.ok(await actor.logged(/304/));
      await actor.accepts(former);
      assert.deepEqual((await actor.entry()).keys, [former.jwk]);
    });
  });
});
