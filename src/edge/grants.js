// Forwards requests by grants (src/gateway/grants.rs). A grant stands for a decision that holds for later requests of the
// caller: what the origin receives is remembered here, and Rust says for each request whether a grant applies and still
// holds. A request without one is decided in full.

import { forward } from './forward.js';
import { BROKEN, headerRule, input, repeat } from './instance.js';
import { hasSpans } from './policy.js';
import { beginSpan, endSpan } from './tell.js';

const MAX_CALLERS = 10_000;
const MAX_CHARACTERS = 16 * 1024 * 1024; // of all callers
const MAX_CALLER_CHARACTERS = 1024 * 1024; // of one caller
const MAX_ANONYMOUS_CHARACTERS = 8 * 1024 * 1024; // of the requests without a token
const MAX_GRANTS = 256; // of one caller
const MAX_PAGE_ORIGINS = 16; // of one grant
const GRANT_CHARACTERS = 1000; // of a grant, besides the headers that it sets: URL, names, objects
const [MAX_NAMES, MAX_NAME] = [1000, 64];

// What a header means: see `header_rule` in src/edge/grants.rs.
const [FORWARDED, REMOVED, CONNECTION, HOST, UNKNOWN] = [0, 1, 2, 3, 4];

const [FORWARDED_HOST, FORWARDED_PROTO, FORWARDED_PREFIX] = ['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-prefix'];
const NO_CUT = 0xffff;
const NOTHING = [];
const encoder = new TextEncoder();

let callers; // Authorization → caller, in the order of their first grants
let anonymous; // the caller without a token
let characters; // approximate size of `callers`
let rules; // name of a header → what it means
forgetGrants();

/** Forgets all of it: another policy is in force, or the instance broke. */
export function forgetGrants() {
  callers = new Map();
  anonymous = newCaller(0);
  characters = 0;
  rules = new Map();
}

function newCaller(number) {
  return { number, grants: new Map(), characters: 0 };
}

/** Forwards a request by a grant; undefined if none holds. */
export function forwardAgain(exchange, app, now) {
  const { headers, url, method } = exchange.request;
  const authorization = headers.get('authorization');
  const caller = (authorization !== null && callers.get(authorization)) || anonymous;
  if (caller.grants.size === 0 && anonymous.grants.size === 0) return undefined;
  const start = url.indexOf('/', url.indexOf('://') + 3);
  const authority = url.slice(url.indexOf('://') + 3, start);
  const removed = removals(headers, authority);
  if (removed === undefined) return undefined;
  const found = ask(caller.number, authorization !== null, `${method}\n${url}`, now);
  if (found < 0) return undefined;
  const number = Math.floor(found / 65_536);
  const grant = caller.grants.get(number) ?? anonymous.grants.get(number);
  if (grant === undefined) return undefined;
  const shared = grant.shared?.get(headers.get('origin'));
  if (grant.shared !== undefined && shared === undefined) return undefined;
  const cut = found % 65_536;
  const proto = url.slice(0, start - authority.length - 3);
  const rest = url.slice(cut === NO_CUT ? start : start + cut);
  // Behind the authority of a URL nothing else may begin.
  if (rest !== '' && rest[0] !== '/' && rest[0] !== '?') return undefined;
  const target = grant.base === '' ? `${proto}://${authority}${rest}` : grant.base + rest;
  const changes = { url: target, removed, set: headersFor(grant, authority, proto, cut !== NO_CUT) };
  if (hasSpans) {
    beginSpan(exchange);
    endSpan(exchange, JSON.parse(grant.target.told).span);
  }
  return forward(exchange, app, grant.target, changes, shared);
}

/** The headers to set: mostly the same as before. */
function headersFor({ set, prefix, isCut }, authority, proto, cuts) {
  if (set[1] === authority && set[3] === proto && isCut === cuts) return set;
  const forwarded = [FORWARDED_HOST, authority, FORWARDED_PROTO, proto];
  return [...forwarded, ...(cuts ? [FORWARDED_PREFIX, prefix] : []), ...set.slice(isCut ? 6 : 4)];
}

/** The names of the headers to remove; undefined if the request has to be decided because of one. */
function removals(headers, authority) {
  let removed = NOTHING;
  for (const name of headers.keys()) {
    const rule = rules.get(name) ?? learnRule(name);
    if (rule === FORWARDED) continue;
    if (rule === UNKNOWN) return undefined;
    if (rule === HOST) {
      if (headers.get(name) !== authority) return undefined;
      continue;
    }
    if (rule === CONNECTION && !namesNoHeader(headers.get(name))) return undefined;
    if (removed === NOTHING) removed = [name];
    else removed.push(name);
  }
  return removed;
}

/** Whether a `Connection` asks for nothing but keeping or closing it. */
function namesNoHeader(connection) {
  return connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive';
}

function learnRule(name) {
  if (name.length > MAX_NAME) return UNKNOWN;
  if (rules.size >= MAX_NAMES) rules.clear();
  const rule = headerRule(name);
  if (rule === BROKEN) return UNKNOWN;
  rules.set(name, rule);
  return rule;
}

/** Asks Rust for the grant of a request: its number, times 2^16, plus how many bytes of the path are cut; or -1. */
function ask(caller, hasAuthorization, head, now) {
  const bytes = input();
  if (bytes === undefined) return -1;
  const { read, written } = encoder.encodeInto(head, bytes);
  // Rust counts what is cut in bytes, which are characters in ASCII only.
  if (read < head.length || written !== read) return -1;
  return repeat(caller, hasAuthorization, written, now);
}

/** Remembers what the origin receives by a grant. `set` and `shared` are those of the decision. */
export function remember(request, granted, target, set, shared) {
  const [callerNumber, number, base, prefix] = granted.split(' ');
  const authorization = callerNumber === '0' ? null : request.headers.get('authorization');
  const caller = authorization === null ? anonymous : callerOf(authorization, Number(callerNumber));
  const known = caller.grants.get(Number(number));
  // They begin with those that say what was requested: host, protocol and, if it is cut off, the prefix.
  const isCut = set[4] === FORWARDED_PREFIX;
  const pageOrigin = request.headers.get('origin');
  const grant = { target, base, prefix, set, isCut, shared: shared && pagesWith(known?.shared, pageOrigin, shared) };
  caller.grants.set(Number(number), grant);
  const page = shared === undefined ? 0 : (pageOrigin?.length ?? 0) + length(shared);
  count(caller, authorization, page + (known === undefined ? GRANT_CHARACTERS + length(set) : 0));
}

/**
 * The headers for pages by their origin, with those for the page of this request; null is no page, and an empty origin is
 * one that some routes refuse. A page that is refused is never in it.
 */
function pagesWith(known, pageOrigin, shared) {
  const pages = known === undefined || known.size >= MAX_PAGE_ORIGINS ? new Map() : known;
  return pages.set(pageOrigin, shared);
}

function callerOf(authorization, number) {
  const known = callers.get(authorization);
  // Grants that were replaced stay until then: their numbers are never given again.
  if (known?.number === number && known.grants.size < MAX_GRANTS) return known;
  if (known !== undefined) forget(authorization, known);
  const caller = newCaller(number);
  callers.set(authorization, caller);
  caller.characters = authorization.length;
  characters += authorization.length;
  return caller;
}

/** Counts what a caller has more. Whoever has too much is forgotten, and then the oldest if all have. */
function count(caller, authorization, more) {
  caller.characters += more;
  if (caller === anonymous) {
    if (anonymous.characters > MAX_ANONYMOUS_CHARACTERS) anonymous = newCaller(0);
    return;
  }
  characters += more;
  if (caller.characters > MAX_CALLER_CHARACTERS) forget(authorization, caller);
  while (callers.size > MAX_CALLERS || characters > MAX_CHARACTERS) forget(...callers.entries().next().value);
}

function length(texts) {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

function forget(authorization, caller) {
  characters -= caller.characters;
  callers.delete(authorization);
}
