// The workbench's editor of the policy: findings, fixes, completion, size.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { exampleFixture, startStage } from './stage.mjs';

const stage = await startStage();
const { workbench } = stage;

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
    await page.press('Change to "public"');
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
    assert.equal(offered, 'Change to scopes');
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
      await page.syntax(file);
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
      [...document.querySelectorAll('.findings button')].find(({ innerText }) => innerText === 'Change to "public"').click();
    });
    await page.settled();
    assert.match(await page.policy(), /^# one\n# two\n[^]+\n\[\[routes\]\]\npath = "\/healthz"\naccess = "pubic"\n$/);
    assert.deepEqual(await page.underlined(), [['"pubic"', 'error']]);
  });
  test('lines that end as on Windows', async () => {
    stage.show({ file: 'policy.toml', policy: exampleFixture().policy.replace('"public"', '"pubic"').replaceAll('\n', '\r\n') });
    const page = await workbench.open();
    stage.show(exampleFixture());
    await page.scrollToEnd();
    assert.deepEqual(await page.underlined(), [['"pubic"', 'error']]);
  });
  test('the environment of a configuration', async () => {
    const policy = (access) => `version = 1\norigin = "https://o.example.com"\n`
      + `routes = [{ path = "/", access = "${access}" }]\n`;
    const configuration = { file: 'wrangler.toml', policy: `name = "w"\n[vars.POLICY]\n${policy('public')}\n[env.staging.vars.POLICY]\n${policy('deny')}` };
    stage.show(configuration);
    const page = await workbench.open();
    assert.equal(await page.decision(), 'Allowed: the request goes to the origin');
    stage.show({ ...configuration, environment: 'staging' });
    const staging = await workbench.open();
    stage.show(exampleFixture());
    assert.equal(await staging.decision(), 'Refused: 403 gate.denied');
    await staging.syntax('TOML');
    assert.equal(await staging.decision(), 'Allowed: the request goes to the origin', 'the field has gone, and what was in it');
  });
  test('10,000 routes: findings soon, and typing never waits', async (t) => {
    const routes = Array.from({ length: 10_000 }, (_, index) => `[[routes]]\npath = "/r${index}/{id}"\naudience = "a"\nscopes = ["read:r${index}"]\n`);
    const large = `version = 1\norigin = "https://o.example.com"\n[issuers.i]\nissuer = "https://i.example.com"\n${routes.join('')}`;
    stage.show({ file: 'policy.toml', policy: large });
    const page = await workbench.open();
    stage.show(exampleFixture());
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
