// What the core asks of the platform, one call each: signatures, Workers KV, documents by HTTP, timers, work after
// the response.

import * as webCrypto from './crypto.js';
import { answer, resultOf } from './instance.js';

// Seconds for which an edge location may answer from its own copy of an entry; the least that KV takes.
const CACHE_TTL = 60;

export function importKey(call, ...jwk) {
  answer(call, () => webCrypto.importKey(...jwk));
}

export function verify(call, algorithm, key, signature, signed) {
  answer(call, () => webCrypto.verify(algorithm, key, signature, signed));
}

export function importPrivate(call, ...jwk) {
  answer(call, () => webCrypto.importPrivate(...jwk));
}

export function sign(call, algorithm, key, signed) {
  answer(call, () => webCrypto.sign(algorithm, key, signed));
}

/** The entry at a key: its metadata in JSON, a line break, its text. Undefined without one. */
export function readStore(call, env, key) {
  answer(call, async () => {
    const { value, metadata } = await store(env).getWithMetadata(key, { type: 'text', cacheTtl: CACHE_TTL });
    return value === null ? undefined : `${JSON.stringify(metadata)}\n${value}`;
  });
}

export function writeStore(call, env, key, text, metadata) {
  answer(call, () => store(env).put(key, text, { metadata: JSON.parse(metadata) }));
}

function store(env) {
  if (env.JWKS === undefined) throw new Error('no KV namespace is bound as JWKS');
  return env.JWKS;
}

let unreadable; // a policy on which an instance broke: the next one would, too

/** The policy at a key, cut behind what is too much; undefined without one. Anything else that the store gives is a failure. */
export function readPolicy(call, env, key, maxCharacters) {
  let text;
  const read = async () => {
    text = await env.POLICY_KV.get(key, { type: 'text', cacheTtl: CACHE_TTL });
    if (text === null) return undefined;
    if (typeof text !== 'string') throw new Error('the store gave no text');
    text = text.slice(0, maxCharacters);
    return text === unreadable ? '' : text;
  };
  answer(call, read, () => {
    unreadable = text;
    console.error(`POLICY_KV: the gate broke while it read ${key}, and will not read this text again`);
  });
}

export function writePolicy(call, env, key, text) {
  answer(call, () => env.POLICY_KV.put(key, text));
}

/** Gets a document: status, ETag and Cache-Control, a line each, then the body. Redirects are not followed. */
export function getDocument(call, url, etag, milliseconds, maxBytes) {
  answer(call, () => inTime(milliseconds, (signal) => read(url, etag, signal, maxBytes)));
}

async function inTime(milliseconds, work) {
  const controller = new AbortController();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no whole answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    controller.abort(); // whatever is still on its way is not wanted any more
  }
}

async function read(url, etag, signal, maxBytes) {
  const headers = { accept: 'application/json', ...(etag === undefined ? {} : { 'if-none-match': etag }) };
  const response = await fetch(url, { headers, redirect: 'manual', signal });
  const head = ['etag', 'cache-control'].map((name) => response.headers.get(name) ?? '');
  // The body of anything but 200 says nothing that is wanted.
  const body = response.status === 200 && response.body ? await text(response.body, maxBytes) : '';
  return [response.status, ...head, body].join('\n');
}

async function text(stream, maxBytes) {
  // A byte order mark stays, for the reader of the text to refuse.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let [bytes, decoded] = [0, ''];
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`the body is over ${maxBytes} bytes`);
    decoded += decode(decoder, chunk, { stream: true });
  }
  return decoded + decode(decoder);
}

function decode(decoder, ...args) {
  try {
    return decoder.decode(...args);
  } catch {
    throw new Error('the body is not UTF-8');
  }
}

/** Answers a call after a while. Gives what `stopTimer` takes. */
export function startTimer(call, milliseconds) {
  let timer;
  answer(call, () => new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  }));
  return timer;
}

export function stopTimer(timer) {
  clearTimeout(timer);
}

/** Keeps the request's context alive until a task is done. */
export function waitUntil(context, task) {
  const result = resultOf(task);
  try {
    context.waitUntil(result);
  } catch (error) {
    // The task goes on as long as its request does.
    console.error(`waitUntil: ${error.name}`);
  }
}

export function log(line) {
  console.error(line);
}
