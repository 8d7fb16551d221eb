// Builds the Worker: build/index.js (ES module, default export) and build/index_bg.wasm.
//
// 1. cargo compiles the core to wasm32.
// 2. wasm-bindgen generates the JavaScript bindings.
// 3. wasm-opt optimises the wasm.
// 4. esbuild bundles our entry, src/edge/worker.js, with that JavaScript.
// 5. The complete result is moved to build/.

import { createHash } from 'node:crypto';
import {
  copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build as bundle } from 'esbuild';

import { must, read } from './process.mjs';
import { ROOT, WASM_TARGET, findWasmBindgen, wasmBindgenVersion } from './toolchain.mjs';

const ENTRY = join(ROOT, 'src/edge/worker.js');
// --faults makes a build for tests that panics on demand (src/edge/faults.rs), in separate folders.
const FAULTS = process.argv.includes('--faults');
const OUT = join(ROOT, FAULTS ? 'target/faults/build' : 'build');
const OPTIONS = FAULTS ? ['--features', 'faults', '--target-dir', 'target/faults'] : [];
const BINARYEN = join(ROOT, 'node_modules/binaryen');
const GLUE = 'index.js';
const WASM = 'index_bg.wasm'; // wasm-bindgen's name for the module of `index`

// Less inlining: inlined code is compiled again in each isolate and enlarges the upload, by 6 % of the wasm.
const WASM_RUSTFLAGS = '-Cllvm-args=-inline-threshold=80';

// The features that rustc emits for wasm32-unknown-unknown, listed so that no newer encoding is used before workerd
// supports it.
const WASM_FEATURES = [
  'mutable-globals', 'sign-ext', 'nontrapping-float-to-int', 'bulk-memory', 'multivalue', 'reference-types',
];

mkdirSync(join(ROOT, 'target'), { recursive: true });
// A folder of its own for each run, so that concurrent builds do not mix their files.
const work = mkdtempSync(join(ROOT, 'target/worker-'));
try {
  await compile();
  await bind();
  await optimise();
  await pack();
  publish();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function compile() {
  const args = ['build', '--release', '--locked', '--package', 'portcullis', '--lib', '--target', WASM_TARGET, ...OPTIONS];
  const env = { ...process.env, CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: WASM_RUSTFLAGS };
  await must('cargo build', 'cargo', args, { cwd: ROOT, env });
}

/** Asks cargo for the target folder: configuration and environment can move it. */
function compiled() {
  if (FAULTS) return join(ROOT, 'target/faults', WASM_TARGET, 'release', 'portcullis.wasm');
  const metadata = read('cargo', ['metadata', '--no-deps', '--offline', '--format-version', '1'], { cwd: ROOT });
  if (!metadata) throw new Error('cargo metadata failed');
  return join(JSON.parse(metadata).target_directory, WASM_TARGET, 'release', 'portcullis.wasm');
}

async function bind() {
  const version = wasmBindgenVersion();
  const bindgen = findWasmBindgen(version);
  if (!bindgen) throw new Error(`wasm-bindgen ${version} is missing: run \`npm run setup\``);
  // The reset function creates a new instance after a panic: with panic=abort the state of the old one is undefined.
  const flags = ['--target', 'module', '--out-name', 'index', '--no-typescript', '--experimental-reset-state-function'];
  await must('wasm-bindgen', bindgen, [compiled(), '--out-dir', work, ...flags]);
  // In workerd a plain import yields a compiled module; source-phase imports are not supported.
  const glue = join(work, GLUE);
  writeFileSync(glue, readFileSync(glue, 'utf8').replaceAll('import source ', 'import '));
}

/** By far the longest step of a warm build, so results are cached by their input. */
async function optimise() {
  const [from, to] = [join(work, WASM), join(work, 'optimised.wasm')];
  // By default it inlines every function that has one caller, whatever its size.
  const flags = ['-O3', '--one-caller-inline-max-function-size=20', ...WASM_FEATURES.map((feature) => `--enable-${feature}`)];
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

async function pack() {
  await bundle({
    entryPoints: [ENTRY],
    outfile: join(work, 'bundle.js'),
    bundle: true,
    format: 'esm',
    target: 'esnext',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    external: ['cloudflare:*'],
    plugins: [{ name: 'portcullis-wasm', setup: resolveWasm }],
  });
}

/**
 * Our JavaScript imports the bindings as `portcullis-wasm`, and they import it as `portcullis/`. The wasm stays a separate
 * module next to the bundle.
 */
function resolveWasm({ onResolve }) {
  onResolve({ filter: /^portcullis-wasm$/ }, () => ({ path: join(work, GLUE) }));
  onResolve({ filter: /^portcullis\// }, ({ path }) => ({ path: join(dirname(ENTRY), path.slice('portcullis/'.length)) }));
  onResolve({ filter: /\/index_bg\.wasm$/ }, () => ({ path: `./${WASM}`, external: true }));
}

/** Files are moved into place, so concurrent readers of build/ never see a partial file. */
function publish() {
  mkdirSync(OUT, { recursive: true });
  put(join(work, 'optimised.wasm'), join(OUT, WASM));
  put(join(work, 'bundle.js'), join(OUT, 'index.js'));
  for (const name of [WASM, 'index.js']) console.log(`build/${name}: ${sizes(join(OUT, name))}`);
}

function put(from, to) {
  const temporary = join(dirname(to), `.${process.pid}.new`);
  copyFileSync(from, temporary);
  renameSync(temporary, to);
}

function sizes(path) {
  const bytes = readFileSync(path);
  const kib = (length) => `${(length / 1024).toFixed(1)} KiB`;
  return `${kib(bytes.length)}, ${kib(gzipSync(bytes, { level: 9 }).length)} gzip`;
}
