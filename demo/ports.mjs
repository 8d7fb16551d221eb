// The ports of the demo, and whether they are free.

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that systems give out themselves: there, any other program gets a port that nobody listens on yet. */
const [FIRST, LAST] = [20_000, 32_767];
const given = new Set();

/** A free port, which nothing takes before it is used: it is given out once, and no system gives it to anybody. */
export async function freePort(host = '127.0.0.1') {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if (given.has(port)) continue;
    given.add(port);
    try {
      return await listenOnce(port, host);
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    }
  }
}

/** Throws an error that names the port in use and how to choose another. */
export async function requireFree(name, port, host = '127.0.0.1') {
  try {
    await listenOnce(port, host);
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error;
    const { what, flag, variable } = PORTS[name];
    throw new Error(
      `port ${port} (${what}) is in use. Choose another one:\n` +
        `  npm start -- ${flag} <port>    or    ${variable}=<port> npm start`,
    );
  }
}

/** The ports of the stack, and how to set each. */
export const PORTS = {
  gate: { what: 'the gate', flag: '--port', variable: 'PORT', standard: 8787 },
  provider: { what: 'the OpenID provider', flag: '--provider-port', variable: 'PROVIDER_PORT', standard: 8788 },
  origin: { what: 'the origin', flag: '--origin-port', variable: 'ORIGIN_PORT', standard: 8789 },
  workbench: { what: 'the workbench', flag: '--workbench-port', variable: 'WORKBENCH_PORT', standard: 8790 },
};

function listenOnce(port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const { port: bound } = server.address();
      server.close(() => resolve(bound));
    });
  });
}
