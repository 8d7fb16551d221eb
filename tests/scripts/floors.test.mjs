// The check of floors finds what it is for, in crates made up for it.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { check, readFloors } from '../../scripts/floors.mjs';

const TABLE = `<!-- floors -->
| floor | modules | what |
|---|---|---|
| 1 | \`low\` | |
| 2 | \`high\`, \`other\` | |
<!-- -->`;

/** What is said of a crate of these files, by their names only. */
function said(given, floors = readFloors(TABLE)) {
  const files = { 'low.rs': '', 'high.rs': '', 'other.rs': '', ...given };
  for (const name of ['low', 'high']) if (given[`${name}/mod.rs`] !== undefined) delete files[`${name}.rs`];
  const folder = mkdtempSync(join(tmpdir(), 'floors-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return check(folder, 'lib.rs', floors).map((line) => line.replaceAll(/\S*floors-\w+\//g, ''));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a crate whose modules import from below is right', () => {
  const files = { 'lib.rs': 'pub mod low; pub mod high;', 'low.rs': 'pub struct L;', 'high.rs': 'use crate::low::L;' };
  assert.deepEqual(said(files), []);
});

test('an import from a higher floor is found, by use and by a path within a line', () => {
  for (const line of ['use crate::high::H;', 'use super::high::{self, H as X};', 'fn f() { crate::high::f() }']) {
    const files = { 'low.rs': line, 'high.rs': 'pub struct H;' };
    assert.deepEqual(said(files), ['low.rs imports from a higher floor: high.rs'], line);
  }
});

test('a cycle is found, also through a re-export', () => {
  const files = {
    'high/mod.rs': 'mod a; mod b; pub use a::A;',
    'high/a.rs': 'use super::b::B; pub struct A;',
    'high/b.rs': 'use crate::high::A; pub struct B;',
  };
  assert.deepEqual(said(files), ['an import cycle of 2 files: high/a.rs, high/b.rs']);
});

test('a cycle of a module and one below it is found, by a path within a line', () => {
  const files = { 'high/mod.rs': 'mod a; pub struct H; fn f() { a::f() }', 'high/a.rs': 'use super::H;' };
  assert.deepEqual(said(files), ['an import cycle of 2 files: high/a.rs, high/mod.rs']);
});

test('what comments, texts and tests name does not count', () => {
  const text = '// use crate::high::H;\nconst S: &str = "crate::high::H";\n#[cfg(test)]\nmod tests { use crate::high::H; }';
  assert.deepEqual(said({ 'low.rs': text, 'high.rs': 'pub struct H;' }), []);
  const model = { 'low/mod.rs': '#[cfg(test)]\nmod model;\npub struct L;', 'low/model.rs': 'use crate::high::H;', 'high.rs': '' };
  assert.deepEqual(said(model), []);
  const behind = { 'low.rs': '#[cfg(test)]\nmod model;\nuse crate::high::H;', 'high.rs': 'pub struct H;' };
  assert.deepEqual(said(behind), ['low.rs imports from a higher floor: high.rs']);
});

test('literals with quotes and slashes hide nothing', () => {
  for (const literal of ['"https://x"', `'"'`, `b'"'`, 'r#"a " b"#', '"\\\\"', '/* use crate::low::L; */ 1', `'\\u{22}'`]) {
    const files = { 'low.rs': `const X: T = ${literal};\nuse crate::high::H;\nconst Y: T = "";`, 'high.rs': 'pub struct H;' };
    assert.deepEqual(said(files), ['low.rs imports from a higher floor: high.rs'], literal);
  }
});

test('a path behind an imported name counts', () => {
  const files = { 'low.rs': 'use crate as c;\nfn f() { c::high::a::f() }', 'high/mod.rs': 'pub mod a;', 'high/a.rs': 'pub fn f() {}' };
  assert.deepEqual(said(files), ['low.rs imports from a higher floor: high/a.rs']);
});

test('the table and the modules are the same', () => {
  assert.deepEqual(said({ 'new.rs': '' }), ['new.rs is not in the table of floors']);
  const stale = readFloors(TABLE.replace('`other`', '`other`, `gone`'));
  assert.deepEqual(said({}, stale), ['the table has gone, which is no module']);
  assert.throws(() => readFloors('# no table'), /no table/);
});
