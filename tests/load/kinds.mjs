// What the load run sends. Kinds with a weight share the lanes, by chance; those that wait have lanes of their own, so
// that they do not hold the others up.

import { attack } from './attacks.mjs';
import * as good from './good.mjs';
import * as hostile from './hostile.mjs';

export const KINDS = [
  { name: 'repeated', weight: 20, run: good.repeated },
  { name: 'fresh', weight: 20, run: good.fresh },
  { name: 'variety', weight: 6, run: good.variety },
  { name: 'tenants', weight: 3, run: good.tenants },
  { name: 'rotating', weight: 10, run: good.rotating },
  { name: 'expiring', weight: 4, run: good.expiring },
  { name: 'huge', weight: 1, run: good.huge },
  { name: 'bodies', weight: 1, run: good.bodies },
  { name: 'attacks', weight: 14, run: attack },
  { name: 'unknown-kids', weight: 10, run: hostile.unknownKids },
  { name: 'expired', weight: 5, run: hostile.expired },
  { name: 'forbidden', weight: 5, run: hostile.forbidden },
  { name: 'tampered', weight: 3, run: hostile.tampered },
  { name: 'elsewhere', weight: 3, run: hostile.elsewhere },
  { name: 'lost', weight: 5, run: hostile.lost },
  { name: 'refused-upload', weight: 0.2, run: hostile.refusedUpload },
  { name: 'unsteady', lanes: 6, run: good.unsteady },
  { name: 'slow-body', lanes: 16, run: good.slowBody },
  { name: 'waiting', lanes: 2, run: hostile.waiting },
  { name: 'leave-keys', lanes: 4, run: hostile.leaveKeys },
  { name: 'leave-origin', lanes: 3, run: hostile.leaveOrigin },
  { name: 'leave-body', lanes: 3, run: hostile.leaveBody },
  { name: 'cron', lanes: 1, run: hostile.cron },
];

/** The kinds of these names; all where none is given. */
export function kindsNamed(names) {
  const unknown = names.filter((name) => KINDS.every((kind) => kind.name !== name));
  if (unknown.length > 0) throw new Error(`no such kind: ${unknown.join(', ')}. There are ${KINDS.map(({ name }) => name).join(', ')}.`);
  return names.length === 0 ? KINDS : KINDS.filter(({ name }) => names.includes(name));
}

/** Random choices that come again with the seed (mulberry32). */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  between(least, most) {
    return least + this.below(most - least + 1);
  }

  chance(share) {
    return this.next() < share;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  /** Lower-case letters and digits. */
  text(length) {
    let text = '';
    for (let i = 0; i < length; i += 1) text += this.below(36).toString(36);
    return text;
  }

  /** One of the kinds, by weight. */
  byWeight(kinds) {
    let rest = this.next() * kinds.reduce((total, { weight }) => total + weight, 0);
    return kinds.find(({ weight }) => (rest -= weight) < 0) ?? kinds.at(-1);
  }
}
