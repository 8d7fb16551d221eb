// Links to the workbench.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';

import { startProvider } from '../../../demo/provider.mjs';
import { REQUESTS } from '../../../demo/requests.mjs';
import { startDemoWorkbench, whyLine } from '../../../demo/workbench.mjs';
import { mint, newKey } from '../../edge/support/tokens.mjs';
import { startStage } from './stage.mjs';

const API = 'https://api.yourapp.com';

const stage = await startStage();
const { workbench } = stage;
const provider = await startProvider();
after(() => provider.close());

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
  test('one that is opened where the page is open shows what it decides', async () => {
    const from = await workbench.open();
    await from.replacePolicy(() => 'version = 1\norigin = "https://o.example.com"\nroutes = [{ path = "/linked", access = "public" }]\n');
    await from.write('URL', '/linked');
    await from.press('Copy a link');
    const fragment = await from.run(() => location.hash);
    const page = await workbench.open();
    await page.run((fragment) => (location.hash = fragment), fragment);
    await page.until(() => document.querySelector('.url input').value === '/linked');
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
    assert.match(await page.policy(), /path = "\/linked"/);
    await page.focusEditor('The policy', { atEnd: true });
    await page.insert('# more');
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
  });
  test('one that is opened where something was written takes nothing away', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('/healthz', '/health'));
    await page.run(() => {
      window.confirm = () => false; // nothing of the request was written, so nothing is asked
      location.hash = '#explain=GET+/health&as=__proto__';
    });
    await page.until(() => document.querySelector('.url input').value === '/health');
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
    assert.match(await page.policy(), /path = "\/health"/);
    await page.write('URL', '/mine');
    const asked = await page.run(async () => {
      let question;
      window.confirm = (text) => ((question = text), false);
      location.hash = '#explain=GET+/other';
      await new Promise((done) => setTimeout(done, 200));
      return [question, document.querySelector('.url input').value];
    });
    assert.deepEqual(asked, ['This link holds another request. Replace what you have written?', '/mine']);
    await page.run(() => (location.hash = '#state=nonsense'));
    await page.until(() => /cannot be read/.test(document.querySelector('.share').innerText));
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
