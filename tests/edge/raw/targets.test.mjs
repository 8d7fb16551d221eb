// What workerd makes of each byte in a request's target before the gate sees it: the table in docs/streaming.md is all of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { WAYS, eachWay, rawWorld } from './world.mjs';

const PLACES = { path: 1, query: 2 }; // the column of the table
const ROWS = { encoded: 'percent-encoded', removed: 'removed, with all that follows', refused: 'refused by workerd itself: 400 `invalid URI`' };
/** What the gate refuses in a path, by the contract. */
const AMBIGUOUS = { path: ['%', ';', '\\'], query: [] };
const ASCII = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x21 + index));
const BEYOND = Array.from({ length: 0x80 }, (_, index) => String.fromCharCode(0x80 + index));

const document = readFileSync(new URL('../../../docs/streaming.md', import.meta.url), 'utf8');
const world = await rawWorld({
  routes: eachWay([
    { path: '/{*rest}', access: 'public' },
    { path: '/kept/{*name}', access: 'public', encoded_slashes: 'keep' },
  ]).concat({ path: '/a b/{*rest}', access: 'public', strip_prefix: '/a b' }),
});

for (const way of Object.keys(WAYS)) {
  for (const place of Object.keys(PLACES)) {
    describe(`${way}, in the ${place}`, async () => {
      const start = `/${way}/${place === 'path' ? 'x' : 'x?x'}`;
      const send = async (texts) => (await world.exchange(texts.map((text) => ({ text, target: `${start}${text}y` })))).map(kindOf(start));

      test('every ASCII character becomes what the document says', async () => {
        const found = Object.groupBy(await send(ASCII), ({ kind }) => kind);
        const characters = (kind) => (found[kind] ?? []).map(({ text }) => text).sort();
        for (const [kind, row] of Object.entries(ROWS)) assert.deepEqual(characters(kind), documented(row, place), kind);
        assert.deepEqual(characters('ambiguous'), AMBIGUOUS[place]);
        assert.deepEqual(Object.keys(found).sort(), [...Object.keys(ROWS), ...(place === 'path' ? ['ambiguous'] : []), 'same'].sort());
      });
      test('a byte that is no UTF-8 is refused', async () => {
        assert.deepEqual([...new Set((await send(BEYOND)).map(({ kind }) => kind))], ['refused']);
      });
      test('a character beyond ASCII is percent-encoded', async () => {
        // The first 32 are control characters, which the gate refuses in paths.
        const letters = [...BEYOND.slice(0x20), '\u20ac', '\ud83d\ude00'].map((letter) => Buffer.from(letter).toString('latin1'));
        assert.deepEqual([...new Set((await send(letters)).map(({ kind }) => kind))], ['encoded']);
      });
    });
  }
  test(`${way}: percent-encodings arrive as received, kept slashes too`, async () => {
    const targets = ['/x/%c3%A9%7e%22?a=%27%7B&%zz=%2f', '/kept/a%2fb%2Fc?%2f'].map((target) => `/${way}${target}`);
    const exchanged = await world.exchange(targets.map((target) => ({ target })));
    assert.deepEqual(exchanged.map(({ arrived }) => arrived[0]?.target), targets);
  });
}

test('x-forwarded-prefix has the spelling of the policy', async () => {
  for (const { target, arrived } of await world.exchange(['/a%20b/x', '/%61%20%62/x'].map((each) => ({ target: each })))) {
    assert.deepEqual([arrived[0]?.target, arrived[0]?.headers('x-forwarded-prefix')], ['/x', ['/a%20b']], target);
  }
});

/** What became of a text between `start` and `y`. */
function kindOf(start) {
  return ({ text, answer, arrived }) => {
    if (answer.status === 400) return { text, kind: answer.text === 'invalid URI' ? 'refused' : answer.json?.code === 'gate.bad_path' && 'ambiguous' };
    const [{ target }] = arrived;
    const encoded = Array.from(text, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`).join('');
    const kinds = { [`${start}${text}y`]: 'same', [`${start}${encoded}y`]: 'encoded', [start]: 'removed' };
    return { text, kind: kinds[target] ?? target };
  };
}

/** The characters in a row of the document's table. */
function documented(row, place) {
  const cells = document.split('\n').find((line) => line.startsWith(`| ${row} |`)).split(' | ');
  const names = cells[PLACES[place]].match(/`` . ``|`.`|DEL/g);
  return names.map((name) => (name === 'DEL' ? '\x7f' : name.replace(/^(`` | ``|`)|( ``|`)$/g, ''))).sort();
}
