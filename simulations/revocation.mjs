// `npm run simulate`: revocation with many isolates and one list. Prints the tables of docs/revocation.md, or writes them there.
// The same seed gives the same output.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { makeTables } from './revocation/tables.mjs';
import { DEFAULTS } from './revocation/world.mjs';

const PAGE = new URL('../docs/revocation.md', import.meta.url);
const NUMBERS = ['seed', 'locations', 'isolates', 'seconds'];

const USAGE = `npm run simulate -- [options]

  --seed <n>       of the random numbers (${DEFAULTS.seed})
  --locations <n>  (${DEFAULTS.locations})
  --isolates <n>   in each location (${DEFAULTS.isolates})
  --seconds <s>    in which requests are counted (${DEFAULTS.seconds})
  --json           the figures in place of the tables
  --write          write the tables into docs/revocation.md; not with other options`;

/** The page with these tables between its markers. */
export function withTables(page, tables) {
  return Object.entries(tables).reduce((text, [name, { markdown }]) => {
    const marked = new RegExp(`(<!-- simulation: ${name} -->\\n)[^]*?(<!-- -->)`);
    if (!marked.test(text)) throw new Error(`the page has no table ${name}`);
    return text.replace(marked, (_, before, after) => `${before}${markdown}\n${after}`);
  }, page);
}

function main() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  const options = { ...Object.fromEntries(NUMBERS.map((name) => [name, text])), json: flag, write: flag, help: flag };
  const { values } = parseArgs({ options });
  if (values.help) return console.log(USAGE);

  const given = Object.fromEntries(NUMBERS.filter((name) => values[name] !== undefined).map((name) => [name, number(name, values[name])]));
  if (values.write && (values.json || Object.keys(given).length > 0)) throw new Error('--write takes no other options');
  const tables = makeTables(given);
  if (values.write) return writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8'), tables));
  if (values.json) return console.log(JSON.stringify(Object.fromEntries(Object.entries(tables).map(([name, { figures }]) => [name, figures])), null, 2));
  console.log(Object.entries(tables).map(([name, { markdown }]) => `${name}\n\n${markdown}`).join('\n\n'));
}

function number(name, value) {
  const read = Number(value);
  if (!Number.isSafeInteger(read) || read < 1) throw new Error(`--${name} takes a whole number from 1 on`);
  return read;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    console.error(`simulate: ${error.message}`);
    process.exitCode = 1;
  }
}
