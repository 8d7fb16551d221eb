// The isolates of one location, from look to look. What requests do in between is drawn when it matters: arrivals are a
// Poisson process, so the next one after any time, and the last one before it, are an exponential draw away.

import { Heap } from './heap.mjs';
import { exponential, stream } from './random.mjs';
import { rateOf, roundTrip } from './world.mjs';

const HOP = 0.001; // between an isolate and the cache of its location
export const PAGE = 20_000; // entries
export const ENTRY = 43; // bytes
export const BANDWIDTH = 12.5e6; // bytes a second, of a whole list on its way

/** An isolate that never lacked an entry. */
const ALWAYS = { done: -Infinity, last: -Infinity, open: -Infinity };

/** An isolate without a list. */
const UNREAD = { readAt: -Infinity, decided: -Infinity, closes: -Infinity };

/**
 * Runs one location until each isolate has all entries. The tally takes what is to be counted.
 *
 * Of each isolate is known when the read of its list began (`readAt`), its last known decision (`decided`), from when on a
 * request makes it look (`free`), until when one is decided by the list without making it look (`closes`), and when it ends
 * (`dies`). The next event, at `at`, is a look or that end.
 */
export function runLocation(world, location, tally) {
  new Location(world, location, tally).run();
}

class Location {
  #world;
  #number;
  #tally;
  #random;
  #cache = { seen: -Infinity, done: -Infinity };

  constructor(world, number, tally) {
    this.#world = world;
    this.#number = number;
    this.#tally = tally;
    this.#random = stream(world.seed, number);
  }

  run() {
    const queue = new Heap();
    for (let index = 0; index < this.#world.isolates; index += 1) queue.push(this.#first(index));
    for (let isolate = queue.top; isolate !== undefined; isolate = queue.top) {
      if (isolate.at === isolate.dies) this.#replace(isolate);
      else this.#look(isolate);
      const over = isolate.at > this.#world.seconds && isolate.pending === this.#world.written.length;
      if (over) queue.drop();
      else queue.settle();
    }
  }

  /**
   * An isolate as one finds it two polls before time 0. Looks are a renewal process of `poll` and the wait for a request,
   * so the last one began within `poll`, or its successor is awaited for an exponential time.
   */
  #first(index) {
    const { poll, life } = this.#world;
    const rate = rateOf(this.#world, this.#number, index);
    const start = -2 * poll;
    const waits = this.#random() * (poll + 1 / rate) > poll;
    const read = start - (waits ? poll + exponential(this.#random, 1 / rate) : poll * this.#random());
    const born = start - exponential(this.#random, life);
    const list = read < born ? { ...UNREAD, free: start } : { readAt: read, decided: read, free: read + poll, closes: read + poll };
    const isolate = { index, rate, dies: start + exponential(this.#random, life), pending: 0, ...list };
    this.#tally.start(isolate);
    return this.#await(isolate);
  }

  /** The next event: the first request from `free` on, which makes the isolate look, unless it ends before. */
  #await(isolate) {
    const request = Math.max(isolate.free, -2 * this.#world.poll) + exponential(this.#random, 1 / isolate.rate);
    isolate.at = Math.min(request, isolate.dies);
    return isolate;
  }

  /** A new isolate in the place of one that ends, and what that one still lacked. */
  #replace(isolate) {
    const now = isolate.dies;
    if (this.#lacks(isolate, now)) {
      const last = this.#lastBefore(Math.min(now, isolate.closes), isolate);
      const open = Math.min(now, isolate.readAt + this.#world.maxAge);
      this.#honour(isolate, now, isolate.readAt === -Infinity ? ALWAYS : { done: now, last, open });
    }
    Object.assign(isolate, { ...UNREAD, free: now, dies: now + exponential(this.#random, this.#world.life) });
    this.#await(isolate);
  }

  /** A request finds that the list is due: it is decided by the list at hand, or waits if that is too old. */
  #look(isolate) {
    const { poll, maxAge } = this.#world;
    const now = isolate.at;
    const first = isolate.readAt === -Infinity;
    const waits = now >= isolate.readAt + maxAge;
    const read = first ? this.#readAll(now) : this.#world.cache ? this.#readCached(now) : this.#read(now);
    this.#tally.look(now, { isolate, first, waits, read });
    if (!waits) Object.assign(isolate, { decided: now, closes: Math.min(isolate.dies, read.done + poll, isolate.readAt + maxAge) });

    if (read.done > isolate.dies) {
      isolate.at = isolate.dies;
    } else if (read.failed) {
      isolate.free = read.done + poll;
      this.#await(isolate);
    } else {
      this.#take(isolate, read, { now, first, waits });
      this.#await(isolate);
    }
  }

  /** The read is complete. A request that it made wait is decided by what it brought. */
  #take(isolate, read, { now, first, waits }) {
    const { poll, maxAge } = this.#world;
    if (first) {
      this.#honour(isolate, read.seen, ALWAYS);
    } else if (this.#lacks(isolate, read.seen)) {
      const open = Math.min(read.done, isolate.readAt + maxAge);
      this.#honour(isolate, read.seen, { done: read.done, last: this.#lastBefore(waits ? isolate.closes : open, isolate), open });
    }
    const free = Math.max(now + poll, read.done);
    Object.assign(isolate, { readAt: now, free, closes: Math.min(free, now + maxAge), decided: waits ? read.done : now });
  }

  /** The last decision before a time: the last request before it, but not before what is known. */
  #lastBefore(time, { rate, decided }) {
    return Math.max(decided, time - exponential(this.#random, 1 / rate));
  }

  #lacks({ pending }, seen) {
    return this.#world.written[pending]?.written <= seen;
  }

  /** The isolate has all entries written up to `seen`. */
  #honour(isolate, seen, times) {
    for (; this.#lacks(isolate, seen); isolate.pending += 1) {
      const entry = this.#world.written[isolate.pending];
      const own = entry.location === this.#number && entry.isolate === isolate.index;
      this.#tally.honour(isolate, isolate.pending, entry.answered, own ? ALWAYS : times);
    }
  }

  /** Changes, from the object. */
  #read(now) {
    const trip = roundTrip(this.#world, this.#number, this.#random);
    this.#tally.request(now);
    return { seen: now + trip / 2, done: now + trip, failed: this.#random() < this.#world.failures };
  }

  /** The whole list, page by page. */
  #readAll(now) {
    const { list } = this.#world;
    const pages = Math.max(1, Math.ceil(list / PAGE));
    const read = { seen: now, done: now, failed: false };
    for (let page = 0; page < pages && !read.failed; page += 1) {
      const bytes = Math.min(PAGE, list - page * PAGE) * ENTRY;
      const { seen, done, failed } = this.#read(read.done);
      Object.assign(read, { seen, done: done + bytes / BANDWIDTH, failed });
      this.#tally.page(now, bytes);
    }
    return read;
  }

  /** Changes, by way of the cache: one request to the object at a time, and its answer for `ttl` after it arrived. */
  #readCached(now) {
    if (now > this.#cache.done + this.#world.ttl) {
      const read = this.#read(now);
      if (read.failed) return read;
      this.#cache = read;
    }
    return { seen: this.#cache.seen, done: Math.max(now, this.#cache.done) + HOP, failed: false };
  }
}
