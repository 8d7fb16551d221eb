// Builds the Worker: build/index.js (ES module, default export) and build/index_bg.wasm.
//
// 1. cargo compiles the core to wasm32.
// 2. wasm-bindgen generates the JavaScript bindings.
// 3. wasm-opt optimises the wasm.
// 4. esbuild bundles our entry, src/edge/worker.js, with that JavaScript.
// 5. The complete result is moved to build/.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { build as bundle } from 'esbuild';

import { must } from './process.mjs';
import { ROOT, WASM_TARGET, findWasmBindgen, targetFolder, wasmBindgenVersion } from './toolchain.mjs';
import { optimise, put, sizes, workerEnvironment } from './wasm.mjs';

const ENTRY = join(ROOT, 'src/edge/worker.js');
// --faults makes a build for tests that panics on demand (src/edge/faults.rs), in separate folders.
const FAULTS = process.argv.includes('--faults');
const OUT = join(ROOT, FAULTS ? 'target/faults/build' : 'build');
const OPTIONS = FAULTS ? ['--features', 'faults', '--target-dir', 'target/faults'] : [];
const GLUE = 'index.js';
const WASM = 'index_bg.wasm'; // wasm-bindgen's name for the module of `index`

mkdirSync(join(ROOT, 'target'), { recursive: true });
// A folder of its own for each run, so that concurrent builds do not mix their files.
const work = mkdtempSync(join(ROOT, 'target/worker-'));
try {
  await compile();
  await bind();
  await optimise(join(work, WASM), join(work, 'optimised.wasm'));
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
  await must('cargo build', 'cargo', args, { cwd: ROOT, env: workerEnvironment() });
}

function compiled() {
  const folder = FAULTS ? join(ROOT, 'target/faults') : targetFolder();
  return join(folder, WASM_TARGET, 'release', 'portcullis.wasm');
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
    // wasm-bindgen names a module once for each block that imports from it.
    logOverride: { 'duplicate-object-key': 'silent' },
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
