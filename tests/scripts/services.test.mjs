// How the demonstration and the tests start servers: on ports that stay theirs.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { freePort } from '../../demo/ports.mjs';
import { startService } from '../../demo/service.mjs';

const SERVER = `
  const server = require('node:http').createServer((request, response) => response.end('the service'));
  server.listen(Number(process.argv[1]), '127.0.0.1');
`;

const start = (port) => startService({
  name: 'the service', command: process.execPath, args: ['-e', SERVER, port], health: `http://127.0.0.1:${port}/`,
});

test('a service is started on its port', async (t) => {
  const port = await freePort();
  const service = await start(port);
  t.after(service.close);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'the service');
});

test('another server on its port is not taken for it', async (t) => {
  const port = await freePort();
  const stranger = createServer((request, response) => response.end('a stranger')).listen(port, '127.0.0.1');
  t.after(() => stranger.close());
  await assert.rejects(start(port), { message: `something else responds at http://127.0.0.1:${port}/ before the service is started` });
});

test('no port is given twice, nor one that a system gives out', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));
  assert.equal(new Set(ports).size, ports.length);
  assert.ok(ports.every((port) => port >= 20_000 && port < 32_768), ports.join(' '));
});
