// A case: a request that its route accepts, and twists of it. What a case is depends on its seeds alone, so dropping a twist
// leaves the others as they are.

import { Random } from '../edge/differential/random.mjs';
import { HOSTS, compactOf } from './policy.mjs';
import { TWISTS } from './twists.mjs';

const NAMES = Object.keys(TWISTS);

/** Each of these is as likely as another: where a rule reads values, there is most to be twisted. */
const BASES = ['query', 'query', 'query', 'query-id', 'query-id', 'header', 'header', 'items', 'items', 'open', 'maybe', 'docs', 'docs-read', 'admin', 'rest'];
const OF_QUERY = ['a parameter again', 'a parameter again', 'a parameter without a value', 'a parameter\'s spelling', 'other parameters', 'another separator'];
const OF_PATH = ['escapes in the path', 'case in the path', 'a character in the path', 'an end of the path', 'a segment less'];
/** The twists that are about what is read there. */
const FAVOURITES = {
  'query': OF_QUERY, 'query-id': OF_QUERY, 'header': ['a header again', 'a header again', 'a header\'s value', 'Connection'],
  'items': [...OF_PATH, 'another value in the path'], 'admin': OF_PATH, 'rest': ['another route in the path', 'identity'], 'open': ['identity', 'forwarded'],
  'maybe': ['identity', 'the token'], 'docs': ['Upgrade', 'Upgrade', 'method', 'a body'], 'docs-read': ['the token', 'method', 'what the host holds'],
};

export function newCase(random) {
  const base = random.pick(BASES);
  // One twist is what finds most; several show what they do together.
  const count = random.pick([0, 1, 1, 1, 1, 1, 2, 2, 3]);
  const twists = Array.from({ length: count }, () => ({ name: random.pick(random.oneIn(2) ? FAVOURITES[base] : NAMES), seed: random.seed() }));
  return { base, seed: random.seed(), twists };
}

/** The request of a case: the `bytes` to send, and what of them makes its URL. */
export function build({ base, seed, twists }) {
  const draft = sound(base, new Random(seed));
  for (const { name, seed: own } of twists) TWISTS[name](draft, new Random(own));
  const { method, form, segments, tail, query, joiner, version, host, token, body } = draft;
  const path = `/${segments.join('/')}${tail}`;
  const target = query.length > 0 ? `${path}?${query.join(joiner)}` : path;
  const headers = [
    ...draft.headers,
    ...(token === null ? [] : [['Authorization', `Bearer ${compactOf(token)}`]]),
    ...(body === '' ? [] : [['Content-Length', body.length]]),
  ];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  // White space around a field's value is none of it (RFC 9110 §5.5), and workerd cuts fragments off.
  return { method, path: pathOf(form, target), host: host.trim(), token, bytes: `${method} ${form}${target} ${version}\r\nHost: ${host}\r\n${lines}\r\n${body}` };
}

/** `http:` makes an authority of what an empty first segment precedes (RFC 9112 §3.2.2): `http:` and `//a/x` are `/x` at `a`. */
function pathOf(form, target) {
  const [, behind] = form === 'http:' ? /^\/\/[^/?#]+(.*)$/.exec(target) ?? [] : [];
  const [path] = (behind ?? target).split(/[?#]/);
  return path || '/';
}

/** A request that its route accepts; `parameter` and `header` are what a template reads, where one does. */
function sound(base, random) {
  const draft = {
    method: 'GET', form: '', segments: [base, 'x'], tail: '', query: [], joiner: '&', version: 'HTTP/1.1', headers: [], token: 'mine', body: '',
    host: HOSTS[random.pick(Object.keys(HOSTS))],
  };
  if (random.oneIn(3)) draft.query.push(random.pick(['y=1', 'a=b', 'page=2']));
  return { ...draft, ...BASE[base]?.(draft, random) };
}

const anyone = (random) => ({ token: random.pick([null, 'mine', 'other', 'nobody']), method: random.pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) });
const BASE = {
  'query': ({ query }, random) => ({ parameter: 'org', query: shuffled(['org=mine', ...query], random) }),
  'query-id': ({ query }, random) => ({ parameter: 'org_id', query: shuffled(['org_id=mine', ...query], random) }),
  'header': () => ({ header: 'X-Org', headers: [['X-Org', 'mine']] }),
  'items': () => ({ segments: ['orgs', 'mine', 'items', 'i-1'] }),
  'open': (_, random) => anyone(random),
  'maybe': (_, random) => anyone(random),
  'docs': (_, random) => ({ segments: ['docs', 'x'], method: random.pick(['POST', 'PUT', 'OPTIONS']), token: random.pick([null, 'narrow']) }),
  'docs-read': () => ({ segments: ['docs', 'x'] }),
  'rest': (_, random) => ({ segments: [random.pick(['other', 'quer', 'adm', 'orgs']), 'x'], ...anyone(random) }),
};

function shuffled(list, random) {
  return random.oneIn(2) ? list : list.toReversed();
}
