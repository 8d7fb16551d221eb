// The built Worker under Miniflare, as tests/edge/support/gate.mjs starts it, with what the load run wants beside it:
// the inspector, which tells of memory, and logs that are counted, not kept.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Miniflare, convertV4MiniflareOptions } from 'miniflare';

import { ROOT } from '../../scripts/toolchain.mjs';
import { Watch } from '../edge/support/watch.mjs';

const BUILD = join(ROOT, 'build');
const NAME = 'gate';
const COMPATIBILITY_DATE = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'))[1];
/** Different log lines that are kept; one names an issuer and a problem, so that there are few. */
const MOST_LINES = 500;

export async function startGate(policy) {
  const lines = new Map();
  const kvDirectory = mkdtempSync(join(tmpdir(), 'portcullis-load-'));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      inspectorPort: 0,
      cf: false,
      resourcePersistencePath: kvDirectory,
      handleStructuredLogs: ({ message }) => note(lines, message),
      workers: [{
        name: NAME,
        modules: [
          { type: 'ESModule', path: join(BUILD, 'index.js') },
          { type: 'CompiledWasm', path: join(BUILD, 'index_bg.wasm') },
        ],
        modulesRoot: BUILD,
        compatibilityDate: COMPATIBILITY_DATE,
        bindings: { POLICY: policy },
        kvNamespaces: { JWKS: 'load' },
        unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
      }],
    }),
  );
  await miniflare.ready;
  const inspector = new URL(`/core:user:${NAME}`, await miniflare.getInspectorURL());
  return {
    port: Number((await miniflare.unsafeGetDirectURL(NAME)).port),
    pid: childNamed('workerd'),
    inspector: String(inspector),
    /** What the gate logged: line → how often. */
    lines,
    /** Runs the `scheduled` handler, waitUntil included. */
    scheduled: async () => (await miniflare.getWorker(NAME)).scheduled({ cron: '*/5 * * * *' }),
    /** How many entries KV has. */
    entries: async () => (await (await miniflare.getKVNamespace('JWKS', NAME)).list()).keys.length,
    /** What of the attack tables' tokens the log holds. */
    leaks: () => new Watch([...lines.keys()].map((message) => ({ message })), [policy]).leaks(),
    async close() {
      await miniflare.dispose();
      rmSync(kvDirectory, { recursive: true, force: true });
    },
  };
}

function note(lines, message) {
  if (lines.has(message) || lines.size < MOST_LINES) lines.set(message, (lines.get(message) ?? 0) + 1);
}

/** The id of a process that this one has started. */
function childNamed(name) {
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' }).trim().split('\n');
  const [pid] = processes.map((line) => line.trim().split(/\s+/)).find(([, parent, command]) => (
    Number(parent) === process.pid && command.endsWith(name)
  ));
  return Number(pid);
}
