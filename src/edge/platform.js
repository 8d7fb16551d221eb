// What the core needs from the platform, one call each: signatures, Workers KV, the list of revocations, documents by HTTP,
// the body of the request (body.js), timers, work after the response.

import { bytesOf } from './body.js';
import * as webCrypto from './crypto.js';
import { perform, resultOf } from './instance.js';

// Seconds for which an edge location may serve its own copy of an entry; the minimum that KV accepts.
const CACHE_TTL = 60;

export function importKey(call, ...jwk) {
  perform(call, () => webCrypto.importKey(...jwk));
}

export function verify(call, algorithm, key, signature, signed) {
  perform(call, () => webCrypto.verify(algorithm, key, signature, signed));
}

export function importPrivate(call, ...jwk) {
  perform(call, () => webCrypto.importPrivate(...jwk));
}

export function sign(call, algorithm, key, signed) {
  perform(call, () => webCrypto.sign(algorithm, key, signed));
}

/** The entry at a key: its metadata in JSON, a line break, its text. Undefined if there is none. */
export function readStore(call, { env }, key) {
  perform(call, async () => {
    const { value, metadata } = await store(env).getWithMetadata(key, { type: 'text', cacheTtl: CACHE_TTL });
    return value === null ? undefined : `${JSON.stringify(metadata)}\n${value}`;
  });
}

export function writeStore(call, { env }, key, text, metadata) {
  perform(call, () => store(env).put(key, text, { metadata: JSON.parse(metadata) }));
}

function store(env) {
  if (env.JWKS === undefined) throw new Error('no KV namespace is bound as JWKS');
  return env.JWKS;
}

const unreadable = new Map(); // key → a policy that broke an instance: it would break the next one too

/** The policy at a key, truncated; undefined if there is none. Any other value from the store is a failure. */
export function readPolicy(call, { env }, key, maxCharacters) {
  let text;
  const read = async () => {
    text = await env.POLICY_KV.get(key, { type: 'text', cacheTtl: CACHE_TTL });
    if (text === null) return undefined;
    if (typeof text !== 'string') throw new Error('the store returned no text');
    text = text.slice(0, maxCharacters);
    return text === unreadable.get(key) ? '' : text;
  };
  perform(call, read, () => {
    unreadable.set(key, text);
    console.error(`POLICY_KV: the gate broke while it read ${key}, and will not read this text again`);
  });
}

export function writePolicy(call, { env }, key, text) {
  perform(call, () => env.POLICY_KV.put(key, text));
}

/** Whether the store of the list of revocations is bound. */
export function hasList({ env }, binding, isObject) {
  const store = env[binding];
  return typeof (isObject ? store?.idFromName : store?.getWithMetadata) === 'function';
}

const LIST_KEY = 'revocations:v1';

/** The steps that Rust takes with the list of revocations; each returns text, or undefined. */
const LIST_STEPS = {
  /** Asks the Durable Object a question: see revocations.js. */
  async ask(objects, question) {
    const object = objects.get(objects.idFromName('revocations'));
    const response = await object.fetch('https://revocations', { method: 'POST', body: question });
    if (response.status !== 200) throw new Error(`it answered with ${response.status}`);
    return response.text();
  },
  async read(store) {
    const list = await store.get(LIST_KEY, { type: 'text', cacheTtl: CACHE_TTL });
    if (list !== null && typeof list !== 'string') throw new Error('the store returned no text');
    return list ?? undefined;
  },
  write: (store, list) => store.put(LIST_KEY, list),
};

export function useList(call, { env }, binding, step, text) {
  perform(call, () => LIST_STEPS[step](env[binding], text));
}

/** The bytes of the request's body: see `bytesOf`. */
export function readBody(call, { request }, maxBytes) {
  perform(call, () => bytesOf(request, maxBytes));
}

/**
 * Fetches a document: status, ETag and Cache-Control, one per line, then the body. `lines` are names and values of the
 * request's headers. Redirects are not followed.
 */
export function getDocument(call, url, lines, milliseconds, maxBytes) {
  perform(call, () => inTime(milliseconds, (signal) => read(url, lines.split('\n'), signal, maxBytes)));
}

async function inTime(milliseconds, work) {
  const controller = new AbortController();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no complete response within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    controller.abort(); // cancels whatever is still in flight
  }
}

async function read(url, lines, signal, maxBytes) {
  const headers = new Headers();
  for (let i = 0; i < lines.length; i += 2) headers.set(lines[i], lines[i + 1]);
  const response = await fetch(url, { headers, redirect: 'manual', signal });
  const head = ['etag', 'cache-control'].map((name) => response.headers.get(name) ?? '');
  // Only the body of a 200 is needed.
  const body = response.status === 200 && response.body ? await text(response.body, maxBytes) : '';
  return [response.status, ...head, body].join('\n');
}

async function text(stream, maxBytes) {
  // A byte order mark is kept, so that the parser refuses it.
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

/** Answers a call after a delay. Returns the argument for `stopTimer`. */
export function startTimer(call, milliseconds) {
  let timer;
  perform(call, () => new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  }));
  return timer;
}

export function stopTimer(timer) {
  clearTimeout(timer);
}

let isWaitUntilLost = false;

/** Keeps the request's context alive until a task is done. */
export function waitUntil({ context }, task) {
  const result = resultOf(task);
  try {
    context.waitUntil(result);
  } catch (error) {
    // The task continues as long as its request does.
    if (!isWaitUntilLost) console.error(`waitUntil: ${error.name}`);
    isWaitUntilLost = true;
  }
}

/** Whether the request's context can be kept alive. */
export function canWaitUntil({ context }) {
  try {
    context.waitUntil(undefined);
    return true;
  } catch {
    return false;
  }
}

/** A variable or secret; undefined if it is absent or no string. */
export function variable({ env }, name) {
  return typeof env[name] === 'string' ? env[name] : undefined;
}

export function log(line) {
  console.error(line);
}
