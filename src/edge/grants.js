// Requests that are forwarded by a grant (src/gateway/grants.rs): wasm has decided on the same caller and route before, and
// says for each request whether that still holds. What it does not confirm is decided the other way, in worker.js.

import { BROKEN, headerRule, input, repeat } from './instance.js';

const MAX_CALLERS = 10_000;
const MAX_CHARACTERS = 8 * 1024 * 1024;
const MAX_GRANTS = 32; // of a caller
const MAX_NAMES = 1000;

// What a header means, by the number that `headerRule` gives.
const [FORWARD, REMOVE, CONNECTION, HOST] = [0, 1, 2, 3];

const NO_CUT = 0xffff;
const encoder = new TextEncoder();

let callers = new Map(); // Authorization → caller
let anonymous = newCaller(0);
let characters = 0;
let rules = new Map(); // name of a header → what it means

function newCaller(number) {
  return { number, grants: new Map(), characters: 0 };
}

/** Another policy is in force, or another instance runs. */
export function forgetGrants() {
  callers = new Map();
  anonymous = newCaller(0);
  characters = 0;
  rules = new Map();
}

/** What to send for a request, if a grant holds: the target and the headers. */
export function granted(request, now) {
  const { headers, url, method } = request;
  const authorization = headers.get('authorization');
  const caller = authorization === null ? anonymous : callers.get(authorization) ?? anonymous;
  if (caller.grants.size === 0) return undefined;
  const start = url.indexOf('/', url.indexOf('://') + 3);
  if (start < 0) return undefined;
  const authority = url.slice(url.indexOf('://') + 3, start);
  let removed;
  for (const name of headers.keys()) {
    const rule = rules.get(name) ?? learnRule(name);
    if (rule === FORWARD) continue;
    if (rule === CONNECTION ? !isPlain(headers.get(name)) : rule !== REMOVE && (rule !== HOST || headers.get(name) !== authority)) return undefined;
    if (rule !== HOST) (removed ??= []).push(name);
  }
  const found = ask(caller, authorization !== null, `${method}\n${url}`, now);
  if (found < 0) return undefined;
  const grant = caller.grants.get(Math.floor(found / 65_536));
  return grant && prepared(grant, found % 65_536, request, { authority, start, removed });
}

/** `Connection` names no header. */
function isPlain(connection) {
  return connection === 'keep-alive' || connection === 'close';
}

function learnRule(name) {
  if (rules.size >= MAX_NAMES) rules.clear();
  const rule = headerRule(name);
  if (rule !== BROKEN) rules.set(name, rule);
  return rule;
}

function ask({ number }, hasAuthorization, head, now) {
  const bytes = input();
  if (bytes === undefined) return -1;
  const { read, written } = encoder.encodeInto(head, bytes);
  if (read < head.length) return -1;
  const found = repeat(number, hasAuthorization, written, now);
  return found === BROKEN ? -1 : found;
}

function prepared({ base, prefix, target, set }, cut, request, { authority, start, removed }) {
  const { url } = request;
  const scheme = url.slice(0, url.indexOf('://'));
  const rest = url.slice(cut === NO_CUT ? start : start + cut);
  const headers = new Headers(request.headers);
  if (removed !== undefined) for (const name of removed) headers.delete(name);
  headers.set('x-forwarded-host', authority);
  headers.set('x-forwarded-proto', scheme);
  if (cut !== NO_CUT) headers.set('x-forwarded-prefix', prefix);
  for (let i = 0; i < set.length; i += 2) headers.set(set[i], set[i + 1]);
  return { ...target, url: base === '' ? `${scheme}://${authority}${rest}` : base + rest, headers };
}

/** Remembers the grant that came with a decision. `set` are the headers that the decision sets. */
export function remember(request, granted, target, set) {
  const [number, grant, base] = granted.split(' ');
  const authorization = request.headers.get('authorization');
  const caller = number === '0' ? anonymous : callerOf(authorization, Number(number));
  const own = [];
  let prefix;
  for (let i = 0; i < set.length; i += 2) {
    if (set[i] === 'x-forwarded-prefix') prefix = set[i + 1];
    else if (!set[i].startsWith('x-forwarded-')) own.push(set[i], set[i + 1]);
  }
  if (caller.grants.size >= MAX_GRANTS) caller.grants.clear();
  caller.grants.set(Number(grant), { base, prefix, target, set: own });
  const size = own.reduce((sum, text) => sum + text.length, 0);
  caller.characters += size;
  characters += size;
  makeRoom();
}

function callerOf(authorization, number) {
  const known = callers.get(authorization);
  if (known?.number === number) return known;
  if (known !== undefined) forget(authorization, known);
  const caller = newCaller(number);
  caller.characters = authorization.length;
  characters += authorization.length;
  callers.set(authorization, caller);
  return caller;
}

function makeRoom() {
  while (callers.size > MAX_CALLERS || characters > MAX_CHARACTERS) {
    const oldest = callers.entries().next();
    if (oldest.done) return;
    forget(...oldest.value);
  }
}

function forget(authorization, caller) {
  characters -= caller.characters;
  callers.delete(authorization);
}
