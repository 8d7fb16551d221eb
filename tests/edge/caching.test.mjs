// HTTP caching of key sets (RFC 9111): max-age can shorten the time for which a set is fresh, and never lengthens it; an
// entity tag spares its transfer.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { WITH_CLOCK, setAhead } from './support/clock.mjs';
import { until } from './support/gate.mjs';
import { json } from './support/keyserver.mjs';
import { theatre } from './support/stage.mjs';
import { newKey } from './support/tokens.mjs';

const [former, current] = [newKey('ES256'), newKey('ES256')];
const { company } = await theatre();

/** Answers with the issuer's keys and a Cache-Control. */
const cached = (issuer, control) => json(() => ({ keys: issuer.keys }), { 'cache-control': control });

/** Cache-Control values that leave a ttl of one second, whether they say more, less or nothing. */
const CONTROLS = [
  'max-age=3600', 'public, max-age=3600', 'MAX-AGE=3600', 's-maxage=3600', 'max-age=60 , must-revalidate', 'immutable, max-age=86400',
  'max-age=99999999999999999999', // RFC 9111 section 1.2.2: as many as can be
  'max-age=0', 'no-store', 'no-cache', 'no-store, max-age=3600', 'max-age=3600, no-cache', 'public', 'max-age=abc',
  'max-age=-5', 'max-age', '',
];

/** For how many seconds they leave a set fresh for which the policy says 600. */
const FRESH = {
  'max-age=120': 120, 'public, Max-Age="120"': 120, 'max-age=590, s-maxage=120': 120,
  'max-age=1': 60, 'no-store': 60, 'no-cache, max-age=300': 60,
  'max-age=3600': 600, 'max-age=99999999999999999999': 600, 'public': 600, '': 600,
};

/** Answers 304 to the tag, 200 with the tag otherwise; `control` is the Cache-Control of the 304. */
function tagged(issuer, tag, control) {
  return (request, response) => {
    const headers = control ? { etag: tag, 'cache-control': control } : { etag: tag };
    if (request.headers['if-none-match'] === tag) response.writeHead(304, headers).end();
    else json({ keys: issuer.keys }, { etag: tag })(request, response);
  };
}

const tags = (issuer) => issuer.requests.filter(({ kind }) => kind === 'jwks').map(({ headers }) => headers['if-none-match']);
const actors = await company({ after }, Array.from({ length: CONTROLS.length + 4 }, () => ({
  keys: [former], settings: { jwks_ttl: 1, jwks_cooldown: 1 },
})));

/** Lets a ttl of one second pass. */
const ttl = () => sleep(1200);

describe('HTTP caching', { concurrency: true }, () => {
  describe('Cache-Control', { concurrency: true, timeout: 30_000 }, () => {
    for (const control of CONTROLS) {
      test(`"${control}" lengthens no ttl`, async () => {
        const actor = actors.pop();
        const { issuer } = actor;
        issuer.jwks = cached(issuer, control);
        const started = Date.now();
        for (let i = 0; i < 6; i += 1) await actor.accepts(former);
        const most = 2 + (Date.now() - started) / 1000;
        assert.ok(issuer.counts.jwks <= most, `${issuer.counts.jwks} fetches, at most ${most}`);
        issuer.keys = [current.jwk];
        await ttl();
        const before = issuer.counts.jwks;
        await actor.send(former);
        assert.ok(await until(() => issuer.counts.jwks === before + 1), 'refreshed after the ttl');
        assert.ok(await until(async () => (await actor.send(former)).status === 401), 'withdrawn');
      });
    }
  });

  describe('a clock shows that', { timeout: 60_000 }, () => {
    test('Cache-Control shortens the ttl, to no less than a minute, and does not lengthen it', async (t) => {
      const list = Object.entries(FRESH);
      const settled = await company(t, list.map(() => ({ keys: [former] })), { entry: WITH_CLOCK });
      const fetches = list.map(([control], index) => {
        const { issuer } = settled[index];
        issuer.jwks = cached(issuer, control);
        return [];
      });
      // A set is refreshed up to a tenth of its ttl early, and the test itself takes some seconds.
      for (const ahead of [0, 45, 60, 98, 120, 525, 600]) {
        await setAhead(settled[0].gate, ahead);
        await Promise.all(settled.map(async (actor, index) => {
          const [control, seconds] = list[index];
          const isDue = fetches[index].length === 0 || ahead - fetches[index].at(-1) >= seconds;
          if (isDue) fetches[index].push(ahead);
          await actor.accepts(former);
          await until(() => actor.issuer.counts.jwks === fetches[index].length);
          await sleep(100); // for a refresh that should not be
          assert.equal(actor.issuer.counts.jwks, fetches[index].length, `"${control}" after ${ahead} seconds`);
        }));
      }
    });

    test('a withdrawn key is good for the ttl and not for the max-age', async (t) => {
      const settings = { jwks_ttl: 2, jwks_max_stale: 0 };
      const [actor] = await company(t, [{ keys: [former], settings }], { entry: WITH_CLOCK });
      actor.issuer.jwks = cached(actor.issuer, 'max-age=86400');
      await actor.accepts(former);
      actor.issuer.keys = [current.jwk];
      await setAhead(actor.gate, 3);
      await actor.refuses(former);
    });

    test('the Cache-Control of a 304 counts, and that of discovery does not', async (t) => {
      const [actor] = await company(t, [{ keys: [former] }], { entry: WITH_CLOCK });
      const { issuer, gate } = actor;
      issuer.jwks = tagged(issuer, '"v1"', 'max-age=120');
      issuer.discovery = json({ issuer: issuer.issuer, jwks_uri: issuer.jwksUri }, { 'cache-control': 'no-store' });
      let fetches = 1;
      await actor.accepts(former);
      for (const [ahead, isFresh] of [[500, true], [600, false], [600 + 98, true], [600 + 125, false]]) {
        await setAhead(gate, ahead);
        await actor.accepts(former);
        if (!isFresh) fetches += 1;
        assert.ok(await until(() => issuer.counts.jwks === fetches), `${ahead}`);
        await sleep(100);
        assert.equal(issuer.counts.jwks, fetches, `${ahead}`);
      }
      assert.deepEqual(tags(issuer), [undefined, '"v1"', '"v1"']);
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
