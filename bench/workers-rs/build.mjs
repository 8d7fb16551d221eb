// Builds the same core behind the `worker` crate: target/workers-rs/build, or target/workers-rs/faults with --faults.
//
// It runs worker-build, as that crate's documentation says, with three differences: worker-build uses this repository's
// tools instead of downloading its own; the compiler has the gate's flags; and wasm-opt, also with the gate's flags, runs
// after it. None of the three makes the result larger.

import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { must, read } from '../../scripts/process.mjs';
import { ROOT, cacheDir, findWasmBindgen, wasmBindgenVersion } from '../../scripts/toolchain.mjs';
import { optimise, sizes, workerEnvironment } from '../../scripts/wasm.mjs';

const CRATE = import.meta.dirname;
const VERSION = '0.8.7'; // of worker and worker-build
const FAULTS = process.argv.includes('--faults');
const TARGET = join(ROOT, 'target/workers-rs');
const OUT = join(TARGET, FAULTS ? 'faults' : 'build');
const WASM = join(OUT, 'index_bg.wasm');

try {
  const workerBuild = await findWorkerBuild();
  await build(workerBuild);
  const optimised = join(OUT, 'optimised.wasm');
  // wasm-bindgen catches JavaScript exceptions where `worker` expects a Result.
  await optimise(WASM, optimised, ['exception-handling']);
  renameSync(optimised, WASM);
  for (const name of ['index_bg.wasm', 'index.js']) console.log(`workers-rs/${name}: ${sizes(join(OUT, name))}`);
} catch (error) {
  console.error(`workers-rs: ${error.message}`);
  process.exitCode = 1;
}

/** worker-build of the crate's version, installed once per machine. */
async function findWorkerBuild() {
  const root = join(cacheDir(), `worker-build-${VERSION}`);
  const path = join(root, 'bin/worker-build');
  if (existsSync(path) && read(path, ['--version']) === VERSION) return path;
  console.log(`workers-rs: building worker-build ${VERSION} (some minutes, once per machine)`);
  const args = ['install', 'worker-build', '--version', VERSION, '--locked', '--root', root, '--quiet', '--force'];
  await must('cargo install worker-build', 'cargo', args, { cwd: ROOT });
  return path;
}

async function build(workerBuild) {
  mkdirSync(OUT, { recursive: true });
  const version = wasmBindgenVersion(join(CRATE, 'Cargo.lock'));
  const bindgen = findWasmBindgen(version);
  if (!bindgen) throw new Error(`wasm-bindgen ${version} is missing: run \`npm run setup\``);
  const env = {
    ...workerEnvironment(),
    CARGO_TARGET_DIR: TARGET,
    WASM_BINDGEN_BIN: bindgen,
    ESBUILD_BIN: esbuild(),
  };
  const cargo = ['--locked', ...(FAULTS ? ['--features', 'faults'] : [])];
  const args = ['--release', '--no-opt', '--out-dir', OUT, '.', ...cargo];
  await must('worker-build', workerBuild, args, { cwd: CRATE, env });
}

/** The binary itself: the file of that name in the package is only a script if the package's install script did not run. */
function esbuild() {
  const { resolve } = createRequire(import.meta.url);
  const program = `@esbuild/${process.platform}-${process.arch}/bin/esbuild`;
  return createRequire(resolve('esbuild')).resolve(program);
}
