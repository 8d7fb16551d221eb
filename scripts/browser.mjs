// `npm run test:browser`: pages in a real browser, against the built Worker, and the workbench. `--if-there` passes without
// a browser.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { findBrowser } from './chromium.mjs';
import { must } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const TESTS = join(ROOT, 'tests/browser');

try {
  const browser = await findBrowser();
  if (browser) await runWith(browser);
  else missing(process.argv.includes('--if-there'));
} catch (error) {
  console.error(`browser: ${error.message}`);
  process.exit(1);
}

function runWith({ path, libraries }) {
  const env = { ...process.env, CHROME_PATH: path, CHROME_LIBRARIES: libraries };
  const files = readdirSync(TESTS, { recursive: true }).filter((name) => name.endsWith('.test.mjs')).sort().map((name) => join(TESTS, name));
  const args = ['--test', '--test-concurrency=2', '--test-timeout=120000', '--test-reporter=spec', ...files];
  return must('the browser tests', process.execPath, args, { cwd: ROOT, env });
}

function missing(isFine) {
  console.log('browser tests: NOT RUN, there is no browser; name one with CHROME_PATH');
  if (!isFine) process.exit(1);
}
