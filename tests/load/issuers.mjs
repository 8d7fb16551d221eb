// The issuers of the load run that live: one rotates its keys, one is down now and then, one never answers. Each says what
// may become of a token that was sent at one time and answered at another. What may is as little as the contract allows
// (its sections 2 and 5), with a second or two for a busy machine.

import { json, silence, status } from '../edge/support/keyserver.mjs';
import { newKey } from '../edge/support/tokens.mjs';

export const OK = 'ok';
export const INVALID = 'auth.invalid_token';
export const UNAVAILABLE = 'gate.keys_unavailable';

/** Times are in milliseconds; policies have whole seconds, and so has the age of a key set. */
const SECOND = 1000;
/** What a fetch, a timer or an event loop may be late. */
export const LATE = 1.5 * SECOND;

/** Publishes two keys: a new one takes the place of the older every few seconds. */
export class Rotating {
  settings = { jwks_ttl: 5, jwks_cooldown: 2, timeout_ms: 3000 };
  /** Newest first: two that are published, and those that were. */
  #keys = [];
  #algorithms = ['ES256', 'EdDSA', 'ES384'];
  #timer;

  constructor(server) {
    this.source = server.issuer('rotating');
    this.issuer = this.source.issuer;
    this.source.jwks = withTag(() => ({ keys: this.source.keys }));
    this.#rotate();
    this.#rotate();
  }

  start(period = 5 * SECOND) {
    this.#timer = setInterval(() => this.#rotate(), period);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #rotate() {
    const now = Date.now();
    const algorithm = this.#algorithms.shift();
    this.#algorithms.push(algorithm);
    if (this.#keys[1]) this.#keys[1].withdrawn = now;
    this.#keys = [{ key: newKey(algorithm), published: now, withdrawn: Infinity, kept: {} }, ...this.#keys].slice(0, 6);
    this.source.keys = this.#keys.slice(0, 2).map(({ key }) => key.jwk);
  }

  /** One of its keys, and what may become of that key's tokens. `kept` is for whoever wants to keep one of them. */
  pick = (random) => {
    const chosen = random.of(this.#keys);
    return { key: chosen.key, kept: chosen.kept, outcomes: (sent, answered) => this.#outcomes(chosen, sent, answered) };
  };

  #outcomes({ published, withdrawn }, sent, answered) {
    const { jwks_ttl: ttl, jwks_cooldown: cooldown } = this.settings;
    // A key that the gate does not know makes it fetch, unless it has just done so for another: that is over when the
    // cooldown is.
    const isKnown = sent > published + cooldown * SECOND + LATE && answered < withdrawn;
    // A set is used for its ttl, and once more while it is refreshed; its age is counted in whole seconds.
    const isForgotten = sent > withdrawn + (ttl + 1) * SECOND + LATE;
    return isKnown ? [OK] : isForgotten ? [INVALID] : [OK, INVALID];
  }

  /** The most fetches in so many milliseconds: for unknown keys, for the ttl, and the first. */
  mostFetches(milliseconds) {
    const { jwks_ttl: ttl, jwks_cooldown: cooldown } = this.settings;
    return Math.ceil(milliseconds / SECOND / cooldown) + Math.ceil(milliseconds / SECOND / ttl) + 2;
  }
}

/** Is sound for a while, does not answer for a while, fails for a while, and so on. */
export class Unsteady {
  settings = { jwks_ttl: 1, jwks_max_stale: 4, jwks_cooldown: 1, timeout_ms: 1000 };
  key = newKey('ES256');
  kept = {};
  #phases = [['sound', 9 * SECOND], ['silent', 8 * SECOND], ['failing', 5 * SECOND]];
  #isSound;
  /** Since when it is sound, or is not. */
  #since;
  /** When it gave its key set: first since it is sound, and last of all. */
  #served = { first: Infinity, last: -Infinity };
  #timer;

  constructor(server) {
    this.source = server.issuer('unsteady', [this.key.jwk]);
    this.issuer = this.source.issuer;
  }

  start() {
    const [phase, length] = this.#phases.shift();
    this.#phases.push([phase, length]);
    this.#turn(phase);
    this.#timer = setTimeout(() => this.start(), length);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #turn(phase) {
    const isSound = phase === 'sound';
    if (isSound !== this.#isSound) this.#since = Date.now();
    this.#isSound = isSound;
    if (phase === 'silent') Object.assign(this.source, { discovery: silence(), jwks: silence() });
    if (phase === 'failing') Object.assign(this.source, { discovery: status(500), jwks: status(503) });
    if (isSound) this.#recover();
  }

  #recover() {
    this.source.restore();
    this.#served.first = Infinity;
    const { jwks } = this.source;
    this.source.jwks = (request, response) => {
      jwks(request, response);
      this.#served.last = Date.now();
      this.#served.first = Math.min(this.#served.first, this.#served.last);
    };
  }

  /** What may become of a request whose token is answered like this where there is a key set. */
  outcomes = (answer, sent, answered) => {
    if (this.#hasSet(sent, answered)) return [answer];
    return this.#hasNone(sent) ? [UNAVAILABLE] : [answer, UNAVAILABLE];
  };

  /** All the time: from when it gave a set again, until that is too old. */
  #hasSet(sent, answered) {
    const { jwks_max_stale: stale, jwks_cooldown: cooldown, timeout_ms: timeout } = this.settings;
    // At the latest, a fetch that began before has failed, and the cooldown is over.
    const recovered = this.#since + 2 * timeout + cooldown * SECOND + LATE;
    const from = Math.min(this.#served.first + LATE, this.#isSound ? recovered : Infinity);
    // Ages are whole seconds, and may count one more than has passed.
    const until = this.#isSound ? Infinity : this.#served.last + (stale - 1) * SECOND - LATE;
    return sent > from && answered < until;
  }

  /** The last set is too old, and no other can have come since. */
  #hasNone(sent) {
    const { jwks_max_stale: stale } = this.settings;
    const gone = Math.max(this.#served.last + (stale + 1) * SECOND, this.#since) + LATE;
    return !this.#isSound && sent > gone;
  }

  /** For unknown keys or after a failure, for the ttl, and the first. */
  mostFetches(milliseconds) {
    const { jwks_ttl: ttl, jwks_cooldown: cooldown } = this.settings;
    return Math.ceil(milliseconds / SECOND / cooldown) + Math.ceil(milliseconds / SECOND / ttl) + 2;
  }
}

/** Never answers. */
export class Silent {
  settings = { jwks_cooldown: 1, timeout_ms: 1000 };
  key = newKey('ES256');

  constructor(server) {
    this.source = server.issuer('silent');
    this.issuer = this.source.issuer;
    Object.assign(this.source, { discovery: silence(), jwks: silence() });
  }

  start() {}

  stop() {}

  mostFetches(milliseconds) {
    return Math.ceil(milliseconds / SECOND / this.settings.jwks_cooldown) + 2;
  }
}

/** A sound key set with an entity tag: not sent again to who has it. */
function withTag(value) {
  return (request, response) => {
    const tag = `"${value().keys.map(({ kid }) => kid).join()}"`;
    if (request.headers['if-none-match'] === tag) return void response.writeHead(304, { etag: tag }).end();
    return void json(value, { etag: tag })(request, response);
  };
}
