// A rule covers every path that an origin could take for one of its own: the root of `{*rest}`, and other cases of letters.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { WAYS, eachWay, rawWorld, taken } from './world.mjs';

const ways = Object.keys(WAYS);
const OPEN = { access: 'public' };
const SHUT = { access: 'deny' };

/** The hosts of the rules on hosts; all other routes are of every host. */
const HOSTED = [
  { hosts: ['closed.test'], path: '/vault/{*rest}', ...SHUT },
  { hosts: ['{tenant}.tenants.test'], path: '/Vault/{*rest}', ...SHUT },
];
const ROUTES = eachWay([
  { path: '/admin/{*rest}', ...SHUT },
  { path: '/Mixed/Case', ...SHUT },
  taken({ path: '/orgs/{org}/Data/{*rest}', organization: '{org}' }),
  { path: '/docs', methods: ['GET'], ...SHUT },
  { path: '/docs', methods: ['POST'], ...OPEN },
  { path: '/same/{*rest}', ...OPEN },
  { path: '/caf\u00e9/{*rest}', ...SHUT },
  { path: '/{*rest}', ...OPEN },
]).concat(HOSTED, { path: '/{*rest}', ...OPEN });

const refusing = await rawWorld({ routes: ROUTES });
const exact = await rawWorld({ routes: ROUTES, policy: { paths: { case: 'exact' } } });
const spelled = await rawWorld({ routes: ROUTES, policy: { paths: { case: 'refuse' } } });

describe('{*rest} covers its root', () => {
  for (const root of ['/admin', '/admin/', '/%61dmin', '/adm%69n/', '/admin?', '/admin/?x=/y', '/admin/users', '/admin/users/']) {
    test(`${root}: 403, although a weaker route would take it`, async () => {
      assertAll(await everywhere(refusing, root), 403);
    });
  }
  for (const path of ['/same', '/same/', '/same/x', '', '/', '/admins', '/adminx/', '/admi']) {
    test(`${path || 'the root of all'}: passes as it came`, async () => {
      for (const { target, answer, arrived } of await everywhere(refusing, path)) {
        assert.equal(answer.status, 200, answer.received);
        assert.deepEqual(arrived.map((record) => record.target), [target]);
      }
    });
  }
  test('its value is empty there, and an empty value opens nothing', async () => {
    const world = await rawWorld({ routes: eachWay([taken({ path: '/of/{*org}', organization: '{org}' })]) });
    const headers = [world.bearer({ organization_id: '' })];
    assertAll(await everywhere(world, '/of', { headers }), 403);
    assertAll(await everywhere(world, '/of/', { headers }), 403);
    assertAll(await everywhere(world, '/of/', { headers: [world.bearer({ organization_id: undefined })] }), 403);
  });
});

/** Paths that an origin without regard to case takes for another route's: 400, unless the policy says otherwise. */
const LIKE = {
  'a literal before the rest': ['/ADMIN/users', '/Admin/users', '/aDMIN/users', '/ADMIN', '/ADMIN/', '/%41DMIN/users', '/admi%4E/x', '/ADMIN/a/b/c'],
  'a literal with capitals': ['/mixed/case', '/MIXED/CASE', '/Mixed/case', '/mixed/Case/'],
  'a literal behind a capture': ['/orgs/acme/data/x', '/orgs/acme/DATA/x', '/ORGS/acme/Data/x', '/Orgs/acme/data', '/orgs/ACME/data/'],
  'a literal that is not all ASCII': ['/CAF\u00c3\u00a9/x', '/Caf%C3%A9/x', '/cAF%C3%A9'],
  'a literal for one method': ['/DOCS', '/Docs/', '/d%4Fcs'],
  'a literal whose rule is no stricter': ['/SAME/x', '/Same', '/sAmE/'],
};
/** Capitals that change nothing. */
const UNLIKE = ['/same/ADMIN/x', '/other/Admin', '/ADMINS/x', '/orgs/acme/Other', '/caf%C3%89/x'];

describe('paths that are another route\'s but for the case of letters', () => {
  for (const [kind, paths] of Object.entries(LIKE)) {
    test(`${kind}: 400`, async () => {
      for (const world of [refusing, spelled]) {
        for (const path of paths) assertAll(await everywhere(world, path), 400, 'gate.bad_path');
      }
    });
    test(`${kind}: by its own rules where case counts`, async () => {
      for (const path of paths) {
        for (const { target, answer, arrived } of await everywhere(exact, path)) {
          assert.equal(answer.status, 200, `${target} ${answer.received}`);
          assert.equal(arrived.length, 1, target);
        }
      }
    });
  }
  for (const path of UNLIKE) {
    test(`control: ${path} passes as it came`, async () => {
      for (const { target, answer, arrived } of await everywhere(refusing, path)) {
        assert.equal(answer.status, 200, `${target} ${answer.received}`);
        assert.deepEqual(arrived.map((record) => record.target), [target]);
      }
    });
  }
  test('the prefix of the policy\'s own paths counts too', async () => {
    assertAll(await refusing.exchange(['/URL/admin/x', '/Url/ADMIN/x', '/uRL/docs'].map((target) => ({ target }))), 400, 'gate.bad_path');
  });
  test('the right spelling has its rule, with a token or without', async () => {
    assertAll(await everywhere(refusing, '/Mixed/Case'), 403);
    assertAll(await everywhere(refusing, '/orgs/acme/Data/x'), 401);
    const headers = [refusing.bearer({ organization_id: 'ACME' })];
    const passed = await everywhere(refusing, '/orgs/ACME/Data/X', { headers });
    assert.deepEqual(passed.map(({ answer }) => answer.status), ways.map(() => 200));
  });
  test('a token opens nothing under another spelling', async () => {
    assertAll(await everywhere(refusing, '/orgs/acme/data/x', { headers: [refusing.bearer({ organization_id: 'acme' })] }), 400);
  });
});

describe('case, with the method', () => {
  test('a method that the other route denies: 400', async () => {
    assertAll(await everywhere(refusing, '/DOCS', { method: 'GET' }), 400, 'gate.bad_path');
    assertAll(await everywhere(refusing, '/DOCS', { method: 'HEAD' }), 400);
  });
  test('a method that the other route takes, by another rule: 400', async () => {
    assertAll(await everywhere(refusing, '/DOCS', { method: 'POST' }), 400, 'gate.bad_path');
  });
  test('a method that the other path has no route for: refused', async () => {
    for (const { target, answer, arrived } of await everywhere(refusing, '/DOCS', { method: 'DELETE' })) {
      assert.deepEqual([arrived.length, [400, 405].includes(answer.status)], [0, true], `${target} ${answer.received}`);
    }
  });
});

describe('case, with the host', () => {
  const at = (host, target) => ({ host, target });
  test('a rule of the request\'s host', async () => {
    assertAll(await refusing.exchange([
      at('closed.test', '/VAULT/x'), at('CLOSED.test', '/Vault'), at('closed.test:8080', '/vaulT/'), at('closed.test.', '/VAULT/x'),
      at('acme.tenants.test', '/vault/x'), at('ACME.tenants.test', '/VAULT'),
    ]), 400, 'gate.bad_path');
  });
  test('a rule of another host is none', async () => {
    for (const { host, answer, arrived } of await refusing.exchange([
      at('gate.test', '/VAULT/x'), at('gate.test', '/vault/x'), at('gate.test', '/Vault/x'), at('acme.other.test', '/vault/x'), at('tenants.test', '/vault'),
    ])) {
      assert.deepEqual([answer.status, arrived.length], [200, 1], host);
    }
  });
});

/** One path by each kind of origin. */
function everywhere(world, path, request = {}) {
  return world.exchange(ways.map((way) => ({ target: `/${way}${path}`, ...request })));
}

/** Each is refused so, and nothing arrived. */
function assertAll(exchanged, status, code) {
  for (const { method = 'GET', host = '', target, answer, arrived } of exchanged) {
    const what = `${method} ${host}${target}: ${answer.status} ${answer.text}`;
    assert.deepEqual(arrived.map(({ line }) => line), [], what);
    assert.equal(answer.status, status, what);
    if (code && method !== 'HEAD') assert.equal(answer.json?.code, code, what);
  }
}
