// What the core asks of the platform, one call each: Workers KV, documents by HTTP, sleep, work after the response.

// Seconds for which an edge location may answer from its own copy of an entry; the least that KV takes.
const CACHE_TTL = 60;

/** The entry at a key: its metadata in JSON, a line break, its text. Undefined without one. */
export async function readStore(env, key) {
  const { value, metadata } = await store(env).getWithMetadata(key, { type: 'text', cacheTtl: CACHE_TTL });
  return value === null ? undefined : `${JSON.stringify(metadata)}\n${value}`;
}

export async function writeStore(env, key, text, metadata) {
  await store(env).put(key, text, { metadata: JSON.parse(metadata) });
}

function store(env) {
  if (env.JWKS === undefined) throw new Error('no KV namespace is bound as JWKS');
  return env.JWKS;
}

/** Gets a document: status, ETag and Cache-Control, a line each, then the body. Redirects are not followed. */
export async function getDocument(url, etag, milliseconds, maxBytes) {
  const controller = new AbortController();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no whole answer within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([read(url, etag, controller.signal, maxBytes), late]);
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

/** A promise that is kept after a while, and `end`, which keeps it at once. */
export function sleep(milliseconds) {
  let end;
  const over = new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    end = () => {
      clearTimeout(timer);
      resolve(); // a promise that never settles would keep what waits for it in memory
    };
  });
  return { over, end };
}

export function waitUntil(context, promise) {
  context.waitUntil(promise);
}

export function log(line) {
  console.error(line);
}
