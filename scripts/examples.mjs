// `npm run test:examples`: the services of examples/ behind the built Worker, and the guides' token check compared with it.
// `--if-there` passes if Python or its packages cannot be installed.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { environment, findPython } from '../examples/python.mjs';
import { EXAMPLES } from '../examples/start.mjs';
import { must } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const TESTS = join(ROOT, 'tests/examples');

try {
  const lack = await prepare();
  if (!lack) await runTests();
  else missing(lack, process.argv.includes('--if-there'));
} catch (error) {
  console.error(`examples: ${error.message}`);
  process.exit(1);
}

/** What is missing, if anything. */
async function prepare() {
  try {
    const python = findPython();
    await Promise.all(EXAMPLES.map((name) => environment(name, python)));
    return undefined;
  } catch (error) {
    return error.message;
  }
}

function runTests() {
  const files = readdirSync(TESTS).filter((name) => name.endsWith('.test.mjs'));
  const args = ['--test', '--test-concurrency=2', '--test-timeout=120000', '--test-reporter=spec'];
  return must('the tests of the examples', process.execPath, [...args, ...files.map((name) => join(TESTS, name))], { cwd: ROOT });
}

function missing(lack, isFine) {
  console.log(`examples: NOT RUN: ${lack}`);
  if (!isFine) process.exit(1);
}
