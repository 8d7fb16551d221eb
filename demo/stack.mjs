// Everything the demo needs, on loopback: an OpenID provider, an origin, the gate in front of it, and the workbench.

import { startExample } from '../examples/start.mjs';
import { startGate } from './gate.mjs';
import { startOrigin } from './origin.mjs';
import { ASSERTION_KEY, demoPolicy } from './policy.mjs';
import { freePort, requireFree } from './ports.mjs';
import { signingKey, startProvider } from './provider.mjs';
import { startDemoWorkbench } from './workbench.mjs';

/**
 * Starts the stack; ports that are not given are chosen, and without one for it there is no workbench. The origin is the
 * demo's own, or the `example` of that name. If anything fails or `signal` aborts, everything already running is stopped.
 * `log` receives what the gate and the example write. `stop()` stops everything; `exited` settles when the gate exits
 * unexpectedly.
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
    const urls = { gate: gate.url, issuer: provider.issuer, origin: origin.url };
    const workbench = ports.workbench && (await start(startDemoWorkbench({ port: ports.workbench, ...urls })));
    return { ...urls, workbench: workbench?.url, exited: gate.exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
