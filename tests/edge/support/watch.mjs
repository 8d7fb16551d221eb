// Watches what leaves the gate other than to the origin: its log and its responses. Neither may contain any part of a token.
// Every gate that a test starts is watched; closing it fails if something leaked.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Shorter texts, and single words, occur in logs and responses by chance. */
const SHORTEST = 6;
const WORD = /^[a-z_]{1,15}$/i;
/** Of long texts, the start and the end count as leaks too. */
const ENDS = 20;
/** Texts that refusals contain anyway. */
const OWN_WORDS = 'Bearer realm="" error="invalid_token" error="invalid_request" error="insufficient_scope" application/json no-store';
/** The start of a JSON object in base64url, in any token. */
const JOSE = /eyJ[\w-]{10}/;

/** The parts of all tokens in this process that must not leak: text → what it is. */
const secrets = new Map();
/** Configuration of the gates in this process: its texts are not secret, even if a token contains them too. */
const configuration = new Set();

/** Records a token: itself, its segments, and every text and large number in its header and claims. */
export function remember(token) {
  note(token, 'a token');
  const [header, payload, ...rest] = token.split('.');
  for (const segment of [header, payload]) note(segment, 'a segment of a token');
  for (const segment of rest) note(segment, 'a signature');
  for (const segment of [header, payload]) noteValues(parse(segment));
}

/** Records the content of an `Authorization` header: tokens that were not made by `mint`, or changed since. */
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

  /** Records the tokens of a request and checks its response later; returns the response. */
  async exchange(headers = [], answering) {
    for (const [name, value] of headers) {
      if (name?.toLowerCase() === 'authorization') rememberAuthorization(value);
    }
    const answer = await answering;
    this.#answers.add(`${answer.rawHeaders.join('\n')}\n${answer.text}`);
    return answer;
  }

  /** The leaks, as sentences. */
  leaks() {
    const log = this.#logs.map(({ message }) => withoutCaller(message)).join('\n');
    return [...leaksIn(log, 'the log'), ...leaksIn([...this.#answers].join('\n'), 'an answer')];
  }

  /** Fails if anything leaked. Logs arrive a little later than responses. */
  async close() {
    await sleep(20);
    const leaks = this.leaks();
    if (leaks.length === 0) return;
    // The hook that closes the gate stops here; whatever it has not closed must not keep the test file alive.
    setTimeout(() => process.exit(1), 30_000).unref();
    assert.fail(`${leaks.length} leaks\n${leaks.slice(0, 5).join('\n')}`);
  }
}

/** Reasons that a decision can only have once the signature of the token held, or that the gate found it expired later. */
const AFTER_SIGNATURE = new Set([
  'invalid_audience', 'organization_mismatch', 'insufficient_scope', 'claim_mismatch', 'token_expired', 'token_not_yet_valid',
  'token_too_old', 'token_revoked', 'revocations_unavailable', 'misconfigured', 'origin_unreachable', 'origin_timeout',
]);

/** A part of the log, of any number of lines, without what a decision may say of a verified caller. */
function withoutCaller(message) {
  return message.split('\n').map(lineWithoutCaller).join('\n');
}

function lineWithoutCaller(line) {
  if (!line.startsWith('{"event":"decision"')) return line;
  const { client, subject, ...rest } = JSON.parse(line);
  const mayName = rest.reason === undefined || AFTER_SIGNATURE.has(rest.reason);
  return mayName ? JSON.stringify(rest) : line;
}

function leaksIn(text, where) {
  const known = [...configuration].join('\n') + OWN_WORDS;
  // Word by word: a refusal lists the route's scopes, which a token may contain in the same order.
  const isKnown = (secret) => secret.split(' ').every((word) => known.includes(word));
  const found = [...secrets].filter(([secret]) => text.includes(secret) && !isKnown(secret));
  const leaks = found.map(([secret, what]) => `${where} holds ${what}: ${secret}`);
  const [start] = JOSE.exec(text) ?? [];
  return start ? [...leaks, `${where} holds the start of a token: ${start}`] : leaks;
}

function note(text, what) {
  if (typeof text !== 'string' || text.length < SHORTEST || WORD.test(text)) return;
  secrets.set(text, what);
  // Escaped, as in a log.
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
