// A real provider ends a session, and its own logout request reaches the gate (OpenID Connect Back-Channel Logout 1.0).

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import Provider from 'oidc-provider';

import { freePort } from '../../demo/ports.mjs';
import { signingKey } from '../../demo/provider.mjs';
import { assertForwarded, assertRefused } from './support/expect.mjs';
import { startGate } from './support/gate.mjs';
import { startOrigin } from './support/origin.mjs';
import { remember } from './support/watch.mjs';

const API = 'https://api.test';
const REDIRECT = 'http://127.0.0.1/callback';
const [port, gatePort] = [await freePort(), await freePort()];
const issuer = `http://127.0.0.1:${port}`;
const sent = [];
const provider = new Provider(issuer, {
  jwks: { keys: [signingKey('RS256')] },
  clients: [{
    client_id: 'app', client_secret: 'secret-of-the-app', redirect_uris: [REDIRECT],
    backchannel_logout_uri: `http://127.0.0.1:${gatePort}/.well-known/portcullis/logout`, backchannel_logout_session_required: true,
  }],
  cookies: { keys: ['cookie-key'] },
  pkce: { required: () => false },
  // Its own refuses addresses of this machine.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => API,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ audience: API, scope: 'read', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
});
provider.on('backchannel.success', () => sent.push('success'));
provider.on('backchannel.error', (context, error) => sent.push(error.message));
const server = createServer(provider.callback()).listen(port, '127.0.0.1');
const origin = await startOrigin();
const gate = await startGate({
  port: gatePort,
  revocations: 'gate-0',
  policy: {
    version: 1,
    origin: origin.url,
    issuers: { provider: { issuer, types: ['jwt', 'at+jwt'] } },
    revocation: { store: 'REVOCATIONS', poll: 1, logout: { audiences: ['app'] } },
    routes: [{ path: '/{*rest}', audience: API }],
  },
});
after(async () => {
  await gate.close();
  await origin.close();
  server.close();
});

/** A browser that keeps the provider's cookies, and stops where the client is called back. */
class Browser {
  #cookies = new Map();

  async open(url, form) {
    for (let target = new URL(url, issuer), body = form && new URLSearchParams(form); ;) {
      const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ');
      const response = await fetch(target, { method: body ? 'POST' : 'GET', body, headers: { cookie }, redirect: 'manual' });
      for (const line of response.headers.getSetCookie()) {
        const [name, value] = line.split(';')[0].split(/=(.*)/s);
        this.#cookies.set(name, value);
      }
      const location = response.headers.get('location');
      if (location === null) return { url: target, text: await response.text() };
      target = new URL(location, target);
      body = undefined;
      if (target.href.startsWith(REDIRECT)) return { url: target, text: '' };
    }
  }

  /** Signs in; returns the tokens of the client. */
  async signIn(login) {
    const query = new URLSearchParams({ client_id: 'app', response_type: 'code', redirect_uri: REDIRECT, scope: 'openid read' });
    let page = await this.open(`/auth?${query}`);
    for (const form of [{ prompt: 'login', login, password: 'x' }, { prompt: 'consent' }]) {
      if (page.url.pathname.startsWith('/interaction/')) page = await this.open(page.url, form);
    }
    const code = page.url.searchParams.get('code');
    assert.ok(code, page.text);
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('app:secret-of-the-app')}` },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT }),
    });
    const tokens = await response.json();
    assert.equal(response.status, 200, JSON.stringify(tokens));
    remember(tokens.access_token);
    return tokens;
  }

  async signOut() {
    const page = await this.open('/session/end');
    const [, xsrf] = /name="xsrf" value="([^"]+)"/.exec(page.text);
    await this.open('/session/end/confirm', { xsrf, logout: 'yes' });
  }
}

test('a session that ends at the provider ends at the gate', async () => {
  const [browser, other] = [new Browser(), new Browser()];
  const { access_token: token } = await browser.signIn('alice');
  const { access_token: others } = await other.signIn('bob');
  for (let i = 0; i < 3; i += 1) {
    assertForwarded(await gate.bearer(token, '/a'), origin);
    assertForwarded(await gate.bearer(others, '/a'), origin);
  }
  // A token is revoked if it was issued before the second of the logout.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await browser.signOut();
  assert.deepEqual(sent, ['success']);
  assertRefused(await gate.bearer(token, '/a'), 'auth.token_revoked', { origin });
  assertForwarded(await gate.bearer(others, '/a'), origin);
  const { access_token: next } = await browser.signIn('alice');
  assertForwarded(await gate.bearer(next, '/a'), origin);
});
