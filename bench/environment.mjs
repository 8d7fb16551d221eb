// What a result depends on in addition to the code.

import { readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { read } from '../scripts/process.mjs';
import { ROOT } from '../scripts/toolchain.mjs';
import { PINNED, WORKERD_VERSION } from './workerd.mjs';

export function environment({ rounds, seconds, seed }, builds) {
  const version = (name) => JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version;
  const wasm = Object.entries(builds).map(([name, modules]) => [name, sizes(modules['index_bg.wasm'])]);
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: read('git', ['describe', '--always', '--dirty'], { cwd: ROOT }),
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    workerd: WORKERD_VERSION,
    node: process.version,
    jose: version('jose'),
    hono: version('hono'),
    pinned: PINNED,
    load: os.loadavg()[0],
    rounds,
    seconds,
    seed,
    wasm: Object.fromEntries(wasm),
  };
}

function sizes(bytes) {
  return { bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
}
