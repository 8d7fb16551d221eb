// Where the build finds its tools, and their required versions.

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { read } from './process.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const WASM_TARGET = 'wasm32-unknown-unknown';
/** Of the command-line tool. */
export const TOOL_TARGET = 'wasm32-wasip1';

/** For tools that are built once per machine, not once per checkout. */
export function cacheDir(env = process.env) {
  if (env.PORTCULLIS_CACHE) return env.PORTCULLIS_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portcullis');
}

/** Asks cargo for the target folder: configuration and environment can move it. */
export function targetFolder() {
  const metadata = read('cargo', ['metadata', '--no-deps', '--offline', '--format-version', '1'], { cwd: ROOT });
  if (!metadata) throw new Error('cargo metadata failed');
  return JSON.parse(metadata).target_directory;
}

/** The version of `wasm-bindgen` in Cargo.lock: the CLI must match it exactly, since their format is private. */
export function wasmBindgenVersion(lockFile = join(ROOT, 'Cargo.lock')) {
  const lock = readFileSync(lockFile, 'utf8');
  const version = /^name = "wasm-bindgen"\r?\nversion = "([^"]+)"/m.exec(lock)?.[1];
  if (!version) throw new Error(`${lockFile} names no wasm-bindgen`);
  return version;
}

/** The folder for `cargo install --root` of this version. */
export function wasmBindgenRoot(version) {
  return join(cacheDir(), `wasm-bindgen-cli-${version}`);
}

/** A wasm-bindgen of this version: the cached one, else the one on PATH, else null. */
export function findWasmBindgen(version) {
  const cached = join(wasmBindgenRoot(version), 'bin', 'wasm-bindgen');
  const candidates = existsSync(cached) ? [cached, 'wasm-bindgen'] : ['wasm-bindgen'];
  return candidates.find((path) => read(path, ['--version']) === `wasm-bindgen ${version}`) ?? null;
}
