// Everything the demonstration needs, on loopback: an OpenID provider, an origin, and the gate before it.

import { startExample } from '../examples/start.mjs';
import { startGate } from './gate.mjs';
import { startOrigin } from './origin.mjs';
import { ASSERTION_KEY, demoPolicy } from './policy.mjs';
import { freePort, requireFree } from './ports.mjs';
import { signingKey, startProvider } from './provider.mjs';

/**
 * Starts the stack; a port that is not given is a free one. The origin is the demonstration's own, or the `example` of
 * that name. When anything fails or `signal` aborts, what runs already is stopped. `log` is given what the gate and the
 * example write. `stop()` ends all of it; `exited` settles when the gate ends by itself.
 */
export async function startStack({ ports = {}, example, signal, log } = {}) {
  const running = [];
  const stop = async () => {
    for (const part of running.splice(0).reverse()) await part.close();
  };
  const start = async (part) => {
    running.push(await part);
    signal?.throwIfAborted();
    return running.at(-1);
  };
  try {
    for (const [name, port] of Object.entries(ports)) await requireFree(name, port);
    const provider = await start(startProvider({ port: ports.provider ?? 0 }));
    const gatePort = ports.gate ?? (await freePort());
    const url = `http://127.0.0.1:${gatePort}`;
    const originPort = ports.origin ?? (await freePort());
    const origin = await start(
      example ? startExample(example, { port: originPort, gate: url, signal, log }) : startOrigin({ port: originPort }),
    );
    const policy = demoPolicy({ issuer: provider.issuer, origin: origin.url, gate: url });
    const secrets = { [ASSERTION_KEY]: JSON.stringify(signingKey('ES256')) };
    const gate = await start(startGate({ port: gatePort, policy, secrets, signal, log }));
    return { gate: gate.url, issuer: provider.issuer, origin: origin.url, exited: gate.exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
