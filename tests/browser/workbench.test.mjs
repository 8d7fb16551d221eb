// The workbench as its readers use it: the built page in a real browser, whose every request goes through a recording proxy.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';

import { startProvider } from '../../demo/provider.mjs';
import { REQUESTS } from '../../demo/requests.mjs';
import { startDemoWorkbench, whyLine } from '../../demo/workbench.mjs';
import { startWorkbench } from '../../npm/dev/workbench.mjs';
import { ROOT, targetFolder } from '../../scripts/toolchain.mjs';
import { request } from '../edge/support/http.mjs';
import { mint, newKey } from '../edge/support/tokens.mjs';
import { startProxy } from './proxy.mjs';
import { Workbench, exampleFixture } from './workbench.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const API = 'https://api.yourapp.com';
const UNDECIDED = 'Not decided: the signature needs the keys of the issuer';
const SITE = new URL('../../build/site', import.meta.url).pathname;
const seconds = () => Math.floor(Date.now() / 1000);

const provider = await startProvider();
const proxy = await startProxy();
let shown = exampleFixture();
const server = await startWorkbench({ folder: SITE, host: '127.0.0.1', port: 0, fixture: () => shown });
let workbench;
before(async () => {
  workbench = await Workbench.start(server.url, { proxy: proxy.url });
});
after(async () => {
  await workbench?.close();
  for (const part of [server, proxy, provider]) await part.close();
});

/** The policy of the example with the real provider as its issuer. */
const withProvider = (text) => text.replace('https://tenant.logto.app/oidc', provider.issuer);

/** Requests that went elsewhere than to the workbench. */
const elsewhere = () => proxy.taken().filter((request) => !request.startsWith(`GET ${server.url}/`));

describe('the policy', { timeout: 120_000 }, () => {
  test('a mistake is underlined as one types, and mended by the fix that is offered', async () => {
    const page = await workbench.open();
    assert.match(await page.text('.tabs [role=tabpanel]'), /No problems/);
    await page.replacePolicy((text) => text.replace('access = "public"', 'access = "pubic"'));
    await page.until(() => document.querySelector('.findings li.error') !== null);
    assert.deepEqual(await page.underlined(), [['"pubic"', 'error']]);
    assert.match(await page.text('.findings'), /Error, line 32: routes\[3\]\.access: expected "token", "optional", "public" or "deny", found "pubic"; did you mean public\?/);
    assert.match(await page.text('.tabs [role=tabpanel]'), /refuses every request while its policy has an error/);
    assert.equal(await page.decision(), 'The policy has errors, so there is no decision: see the findings.');
    await page.press('Write "public"');
    await page.until(() => document.querySelector('.findings') === null);
    assert.match(await page.policy(), /access = "public"\n/);
    assert.deepEqual(await page.underlined(), []);
    assert.deepEqual(page.problems, []);
  });
  test('the fix is one of the editor, too: with the keyboard alone', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('scopes = ["invite:member"]', 'scope = ["invite:member"]'));
    await page.until(() => document.querySelector('.findings li.error') !== null);
    await page.focusEditor('The policy');
    await page.key('m', { control: true, shift: true }); // opens the list of findings, as in other editors
    await page.until(() => document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-panel-lint') !== null);
    const offered = await page.run(() => document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-diagnosticAction').textContent);
    assert.equal(offered, 'Write scopes');
    await page.run(() => document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-diagnosticAction').click());
    await page.until(() => document.querySelector('.findings') === null);
    assert.match(await page.policy(), /\nscopes = \["invite:member"\]/);
  });
  for (const [file, before, typed, after] of [
    ['TOML', 'version = 1\n[[routes]]\npath = "/a"\n', 'acc', 'access = '],
    ['TOML', 'version = 1\n[[routes]]\npath = "/a"\naccess = ', '"pu', '"public"'],
    ['YAML', 'version: 1\nroutes:\n  - path: /a\n', '    acc', '    access: '],
    ['JSON', '{"version": 1, "routes": [{"path": "/a", ', '"acc', '"access": '],
  ]) {
    test(`completion in ${file}: ${JSON.stringify(typed)}`, async () => {
      const page = await workbench.open();
      await page.run((file) => {
        const select = document.querySelector('.bar select');
        select.value = [...select.options].find(({ text }) => text === file).value;
        select.dispatchEvent(new Event('change', { bubbles: true }));
      }, file);
      await page.focusEditor('The policy');
      await page.insert(before);
      for (const character of typed) await page.insert(character);
      await page.until(() => document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-tooltip-autocomplete li') !== null);
      await new Promise((done) => setTimeout(done, 150)); // the list takes no key at first, so that none is meant for the text
      await page.key('Enter');
      await page.settled();
      assert.ok((await page.policy()).startsWith(before + after), await page.policy());
    });
  }
  for (const [name, line, typedAt, expected] of [
    ['a value', 'access = "token"', 'access = "', 'access = "optional"'],
    ['a key', 'access = "token"', 'acc', 'access = "token"'],
  ]) {
    test(`completion within ${name} replaces it`, async () => {
      const page = await workbench.open();
      await page.focusEditor('The policy');
      const before = 'version = 1\n[[routes]]\npath = "/a"\n';
      await page.insert(before + line);
      await page.place(before.length + typedAt.length);
      await page.key(' ', { control: true });
      await page.until(() => document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-tooltip-autocomplete li') !== null);
      if (name === 'a value') await page.option('optional');
      await new Promise((done) => setTimeout(done, 150));
      await page.key('Enter');
      await page.settled();
      assert.equal(await page.policy(), before + expected);
    });
  }
  test('a finding is of the text that it was found in', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('access = "public"', 'access = "pubic"'));
    await page.until(() => document.querySelector('.findings li.error') !== null);
    await page.run(() => {
      const { view } = document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-content').cmTile;
      view.dispatch({ changes: { from: 0, insert: '# one\n# two\n' } });
      [...document.querySelectorAll('.findings button')].find(({ innerText }) => innerText === 'Write "public"').click();
    });
    await page.settled();
    assert.match(await page.policy(), /^# one\n# two\n[^]+\n\[\[routes\]\]\npath = "\/healthz"\naccess = "pubic"\n$/);
    assert.deepEqual(await page.underlined(), [['"pubic"', 'error']]);
  });
  test('lines that end as on Windows', async () => {
    shown = { file: 'policy.toml', policy: exampleFixture().policy.replace('"public"', '"pubic"').replaceAll('\n', '\r\n') };
    const page = await workbench.open();
    shown = exampleFixture();
    await page.scrollToEnd();
    assert.deepEqual(await page.underlined(), [['"pubic"', 'error']]);
  });
  test('the environment of a configuration', async () => {
    const policy = (access) => `version = 1\norigin = "https://o.example.com"\n`
      + `routes = [{ path = "/", access = "${access}" }]\n`;
    shown = { file: 'wrangler.toml', policy: `name = "w"\n[vars.POLICY]\n${policy('public')}\n[env.staging.vars.POLICY]\n${policy('deny')}` };
    const page = await workbench.open();
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
    shown = { ...shown, environment: 'staging' };
    const staging = await workbench.open();
    shown = exampleFixture();
    assert.equal(await staging.decision(), 'Refused: 403 gate.denied');
  });
  test('10,000 routes: findings soon, and typing never waits', async (t) => {
    const routes = Array.from({ length: 10_000 }, (_, index) => `[[routes]]\npath = "/r${index}/{id}"\naudience = "a"\nscopes = ["read:r${index}"]\n`);
    const large = `version = 1\norigin = "https://o.example.com"\n[issuers.i]\nissuer = "https://i.example.com"\n${routes.join('')}`;
    shown = { file: 'policy.toml', policy: large };
    const page = await workbench.open();
    shown = exampleFixture();
    await page.until(() => document.querySelector('[role=tab]:nth-child(2)').innerText === 'Routes (10000)');
    await page.settled();
    await page.focusEditor('The policy', { atEnd: true });
    // From the keystroke to the finding, as the page has it.
    await page.run(() => {
      const panel = document.querySelector('.tabs [role=tabpanel]');
      window.found = new Promise((resolve) => new MutationObserver(() => {
        if (/shared-subjects/.test(panel.textContent)) resolve(performance.now());
      }).observe(panel, { subtree: true, childList: true }));
      window.longest = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (window.longest = Math.max(window.longest, duration)))).observe({ type: 'longtask' });
      window.typed = performance.now();
    });
    // The policy stays valid, so that everything about it is looked at.
    await page.insert('[issuers.j]\nissuer = "https://j.example.com"\n');
    const [milliseconds, longest] = await page.run(async () => [(await window.found) - window.typed, window.longest]);
    t.diagnostic(`findings ${milliseconds.toFixed(0)} ms after the last keystroke; the longest task of the page's own thread took ${longest.toFixed(0)} ms`);
    await page.tab('Routes');
    const drawn = await page.run(() => document.querySelectorAll('tbody tr').length);
    assert.ok(drawn <= 200, `${drawn} rows`);
  });
});

describe('the decision', { timeout: 120_000 }, () => {
  test('each of the guides\' scenarios', async () => {
    const page = await workbench.open();
    for (const [title, expected] of [
      ['Global API resource: audience and scope match', 'Allowed: the request goes to the origin'],
      ['Global API resource: another scope', 'Refused: 403 auth.insufficient_scope'],
      ['Global API resource: a token for another API', 'Refused: 403 auth.invalid_audience'],
      ['Global API resource: a token of an organization', 'Refused: 403 auth.organization_mismatch'],
      ['Global API resource: an expired token', 'Refused: 401 auth.token_expired'],
      ['Global API resource: no token', 'Refused: 401 auth.authorization_header_missing'],
      ['Organization permission: the organization in the path', 'Allowed: the request goes to the origin'],
      ['Organization permission: another organization\'s token', 'Refused: 403 auth.organization_mismatch'],
      ['API resource in an organization', 'Allowed: the request goes to the origin'],
      ['API resource in an organization: another organization\'s token', 'Refused: 403 auth.organization_mismatch'],
      ['API resource in an organization: a token without one', 'Refused: 403 auth.organization_mismatch'],
      ['Public route', 'Allowed: the request goes to the origin'],
      ['No such route', 'Refused: 404 gate.no_route'],
    ]) {
      await page.choose(title);
      assert.equal(await page.decision(), expected, title);
    }
    await page.choose('Global API resource: another scope');
    assert.match(await page.text('.refusal'), /At step 7, scopes: expected all of "read:products", found "read:orders"/);
    assert.match(await page.text('#decision pre'), /^403\n[^]*www-authenticate: Bearer realm="localhost", error="insufficient_scope"/);
    await page.choose('Global API resource: audience and scope match');
    assert.match(await page.text('#decision pre'), /^GET https:\/\/origin\.example\.com\/api\/products\/7\n[^]*x-auth-subject: user-1/);
    const steps = await page.run(() => [...document.querySelectorAll('.trace li')].map((li) => li.className));
    assert.deepEqual([...new Set(steps)].sort(), ['assumed', 'passed']);
    assert.deepEqual(page.problems, []);
  });
  test('the routes, and the policy\'s tests', async () => {
    const page = await workbench.open();
    await page.tab('Routes');
    assert.match(await page.text('tbody tr.chosen'), /GET HEAD\s+\/api\/products\/\{id\}\s+token\s+for https:\/\/api\.yourapp\.com\s+with read:products/);
    await page.tab('Tests (11 of 11 pass)');
    await page.replacePolicy((text) => text.replace('scopes = ["read:products"]', 'scopes = ["read:orders"]'));
    await page.until(() => document.querySelector('.results .refused') !== null);
    assert.match(await page.text('.results .refused'), /failed a caller with the scope reads a product/);
  });
});

describe('a token', { timeout: 120_000 }, () => {
  const key = newKey('ES384');
  const claims = (changes) => ({ iss: 'https://tenant.logto.app/oidc', aud: API, sub: 'user-1', scope: 'read:products', iat: seconds(), exp: seconds() + 3600, ...changes });
  const opened = async (token, keys) => {
    const page = await workbench.open();
    await page.pick('A token');
    await page.write('Token', token);
    await page.tab('Token');
    if (keys) await page.write('Key set', JSON.stringify({ keys }));
    return page;
  };
  const decided = async (page) => {
    await page.tab('Decision');
    return page.decision();
  };

  test('is decoded, with what the policy asks of each claim, and verified with keys that were pasted', async () => {
    const page = await opened(mint(key, claims()), [key.jwk]);
    const text = await page.text('#decision [role=tabpanel]');
    assert.match(text, /alg\s+ES384/);
    assert.match(text, /exp\s+\d+\s+expires in (59 minutes|1 hour), .+ UTC\s+passed later than/);
    assert.match(text, /scope\s+read:products\s+passed all of "read:products"/);
    assert.match(text, /sub\s+user-1\s+nothing/);
    assert.equal(await decided(page), 'Allowed: the request goes to the origin');
  });
  test('with another key\'s signature', async () => {
    const page = await opened(mint(newKey('ES384', { kid: key.kid }), claims()), [key.jwk]);
    assert.equal(await decided(page), 'Refused: 401 auth.invalid_token');
    assert.match(await page.text('.refusal'), /At step 6, signature/);
  });
  test('that has expired', async () => {
    const page = await opened(mint(key, claims({ iat: seconds() - 14_500, exp: seconds() - 10_900 })), [key.jwk]);
    const text = await page.text('#decision [role=tabpanel]');
    assert.match(text, /expired 3 hours ago, .+\s+refused later than/);
    assert.match(text, /scope\s+read:products\s+not reached: with read:products/);
    assert.equal(await decided(page), 'Refused: 401 auth.token_expired');
  });
  test('that is opaque', async () => {
    const page = await opened('Z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH');
    assert.match(await page.text('#decision [role=tabpanel]'), /no JWT but an opaque token/);
    assert.equal(await decided(page), 'Refused: 401 auth.invalid_token');
  });
  test('nothing leaves the page but what the reader asks for', async () => {
    const page = await workbench.open();
    await page.replacePolicy(withProvider);
    const token = await provider.token({ resource: API, scope: 'read:products' });
    await page.pick('A token');
    await page.write('Token', token);
    await page.tab('Token');
    await page.tab('Decision');
    assert.equal(await page.decision(), UNDECIDED);
    assert.deepEqual(elsewhere(), [], 'the token was written, and nobody asked for keys');
    await page.press('Fetch or paste the keys');
    await page.press(`Fetch the keys of 127.0.0.1`);
    await page.until(() => /Fetched .+jwks/.test(document.querySelector('#decision').innerText));
    assert.equal(await decided(page), 'Allowed: the request goes to the origin');
    assert.deepEqual(elsewhere(), [`GET ${provider.issuer}/.well-known/openid-configuration`, `GET ${provider.issuer}/jwks`]);
    const kept = await page.run(async () => [localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length, location.hash]);
    assert.deepEqual(kept, [0, 0, '', 0, '']);
    assert.deepEqual(page.problems, []);
  });
  test('a key set as large as the gate takes, all of one name', async () => {
    const kid = 'one';
    const keys = Array.from({ length: 99 }, () => newKey('ES256', { kid }).jwk);
    const last = newKey('ES256', { kid });
    const page = await opened(mint(last, claims()), [...keys, last.jwk]);
    // The gate tries no more than a few of them: here it says that the token does not tell which.
    assert.equal(await decided(page), 'Refused: 401 auth.invalid_token');
    assert.match(await page.text('.refusal'), /which several keys fit|At step [56]/);
  });
  test('whose claims have the names of JavaScript\'s own', async () => {
    const page = await opened(mint(key, claims({ hasOwnProperty: 1, toString: 2, ['__proto__']: 3, constructor: 'x' })), [key.jwk]);
    assert.match(await page.text('#decision [role=tabpanel]'), /toString\s+2\s+nothing/);
    assert.equal(await decided(page), 'Allowed: the request goes to the origin');
  });
  test('in a header', async () => {
    const page = await workbench.open();
    await page.pick('No token');
    await page.write('Headers', `Authorization: Bearer ${mint(key, claims())}`);
    await page.tab('Token');
    await page.write('Key set', JSON.stringify({ keys: [key.jwk] }));
    assert.match(await page.text('#decision [role=tabpanel]'), /alg\s+ES384/);
    assert.equal(await decided(page), 'Allowed: the request goes to the origin');
  });
  test('metadata that lead to another host, and what is no document', async () => {
    const issuer = http.createServer((request, response) => {
      response.setHeader('access-control-allow-origin', '*');
      if (request.url.endsWith('/jwks')) return response.writeHead(404).end();
      const jwks_uri = request.url.startsWith('/away') ? `${provider.issuer}/jwks` : `${at}/jwks`;
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer: at + request.url.split('/.well-known')[0], jwks_uri }));
    });
    await new Promise((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    const at = `http://127.0.0.1:${issuer.address().port}`;
    try {
      for (const [iss, shows] of [[`${at}/away`, /Fetch the keys of 127\.0\.0\.1/], [`${at}/none`, /jwks could not be fetched \(status 404\)[^]+Forget what was fetched/]]) {
        const page = await workbench.open();
        await page.replacePolicy((text) => text.replace('https://tenant.logto.app/oidc', iss));
        await page.pick('A token');
        await page.write('Token', mint(key, claims({ iss })));
        await page.tab('Token');
        elsewhere();
        await page.press('Fetch the keys');
        await page.until((pattern) => new RegExp(pattern).test(document.querySelector('#decision').innerText), shows.source);
        assert.ok(elsewhere().every((request) => request.startsWith(`GET ${at}/`)), 'no other host');
        assert.equal(await page.run(() => document.activeElement.innerText), 'Keys', 'the focus stays there');
      }
    } finally {
      issuer.close();
    }
  });
  test('an issuer that does not let pages read its keys', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('https://tenant.logto.app/oidc', `${server.url}`));
    await page.pick('A token');
    await page.write('Token', mint(key, claims({ iss: server.url })));
    await page.tab('Token');
    await page.press('Fetch the keys');
    await page.until(() => /could not be fetched .+ paste them instead/.test(document.querySelector('#decision').innerText));
    assert.equal(await decided(page), UNDECIDED);
  });
});

describe('the page\'s own policy', { timeout: 120_000 }, () => {
  const target = `${provider.issuer}/jwks?leak`;
  test('the page, and the thread of the tool, connect nowhere', async () => {
    const page = await workbench.open();
    elsewhere();
    const results = await page.run(async (target) => {
      const inPage = await fetch(target).then(() => 'sent', () => 'blocked');
      const beacon = navigator.sendBeacon(target, 'x');
      const image = await new Promise((done) => Object.assign(new Image(), { onload: () => done('sent'), onerror: () => done('blocked'), src: target }));
      const source = `fetch(${JSON.stringify(target)}).then(() => postMessage('sent'), () => postMessage('blocked'))`;
      const inWorker = await new Promise((done) => {
        new Worker(URL.createObjectURL(new Blob([source]))).onmessage = ({ data }) => done(data);
      });
      return [inPage, image, inWorker, typeof beacon];
    }, target);
    assert.deepEqual(results, ['blocked', 'blocked', 'blocked', 'boolean']);
    assert.deepEqual(elsewhere(), []);
  });
  test('another page cannot read by the frame that fetches, even where the server sends no headers', async () => {
    const plain = http.createServer((request, response) => {
      const name = request.url.slice(1).split(/[?#]/)[0];
      const types = { html: 'text/html', js: 'text/javascript' };
      if (name === 'secret.json') return response.end('{"secret":1}');
      return response.writeHead(200, { 'content-type': types[name.split('.').at(-1)] }).end(readFileSync(join(SITE, name)));
    });
    const foreign = http.createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><main aria-busy="false"></main><div id="decision"><p role="status">'));
    for (const started of [plain, foreign]) await new Promise((resolve) => started.listen(0, '127.0.0.1', resolve));
    try {
      const page = await workbench.open({ url: `http://127.0.0.1:${foreign.address().port}` });
      const read = await page.run(async (host) => {
        const heard = [];
        addEventListener('message', ({ data }) => heard.push(data));
        const frame = document.createElement('iframe');
        frame.src = `${host}/keys.html#${encodeURIComponent(JSON.stringify({ url: `${host}/secret.json`, accept: '*/*' }))}`;
        const loaded = new Promise((done) => (frame.onload = done));
        document.body.append(frame);
        await loaded;
        await new Promise((done) => setTimeout(done, 300));
        return heard;
      }, `http://127.0.0.1:${plain.address().port}`);
      assert.deepEqual(read, []);
      assert.ok(!proxy.taken().some((request) => request.endsWith('/secret.json')), 'it is not even asked for');
    } finally {
      plain.close();
      foreign.close();
    }
  });
  test('it is not another page\'s, by name or by frame', async () => {
    for (const [host, status] of [[`127.0.0.1:${new URL(server.url).port}`, 200], ['workbench.example.com', 403]]) {
      const answer = await request(Number(new URL(server.url).port), '/workbench.json', { host });
      assert.equal(answer.status, status);
    }
    const answer = await fetch(server.url);
    assert.match(answer.headers.get('content-security-policy'), /connect-src 'self'.+frame-ancestors 'self'/);
    assert.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin');
  });
});

describe('links', { timeout: 120_000 }, () => {
  test('one that was asked for holds policy, request and claims', async () => {
    const page = await workbench.open();
    await page.choose('API resource in an organization');
    await page.write('Headers', 'Accept: text/html\nAuthorization: Basic YTpi\nx-session-token: abc');
    await page.press('Copy a link');
    const fragment = await page.run(() => location.hash);
    assert.match(fragment, /^#state=[\w-]+$/);
    const again = await workbench.open({ fragment });
    assert.equal(await again.decision(), 'Allowed: the request goes to the origin');
    assert.equal(await again.run(() => document.querySelector('.headers textarea').value), 'Accept: text/html');
    assert.match(await again.run(() => document.querySelector('.editor.claims').shadowRoot.querySelector('.cm-content').innerText), /"organization_id": "acme"/);
  });
  test('a token is in none', async () => {
    const page = await workbench.open();
    const token = mint(newKey('ES256'), { sub: 'user-1' });
    await page.pick('A token');
    await page.write('Token', token);
    await page.write('URL', `/api/products/7?access_token=${token}`);
    await page.press('Copy a link');
    const packed = await page.run(() => location.hash.slice('#state='.length));
    const held = inflateRawSync(Buffer.from(packed, 'base64url')).toString();
    for (const part of token.split('.')) assert.ok(!held.includes(part), held);
    assert.equal(JSON.parse(held).url, '/api/products/7?access_token=');
  });
  test('one that is broken says so, and the page works', async () => {
    const page = await workbench.open({ fragment: '#state=nonsense' });
    assert.match(await page.text('.share'), /The link cannot be read/);
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
  });
  test('one that is opened where something was written takes nothing away', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('/healthz', '/health'));
    await page.run(() => (location.hash = '#explain=GET+/health&as=__proto__'));
    await page.until(() => document.querySelector('.url input').value === '/health');
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
    assert.match(await page.policy(), /path = "\/health"/);
    assert.deepEqual(page.problems, []);
  });
  test('of each refusal that npm start prints, one click away', async () => {
    const stack = { gate: 'http://127.0.0.1:8787', issuer: provider.issuer, origin: 'http://127.0.0.1:8789' };
    const demo = await startDemoWorkbench({ port: 0, ...stack });
    try {
      const refused = REQUESTS.map((request) => [request, whyLine(demo.url, stack.gate, request)]).filter(([, line]) => line !== null);
      assert.ok(refused.length >= 10);
      for (const [{ title, status, code }, line] of refused) {
        assert.doesNotMatch(line, /eyJ/);
        const page = await workbench.open({ url: demo.url, fragment: line.slice('# why: '.length + demo.url.length + 1) });
        assert.equal(await page.decision(), `Refused: ${status} ${code}`, title);
      }
    } finally {
      await demo.close();
    }
  });
});

describe('for everyone', { timeout: 180_000 }, () => {
  for (const scheme of ['light', 'dark']) {
    test(`axe finds nothing, ${scheme}`, async () => {
      const page = await workbench.open({ scheme });
      const check = async (state) => {
        await page.inject(AXE);
        const { violations, passes } = await page.run(async () => {
          const found = await window.axe.run(document, { resultTypes: ['violations'] });
          return { violations: found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`), passes: found.passes.length };
        });
        assert.deepEqual(violations, [], state);
        assert.ok(passes > 20, `${passes} rules were looked at`);
      };
      await check('allowed');
      await page.choose('Global API resource: another scope');
      await check('refused');
      for (const tab of ['Token', 'Routes', 'Tests']) {
        await page.tab(tab);
        await check(tab);
      }
      await page.pick('A token');
      await page.write('Token', mint(newKey('ES256'), { iss: 'https://tenant.logto.app/oidc', exp: 1 }));
      await check('a token');
      await page.tab('Findings');
      await page.replacePolicy((text) => text.replace('scopes = ["read:products"]', 'scope = ["read:products"]').replace('https://origin', 'http://origin'));
      await check('findings');
    });
  }
  test('at 320 pixels, and on a wide screen, nothing is cut off', async () => {
    for (const width of [320, 2560]) {
      const page = await workbench.open({ width });
      for (const tab of ['Decision', 'Token', 'Routes', 'Tests', 'Findings']) {
        await page.tab(tab);
        assert.deepEqual(await page.run(() => [document.documentElement.scrollWidth <= innerWidth]), [true], `${tab} at ${width}`);
      }
    }
  });
  test('everything is reached with the keyboard', async () => {
    const page = await workbench.open();
    const focused = () => page.run(() => {
      const { activeElement } = document;
      const inner = activeElement.shadowRoot?.activeElement ?? activeElement;
      return inner.getAttribute('aria-label') ?? inner.id ?? '' ? inner.getAttribute('aria-label') || inner.innerText?.split('\n')[0] : (inner.closest('label')?.innerText ?? inner.innerText).split('\n')[0].trim();
    });
    await page.run(() => document.activeElement.blur());
    const reached = [];
    for (let turn = 0; turn < 25; turn += 1) {
      await page.key('Tab');
      reached.push(await focused());
    }
    for (const name of ['Skip to the decision', 'Copy a link', 'The policy', 'Findings (0)', 'Method', 'URL', 'Headers, one on a line', 'Claims', 'Decision']) {
      assert.ok(reached.includes(name), `${name} among ${JSON.stringify(reached)}`);
    }
    await page.run(() => document.querySelector('[role=tab][aria-selected=true]').focus());
    await page.key('ArrowRight');
    await page.settled();
    assert.match(await page.text('.tabs [role=tabpanel]'), /In order of precedence/);
  });
  test('nothing moves while it loads, and that is soon', async (t) => {
    const page = await workbench.open();
    const { shift, shown: at, bytes } = await page.run(() => new Promise((done) => {
      let shift = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (shift += entry.hadRecentInput ? 0 : entry.value))).observe({ type: 'layout-shift', buffered: true });
      const resources = performance.getEntriesByType('resource');
      const shown = performance.getEntriesByName('decided')[0]?.startTime;
      setTimeout(() => done({ shift, shown, bytes: resources.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0) }), 300);
    }));
    t.diagnostic(`the first decision after ${at.toFixed(0)} ms; ${bytes} bytes before compression`);
    assert.ok(shift < 0.02, `a layout shift of ${shift}`);
  });
});

describe('its tool', { timeout: 180_000 }, () => {
  test('answers as the native one', async () => {
    assert.equal(spawnSync('cargo', ['build', '--locked', '--quiet', '--package', 'portcullis-cli', '--bin', 'portcullis'], { cwd: ROOT, stdio: 'inherit' }).status, 0);
    const native = (args) => {
      const { stdout } = spawnSync(join(targetFolder(), 'debug/portcullis'), args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 });
      return stdout === '' ? undefined : JSON.parse(stdout);
    };
    const folders = ['examples/policies', 'cli/tests/policies', 'site/example'];
    const files = folders.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`));
    const policies = files.filter((name) => /\.(toml|ya?ml|jsonc?)$/.test(name) && !name.includes('.test.') && !name.endsWith('requests.json'));
    assert.ok(policies.length > 20, policies.join());
    const page = await workbench.open();
    const ask = (command, question) => page.run(askTool, command, question);
    let compared = 0;
    for (const name of policies) {
      const policy = { name, text: readFileSync(join(ROOT, name), 'utf8') };
      const checked = native(['check', '--format', 'json', name]);
      assert.deepEqual((await ask('check', { policy })).is, checked, name);
      const rows = native(['routes', '--format', 'json', name]);
      assert.deepEqual((await ask('routes', { policy })).is, rows, name);
      if (rows === undefined) continue;
      for (const { path, methods, host } of rows.slice(0, 12)) {
        const [method, url] = [methods?.[0] ?? 'GET', `https://${host?.replaceAll(/[{}]/g, '') ?? 'api.example.com'}${path.replaceAll(/[{}*]/g, '')}`];
        const claims = JSON.stringify({ aud: API, sub: 'user-1', scope: 'read:products read:data', organization_id: 'org' });
        const common = ['explain', method, url, '--policy', name, '--format', 'json', '--now', '1800000000'];
        const question = { policy, method, url, headers: ['x-own: 1'], now: '1800000000' };
        assert.deepEqual((await ask('explain', { ...question, claims })).is, native([...common, '--header', 'x-own: 1', '--claims', claims]), `${name} ${url}`);
        assert.deepEqual((await ask('explain', question)).is, native([...common, '--header', 'x-own: 1']), `${name} ${url}`);
        compared += 2;
      }
    }
    assert.ok(compared > 100, `${compared}`);
  });
  for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
    test(`verifies ${alg} with the Worker's JavaScript`, async () => {
      const key = newKey(alg);
      const token = mint(key, { iss: 'https://i.example.com', aud: API, exp: seconds() + 60 });
      const policy = { name: 'p.json', text: JSON.stringify({ version: 1, origin: 'https://o.example.com', issuers: { i: { issuer: 'https://i.example.com' } }, routes: [{ path: '/', audience: API }] }) };
      const question = { policy, method: 'GET', url: '/', headers: [], keys: { name: 'k.json', text: JSON.stringify({ keys: [key.jwk] }) } };
      const page = await workbench.open();
      const [head, body, signature] = token.split('.');
      const altered = `${head}.${body}.${signature.slice(0, 8)}${signature[8] === 'A' ? 'B' : 'A'}${signature.slice(9)}`;
      const decisions = [];
      for (const candidate of [token, altered]) decisions.push((await page.run(askTool, 'explain', { ...question, token: candidate })).is.decision);
      assert.deepEqual(decisions, ['allow', 'deny']);
    });
  }
});

/** In the page: the answer to a question by a thread of its own. */
async function askTool(command, question) {
  window.asked ??= (async () => {
    const [module, source] = await Promise.all([fetch('workbench.wasm').then(WebAssembly.compileStreaming), fetch('worker.js').then((response) => response.text())]);
    const worker = new Worker(URL.createObjectURL(new Blob([source])));
    worker.postMessage({ module });
    return worker;
  })();
  const worker = await window.asked;
  const { answer, broken } = await new Promise((done) => {
    worker.onmessage = ({ data }) => done(data);
    worker.postMessage({ id: 1, question: JSON.stringify({ [command]: question }), documents: {} });
  });
  if (broken !== undefined) throw new Error(broken);
  return answer;
}
