// Runs the examples on loopback, each with its framework's own server.

import { fileURLToPath } from 'node:url';

import { startService } from '../demo/service.mjs';
import { environment } from './python.mjs';

const SERVERS = {
  django: (host, port) => ['manage.py', 'runserver', '--noreload', `${host}:${port}`],
  drf: (host, port) => ['manage.py', 'runserver', '--noreload', `${host}:${port}`],
  fastapi: (host, port) => ['-m', 'uvicorn', 'app:app', '--host', host, '--port', port],
  flask: (host, port) => ['-m', 'flask', '--app', 'app', 'run', '--host', host, '--port', port],
};

export const EXAMPLES = Object.keys(SERVERS);

/**
 * Starts an example and waits until it responds. `gate` is the URL of the gate in front of it, whose assertions name the
 * example by its own URL.
 */
export async function startExample(name, { port, host = '127.0.0.1', gate, signal, log }) {
  const url = `http://${host}:${port}`;
  const service = await startService({
    name,
    command: await environment(name),
    args: SERVERS[name](host, port),
    cwd: fileURLToPath(new URL(name, import.meta.url)),
    env: { ...process.env, GATE_ISSUER: gate, GATE_AUDIENCE: url, PYTHONUNBUFFERED: '1', no_proxy: host },
    health: `${url}/healthz`,
    signal,
    log,
  });
  return { url, exited: service.exited, close: service.close };
}
