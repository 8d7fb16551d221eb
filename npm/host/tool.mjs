// Runs the tool, tool.wasm, with the arguments, the environment and the files of this process.

import { readFileSync } from 'node:fs';
import { parse } from 'node:path';

import { Host, pause } from './host.mjs';

const WASM = new URL('../tool.wasm', import.meta.url);
const AGAIN = 6; // EAGAIN of WASI

/** Runs the tool; returns its exit code. If it asks for a gate, that runs until it is interrupted, and this never returns. */
export async function run(args) {
  try {
    const { code, plan } = await tool(args);
    if (plan === undefined) return code;
    const { dev } = await import('../dev/dev.mjs');
    // Its servers would keep the process alive.
    process.exit(await dev(plan, async () => (await tool(args)).plan));
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exit(2);
  }
}

async function tool(args) {
  const { WASI } = await withoutWarning(() => import('node:wasi'));
  const folder = process.cwd();
  const { root } = parse(folder);
  const wasi = new WASI({
    version: 'preview1',
    args: ['portcullis', ...args],
    env: { ...process.env, PORTCULLIS_FOLDER: `/${folder.slice(root.length).replaceAll('\\', '/')}` },
    preopens: { '/': root },
  });
  const host = new Host();
  const module = new WebAssembly.Module(readFileSync(WASM));
  const instance = new WebAssembly.Instance(module, {
    wasi_snapshot_preview1: patient(wasi.wasiImport),
    portcullis: host.imports(() => instance.exports.memory.buffer),
  });
  const code = wasi.start(instance);
  host.close();
  return { code, plan: host.plan };
}

/** Node warns that WASI is experimental, which nobody who checks a policy has to know. */
async function withoutWarning(work) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return await work();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * Reads and writes that wait where Node's would fail: npm makes the pipes that it shares with this process non-blocking,
 * and a full one is no reason to lose results.
 */
function patient(imports) {
  const waiting = (call) => (...args) => {
    for (;;) {
      const result = call(...args);
      if (result !== AGAIN) return result;
      pause(5);
    }
  };
  return { ...imports, fd_read: waiting(imports.fd_read), fd_write: waiting(imports.fd_write) };
}
