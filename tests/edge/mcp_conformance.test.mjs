// The public conformance package of MCP, in its server mode, against a server and against the same server behind the gate:
// the same checks pass.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../demo/ports.mjs';
import { startEverything } from './mcp/everything.mjs';
import { ISSUER } from './support/fixture.mjs';
import { startGates } from './support/gate.mjs';
import { claims, mint, newKey } from './support/tokens.mjs';

const TOOL = fileURLToPath(new URL('../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url));
const REBOUND = 'dns-rebinding-protection localhost-host-rebinding-rejected';
const RESOURCE = 'https://api.example.com/mcp';

const key = newKey('ES256');
const token = mint(key, claims(ISSUER, { aud: RESOURCE, scope: 'mcp:tools' }));
const ports = [await freePort(), await freePort(), await freePort()];
const server = await startEverything();
const pages = ports.map((port) => `http://127.0.0.1:${port}`);
const gates = await startGates([{}, { hosts: ['127.0.0.1'] }, { cors: { origins: pages } }].map((more) => ({
  policy: {
    version: 1,
    origin: server.url,
    issuers: { main: { issuer: ISSUER, jwks: { keys: [key.jwk] } } },
    resources: { [RESOURCE]: {} },
    routes: [{ path: '/mcp', audience: RESOURCE, scopes: ['mcp:tools'], ...more }],
  },
})));
const [plain, hosted, shared] = await Promise.all(gates.map((gate, index) => startBearer(gate.port, ports[index])));
let direct;
before(async () => {
  direct = await checks(server.url);
});
after(async () => {
  for (const bearer of [plain, hosted, shared]) await bearer.close();
  for (const gate of gates) await gate.close();
  await server.close();
});

describe('the checks of a server', { timeout: 120_000 }, () => {
  test('all pass without the gate', () => {
    assert.ok(direct.length > 40, `${direct.length} checks`);
    assert.deepEqual(direct.filter((check) => check.endsWith(' FAILURE')), []);
    assert.ok(direct.includes(`${REBOUND} SUCCESS`));
  });
  test('are the same through the gate, but for a rebound host: the server sees its own', async () => {
    assert.deepEqual(await checks(plain.url), direct.map((check) => check.replace(`${REBOUND} SUCCESS`, `${REBOUND} FAILURE`)));
  });
  test('are the same through a route with hosts', async () => assert.deepEqual(await checks(hosted.url), direct));
  test('are the same through a route with cors, which refuses the page of the rebound host', async () => {
    assert.deepEqual(await checks(shared.url), direct);
  });
});

/** Runs the package: `scenario check status` of each check, in order. */
async function checks(url) {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-mcp-'));
  try {
    const tool = spawn(process.execPath, [TOOL, 'server', '--url', `${url}/mcp`, '--suite', 'all', '-o', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
    const errors = tool.stderr.setEncoding('utf8').toArray();
    const code = await new Promise((resolve) => tool.on('close', resolve));
    assert.ok(code === 0 || code === 1, `${code}: ${(await errors).join('')}`);
    return readdirSync(folder).flatMap((name) => {
      const scenario = /^server-(.*)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)[1];
      return JSON.parse(readFileSync(join(folder, name, 'checks.json'), 'utf8')).map(({ id, status }) => `${scenario} ${id} ${status}`);
    }).sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The package sends no token, so this listens at `own` and adds one to each request on its way to the gate. */
async function startBearer(port, own) {
  const proxy = http.createServer((request, response) => {
    const { method, url: path, headers } = request;
    const onward = http.request({ host: '127.0.0.1', port, method, path, headers: { ...headers, authorization: `Bearer ${token}` } });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      response.flushHeaders();
      answer.on('error', () => response.destroy()).pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => proxy.listen(own, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${own}`,
    async close() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
