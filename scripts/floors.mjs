// Checks the dependencies between modules: each imports from its own floor and lower ones (the table in ARCHITECTURE.md),
// and no files import each other in a cycle. `--cycles` reports cycles only.
//
// Only paths in code that is not a test count: `use` declarations, and paths within expressions and types. Methods do not:
// a file may define methods of a type whose module calls them. A `pub use` is followed to the file that defines the name.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { ROOT } from './toolchain.mjs';

/** The packages, each by the folder of its crate and the crate's root file. */
const CRATES = [
  { folder: 'src', root: 'lib.rs', hasFloors: true },
  { folder: 'cli/src', root: 'lib.rs', hasFloors: false },
];

// Comments, and literals of texts and characters.
const LEXEMES = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\(?:x\w\w|u\{\w+\}|.)|[^'\\])'/g;

if (process.argv[1] === import.meta.filename) {
  const onlyCycles = process.argv.includes('--cycles');
  const floors = readFloors(readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8'));
  const problems = CRATES.flatMap(({ folder, root, hasFloors }) => (
    check(join(ROOT, folder), root, hasFloors && !onlyCycles ? floors : undefined)
  ));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
  console.log(onlyCycles ? 'floors: no cycle' : 'floors: no cycle, and no import from a higher floor');
}

/** The problems of a crate. Without floors, only cycles. */
export function check(folder, root, floors) {
  const nameOf = ({ file }) => join(relative(ROOT, folder), relative(folder, file));
  const modules = readModules(folder, root);
  const imports = new Map([...modules.values()].map((module) => [module, importsOf(module, modules)]));
  const cycles = cyclesOf(imports).map((cycle) => `an import cycle of ${cycle.length} files: ${cycle.map(nameOf).sort().join(', ')}`);
  return floors ? [...cycles, ...climbs(imports, floors, nameOf)] : cycles;
}

// Modules --------------------------------------------------------------------------------------------------------------

/** Path of a module (`a::b`, the root is empty) → its file, its code without tests and comments, its re-exports. */
function readModules(folder, root) {
  const modules = new Map();
  const walk = (directory, path) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(directory, entry.name), [...path, entry.name]);
      else if (entry.name.endsWith('.rs')) add(join(directory, entry.name), path);
    }
  };
  const add = (file, path) => {
    const stem = file.slice(file.lastIndexOf('/') + 1, -'.rs'.length);
    const own = dirname(file) === folder && `${stem}.rs` === root ? [] : stem === 'mod' ? path : [...path, stem];
    const text = readFileSync(file, 'utf8');
    modules.set(own.join('::'), { file, path: own, text, code: codeOf(text), exports: new Map() });
  };
  walk(folder, []);
  for (const name of testModules(modules)) modules.delete(name);
  for (const module of modules.values()) readExports(module);
  return modules;
}

/** Modules that only tests have: `#[cfg(test)] mod model;`. */
function testModules(modules) {
  return [...modules.values()].flatMap(({ path, text }) => (
    [...text.matchAll(/#\[cfg\(test\)\]\s*mod (\w+);/g)].map(([, name]) => [...path, name].join('::'))
  ));
}

/** The code of the product: no comments, no literals, no test modules, which are last in a file. */
function codeOf(text) {
  const bare = text.replace(LEXEMES, (lexeme) => (lexeme.startsWith('/') ? '' : '""'));
  const tests = bare.search(/#\[cfg\(test\)\]\s*mod \w+ \{/);
  return (tests === -1 ? bare : bare.slice(0, tests)).replace(/#\[cfg\(test\)\]\s*(mod|use) [^;]+;/g, '');
}

/** Name → the path behind it, of each `pub use`. */
function readExports(module) {
  for (const [, tree] of module.code.matchAll(/\bpub(?:\([^)]*\))?\s+use\s+([^;]+);/g)) {
    for (const { path, name } of flatten(tree)) module.exports.set(name, path);
  }
}

/** The paths of a `use` tree, each with the name that it gets. */
function flatten(tree, prefix = []) {
  const text = tree.trim();
  const open = text.indexOf('{');
  if (open === -1) {
    const [path, alias] = text.split(/\s+as\s+/);
    const full = [...prefix, ...path.split('::').map((part) => part.trim()).filter(Boolean)];
    const last = full.at(-1) === 'self' ? full.slice(0, -1) : full;
    return [{ path: last, name: alias?.trim() ?? last.at(-1) }];
  }
  const head = text.slice(0, open).split('::').map((part) => part.trim()).filter(Boolean);
  return split(text.slice(open + 1, text.lastIndexOf('}'))).flatMap((part) => flatten(part, [...prefix, ...head]));
}

/** At the commas that are in no braces. */
function split(list) {
  const parts = [''];
  let depth = 0;
  for (const c of list) {
    depth += { '{': 1, '}': -1 }[c] ?? 0;
    if (c === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts.filter((part) => part.trim() !== '');
}

// Imports --------------------------------------------------------------------------------------------------------------

function importsOf(module, modules) {
  const inUse = [...module.code.matchAll(/\buse\s+([^;]+);/g)].flatMap(([, tree]) => flatten(tree));
  const imported = new Map(inUse.map(({ name, path }) => [name, path]));
  const withoutUse = module.code.replace(/\buse\s+[^;]+;/g, '');
  // `word::…` counts where the word is imported, or is a module below this one.
  const inline = [...withoutUse.matchAll(/(?<![\w:])\w+(?:::\w+)+/g)].map(([path]) => path.split('::'));
  const paths = inline.map(([first, ...rest]) => [...(imported.get(first) ?? [first]), ...rest]);
  const found = [...inUse.map(({ path }) => path), ...paths].map((path) => resolve(absolute(path, module, modules), modules));
  return new Set(found.filter((other) => other && other !== module));
}

/** From the crate's root; undefined for another crate. */
function absolute([first, ...rest], module, modules) {
  if (first === 'crate') return rest;
  if (first === 'self') return [...module.path, ...rest];
  if (first === 'super') {
    let base = module.path.slice(0, -1);
    while (rest[0] === 'super') [base, rest] = [base.slice(0, -1), rest.slice(1)];
    return [...base, ...rest];
  }
  return modules.has([...module.path, first].join('::')) ? [...module.path, first, ...rest] : undefined;
}

/** The module in whose file the thing at a path is defined. */
function resolve(path, modules) {
  if (!path) return undefined;
  for (let length = path.length; length >= 0; length -= 1) {
    const module = modules.get(path.slice(0, length).join('::'));
    if (!module) continue;
    const exported = length < path.length ? module.exports.get(path[length]) : undefined;
    if (!exported) return module;
    return resolve([...(absolute(exported, module, modules) ?? module.path), ...path.slice(length + 1)], modules);
  }
  return undefined;
}

/** Sets of modules that all reach each other (Tarjan). */
function cyclesOf(imports) {
  const [index, low, stack, cycles] = [new Map(), new Map(), [], []];
  const visit = (module) => {
    index.set(module, index.size);
    low.set(module, index.get(module));
    stack.push(module);
    for (const other of imports.get(module)) {
      if (!index.has(other)) visit(other);
      if (stack.includes(other)) low.set(module, Math.min(low.get(module), low.get(other)));
    }
    if (low.get(module) !== index.get(module)) return;
    const cycle = stack.splice(stack.indexOf(module));
    if (cycle.length > 1) cycles.push(cycle);
  };
  for (const module of imports.keys()) if (!index.has(module)) visit(module);
  return cycles;
}

// Floors ---------------------------------------------------------------------------------------------------------------

/** Name of a module → its floor, from the lowest, as the table says. */
export function readFloors(markdown) {
  const [, table] = /<!-- floors -->\n([\s\S]*?)<!-- -->/.exec(markdown) ?? [];
  if (!table) throw new Error('there is no table of floors');
  const rows = table.trim().split('\n').slice(2).map((row) => row.split('|')[2]);
  return new Map(rows.flatMap((names, floor) => [...names.matchAll(/`([\w/]+)`/g)].map(([, name]) => [name, floor])));
}

function climbs(imports, floors, nameOf) {
  const floorOf = ({ path }) => {
    const names = path.map((_, end) => path.slice(0, path.length - end).join('/'));
    return floors.get(names.find((name) => floors.has(name)));
  };
  const known = new Set([...imports.keys()].flatMap(({ path }) => path.map((_, end) => path.slice(0, end + 1).join('/'))));
  const problems = [...floors.keys()].filter((name) => !known.has(name)).map((name) => `the table has ${name}, which is no module`);
  for (const [module, others] of imports) {
    if (module.path.length === 0) continue;
    if (floorOf(module) === undefined) problems.push(`${nameOf(module)} is not in the table of floors`);
    for (const other of others) {
      if (floorOf(other) > floorOf(module)) problems.push(`${nameOf(module)} imports from a higher floor: ${nameOf(other)}`);
    }
  }
  return problems;
}
