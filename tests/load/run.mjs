// `npm run load [-- --minutes 10]`: good and hostile requests at full speed against the built Worker. No answer may be
// wrong, and once it is warm its memory may not grow.
//
//   --minutes N   how long (10)
//   --only A,B    these kinds alone (kinds.mjs)
//   --lanes N     requests at a time, beside the kinds that have lanes of their own (32)
//   --seed N      of the mix; it is printed
//   --built       the Worker is built
//
// First the gate's memories of tokens and grants are filled to their limits: what is bounded is to be full, not growing.
// The first third of the time is for warming up: the isolate collects its garbage when there is enough of it, and what
// the process holds for that levels off after a minute or two. A run of less than five is too short for a verdict on it;
// what lives and the memory of the wasm tell at once. memory.svg and results.json are of the last run of all kinds.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { must } from '../../scripts/process.mjs';
import { endSignal } from '../../scripts/signals.mjs';
import { ROOT } from '../../scripts/toolchain.mjs';
import { keys, trap } from '../edge/attacks/world.mjs';
import { Actor } from './actor.mjs';
import { startGate } from './gate.mjs';
import { Random, kindsNamed } from './kinds.mjs';
import { Memory } from './memory.mjs';
import { startOrigin } from './origin.mjs';
import { line, report } from './report.mjs';
import { Tally } from './tally.mjs';
import { MODELS, goodRequest, startWorld } from './world.mjs';

const SECOND = 1000;
/** Between two looks at memory. */
const INTERVAL = 5 * SECOND;
/**
 * When to collect the isolate's garbage and look at what lives, in parts of the time: in the middle of the warm-up, so that
 * what the collection takes away is there again when it ends, and at the end.
 */
const LOOKS = [1 / 6, 1];
/** Nothing takes longer than this: the longest waits for keys, and for the gate's schedule. */
const LAST_ANSWERS = 20 * SECOND;
/** What may be logged. */
const LOGGED = [
  /^issuer (unsteady|silent): /, // both are there to fail
  /^route \/load\/plain: the origin cannot be reached: Network connection lost/, // the client left in the middle of its body
  /export a connect\(\) function/, // workerd's own word on CONNECT
  /^ +at /, // more of the line before
];
/** More callers than the gate remembers (src/gateway/verified.rs, src/edge/grants.js). */
const CALLERS = 10_500;
/** So many wrong answers are enough. */
const ENOUGH = 500;

const signal = endSignal();
try {
  const options = read();
  if (!options.built) await must('the build', process.execPath, [join(ROOT, 'scripts/build.mjs')]);
  process.exitCode = (await load(options)) ? 0 : 1;
} catch (error) {
  console.error(`load: ${error.stack}`);
  process.exitCode = 1;
}
process.exit();

function read() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      only: { type: 'string', default: '' },
      lanes: { type: 'string', default: '32' },
      seed: { type: 'string', default: String(Date.now() % 1e6) },
      built: { type: 'boolean', default: false },
    },
  });
  const [minutes, lanes, seed] = [values.minutes, values.lanes, values.seed].map(Number);
  if (!(minutes > 0 && lanes > 0 && seed >= 0)) throw new Error('--minutes, --lanes and --seed are numbers');
  return { minutes, lanes, seed, built: values.built, only: values.only.split(',').filter(Boolean) };
}

async function load({ minutes, lanes, seed, only }) {
  const length = minutes * 60 * SECOND;
  const kinds = kindsNamed(only);
  const tally = new Tally();
  const origin = await startOrigin((wrong) => tally.blame('at the origin', new Error(wrong)));
  const world = await startWorld({ origin, seconds: length / SECOND });
  const gate = await startGate(world.policy);
  const memory = await Memory.of(gate);
  try {
    console.log(`load: seed ${seed}, ${minutes} minutes of ${kinds.map(({ name }) => name).join(', ')}`);
    console.log(line());
    const run = { kinds, lanes, seed, length, gate, world, tally, isOver: false };
    if (only.length === 0) await fill(run);
    world.start();
    const ended = Promise.all(lanesOf(run));
    const course = await watch(run, memory);
    run.isOver = true;
    await Promise.race([ended, sleep(LAST_ANSWERS).then(() => tally.blame('the end', new Error('requests without an answer')))]);
    const bounds = await lookAround(run, course);
    return report({ minutes, lanes, seed, only, tally, course, bounds }) && !signal.aborted;
  } finally {
    memory.close();
    await gate.close();
    await world.close();
    await origin.close();
  }
}

/** Each caller sends a request twice: with the second, its grant is remembered, too. */
async function fill(run) {
  const { gate, world, tally, lanes } = run;
  let left = CALLERS;
  const callers = async (lane) => {
    const actor = new Actor({ kind: 'filling', gate, world, tally, random: new Random(lane) });
    while (left > 0) {
      left -= 1;
      const { request, expected } = goodRequest(MODELS[left % MODELS.length], keys.ES256, `filling-${left}`);
      for (let turn = 0; turn < 2; turn += 1) await actor.accepted(request, expected);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => callers(lane)));
  console.log(`filled with ${CALLERS} callers`);
}

/** Each lane sends one request after the other. */
function lanesOf(run) {
  const mixed = run.kinds.filter(({ weight }) => weight);
  const own = run.kinds.flatMap((kind) => Array(kind.lanes ?? 0).fill([kind]));
  const all = [...(mixed.length > 0 ? Array(run.lanes).fill(mixed) : []), ...own];
  return all.map((kinds, index) => lane(run, kinds, new Random(run.seed * 1000 + index)));
}

async function lane(run, kinds, random) {
  const { gate, world, tally } = run;
  const actors = new Map(kinds.map((kind) => [kind, new Actor({ kind: kind.name, gate, world, tally, random })]));
  while (!run.isOver) {
    const kind = kinds.length > 1 ? random.byWeight(kinds) : kinds[0];
    const actor = actors.get(kind);
    try {
      await kind.run(actor);
    } catch (error) {
      tally.blame(kind.name, error, actor.last);
      await sleep(100);
    }
  }
}

/** Looks at memory until the time is over; gives what it saw. */
async function watch({ length, tally, world }, memory) {
  const [samples, live, looks] = [[], [], [...LOOKS]];
  const every = Math.min(INTERVAL, length / 30);
  const started = Date.now();
  let [answers, at] = [tally.answers, started];
  for (let turn = 1; turn * every <= length + 1 && !signal.aborted && tally.wrong < ENOUGH; turn += 1) {
    await sleep(Math.max(0, started + turn * every - Date.now()));
    const now = Date.now();
    const perSecond = Math.round((tally.answers - answers) / (now - at) * SECOND);
    [answers, at] = [tally.answers, now];
    const seconds = Math.round((now - started) / 100) / 10;
    samples.push({ seconds, perSecond, ...(await memory.sample()), wrong: tally.wrong });
    console.log(line(samples.at(-1)));
    if (turn * every >= length * looks[0] - 1) {
      looks.shift();
      live.push({ seconds, ...(await memory.live()) });
    }
    world.tidy();
  }
  return { samples, live, milliseconds: Date.now() - started };
}

/** What no answer shows. */
async function lookAround({ gate, world, tally }, { milliseconds }) {
  const blame = (what) => tally.blame('afterwards', new Error(what));
  for (const hit of trap.hits) blame(`what a token names was fetched: ${hit}`);
  for (const leak of gate.leaks()) blame(leak);
  for (const [text, count] of gate.lines) {
    if (!LOGGED.some((pattern) => pattern.test(text))) blame(`logged ${count} times: ${text}`);
  }
  const crons = tally.kinds.get('cron')?.get('done') ?? 0;
  const bounds = Object.entries(world.issuers).map(([name, issuer]) => {
    const [fetches, most] = [issuer.source.counts.discovery, issuer.mostFetches(milliseconds) + crons];
    if (fetches > most) blame(`issuer ${name} was asked ${fetches} times, at the most ${most} were to be`);
    return [name, { count: fetches, most }];
  });
  const entries = await gate.entries();
  if (entries > bounds.length) blame(`KV has ${entries} entries`);
  return { fetches: Object.fromEntries(bounds), entries };
}
