// A Python environment for each example, created on first use from its locked requirements, under target/.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { must, read } from '../scripts/process.mjs';

const EXAMPLES = fileURLToPath(new URL('.', import.meta.url));
const ENVIRONMENTS = fileURLToPath(new URL('../target/examples/', import.meta.url));
const LEAST = [3, 11];
const COMMANDS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];

/** Prints the version; fails if it is too old or cannot create environments (a separate package on Debian). */
const PROBE = `import sys, venv, ensurepip; assert sys.version_info >= (${LEAST.join(', ')}); print(sys.executable, sys.version)`;

/** The command of a suitable Python. */
export function findPython() {
  const found = COMMANDS.find(version);
  if (found) return found;
  throw new Error(`no Python ${LEAST.join('.')} or newer with venv (on Debian the package python3-venv)`);
}

/** The interpreter of an example's environment, with everything installed that the example needs. */
export async function environment(name, python = findPython()) {
  const requirements = join(EXAMPLES, name, 'requirements.txt');
  const key = createHash('sha256').update(readFileSync(requirements)).update(version(python)).digest('hex').slice(0, 16);
  const folder = join(ENVIRONMENTS, `${name}-${key}`);
  if (!existsSync(folder)) await install(name, python, requirements, folder);
  return join(folder, 'bin/python');
}

/** Installs into a temporary folder first: an existing environment is complete, despite interrupted or concurrent runs. */
async function install(name, python, requirements, folder) {
  console.log(`${name}: installing its Python packages (once, about 15 seconds)`);
  const aside = `${folder}.${process.pid}`;
  mkdirSync(ENVIRONMENTS, { recursive: true });
  try {
    await must(`${name}: venv`, python, ['-m', 'venv', aside]);
    const options = ['--require-hashes', '--only-binary=:all:', '--disable-pip-version-check', '--quiet'];
    await must(`${name}: pip`, join(aside, 'bin/python'), ['-m', 'pip', 'install', ...options, '-r', requirements]);
    renameSync(aside, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function version(python) {
  return read(python, ['-c', PROBE], { stdio: ['ignore', 'pipe', 'ignore'] });
}
