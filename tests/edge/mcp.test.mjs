// A client that knows nothing but a URL: the MCP SDK's own client finds out from the gate where tokens are issued, gets
// one, and uses an MCP server of the SDK that has no OAuth code.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { after, test } from 'node:test';

import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

import { freePort } from '../../demo/ports.mjs';
import { CLIENTS, startProvider } from '../../demo/provider.mjs';
import { startGate } from './support/gate.mjs';

const port = await freePort();
const resource = `http://127.0.0.1:${port}/mcp`;
const metadataUrl = `http://127.0.0.1:${port}/.well-known/oauth-protected-resource/mcp`;
const provider = await startProvider({ resources: { [resource]: ['mcp:tools', 'mcp:admin'] } });
const server = await startMcpServer();
const gate = await startGate({
  port,
  policy: {
    version: 1,
    origin: server.url,
    issuers: { main: { issuer: provider.issuer } },
    resources: { [resource]: { name: 'Counting house' } },
    routes: [{ path: '/mcp', audience: resource, scopes: ['mcp:tools'] }],
  },
});
after(async () => {
  await gate.close();
  await server.close();
  await provider.close();
});

test('a client finds its way from a 401 to a tool', async () => {
  const trail = [];
  const authProvider = new Wanderer({
    clientId: 'demo-m2m', clientSecret: CLIENTS['demo-m2m'].secret, expectedIssuer: provider.issuer,
  });
  const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider, fetch: noting(trail) });
  const client = new Client({ name: 'wanderer', version: '1.0.0' });
  await client.connect(transport);

  const steps = trail.map(({ method, url, status }) => `${method} ${url} ${status}`);
  const [refused, metadata, ...rest] = trail;
  assert.deepEqual(steps.slice(0, 2), [`POST ${resource} 401`, `GET ${metadataUrl} 200`], 'the challenge leads to the metadata');
  assert.equal(refused.headers.get('www-authenticate'), `Bearer realm="127.0.0.1", scope="mcp:tools", resource_metadata="${metadataUrl}"`);
  assert.deepEqual(JSON.parse(metadata.text), {
    resource,
    authorization_servers: [provider.issuer],
    scopes_supported: ['mcp:tools'],
    bearer_methods_supported: ['header'],
    resource_name: 'Counting house',
  });
  assert.ok(steps.includes(`GET ${provider.issuer}/.well-known/openid-configuration 200`), 'the server is looked up');
  const asked = rest.find(({ url }) => url === provider.tokenEndpoint);
  const form = Object.fromEntries(new URLSearchParams(asked.body));
  assert.deepEqual(form, { grant_type: 'client_credentials', resource, scope: 'mcp:tools' }, 'for what the metadata names');
  const token = JSON.parse(asked.text).access_token;
  assert.equal(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).aud, resource);
  assert.ok(steps.slice(steps.indexOf(`POST ${provider.tokenEndpoint} 200`)).includes(`POST ${resource} 200`), 'and comes back');

  assert.deepEqual((await client.listTools()).tools.map(({ name }) => name).sort(), ['count', 'whoami']);
  const { content: [{ text }] } = await client.callTool({ name: 'whoami' });
  assert.deepEqual(JSON.parse(text), { client: 'demo-m2m', audience: resource, scopes: 'mcp:tools', issuer: provider.issuer });

  // The server sends each number only when the last one has arrived: a reply that is held back would hang.
  const seen = [];
  const onprogress = ({ progress }) => {
    seen.push(progress);
    server.arrived(progress);
  };
  const counted = await client.callTool({ name: 'count', arguments: {} }, undefined, { onprogress, timeout: 10_000 });
  assert.deepEqual([seen, counted.content[0].text], [[1, 2, 3], 'done'], 'events come through as they are sent');
  assert.match(trail.at(-1).headers.get('content-type'), /^text\/event-stream/);

  const session = transport.sessionId;
  assert.match(session, /^[0-9a-f-]{36}$/, 'the session is the server\'s');
  await transport.terminateSession();
  await client.close();
  assert.ok(server.seen.length > 4);
  assert.ok(server.seen.every(({ authorization }) => authorization === `Bearer ${token}`), 'no request without the token arrived');
  assert.deepEqual(server.seen.map(({ method }) => method).filter((method) => method !== 'POST').sort(), ['DELETE', 'GET']);
});

test('a client with too little is told what it needs, and where to get it', async () => {
  const token = await provider.token({ resource, scope: 'mcp:admin' });
  const before = server.seen.length;
  const answer = await gate.bearer(token, '/mcp', { method: 'POST', host: `127.0.0.1:${port}`, body: '{}' });
  assert.deepEqual([answer.status, answer.json.code], [403, 'auth.insufficient_scope']);
  assert.equal(
    answer.header('www-authenticate'),
    `Bearer realm="127.0.0.1", error="insufficient_scope", scope="mcp:tools", resource_metadata="${metadataUrl}"`,
  );
  assert.equal(server.seen.length, before);
});

test('a client with a token for another resource is refused', async () => {
  const token = await provider.token({ resource: 'https://api.yourapp.com', scope: 'read:data' });
  const trail = [];
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(resource), { requestInit, fetch: noting(trail) });
  const before = server.seen.length;
  await assert.rejects(new Client({ name: 'stranger', version: '1.0.0' }).connect(transport), /Invalid audience/);
  assert.deepEqual(trail.map(({ status }) => status), [401]);
  const description = 'error="invalid_token", error_description="Invalid audience"';
  assert.equal(trail[0].headers.get('www-authenticate'), `Bearer realm="127.0.0.1", ${description}, scope="mcp:tools", resource_metadata="${metadataUrl}"`);
  assert.equal(server.seen.length, before);
});

/** Asks for the scopes that the metadata names, as the SDK does for people; left to itself it asks for none here. */
class Wanderer extends ClientCredentialsProvider {
  saveDiscoveryState({ resourceMetadata }) {
    this.scopes = resourceMetadata.scopes_supported;
  }

  prepareTokenRequest() {
    return super.prepareTokenRequest(this.scopes.join(' '));
  }
}

/** `fetch` that notes each request and its answer. */
function noting(trail) {
  return async (url, init = {}) => {
    const response = await fetch(url, init);
    const step = { method: init.method ?? 'GET', url: String(url), body: init.body, status: response.status, headers: response.headers };
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) step.text = await response.clone().text();
    trail.push(step);
    return response;
  };
}

/** An MCP server without OAuth: it believes the gate's headers. */
async function startMcpServer() {
  const sessions = new Map();
  const seen = [];
  let arrived;

  function newServer() {
    const mcp = new McpServer({ name: 'counting-house', version: '1.0.0' });
    mcp.registerTool('whoami', { description: 'Who the gate says that you are' }, ({ requestInfo: { headers } }) => {
      const [client, audience, scopes, issuer] = ['client-id', 'audience', 'scopes', 'issuer'].map((name) => headers[`x-auth-${name}`]);
      return { content: [{ type: 'text', text: JSON.stringify({ client, audience, scopes, issuer }) }] };
    });
    mcp.registerTool('count', { description: 'Counts to three', inputSchema: {} }, async (_, { _meta, sendNotification }) => {
      for (let progress = 1; progress <= 3; progress += 1) {
        const received = new Promise((resolve) => {
          arrived = (number) => number === progress && resolve();
        });
        await sendNotification({ method: 'notifications/progress', params: { progressToken: _meta.progressToken, progress, total: 3 } });
        await received;
      }
      return { content: [{ type: 'text', text: 'done' }] };
    });
    return mcp;
  }

  const listener = http.createServer(async (request, response) => {
    seen.push({ method: request.method, authorization: request.headers.authorization });
    let transport = sessions.get(request.headers['mcp-session-id']);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await newServer().connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    seen,
    arrived: (number) => arrived(number),
    async close() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
