// How wasm is compiled and optimised: the same for the gate and for what it is compared with (bench/workers-rs).

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { must, read } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const BINARYEN = join(ROOT, 'node_modules/binaryen');

/**
 * The environment for cargo to build what is published: the same wherever it is built, so no path of this machine is in it.
 * `flags` are further ones for rustc.
 */
export function publishedEnvironment(flags = []) {
  const home = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const sysroot = read('rustc', ['--print', 'sysroot'], { cwd: ROOT }) ?? '';
  const names = { [ROOT]: '/portcullis', [home]: '/cargo', [join(sysroot, 'lib/rustlib/src/rust')]: '/rust' };
  const remapped = Object.entries(names).map(([path, name]) => `--remap-path-prefix=${path}=${name}`);
  // Separated by units, paths may hold spaces.
  return { ...process.env, CARGO_ENCODED_RUSTFLAGS: [...flags, ...remapped].join('\x1f') };
}

/** For the Worker, with less inlining: inlined code is compiled again in each isolate and enlarges the upload. */
export function workerEnvironment() {
  return publishedEnvironment(['-Cllvm-args=-inline-threshold=5']);
}

// The features that rustc emits for wasm32-unknown-unknown, listed so that no newer encoding is used before workerd
// supports it.
const WASM_FEATURES = [
  'mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types',
];

/** The most that the Worker's wasm may have, in bytes gzipped. */
const MAX_WASM_BYTES = 220_000;

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

/** Fails if the Worker's wasm is over its budget. */
export function checkBudget(path) {
  const size = gzipSync(readFileSync(path), { level: 9 }).length;
  console.log(`wasm: ${size} bytes gzipped, of ${MAX_WASM_BYTES}`);
  if (size > MAX_WASM_BYTES) throw new Error('the wasm is over its budget');
}

/** The size of a file, and its size gzipped, as it is uploaded. */
export function sizes(path) {
  const bytes = readFileSync(path);
  const kib = (length) => `${(length / 1024).toFixed(1)} KiB`;
  return `${kib(bytes.length)}, ${kib(gzipSync(bytes, { level: 9 }).length)} gzip`;
}
