// The options of `npm run bench`.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { ROOT } from '../scripts/toolchain.mjs';
import { NAMES, WORKERS_RS } from './roster.mjs';
import { ALGORITHMS, FOLDER } from './tokens.mjs';

const RS_BUILD = join(ROOT, 'target/workers-rs/build');
const MODES = ['repeated', 'distinct'];
const PARTS = ['bodies', 'cold', 'refusals', 'compare', 'growth']; // the quick ones first, so that failures show early

export const USAGE = `npm run bench -- [options]

  --quick              2 rounds of 1 second, for a first impression; a whole run takes three quarters of an hour
  --rounds <n>         of all Workers, interleaved (5)
  --seconds <s>        that each run is measured (3)
  --only <names>       of ${NAMES.join(', ')};
                       ${WORKERS_RS} is built when it is named, and else compared if its build is there
  --algorithms <list>  of ${ALGORITHMS.join(', ')}
  --modes <list>       of ${MODES.join(', ')}
  --parts <list>       of ${PARTS.join(', ')}
  --built              the build is there already; do not make it
  --build <folder>     measure this build of Portcullis instead
  --also <name=folder> another build, as one more Worker; may be given again
  --report             no runs: tables and plots again, from the JSON of earlier ones
  --out <folder>       for the results (bench/results; target/bench/results unless the run is a whole one)`;

export function readOptions() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      built: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      rounds: text, seconds: text, only: text, algorithms: text, modes: text, parts: text, build: text, out: text,
      also: { type: 'string', multiple: true, default: [] },
    },
  });
  const also = Object.fromEntries(values.also.map(named));
  const only = list('only', values.only, NAMES).filter((name) => name !== WORKERS_RS || values.only || existsSync(RS_BUILD));
  const less = ['quick', 'only', 'algorithms', 'modes', 'parts', 'build'].some((name) => values[name]);
  const whole = !less && values.also.length === 0;
  return {
    help: values.help,
    report: values.report,
    make: !values.built && !values.build,
    built: values.built,
    quick: values.quick,
    rounds: number('rounds', values.rounds, values.quick ? 2 : 5),
    seconds: number('seconds', values.seconds, values.quick ? 1 : 3),
    starts: values.quick ? 5 : 20,
    warm: values.quick ? 0.8 : 1.5,
    only: [...only, ...Object.keys(also)],
    algorithms: list('algorithms', values.algorithms, ALGORITHMS),
    modes: list('modes', values.modes, MODES),
    parts: list('parts', values.parts, PARTS),
    builds: {
      portcullis: resolve(values.build ?? join(ROOT, 'build')),
      ...(only.includes(WORKERS_RS) && { [WORKERS_RS]: RS_BUILD }),
      ...also,
    },
    out: resolve(values.out ?? (whole ? join(ROOT, 'bench/results') : join(FOLDER, 'results'))),
  };
}

function named(text) {
  const [, name, folder] = /^([a-z0-9-]+)=(.+)$/.exec(text) ?? [];
  if (!name || NAMES.includes(name)) throw new Error(`--also ${text}: not a new name and a folder`);
  return [name, resolve(folder)];
}

function list(option, text, known) {
  if (text === undefined) return known;
  const chosen = text.split(',');
  const strange = chosen.find((name) => !known.includes(name));
  if (strange) throw new Error(`--${option}: ${strange} is none of ${known.join(', ')}`);
  return known.filter((name) => chosen.includes(name));
}

function number(option, text, standard) {
  const value = Number(text ?? standard);
  if (!(value > 0)) throw new Error(`--${option}: not a number above 0`);
  return value;
}
