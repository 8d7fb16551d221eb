// Links to the workbench: one that holds a policy, a request and claims, made when the reader asks for it; and `#explain=`, by
// which other programs name a request. Neither holds a token.

import { withoutTokens } from './token.js';
import { WORDS } from './words.js';

/** Headers that a link may hold, besides those that the policy reads: none of them is a credential. */
const PLAIN = /^(host|origin|accept|accept-language|content-type|content-length|connection|upgrade|access-control-request-(method|headers))$/;
const CREDENTIAL = /(^|[-_])(auth\w*|cookie|token|secret|key|apikey|assertion|passw\w*|jwt|session|sid|credentials?|dpop|signature)([-_]|$)/;
const KEPT = ['file', 'environment', 'policy', 'method', 'url', 'headers', 'caller', 'claims'];
const MOST_BYTES = 5_000_000;

/** The fragment of a link to this state. */
export async function shared(state) {
  const { file, environment, policy, method, url, headers, caller, claims } = state;
  const held = { file, environment, policy, method, url: plainUrl(url, policy), headers: plainHeaders(headers, policy) };
  if (caller === 'claims' && isObject(claims)) Object.assign(held, { caller, claims });
  const texts = Object.entries(held).map(([name, text]) => [name, withoutTokens(text)]);
  const packed = new Blob([JSON.stringify(Object.fromEntries(texts))]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return `#state=${toBase64url(new Uint8Array(await new Response(packed).arrayBuffer()))}`;
}

/** The headers that decide something and identify nobody: others are left out. */
function plainHeaders(headers, policy) {
  const read = namesIn(policy, 'header');
  const isPlain = (line) => {
    const name = line.split(':', 1)[0].trim().toLowerCase();
    return line.includes(':') && (PLAIN.test(name) || (read.has(name) && !CREDENTIAL.test(name)));
  };
  return headers.split('\n').filter(isPlain).join('\n');
}

/** A URL without user information and fragment, and without the values of parameters that decide nothing. */
function plainUrl(url, policy) {
  const read = namesIn(policy, 'query');
  const [start, query] = url.trim().split('#', 1)[0].split(/\?(.*)/s);
  const path = start.replace(/([\\/]{2})[^\\/]*@/, '$1').replace(/(;[^=/;]*=)[^/;]*/g, '$1');
  if (query === undefined) return path;
  const parameters = query.split('&').map((parameter) => {
    const [name, value] = parameter.split(/=(.*)/s);
    return value === undefined || (read.has(name) && !CREDENTIAL.test(name)) ? parameter : `${name}=`;
  });
  return `${path}?${parameters.join('&')}`;
}

/** The names that templates of the policy read, such as `{header.x-org}`. */
function namesIn(policy, kind) {
  return new Set([...policy.matchAll(/\{(header|query)\.([\w-]{1,100})\}/g)].filter(([, of]) => of === kind).map(([, , name]) => name));
}

function isObject(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** What a fragment says; an empty object if it says nothing. `explain` names a caller by `as`. */
export async function read(fragment) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''));
  const state = parameters.get('state');
  if (state !== null) {
    const parsed = JSON.parse(await unpacked(state));
    const kept = Object.entries(parsed ?? {}).filter(([name, value]) => KEPT.includes(name) && typeof value === 'string');
    return Object.fromEntries(kept);
  }
  const request = /^(\S+) (.*)$/.exec(parameters.get('explain') ?? '');
  if (request === null) return {};
  const [, method, url] = request;
  return { method, url, headers: parameters.getAll('header').join('\n'), as: parameters.get('as') ?? undefined };
}

async function unpacked(state) {
  const reader = new Blob([fromBase64url(state)]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(chunks).text();
    length += value.length;
    if (length > MOST_BYTES) throw new Error(WORDS.linkTooLarge);
    chunks.push(value);
  }
}

function toBase64url(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}
