// Watches what leaves the gate beside the way to the origin: its log and its answers. None of it may hold anything of a
// token. Every gate that a test starts is watched; closing it fails where something leaked.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Shorter texts, and single words, are in logs and answers by chance. */
const SHORTEST = 6;
const WORD = /^[a-z_]{1,15}$/i;
/** Of long texts, the start and the end betray them too. */
const ENDS = 20;
/** What refusals hold anyway. */
const OWN_WORDS = 'Bearer realm="" error="invalid_token" error="invalid_request" error="insufficient_scope" application/json no-store';
/** The start of a JSON object in base64url, whoever's token it is. */
const JOSE = /eyJ[\w-]{10}/;

/** Whatever of all the process's tokens must not be seen: text → what it is. */
const secrets = new Map();
/** Configuration of the process's gates: what is there is no secret, though a token may hold it too. */
const configuration = new Set();

/** Notes a token: itself, its segments, and every text and large number in its header and its claims. */
export function remember(token) {
  note(token, 'a token');
  const [header, payload, ...rest] = token.split('.');
  for (const segment of [header, payload]) note(segment, 'a segment of a token');
  for (const segment of rest) note(segment, 'a signature');
  for (const segment of [header, payload]) noteValues(parse(segment));
}

/** Notes what an `Authorization` header holds: tokens that were not made by `mint`, or changed since. */
export function rememberAuthorization(value) {
  for (const word of String(value).split(/[\s,"]+/)) {
    if (word.length >= 2 * SHORTEST) remember(word);
  }
}

/** Watches a workerd with these logs. `policies` are its gates' configuration. */
export class Watch {
  #logs;
  #answers = new Set();

  constructor(logs, policies) {
    this.#logs = logs;
    for (const policy of policies) configuration.add(typeof policy === 'string' ? policy : JSON.stringify(policy) ?? '');
  }

  /** Notes the tokens of a request and looks at its answer later; gives the answer. */
  async exchange(headers = [], answering) {
    for (const [name, value] of headers) {
      if (name?.toLowerCase() === 'authorization') rememberAuthorization(value);
    }
    const answer = await answering;
    this.#answers.add(`${answer.rawHeaders.join('\n')}\n${answer.text}`);
    return answer;
  }

  /** What leaked, as sentences. */
  leaks() {
    const log = this.#logs.map(({ message }) => message).join('\n');
    return [...leaksIn(log, 'the log'), ...leaksIn([...this.#answers].join('\n'), 'an answer')];
  }

  /** Fails if anything leaked. Logs leave workerd a little later than answers do. */
  async close() {
    await sleep(20);
    const leaks = this.leaks();
    if (leaks.length === 0) return;
    // The hook that closes the gate ends here; what it would have closed next must not keep the test file alive.
    setTimeout(() => process.exit(1), 30_000).unref();
    assert.fail(`${leaks.length} leaks\n${leaks.slice(0, 5).join('\n')}`);
  }
}

function leaksIn(text, where) {
  const known = [...configuration].join('\n') + OWN_WORDS;
  // Word by word: a refusal lists the route's scopes, which a token may hold in the same order.
  const isKnown = (secret) => secret.split(' ').every((word) => known.includes(word));
  const found = [...secrets].filter(([secret]) => text.includes(secret) && !isKnown(secret));
  const leaks = found.map(([secret, what]) => `${where} holds ${what}: ${secret}`);
  const [start] = JOSE.exec(text) ?? [];
  return start ? [...leaks, `${where} holds the start of a token: ${start}`] : leaks;
}

function note(text, what) {
  if (typeof text !== 'string' || text.length < SHORTEST || WORD.test(text)) return;
  secrets.set(text, what);
  // As a log would escape it.
  secrets.set(JSON.stringify(text).slice(1, -1), what);
  if (text.length < 2 * ENDS) return;
  secrets.set(text.slice(0, ENDS), `the start of ${what}`);
  secrets.set(text.slice(-ENDS), `the end of ${what}`);
}

/** Every text, name and large number of a JSON value. */
function noteValues(value) {
  if (typeof value === 'string') note(value, 'what a token says');
  if (typeof value === 'number') note(String(value), 'what a token says');
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    note(name, 'what a token names');
    noteValues(member);
  }
}

function parse(segment) {
  try {
    return JSON.parse(Buffer.from(segment ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
}
