// `npm run site`: builds the workbench, a static page for any server, in build/site.
//
//   --built   its part of the tool is built (scripts/build-tool.mjs)

import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

import { must } from './process.mjs';
import { ROOT } from './toolchain.mjs';

const SITE = join(ROOT, 'site');
const OUT = join(ROOT, 'build/site');
/** The most that a reader loads, in bytes gzipped. */
const MOST_BYTES = 600_000;
const COMMON = { bundle: true, minify: true, target: 'es2022', legalComments: 'none', charset: 'utf8', logLevel: 'warning' };

try {
  if (!process.argv.includes('--built')) await must('the build of the tool', process.execPath, [join(ROOT, 'scripts/build-tool.mjs'), 'workbench']);
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  await bundles();
  for (const file of ['index.html', 'keys.html', 'icon.svg']) copyFileSync(join(SITE, file), join(OUT, file));
  copyFileSync(join(ROOT, 'target/tool/workbench.wasm'), join(OUT, 'workbench.wasm'));
  writeFileSync(join(OUT, 'workbench.json'), JSON.stringify(example()));
  const size = readdirSync(OUT).reduce((sum, file) => sum + gzipSync(readFileSync(join(OUT, file)), { level: 9 }).length, 0);
  console.log(`build/site: ${size} bytes gzipped, of ${MOST_BYTES}`);
  if (size > MOST_BYTES) throw new Error('the workbench is over its budget');
} catch (error) {
  console.error(`site: ${error.message}`);
  process.exitCode = 1;
}

async function bundles() {
  const src = (file) => join(SITE, 'src', file);
  const page = await build({
    ...COMMON, metafile: true, entryPoints: [src('main.jsx')], outfile: join(OUT, 'workbench.js'), format: 'esm', jsx: 'automatic', jsxImportSource: 'preact',
  });
  const worker = await build({ ...COMMON, metafile: true, entryPoints: [src('tool/worker.js')], outfile: join(OUT, 'worker.js'), format: 'iife' });
  // What the package says of its parts (scripts/materials.mjs).
  writeFileSync(join(ROOT, 'build/site.inputs.json'), JSON.stringify([page, worker].flatMap(({ metafile }) => Object.keys(metafile.inputs))));
  await build({ ...COMMON, entryPoints: [src('keys-frame.js')], outfile: join(OUT, 'keys.js'), format: 'iife' });
  await build({ ...COMMON, entryPoints: [src('workbench.css')], outfile: join(OUT, 'workbench.css') });
}

/** What the page shows where nobody serves a policy with it. */
function example() {
  const text = (file) => readFileSync(join(SITE, 'example', file), 'utf8');
  // The same rules as in wrangler.toml, so its tests hold.
  const tests = readFileSync(join(ROOT, 'policy.test.toml'), 'utf8').replace(/^#:schema.*\n/, '').replaceAll('wrangler.toml', 'policy.toml');
  return { file: 'policy.toml', policy: text('policy.toml'), tests, requests: JSON.parse(text('requests.json')) };
}
