// Makes the npm package in target/package: the built Worker, the tool as WebAssembly, the workbench, types, schemas, licences and a bill
// of materials; and packs it: target/portcullis-VERSION.tgz.
//
//   --any-tree   also from a tree with changes, for tests
//   --built      the Worker, the tool and the workbench are built

import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { materials } from './materials.mjs';
import { must, read } from './process.mjs';
import { ROOT } from './toolchain.mjs';
import { checkBudget } from './wasm.mjs';

const FOLDER = join(ROOT, 'target/package');
const from = (...path) => join(ROOT, ...path);
const { name, version, description, license } = JSON.parse(readFileSync(from('package.json'), 'utf8'));

/** Where each part of the package comes from. */
const PARTS = [
  ['build/index.js', 'index.js'],
  ['build/index_bg.wasm', 'index_bg.wasm'],
  ['target/tool/tool.wasm', 'tool.wasm'],
  ['build/site', 'site'],
  ['npm', '.'],
  ['schema', 'schema'],
  ['LICENSE-MIT', 'LICENSE-MIT'],
  ['LICENSE-APACHE', 'LICENSE-APACHE'],
];

const MANIFEST = {
  name,
  version,
  description,
  license,
  keywords: ['cloudflare-workers', 'jwt', 'oidc', 'logto', 'authorization', 'gateway'],
  type: 'module',
  engines: { node: '>=20' },
  bin: { portcullis: 'bin/portcullis.mjs' },
  exports: {
    '.': { types: './index.d.ts', default: './index.js' },
    './worker': { types: './worker.d.ts', default: './worker.js' },
    './schema/*': './schema/*',
    './package.json': './package.json',
  },
};

try {
  const { built, anyTree } = { built: process.argv.includes('--built'), anyTree: process.argv.includes('--any-tree') };
  if (!anyTree && read('git', ['status', '--porcelain'], { cwd: ROOT }) !== '') throw new Error('the tree has changes that no commit has');
  if (!built) {
    await must('the build', process.execPath, [from('scripts/build.mjs')]);
    await must('the build of the tool', process.execPath, [from('scripts/build-tool.mjs'), 'tool']);
    await must('the build of the workbench', process.execPath, [from('scripts/site.mjs')]);
  }
  checkBudget(from('build/index_bg.wasm'));
  compose();
  await pack();
} catch (error) {
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
}

function compose() {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [source, target] of PARTS) {
    for (const file of filesOf(source)) cpSync(from(file), join(FOLDER, target, relative(source, file)));
  }
  const put = (file, text) => writeFileSync(join(FOLDER, file), text);
  put('package.json', `${JSON.stringify(MANIFEST, null, 2)}\n`);
  const { licences, bill } = materials({ name, version, license });
  put('THIRD-PARTY-LICENSES.txt', licences);
  put('sbom.spdx.json', `${JSON.stringify(bill, null, 2)}\n`);
}

/** What is built, or the files of a folder that git knows: nothing that lies there by chance. */
function filesOf(source) {
  if (!statSync(from(source)).isDirectory()) return [source];
  if (source.startsWith('build/')) return readdirSync(from(source)).sort().map((file) => `${source}/${file}`);
  return read('git', ['ls-files', '--cached', '--others', '--exclude-standard', source], { cwd: ROOT }).split('\n');
}

/** npm gives each file the same time, so the archive is a function of what is in it. */
async function pack() {
  const files = readdirSync(FOLDER, { recursive: true }).filter((file) => statSync(join(FOLDER, file)).isFile());
  // Modes are a part of it, and the user's umask is not.
  for (const file of files) chmodSync(join(FOLDER, file), file.startsWith('bin/') ? 0o755 : 0o644);
  await must('npm pack', 'npm', ['pack', FOLDER, '--pack-destination', from('target'), '--loglevel=error'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const archive = from(`target/${name}-${version}.tgz`);
  console.log(`target/${name}-${version}.tgz: ${files.length} files, ${(statSync(archive).size / 1024).toFixed(0)} KiB`);
}
