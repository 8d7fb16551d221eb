// Links to the workbench: one that holds a policy, a request and claims, made when the reader asks for it; and `#explain=`, by
// which other programs name a request. Neither holds a token.

import { withoutTokens } from './token.js';

/** What a link may hold. A header with a credential is left out. */
const CREDENTIALS = /^\s*(authorization|cookie|proxy-authorization|[\w-]*(token|secret|key|assertion|password)[\w-]*)\s*:/i;

/** The fragment of a link to this state. */
export async function shared({ file, policy, method, url, headers, caller, claims }) {
  const lines = headers.split('\n').filter((line) => !CREDENTIALS.test(line) && withoutTokens(line) === line);
  const state = { file, policy, method, url: withoutTokens(url), headers: lines.join('\n'), ...(caller === 'claims' && { caller, claims }) };
  const packed = new Blob([JSON.stringify(state)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return `#state=${toBase64url(new Uint8Array(await new Response(packed).arrayBuffer()))}`;
}

const KEPT = ['file', 'policy', 'method', 'url', 'headers', 'caller', 'claims'];
const MOST_BYTES = 5_000_000;

/** What a fragment says; an empty object if it says nothing. `explain` names a caller by `as`. */
export async function read(fragment) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''));
  const state = parameters.get('state');
  if (state !== null) {
    const parsed = JSON.parse(await unpacked(state));
    const kept = Object.entries(parsed).filter(([name, value]) => KEPT.includes(name) && typeof value === 'string');
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
    if (length > MOST_BYTES) throw new Error('the link holds too much');
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
