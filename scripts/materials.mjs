// Which crates and npm packages the package is made of, and under which terms.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { read } from './process.mjs';
import { ROOT, TOOL_TARGET, WASM_TARGET } from './toolchain.mjs';

/** The two programs, and what each is compiled for. */
const PROGRAMS = [['portcullis', WASM_TARGET], ['portcullis-cli', TOOL_TARGET]];
const LICENCE_FILE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;
/** Parts that have no file with their licence. Its text is that of the others under it. */
const NO_TEXT = 'This has no file with its licence; the texts are those of the same licences above and below.';

/** All crates of the package but our own, by name and version. */
function crates() {
  const found = new Map();
  for (const [program, target] of PROGRAMS) {
    const { packages, resolve } = metadata(target);
    const byId = new Map(packages.map((crate) => [crate.id, crate]));
    const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
    const walk = (id) => {
      if (found.has(id)) return;
      found.set(id, byId.get(id));
      for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) if (kinds.some(({ kind }) => kind === null)) walk(pkg);
    };
    walk(packages.find(({ name }) => name === program).id);
  }
  const others = [...found.values()].filter(({ source }) => source !== null);
  // Not by the user's locale: the order is a part of what is packed.
  const key = ({ name, version }) => `${name} ${version}`;
  return others.sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

function metadata(target) {
  const text = read('cargo', ['metadata', '--locked', '--format-version', '1', '--filter-platform', target], { cwd: ROOT, maxBuffer: 1 << 28 });
  if (text === null) throw new Error('cargo metadata failed');
  return JSON.parse(text);
}

/** The npm packages in the workbench, in the same form; their checksum is npm's. */
function modules() {
  const locked = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const inputs = JSON.parse(readFileSync(join(ROOT, 'build/site.inputs.json'), 'utf8'));
  const found = new Set(inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  return [...found].sort().map((path) => {
    const { version, license, resolved, integrity } = locked[path];
    const [algorithm, digest] = integrity.split('-');
    const checksum = { algorithm: algorithm.toUpperCase(), checksumValue: Buffer.from(digest, 'base64').toString('hex') };
    return { name: path.replace(/^.*node_modules\//, ''), version, license, folder: join(ROOT, path), kind: 'npm', location: resolved, checksum };
  });
}

/** What the package is made of: `licences`, and a `bill` of materials. `own` is the package's name, version and licence. */
export function materials(own) {
  const all = [...crates().map(ofCrate), ...modules()];
  return { licences: licenceTexts(all), bill: billOfMaterials(own, all) };
}

function ofCrate({ name, version, license, manifest_path: manifest }) {
  const location = `https://static.crates.io/crates/${name}/${name}-${version}.crate`;
  const checksum = { algorithm: 'SHA256', checksumValue: lockedChecksums().get(`${name} ${version}`) };
  return { name, version, license, folder: dirname(manifest), kind: 'cargo', location, checksum };
}

/** The texts of all licences, each text once. */
function licenceTexts(all) {
  const byText = new Map();
  for (const { name, version, license, folder } of all) {
    const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file) && statSync(join(folder, file)).isFile()).sort();
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
    for (const text of texts.length > 0 ? texts : [NO_TEXT]) byText.set(text, [...(byText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const head = 'Portcullis contains these crates and npm packages, and the standard library of Rust (https://www.rust-lang.org, MIT OR Apache-2.0).\n';
  const rule = '-'.repeat(80);
  return [head, ...[...byText].map(([text, names]) => `${rule}\n${names.join('\n')}\n${rule}\n\n${text}\n`)].join('\n');
}

/** The bill of materials in SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/). */
function billOfMaterials({ name, version, license }, all) {
  const packages = all.map(({ name: part, version: release, license: terms, kind, location, checksum }) => ({
    SPDXID: `SPDXRef-${kind}-${`${part}-${release}`.replace(/[^0-9a-zA-Z.-]/g, '-')}`,
    name: part,
    versionInfo: release,
    downloadLocation: location,
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    // An old way to write OR, which SPDX does not have.
    licenseDeclared: terms.replaceAll('/', ' OR '),
    copyrightText: 'NOASSERTION',
    checksums: [checksum],
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: `pkg:${kind}/${part.replace('@', '%40')}@${release}` }],
  }));
  const own = {
    SPDXID: 'SPDXRef-portcullis',
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: license,
    copyrightText: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: `pkg:npm/${name}@${version}` }],
  };
  const relationship = (from, relationshipType, to) => ({ spdxElementId: from, relationshipType, relatedSpdxElement: to });
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${name}-${version}`,
    // Different contents have different names.
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${version}-${createHash('sha256').update(JSON.stringify(packages)).digest('hex')}`,
    creationInfo: { created: committed(), creators: ['Tool: scripts/package.mjs'] },
    packages: [own, ...packages],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', own.SPDXID),
      ...packages.map(({ SPDXID }) => relationship(own.SPDXID, 'CONTAINS', SPDXID)),
    ],
  };
}

/** The time of the commit: two builds of it are the same. */
function committed() {
  const seconds = read('git', ['log', '-1', '--format=%ct'], { cwd: ROOT });
  return new Date(Number(seconds ?? 0) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

function lockedChecksums() {
  const lock = readFileSync(join(ROOT, 'Cargo.lock'), 'utf8');
  const entries = lock.matchAll(/^name = "(.+)"\nversion = "(.+)"\nsource = .+\nchecksum = "(.+)"/gm);
  return new Map([...entries].map(([, name, version, checksum]) => [`${name} ${version}`, checksum]));
}
