// What a run counts, and the figures made of it.

import { runLocation } from './isolates.mjs';
import { makeWorld } from './world.mjs';

/** Seconds after the 204 at which the share of requests decided without the entry is taken. */
export const MOMENTS = [1, 5, 10, 30, 60];

/** The quantiles of a time: of all isolates and entries, and of the last isolate of each entry. */
const PARTS = { isolate: [0.5, 0.9, 0.99], entry: [0.5, 0.9, 1] };

const WAIT = 2; // a request waits this long for a read, at the most

/** Runs the simulation with these settings. */
export function simulate(settings) {
  const world = makeWorld(settings);
  const numbers = Array.from({ length: world.locations }, (_, number) => number).filter((number) => number % world.groups === world.group);
  const tally = new Tally(world);
  for (const number of numbers) runLocation(world, number, tally);
  return tally.figures();
}

class Tally {
  #world;
  #counts = { requests: 0, looks: 0, pages: 0, bytes: 0, starts: 0, unread: 0, waiting: 0, vain: 0 };
  #delays = new Delays(); // of every isolate and entry
  #lastDecision; // of each entry
  #lastIsolate;
  #open = MOMENTS.map(() => 0);
  #weight = 0;
  #rate = 0; // of requests, to all isolates

  constructor(world) {
    this.#world = world;
    this.#lastDecision = new Float64Array(world.entries);
    this.#lastIsolate = new Float64Array(world.entries);
  }

  /** An isolate takes part. */
  start({ rate }) {
    this.#rate += rate;
  }

  /** A request to the object. */
  request(now) {
    if (this.#inTime(now)) this.#counts.requests += 1;
  }

  /** A page of the whole list: one of the requests. */
  page(now, bytes) {
    if (!this.#inTime(now)) return;
    this.#counts.pages += 1;
    this.#counts.bytes += bytes;
  }

  /**
   * An isolate looks. If that makes a request wait, others that arrive meanwhile wait too. They wait in vain if the read fails
   * or takes too long, and so would those that come before the next read: they are decided by what is at hand.
   */
  look(now, { isolate, first, waits, read }) {
    if (!this.#inTime(now)) return;
    const counts = this.#counts;
    counts.looks += 1;
    if (first) counts.starts += 1;
    if (!waits) return;
    const waited = Math.min(read.done - now, WAIT);
    const late = read.failed ? this.#world.poll : read.done - now - waited;
    counts.waiting += 1 + isolate.rate * waited;
    if (read.failed || late > 0) counts.vain += 1 + isolate.rate * (waited + late);
    if (first && (read.failed || late > 0)) counts.unread += 1;
  }

  #inTime(now) {
    return now >= 0 && now < this.#world.seconds;
  }

  /**
   * An isolate has an entry from `done` on. Its last request without it was decided at `last`; one that came before `open`
   * would have been too.
   */
  honour({ rate }, entry, answered, { done, last, open }) {
    const delay = Math.max(0, done - answered);
    this.#delays.add(delay);
    this.#lastIsolate[entry] = Math.max(this.#lastIsolate[entry], delay);
    this.#lastDecision[entry] = Math.max(this.#lastDecision[entry], last - answered);
    this.#weight += rate;
    for (let index = 0; index < MOMENTS.length && open - answered > MOMENTS[index]; index += 1) this.#open[index] += rate;
  }

  figures() {
    const { seconds } = this.#world;
    const { starts, unread, waiting, vain, ...counts } = this.#counts;
    const served = this.#rate * seconds;
    const [decisions, lasts] = [this.#lastDecision.sort(), this.#lastIsolate.sort()];
    return {
      ...Object.fromEntries(Object.entries({ ...counts, starts }).map(([name, count]) => [name, count / seconds])),
      unread: starts === 0 ? 0 : unread / starts,
      waiting: waiting / served,
      vain: vain / served,
      isolate: PARTS.isolate.map((part) => this.#delays.quantile(part)),
      lastDecision: PARTS.entry.map((part) => quantile(decisions, part)),
      lastIsolate: PARTS.entry.map((part) => quantile(lasts, part)),
      open: this.#open.map((rate) => (this.#weight === 0 ? 0 : rate / this.#weight)),
    };
  }
}

/** Many times, each to the hundredth of a second: sorting them would take longer than the simulation. */
class Delays {
  static #STEP = 0.01;
  #counts = new Uint32Array(2_000_000);
  #total = 0;

  add(delay) {
    this.#counts[Math.min(this.#counts.length - 1, Math.floor(delay / Delays.#STEP))] += 1;
    this.#total += 1;
  }

  quantile(part) {
    let [index, below] = [0, this.#counts[0]];
    while (below < this.#total * part) below += this.#counts[++index];
    return index * Delays.#STEP;
  }
}

/** The least of the sorted values that is not exceeded by this part of them. */
function quantile(sorted, part) {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}
