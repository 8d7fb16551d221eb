// `npm run test:origins`: real origins behind the built Worker. `--if-there` passes if some of them cannot be installed.

import { join } from 'node:path';

import { ORIGINS, prepare } from '../tests/origins/roster.mjs';
import { must } from './process.mjs';
import { ROOT } from './toolchain.mjs';

try {
  const found = await Promise.all(ORIGINS.map(async (name) => ({ name, lack: await lackOf(name) })));
  const there = found.filter(({ lack }) => !lack).map(({ name }) => name);
  const missing = found.filter(({ lack }) => lack);
  for (const { name, lack } of missing) console.log(`origins: ${name}: NOT RUN: ${lack}`);
  if (there.length > 0) await runTests(there);
  if (missing.length > 0 && !process.argv.includes('--if-there')) process.exit(1);
} catch (error) {
  console.error(`origins: ${error.message}`);
  process.exit(1);
}

/** Why an origin cannot be run, if it cannot. */
async function lackOf(name) {
  try {
    await prepare(name);
    return undefined;
  } catch (error) {
    return error.message;
  }
}

function runTests(names) {
  const args = ['--test', '--test-timeout=120000', '--test-reporter=spec', join(ROOT, 'tests/origins/origins.test.mjs')];
  return must('the tests with real origins', process.execPath, args, { cwd: ROOT, env: { ...process.env, ORIGINS: names.join() } });
}
