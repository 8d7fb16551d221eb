// Everything the demonstration needs, on loopback: an OpenID provider, an origin, and the gate before it.

import { startGate } from './gate.mjs';
import { startOrigin } from './origin.mjs';
import { demoPolicy } from './policy.mjs';
import { freePort, requireFree } from './ports.mjs';
import { startProvider } from './provider.mjs';

/**
 * Starts the stack; a port that is not given is a free one. When anything fails or `signal` aborts, what runs
 * already is stopped. `log` is given what the gate writes. `stop()` ends all of it; `exited` settles when
 * the gate ends by itself.
 */
export async function startStack({ ports = {}, signal, log } = {}) {
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
    const origin = await start(startOrigin({ port: ports.origin ?? 0 }));
    const policy = demoPolicy({ issuer: provider.issuer, origin: origin.url });
    const gate = await start(startGate({ port: ports.gate ?? (await freePort()), policy, signal, log }));
    return { gate: gate.url, issuer: provider.issuer, origin: origin.url, exited: gate.exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
