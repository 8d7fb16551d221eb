// Host is exactly the authority of the request's URL: a request that says more there is refused, and of every other the
// origin receives what was decided on.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { assertRefused } from '../support/expect.mjs';
import { BAD, BAD_HEADS, BAD_QUERIES, GOOD, GOOD_QUERIES } from './hosts.mjs';
import { WAYS, eachWay, rawWorld, taken } from './world.mjs';

const world = await rawWorld({
  routes: eachWay([
    { path: '/public/{*rest}', access: 'public' },
    { path: '/b', access: 'public' },
    taken({ path: '/query', organization: '{query.org}' }),
    { path: '/{*rest}', access: 'deny' },
  ]).concat({ path: '/public/{*rest}', access: 'public' }, { path: '/b', access: 'public' }, taken({ path: '/q/{org}', organization: '{org}' })),
});
const ways = Object.keys(WAYS);

/** What arrives as Host: the URL's, as every URL parser writes it; `gate.test` of the policy where the route names its origin. */
const arriving = { url: () => 'origin.test', service: canonical, passthrough: canonical };

const count = [BAD, BAD_HEADS, GOOD].flatMap((table) => Object.values(table).flat()).length;
test(`the tables hold ${count} Hosts`, () => assert.ok(count >= 100));

describe('a Host that is one: the request arrives as it was decided on', () => {
  for (const [kind, hosts] of Object.entries(GOOD)) {
    test(kind, async () => {
      const exchanged = await world.exchange(hosts.flatMap((host) => ways.map((way) => ({ way, host, target: `/${way}/public/x?y=1` }))));
      for (const { way, host, target, answer, arrived } of exchanged) {
        const what = JSON.stringify([host, way]);
        assert.equal(answer.status, 200, `${what} ${answer.received}`);
        assert.deepEqual(arrived.map((record) => record.target), [target], what);
        assert.deepEqual(arrived[0].headers('x-forwarded-host'), [host], what);
        assert.deepEqual(arrived[0].headers('host'), [arriving[way](host)], what);
      }
    });
  }
});

describe('a Host that is none: 400, and nothing arrives', () => {
  const targets = ['/public/x?y=1', '/b', ...ways.flatMap((way) => [`/${way}/public/x?y=1`, `/${way}/b`])];
  for (const [kind, hosts] of Object.entries(BAD)) {
    test(kind, async () => {
      assertAllRefused(await world.exchange(hosts.flatMap((host) => targets.map((target) => ({ host, target })))));
    });
  }
});

describe('a head that no origin would read as the gate does: refused, and nothing arrives', () => {
  for (const [what, head] of Object.entries(BAD_HEADS)) {
    test(what, async () => {
      world.recorder.take();
      const answer = await world.gate.raw(`${head}Connection: close\r\n\r\n`);
      assert.deepEqual(world.recorder.take().map(({ line }) => line), []);
      assert.ok([400, 404, 405].includes(answer.status), answer.received);
    });
  }
});

describe('a Host that holds what a template reads', () => {
  const mine = { organization_id: 'mine' };
  for (const [what, host, target] of [
    ['a path and a query before the target', 'gate.test/url/query?org=mine&x=', '/url/query'],
    ['two readings of one parameter', 'gate.test/url/query?org=mine&o\trg=victim&', '/b'],
    ['a fragment that hides the target', 'gate.test/url/query?org=mine#', '/url/query?org=victim'],
    ['a path that is another organization', 'gate.test/q/mine?', '/q/victim'],
    ['user info before another host', 'gate.test/q/mine@other.test', '/q/victim'],
    ['a backslash for a slash', 'gate.test\\q\\victim?', '/q/mine'],
  ]) {
    test(what, async () => {
      assertAllRefused(await world.exchange([{ host, target, headers: [world.bearer(mine)] }]));
    });
  }
});

describe('absolute form', () => {
  for (const [what, host, url, path] of [
    ['of the same host', 'gate.test', 'http://gate.test', '/url/public/x?y=1'],
    ['of another host: the Host header is what all goes by', 'gate.test', 'http://other.test', '/url/public/x?y=1'],
    ['with user info', 'gate.test', 'http://user@gate.test', '/url/public/x'],
    ['with a port', 'gate.test', 'http://gate.test:8080', '/passthrough/public/x'],
    ['in capitals', 'gate.test', 'HTTP://GATE.TEST', '/passthrough/public/x'],
    ['of another scheme', 'gate.test', 'ftp://gate.test', '/url/public/x'],
  ]) {
    test(what, async () => {
      const [{ answer, arrived }] = await world.exchange([{ host, target: url + path }]);
      if (answer.status !== 200) return assertAllRefused([{ host, target: url + path, answer, arrived }]);
      assert.deepEqual(arrived.map(({ target }) => target), [path]);
      return assert.deepEqual(arrived[0].headers('x-forwarded-host'), ['gate.test']);
    });
  }
});

describe('HTTP/1.0', () => {
  test('with a Host it is a request like any other', async () => {
    const [{ answer, arrived }] = await world.exchange([{ target: '/url/public/x?y=1', version: 'HTTP/1.0' }]);
    if (answer.status !== 200) return assertAllRefused([{ answer, arrived }]);
    return assert.deepEqual(arrived.map(({ target }) => target), ['/url/public/x?y=1']);
  });
});

describe('queries', () => {
  for (const [kind, queries] of Object.entries(BAD_QUERIES)) {
    test(`${kind}: 400`, async () => {
      assertAllRefused(await world.exchange(queries.flatMap((query) => ways.map((way) => ({ target: `/${way}/public/x?${query}` })))));
    });
  }
  test('what only looks odd arrives as it came', async () => {
    const exchanged = await world.exchange(GOOD_QUERIES.flatMap((query) => ways.map((way) => ({ target: `/${way}/public/x?${query}` }))));
    for (const { target, answer, arrived } of exchanged) {
      assert.equal(answer.status, 200, `${target} ${answer.received}`);
      // The WHATWG's URLs have no apostrophe in a query.
      assert.deepEqual(arrived.map((record) => record.target), [target.replaceAll("'", '%27')]);
    }
  });
  test('a raw #: refused, or what was decided on arrives, and no more', async () => {
    const headers = [world.bearer({ organization_id: 'mine' })];
    const queries = ['org=mine#', 'org=mine#&org=victim', 'org=mine&x#y', 'org=mine&#?/..'];
    for (const { target, ...one } of await world.exchange(queries.flatMap((query) => ways.map((way) => ({ target: `/${way}/query?${query}`, headers }))))) {
      if (one.answer.status === 200) assert.deepEqual(one.arrived.map((record) => record.target), [target.split('#')[0]]);
      else assertAllRefused([{ target, ...one }]);
    }
    assertMismatched(await world.exchange(['x#org=mine', 'org=victim#&org=mine', '#org=mine'].map((query) => ({ target: `/url/query?${query}`, headers }))));
  });
});

/** 400 of the gate's, in full, or workerd's own; and nothing arrived. */
function assertAllRefused(exchanged) {
  const wrong = exchanged.filter(({ answer, arrived }) => answer.status !== 400 || arrived.length > 0);
  const told = wrong.map(({ host, target, answer, arrived }) => (
    `${JSON.stringify([host, target])}: ${answer.status} ${answer.text}, arrived: ${JSON.stringify(arrived.map(({ line }) => line))}`
  ));
  assert.equal(wrong.length, 0, `${wrong.length} of ${exchanged.length}\n${told.slice(0, 12).join('\n')}`);
  for (const { answer } of exchanged) if (answer.json) assertRefused(answer, 'gate.bad_path');
}

/** What lies behind a # is no value; that it is there may be refused for itself. */
function assertMismatched(exchanged) {
  for (const { target, answer, arrived } of exchanged) {
    assert.deepEqual(arrived, [], target);
    assert.ok(['gate.bad_path', 'auth.organization_mismatch'].includes(answer.json?.code), answer.received);
  }
}

/** As the WHATWG's URL parser has it. */
function canonical(host) {
  return new URL(`http://${host}/`).host;
}
