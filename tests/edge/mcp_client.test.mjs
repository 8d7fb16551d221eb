// Version 2 of the MCP SDK and the revision 2026-07-28: its client finds out from the gate where tokens are issued and what to
// ask for. What its requests contain is what docs/mcp.md lists for clients in browsers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, test } from 'node:test';

import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler, fromJsonSchema } from '@modelcontextprotocol/server';

import { freePort } from '../../demo/ports.mjs';
import { CLIENTS, startProvider } from '../../demo/provider.mjs';
import { startEverything } from './mcp/everything.mjs';
import { assertRefused } from './support/expect.mjs';
import { startGate } from './support/gate.mjs';

const REVISION = '2026-07-28';
const PAGE = 'https://app.example.com';
/** The `cors` of the document, as TOML that is JavaScript but for its `=`. */
const [, origins, headers, expose] = /^cors = \{ origins = (\[.*?\]), headers = (\[.*?\]), expose = (\[.*?\]) \}$/m
  .exec(readFileSync(new URL('../../docs/mcp.md', import.meta.url), 'utf8')).map((text, index) => index > 0 && JSON.parse(text));

const port = await freePort();
const host = `127.0.0.1:${port}`;
const [resource, sessions] = ['mcp', 'sessions/mcp'].map((path) => `http://${host}/${path}`);
const metadataUrl = `http://${host}/.well-known/oauth-protected-resource/mcp`;
const provider = await startProvider({ resources: { [resource]: ['mcp:tools', 'mcp:admin'] } });
const server = await startServer();
const everything = await startEverything();
const gate = await startGate({
  port,
  policy: {
    version: 1,
    origin: server.url,
    issuers: { main: { issuer: provider.issuer } },
    resources: { [resource]: {} },
    cors: { origins, headers, expose },
    routes: [
      { path: '/mcp', audience: resource, scopes: { all: ['mcp:tools'] } },
      { path: '/sessions/mcp', audience: resource, origin: everything.url, strip_prefix: '/sessions' },
    ],
  },
});
after(async () => {
  for (const each of [gate, server, everything, provider]) await each.close();
});

const sent = new Set();

test(`a client of ${REVISION} asks for the scope of the challenge, and comes to a tool`, async () => {
  const trail = [];
  const authProvider = new ClientCredentialsProvider({
    clientId: 'demo-m2m', clientSecret: CLIENTS['demo-m2m'].secret, expectedIssuer: provider.issuer,
  });
  const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider, fetch: noting(trail) });
  const client = new Client({ name: 'wanderer', version: '2.0.0' }, { versionNegotiation: { mode: { pin: REVISION } } });
  await client.connect(transport);

  const steps = trail.map(({ method, url, status }) => `${method} ${url} ${status}`);
  assert.deepEqual(steps.slice(0, 2), [`POST ${resource} 401`, `GET ${metadataUrl} 200`]);
  assert.equal(trail[0].challenge, `Bearer realm="127.0.0.1", scope="mcp:tools", resource_metadata="${metadataUrl}"`);
  const asked = trail.find(({ url }) => url === provider.tokenEndpoint);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked.body)), { grant_type: 'client_credentials', resource, scope: 'mcp:tools' });

  assert.equal(client.getNegotiatedProtocolVersion(), REVISION);
  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name), ['whoami']);
  const { content: [{ text }] } = await client.callTool({ name: 'whoami', arguments: {} });
  assert.deepEqual(JSON.parse(text), { client: 'demo-m2m', scopes: 'mcp:tools', method: 'tools/call', name: 'whoami' });
  await client.close();
});

test('a client with sessions comes again where its stream was closed', async () => {
  const trail = [];
  const token = await provider.token({ resource, scope: 'mcp:tools' });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(sessions), { requestInit, fetch: noting(trail) });
  const client = new Client({ name: 'returning', version: '2.0.0' });
  await client.connect(transport);
  assert.match(transport.sessionId, /^[0-9a-f-]{36}$/);
  const { content: [{ text }] } = await client.callTool({ name: 'test_reconnection', arguments: {} });
  assert.equal(text, 'reconnected');
  await transport.terminateSession();
  await client.close();
});

test('the document lists what these clients send, and a preflight for all of it is granted', async () => {
  const needed = [...sent].filter((name) => !['accept', 'accept-language', 'content-language'].includes(name)).sort();
  assert.deepEqual([...headers].sort(), needed);
  assert.deepEqual(origins, [PAGE]);
  for (const method of ['POST', 'GET', 'DELETE']) {
    const answer = await gate.request('/sessions/mcp', {
      method: 'OPTIONS', host,
      headers: [['Origin', PAGE], ['Access-Control-Request-Method', method], ['Access-Control-Request-Headers', needed.join(',')]],
    });
    assert.deepEqual([answer.status, answer.header('access-control-allow-origin')], [204, PAGE]);
    const granted = answer.header('access-control-allow-headers').split(', ');
    assert.deepEqual(needed.filter((name) => !granted.includes(name)), []);
    assert.ok(method === 'POST' || answer.header('access-control-allow-methods').split(', ').includes(method));
  }
  const refused = await gate.request('/mcp', { method: 'POST', host, headers: [['Origin', PAGE]], body: '{}' });
  assert.equal(refused.header('access-control-expose-headers'), 'mcp-session-id, www-authenticate, retry-after');
});

test('a page that is not named gets nowhere, with a token or without, also when its caller is known', async () => {
  const token = await provider.token({ resource, scope: 'mcp:tools' });
  const bearer = ['Authorization', `Bearer ${token}`];
  const ask = (...lines) => gate.request('/mcp', { method: 'POST', host, headers: lines, body: '{}' });
  for (let round = 0; round < 4; round += 1) assert.notEqual((await ask(bearer)).json?.code, 'gate.origin_denied');
  for (const page of ['https://evil.example.com', 'null', `http://${host}`, `${PAGE}, ${PAGE}`, `${PAGE}:443`]) {
    for (const lines of [[], [bearer], [['Authorization', 'Bearer a.b.c']]]) {
      const before = server.seen();
      const answer = await ask(['Origin', page], ...lines);
      assertRefused(answer, 'gate.origin_denied', { realm: '127.0.0.1', secret: token });
      assert.deepEqual([answer.header('vary'), answer.header('access-control-allow-origin')], ['origin', null]);
      assert.equal(server.seen(), before, 'nothing is forwarded');
    }
  }
  const before = server.seen();
  await ask(['Origin', PAGE], bearer);
  assert.equal(server.seen(), before + 1);
});

/** `fetch` that notes each request and its answer, and which headers are sent to the gate. */
function noting(trail) {
  return async (url, init = {}) => {
    if (new URL(url).host === host && !new URL(url).pathname.startsWith('/.well-known/')) {
      for (const name of new Headers(init.headers).keys()) sent.add(name);
    }
    const { method = 'GET', body } = init;
    const response = await fetch(url, init);
    trail.push({ method, url: String(url), body, status: response.status, challenge: response.headers.get('www-authenticate') });
    return response;
  };
}

/** A server of the SDK without sessions and without OAuth: it believes the gate's headers. */
async function startServer() {
  let seen = 0;
  const handle = toNodeHandler(createMcpHandler(() => {
    const mcp = new McpServer({ name: 'counting-house', version: '2.0.0' });
    const inputSchema = fromJsonSchema({ type: 'object', properties: {} });
    mcp.registerTool('whoami', { description: 'Who the gate says that you are', inputSchema }, async (_, { http: { req } }) => {
      const [client, scopes, method, name] = ['x-auth-client-id', 'x-auth-scopes', 'mcp-method', 'mcp-name'].map((each) => req.headers.get(each));
      return { content: [{ type: 'text', text: JSON.stringify({ client, scopes, method, name }) }] };
    });
    return mcp;
  }));
  const listener = http.createServer((request, response) => {
    seen += 1;
    return handle(request, response);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    seen: () => seen,
    async close() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
