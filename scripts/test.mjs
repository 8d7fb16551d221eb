// `npm test`: the floors of the modules, native tests, the build, tests of the built Worker under Miniflare and plain
// workerd, real origins, pages in a browser, the demo, the examples, the npm package. It stops at a part that fails.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { must, recorded } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const node = process.execPath;

/** Starts wrangler again and again, which takes minutes: once, by the tool that people install. */
const WITH_WRANGLER = join(ROOT, 'tests/edge/push.test.mjs');

try {
  await part('floors', node, ['scripts/floors.mjs']);
  await part('tests of the scripts', node, ['--test', '--test-reporter=spec', ...testsIn('tests/scripts')]);
  await part('builds', node, ['scripts/builds.mjs']);
  await part('native tests', 'cargo', ['test', '--locked', '--no-fail-fast']);
  const edge = testsIn('tests/edge').filter((file) => file !== WITH_WRANGLER);
  await part('edge tests', node, ['--test', `--test-concurrency=${filesAtOnce()}`, '--test-timeout=120000', '--test-reporter=spec', ...edge]);
  await part('npm package', node, ['scripts/package.mjs', '--built', '--any-tree']);
  const tool = { PORTCULLIS_TOOL: join(ROOT, 'target/package/bin/portcullis.mjs') };
  // What is left uses one core each, and waits for programs that start and for nothing of the other's.
  await sideBySide(
    async (part) => {
      await part('real origins', node, ['scripts/origins.mjs', '--if-there']);
      await part('demo', node, ['scripts/demo.mjs', '--built']);
      await part('examples', node, ['scripts/examples.mjs', '--if-there']);
      await part('the tool with wrangler', node, ['--test', '--test-reporter=spec', WITH_WRANGLER], tool);
    },
    async (part) => {
      await part('browser tests', node, ['scripts/browser.mjs', '--if-there']);
      await part('the tool in WebAssembly', 'cargo', ['test', '--locked', '--test', 'cli', '--quiet'], tool);
      await part('tests of the package', node, ['--test', '--test-timeout=300000', '--test-reporter=spec', ...testsIn('tests/package')]);
    },
  );
  console.log('\ntest: all parts passed');
} catch (error) {
  console.error(`\ntest: ${error.message}`);
  process.exit(1);
}

async function part(name, command, args, env = {}) {
  console.log(heading(name));
  await must(name, command, args, { cwd: ROOT, env: { ...process.env, ...env } });
}

/** Runs sequences of parts at the same time. Each part is printed once it has ended. */
async function sideBySide(...sequences) {
  const quietly = async (name, command, args, env = {}) => {
    const { code, said } = await recorded(command, args, { cwd: ROOT, env: { ...process.env, ...env } });
    console.log(`${heading(name)}\n${said}`);
    if (code !== 0) throw new Error(`${name} failed (exit code ${code})`);
  };
  const settled = await Promise.allSettled(sequences.map((sequence) => sequence(quietly)));
  for (const { reason } of settled) if (reason !== undefined) throw reason;
}

function heading(name) {
  return `\n== ${name} ${'='.repeat(Math.max(3, 76 - name.length))}`;
}

/**
 * The edge tests depend on time. On a slow or busy machine two files at a time would make each other miss their deadlines.
 * The loop takes a tenth of a second on a machine that is neither.
 */
function filesAtOnce() {
  const started = performance.now();
  let sum = 0;
  for (let i = 0; i < 1e8; i += 1) sum += i;
  const milliseconds = performance.now() - started;
  if (sum > 0 && milliseconds < 400) return 2;
  console.log(`a slow machine (${milliseconds.toFixed(0)} ms): one file at a time`);
  return 1;
}

/** Without any file, the run would pass without testing anything. */
function testsIn(path) {
  const folder = join(ROOT, path);
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.test.mjs'));
  if (files.length === 0) throw new Error(`no tests in ${folder}`);
  return files.sort().map((name) => join(folder, name));
}
