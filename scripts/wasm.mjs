// How wasm is compiled and optimised: the same for the gate and for what it is compared with (bench/workers-rs).

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { must } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const BINARYEN = join(ROOT, 'node_modules/binaryen');

// Less inlining: inlined code is compiled again in each isolate and enlarges the upload.
export const WASM_RUSTFLAGS = '-Cllvm-args=-inline-threshold=5';

// The features that rustc emits for wasm32-unknown-unknown, listed so that no newer encoding is used before workerd
// supports it.
const WASM_FEATURES = [
  'mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types',
];

/** By far the longest step of a warm build, so results are cached by their input. `features` are additional ones. */
export async function optimise(from, to, features = []) {
  // By default it inlines every function that has one caller, whatever its size.
  const enabled = [...WASM_FEATURES, ...features].map((feature) => `--enable-${feature}`);
  const flags = ['-Oz', '--one-caller-inline-max-function-size=20', ...enabled];
  const kept = join(ROOT, 'target/wasm-opt', `${digest(readFileSync(from), binaryenVersion(), flags)}.wasm`);
  if (existsSync(kept)) return copyFileSync(kept, to);
  await must('wasm-opt', process.execPath, [join(BINARYEN, 'bin/wasm-opt'), from, '-o', to, ...flags]);
  mkdirSync(dirname(kept), { recursive: true });
  put(to, kept);
}

function binaryenVersion() {
  return JSON.parse(readFileSync(join(BINARYEN, 'package.json'), 'utf8')).version;
}

function digest(bytes, ...context) {
  return createHash('sha256').update(JSON.stringify(context)).update(bytes).digest('hex');
}

/** Moves a file into place, so concurrent readers of the folder never see a partial file. */
export function put(from, to) {
  const temporary = join(dirname(to), `.${process.pid}.new`);
  copyFileSync(from, temporary);
  renameSync(temporary, to);
}

/** The size of a file, and its size gzipped, as it is uploaded. */
export function sizes(path) {
  const bytes = readFileSync(path);
  const kib = (length) => `${(length / 1024).toFixed(1)} KiB`;
  return `${kib(bytes.length)}, ${kib(gzipSync(bytes, { level: 9 }).length)} gzip`;
}
