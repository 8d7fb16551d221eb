// Tokens in the workbench: decoded, verified, and never sent anywhere.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, describe, test } from 'node:test';

import { startProvider } from '../../../demo/provider.mjs';
import { mint, newKey } from '../../edge/support/tokens.mjs';
import { startStage } from './stage.mjs';

const API = 'https://api.yourapp.com';
const UNDECIDED = 'Not decided: the signature needs the keys of the issuer';
const seconds = () => Math.floor(Date.now() / 1000);

const stage = await startStage();
const { workbench } = stage;
const provider = await startProvider();
after(() => provider.close());

/** The policy of the example with the real provider as its issuer. */
const withProvider = (text) => text.replace('https://tenant.logto.app/oidc', provider.issuer);

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
    assert.match(await page.text('#decision [role=tabpanel]'), /not a JWT but an opaque token/);
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
    assert.deepEqual(stage.elsewhere(), [], 'the token was written, and nobody asked for keys');
    await page.press('Fetch or paste the keys');
    await page.press(`Fetch the keys of 127.0.0.1`);
    await page.until(() => /Fetched .+jwks/.test(document.querySelector('#decision').innerText));
    assert.equal(await decided(page), 'Allowed: the request goes to the origin');
    assert.deepEqual(stage.elsewhere(), [`GET ${provider.issuer}/.well-known/openid-configuration`, `GET ${provider.issuer}/jwks`]);
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
  test('in the header that the route names', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('scopes = ["read:products"]', 'token_header = "x-token"\nscopes = ["read:products"]'));
    await page.pick('No token');
    await page.write('Headers', `X-Token: ${mint(key, claims())}`);
    assert.equal(await page.decision(), UNDECIDED);
    await page.press('Fetch or paste the keys');
    assert.equal(await page.run(() => document.activeElement.id), 'decision', 'the focus is there');
    await page.write('Key set', JSON.stringify({ keys: [key.jwk] }));
    assert.equal(await decided(page), 'Allowed: the request goes to the origin');
    await page.write('Headers', 'Authorization: Basic YTpi');
    await page.tab('Token');
    assert.match(await page.text('#decision [role=tabpanel]'), /The request has no token/);
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
        stage.elsewhere();
        await page.press('Fetch the keys');
        await page.until((pattern) => new RegExp(pattern).test(document.querySelector('#decision').innerText), shows.source);
        assert.ok(stage.elsewhere().every((request) => request.startsWith(`GET ${at}/`)), 'no other host');
        assert.equal(await page.run(() => document.activeElement.innerText), 'Keys', 'the focus stays there');
      }
    } finally {
      issuer.close();
    }
  });
  test('an issuer that does not let pages read its keys', async () => {
    const page = await workbench.open();
    await page.replacePolicy((text) => text.replace('https://tenant.logto.app/oidc', `${stage.url}`));
    await page.pick('A token');
    await page.write('Token', mint(key, claims({ iss: stage.url })));
    await page.tab('Token');
    await page.press('Fetch the keys');
    await page.until(() => /could not be fetched .+ paste them instead/.test(document.querySelector('#decision').innerText));
    assert.equal(await decided(page), UNDECIDED);
  });
});
