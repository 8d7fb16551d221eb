// Completion in the workbench: where the cursor is in a policy that is being written, and what is offered there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { EditorState } from '@codemirror/state';

import { completions } from '../../site/src/editor/completion.js';
import { contextOf } from '../../site/src/editor/context.js';

const SCHEMA = JSON.parse(readFileSync(new URL('../../schema/policy.schema.json', import.meta.url), 'utf8'));

for (const [file, before, path, isKey, word] of [
  ['p.toml', 'ver', [], true, 'ver'],
  ['p.toml', '[[routes]]\npath = "/a"\nacc', ['routes', 0], true, 'acc'],
  ['p.toml', '[[routes]]\npath = "/a" # a [comment] = "x"\nacc', ['routes', 0], true, 'acc'],
  ['p.toml', '[[routes]]\nmethods = [\n  "GET",\n  "PO', ['routes', 0, 'methods', 1], false, '"PO'],
  ['p.toml', '[[routes]]\nscopes = { all = ["a"], an', ['routes', 0, 'scopes'], true, 'an'],
  ['p.toml', '[[routes]]\naccess = "', ['routes', 0, 'access'], false, '"'],
  ['p.toml', '[identity]\nassertion.au', ['identity'], true, 'assertion.au'],
  ['p.toml', '[issuers."a.b"]\niss', ['issuers', 'a.b'], true, 'iss'],
  ['p.toml', '[iss', [], true, 'iss'],
  ['wrangler.toml', '[[vars.POLICY.routes]]\nacc', ['vars', 'POLICY', 'routes', 0], true, 'acc'],
  ['p.json', '{"routes": [{"path": "/a:b,{c}", "acc', ['routes', 0], true, '"acc'],
  ['p.json', '{"routes": [{"path": "\\"", "access": "', ['routes', 0, 'access'], false, '"'],
  ['p.json', '{"routes": [{}, {"enforce": ', ['routes', 1, 'enforce'], false, ''],
  ['w.jsonc', '{ // a comment: {\n  "ver', [], true, '"ver'],
  ['p.yaml', 'routes:\n  - path: /a\n    acc', ['routes', 0], true, 'acc'],
  ['p.yaml', 'routes:\n- path: /a\n- path: /b\n  access: pu', ['routes', 0, 'access'], false, 'pu'],
  ['p.yaml', 'issuers:\n  logto:\n    issuer: https://i\n\n    # more\n    jw', ['issuers', 'logto'], true, 'jw'],
  ['p.yaml', 'routes:\n  - path: /a\nid', [], true, 'id'],
  ['p.yml', 'routes:\n  - scopes: { all: [a], a', ['routes', 0, 'scopes'], true, 'a'],
]) {
  test(`the place in ${file}: ${JSON.stringify(before)}`, () => {
    const context = contextOf(before, file);
    assert.deepEqual([context.path, context.isKey, context.word], [path, isKey, word]);
  });
}

test('nothing is offered in a comment', () => {
  assert.equal(contextOf('version = 1 # ver', 'p.toml').word, null);
  assert.equal(contextOf('version: 1\n# ver', 'p.yaml').word, null);
});

/** What is offered at the end of a text. */
function offered(text, file, explicit = true) {
  const state = EditorState.create({ doc: text });
  return completions({ state, pos: text.length, explicit }, SCHEMA, file)?.options.map(({ label }) => label) ?? [];
}

test('keys that a table has are not offered again, and values are those of the schema', () => {
  const keys = offered('[[routes]]\npath = "/a"\n', 'p.toml');
  assert.ok(keys.includes('access') && keys.includes('audience') && !keys.includes('path'), keys.join());
  assert.deepEqual(offered('[[routes]]\naccess = "', 'p.toml').sort(), ['deny', 'optional', 'public', 'token']);
  assert.deepEqual(offered('{"routes": [{"enforce": ', 'p.json'), ['true', 'false']);
  assert.deepEqual(offered('[[routes]]\npath = "', 'p.toml'), []);
  assert.deepEqual(offered('', 'p.toml', false), [], 'nothing without a letter');
});
