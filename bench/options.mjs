// The options of `npm run bench`.

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { ROOT } from '../scripts/toolchain.mjs';
import { NAMES, WORKERS_RS } from './roster.mjs';
import { ALGORITHMS, FOLDER } from './tokens.mjs';

const RS_BUILD = join(ROOT, 'target/workers-rs/build');
const MODES = ['known', 'new'];
const PARTS = ['bodies', 'cold', 'refusals', 'tokens', 'requests', 'growth']; // the quick first: failures show early

export const USAGE = `npm run bench -- [options]

  --quick              2 rounds of 0.4 seconds, for a first impression; a whole run takes up to 20 minutes
  --rounds <n>         in each of which every Worker of a row gets one slice (9)
  --seconds <s>        of a slice (0.7)
  --seed <n>           of the random order, to repeat it
  --only <names>       of ${NAMES.join(', ')};
                       ${WORKERS_RS} is built when it is named, and else compared if its build is there
  --algorithms <list>  of ${ALGORITHMS.join(', ')}
  --modes <list>       of tokens: ${MODES.join(', ')}
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
      rounds: text, seconds: text, seed: text, only: text, algorithms: text, modes: text, parts: text, build: text, out: text,
      also: { type: 'string', multiple: true, default: [] },
    },
  });
  const also = Object.fromEntries(values.also.map(named));
  const only = list('only', values.only, NAMES).filter((name) => name !== WORKERS_RS || values.only || existsSync(RS_BUILD));
  const less = ['quick', 'rounds', 'seconds', 'only', 'algorithms', 'modes', 'parts', 'build'].some((name) => values[name]);
  const whole = !less && values.also.length === 0;
  return {
    help: values.help,
    report: values.report,
    make: !values.built && !values.build,
    built: values.built,
    quick: values.quick,
    rounds: number('rounds', values.rounds, values.quick ? 2 : 9),
    seconds: number('seconds', values.seconds, values.quick ? 0.4 : 0.7),
    seed: number('seed', values.seed, randomInt(1, 2 ** 32)),
    starts: values.quick ? 5 : 20,
    warm: values.quick ? 0.5 : 1,
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

/** Of what has many points and no target for CPU. */
export function fewerRounds(rounds) {
  return Math.min(4, rounds);
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
