// What the workbench says of a request, of the routes and of the tests.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { exampleFixture, startStage } from './stage.mjs';

const API = 'https://api.yourapp.com';

const stage = await startStage();
const { workbench } = stage;

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
  test('whatever the fixture holds, the page is there', async () => {
    const bad = { title: 'bad', url: '/' };
    stage.show({
      file: 7, policy: 'version = 1', tokens: { a: 1 },
      requests: [null, { ...bad, headers: 'x: 1' }, { ...bad, headers: [1] }, { ...bad, method: 7 }, { title: 'good', url: '/a', claims: null }],
    });
    const page = await workbench.open();
    stage.show(exampleFixture());
    assert.deepEqual(await page.run(() => [...document.querySelectorAll('.request select option')].map(({ text }) => text)), ['your own request', 'good']);
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
