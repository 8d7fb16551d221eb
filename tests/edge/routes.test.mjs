// Which route a request takes: hosts, then the most specific path, then the method. Every route here is public and
// has a base of its own at the origin, so the forwarded path tells which route was taken.

import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';

import { assertForwarded, assertRefused } from './support/expect.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';

const origin = await startOrigin();

const ROUTES = [
  ['root', '/'],
  ['literal', '/lit/a'],
  ['capture', '/lit/{x}'],
  ['rest', '/lit/{*rest}'],
  ['early-literal', '/order/b/{c}'],
  ['late-literal', '/order/{a}/c'],
  ['dead-end', '/back/b/{c}/end'],
  ['way-round', '/back/{a}/c/{*rest}'],
  ['files', '/files/{*path}'],
  ['slash', '/slash/'],
  ['admin', '/api/admin'],
  ['accent', '/café'],
  ['space', '/with space'],
  ['dots', '/dots/{name}'],
  ['reader', '/doc', { methods: ['GET'] }],
  ['writer', '/doc', { methods: ['PUT', 'POST'] }],
  ['head', '/own-head', { methods: ['HEAD'] }],
  ['get', '/own-head', { methods: ['GET'] }],
  ['any', '/mixed', {}],
  ['post', '/mixed', { methods: ['POST'] }],
  ['mixed-get', '/mixed-get', { methods: ['GET'] }],
  ['mixed-all', '/mixed-get', {}],
  ['strict', '/m/only', { methods: ['GET'] }],
  ['lax', '/m/{*rest}'],
  ['same-get', '/same/{a}', { methods: ['GET'] }],
  ['same-post', '/same/{b}', { methods: ['POST'] }],
  ['delete', '/delete-only', { methods: ['DELETE'] }],
  ['exact-host', '/h/x', { hosts: ['api.host.test', 'Second.Host.Test'] }],
  ['pattern-host', '/h/{any}', { hosts: ['{tenant}.host.test'] }],
  ['no-host', '/h/{*rest}'],
  ['exact-host-post', '/hm', { hosts: ['api.host.test'], methods: ['POST'] }],
  ['no-host-get', '/hm', {}],
];

const gate = await startGate({
  policy: {
    version: 1,
    routes: ROUTES.map(([base, path, more]) => ({ path, access: 'public', origin: `${origin.url}/${base}`, name: base, ...more })),
  },
});
beforeEach(() => origin.take());
after(async () => {
  await gate.close();
  await origin.close();
});

async function taken(path, options) {
  const answer = await gate.request(path, options);
  const record = assertForwarded(answer, origin);
  return record.url.split('/')[1];
}

function takes(cases) {
  for (const [path, base, options, note] of cases) {
    const method = options?.method ? `${options.method} ` : '';
    test(`${note ? `${note}: ` : ''}${method}${path} takes ${base}`, async () => {
      assert.equal(await taken(path, options), base);
    });
  }
}

function refuses(cases) {
  for (const [path, code, options = {}, note] of cases) {
    const { allow, ...request } = options;
    test(`${note ? `${note}: ` : ''}${request.method ?? 'GET'} ${path} is ${code}`, async () => {
      const realm = request.host;
      assertRefused(await gate.request(path, request), code, { origin, allow, realm });
    });
  }
}

describe('the most specific path wins, segment by segment', () => {
  takes([
    ['/', 'root'],
    ['/lit/a', 'literal'],
    ['/lit/b', 'capture'],
    ['/lit/b/c', 'rest'],
    ['/lit/a/c', 'rest', undefined, 'a literal that leads nowhere is no trap'],
    ['/order/b/c', 'early-literal', undefined, 'the earlier literal decides'],
    ['/order/b/d', 'early-literal'],
    ['/order/q/c', 'late-literal'],
    ['/back/b/c/end', 'dead-end'],
    ['/back/b/c/other', 'way-round'],
    ['/files/a', 'files'],
    ['/files/a/b/c', 'files'],
    ['/files', 'files', undefined, 'a rest covers its root'],
    ['/files/', 'files', undefined, 'with a slash at its end, too'],
    ['/lit', 'rest'],
    ['/back/b/c', 'way-round'],
  ]);
  refuses([
    ['/nothing', 'gate.no_route'],
    ['/order/q/d', 'gate.no_route'],
    ['/LIT/a', 'gate.no_route', {}, 'case matters'],
    ['/api/Admin', 'gate.no_route', {}, 'case matters'],
    ['/litt/a', 'gate.no_route'],
  ]);
});

describe('one trailing slash does not count', () => {
  takes([
    ['/slash', 'slash'],
    ['/slash/', 'slash'],
    ['/lit/a/', 'literal'],
    ['/lit/b/', 'capture'],
    ['/files/a/', 'files'],
  ]);
});

describe('segments are percent-decoded once and compared', () => {
  takes([
    ['/api/%61dmin', 'admin'],
    ['/%61pi/admin', 'admin'],
    ['/caf%C3%A9', 'accent'],
    ['/caf%c3%a9', 'accent'],
    ['/with%20space', 'space'],
    ['/lit/%61', 'literal', undefined, 'a literal spelled with an escape is still the literal'],
  ]);
});

describe('what is forwarded is the path as it was received', () => {
  for (const [path, forwarded] of [
    ['/api/%61dmin', '/admin/api/%61dmin'],
    ['/api/admin/', '/admin/api/admin/'],
    ['/files/a/b%20c/', '/files/files/a/b%20c/'],
    ['/lit/%7Euser', '/capture/lit/%7Euser'],
    ['/files/a?x=1&x=2&y=%zz&z=a+b/../c', '/files/files/a?x=1&x=2&y=%zz&z=a+b/../c'],
    ['/files/a?', ['/files/files/a?', '/files/files/a']],
    ['/', ['/root/', '/root']],
  ]) {
    test(path, async () => {
      const { url } = assertForwarded(await gate.request(path), origin);
      assert.ok([forwarded].flat().includes(url), `${url} is not ${forwarded}`);
    });
  }
});

describe('methods', () => {
  takes([
    ['/doc', 'reader'],
    ['/doc', 'reader', { method: 'HEAD' }, 'GET covers HEAD'],
    ['/doc', 'writer', { method: 'PUT' }],
    ['/doc', 'writer', { method: 'POST' }],
    ['/own-head', 'head', { method: 'HEAD' }, 'a route that names HEAD takes it'],
    ['/own-head', 'get'],
    ['/mixed', 'post', { method: 'POST' }, 'a named method wins over all methods'],
    ['/mixed', 'any'],
    ['/mixed', 'any', { method: 'DELETE' }],
    ['/mixed-get', 'mixed-get', { method: 'HEAD' }, 'so does HEAD that GET covers'],
    ['/mixed-get', 'mixed-all', { method: 'POST' }],
    ['/same/1', 'same-get', undefined, 'a capture is the same path under any name'],
    ['/same/1', 'same-post', { method: 'POST' }],
    ['/m/only', 'strict'],
    ['/m/other', 'lax', { method: 'POST' }],
  ]);
  refuses([
    ['/doc', 'gate.method_not_allowed', { method: 'DELETE', allow: ['GET', 'HEAD', 'PUT', 'POST'] }],
    ['/doc', 'gate.method_not_allowed', { method: 'OPTIONS', allow: ['GET', 'HEAD', 'PUT', 'POST'] }],
    ['/own-head', 'gate.method_not_allowed', { method: 'POST', allow: ['GET', 'HEAD'] }],
    ['/m/only', 'gate.method_not_allowed', { method: 'POST', allow: ['GET', 'HEAD'] }, 'whatever a less specific path takes'],
    ['/same/1', 'gate.method_not_allowed', { method: 'DELETE', allow: ['GET', 'HEAD', 'POST'] }],
    ['/delete-only', 'gate.method_not_allowed', { method: 'GET', allow: ['DELETE'] }],
    ['/hm', 'gate.method_not_allowed', { method: 'GET', host: 'api.host.test', allow: ['POST'] }, 'whatever a less specific host takes'],
  ]);
  test('HEAD where nothing covers it is 405 without a body', async () => {
    const answer = await gate.request('/delete-only', { method: 'HEAD' });
    assertRefused(answer, 'gate.method_not_allowed', { origin, allow: ['DELETE'], head: true });
  });
  test('the method reaches the origin as it was', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const record = assertForwarded(await gate.request('/files/a', { method }), origin);
      assert.equal(record.method, method);
    }
  });
});

describe('hosts come first', () => {
  takes([
    ['/h/x', 'exact-host', { host: 'api.host.test' }],
    ['/h/x', 'exact-host', { host: 'second.host.test' }, 'the policy may write it in any case'],
    ['/h/x', 'exact-host', { host: 'API.Host.TEST' }, 'case-insensitively'],
    ['/h/x', 'exact-host', { host: 'api.host.test:8080' }, 'without port'],
    ['/h/x', 'exact-host', { host: 'api.host.test.' }, 'without trailing dot'],
    ['/h/x', 'exact-host', { host: 'api.host.test.:8080' }, 'without both'],
    ['/h/y', 'pattern-host', { host: 'api.host.test' }, 'a path that the exact host lacks goes to the pattern'],
    ['/h/x', 'pattern-host', { host: 'acme.host.test' }],
    ['/h/x', 'pattern-host', { host: 'ACME.host.test:80' }],
    ['/h/x/y', 'no-host', { host: 'acme.host.test' }, 'a path that no host has goes to the rest'],
    ['/h/x', 'no-host', { host: 'a.b.host.test' }, 'a pattern captures one label'],
    ['/h/x', 'no-host', { host: 'host.test' }],
    ['/h/x', 'no-host', { host: 'api.host.test.evil.test' }],
    ['/h/x', 'no-host', { host: 'xapi-host.test' }],
    ['/hm', 'exact-host-post', { host: 'api.host.test', method: 'POST' }],
    ['/hm', 'no-host-get', { host: 'other.test' }],
    ['/lit/a', 'literal', { host: 'any.thing.test' }],
  ]);
});
