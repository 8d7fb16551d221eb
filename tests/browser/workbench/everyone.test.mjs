// The workbench for everyone: accessible, at any width, without a wait.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { mint, newKey } from '../../edge/support/tokens.mjs';
import { startStage } from './stage.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const API = 'https://api.yourapp.com';

const stage = await startStage();
const { workbench } = stage;

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
      await page.syntax('wrangler.toml');
      assert.ok(await page.run(() => document.documentElement.scrollWidth <= innerWidth), `wrangler.toml at ${width}`);
      await page.syntax('TOML');
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
