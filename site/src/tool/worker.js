// Runs the tool in a thread of its own, so that a large policy never blocks typing. The page creates it from a blob, so it has
// the page's Content-Security-Policy.

import { ConsoleStdout, WASI } from '@bjorn3/browser_wasi_shim';

import { importKey, verify } from '../../../src/edge/crypto.js';
import { WORDS } from '../words.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array();
const MOST_RUNS = 10;

let module;

addEventListener('message', async ({ data }) => {
  if (data.module) {
    module = data.module;
    return;
  }
  const { id, question, documents } = data;
  postMessage({ id, ...(await answer(question, documents).catch(({ message }) => ({ broken: message }))) });
});

/**
 * The answer to a question, and the documents that the tool asked for in vain. The tool cannot wait for WebCrypto: what is not
 * known yet it is told provisionally, and once all of that is known it runs again.
 */
async function answer(question, documents) {
  const known = new Map();
  for (let runs = 0; runs < MOST_RUNS; runs += 1) {
    const host = new Host(question, documents, known);
    try {
      host.run();
    } catch ({ message }) {
      throw new Error(host.said || message);
    }
    if (host.pending.size === 0) {
      if (host.answer === undefined) throw new Error(host.said || WORDS.noAnswerOfTool);
      return { answer: host.answer, wanted: host.wanted };
    }
    for (const [key, work] of host.pending) known.set(key, await work);
  }
  throw new Error(WORDS.askedTooOften);
}

/** What the tool asks of its machine (cli/src/host/javascript.rs), for one run. */
class Host {
  answer;
  wanted = [];
  /** What WebCrypto was asked in this run: the question → a promise of the answer. */
  pending = new Map();
  said = '';
  #question;
  #documents;
  #known;
  #reply = NOTHING;

  constructor(question, documents, known) {
    this.#question = encoder.encode(question);
    this.#documents = documents;
    this.#known = known;
  }

  run() {
    const hear = ConsoleStdout.lineBuffered((line) => (this.said += `${line}\n`));
    const wasi = new WASI([], [], [hear, hear, hear]);
    const instance = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: wasi.wasiImport,
      portcullis: {
        ask: (at, length) => {
          const bytes = new Uint8Array(instance.exports.memory.buffer, at, length);
          const [head, body] = this.#replyTo(JSON.parse(decoder.decode(bytes)));
          const line = encoder.encode(`${JSON.stringify(head)}\n`);
          this.#reply = new Uint8Array(line.length + body.length);
          this.#reply.set(line);
          this.#reply.set(body, line.length);
          return this.#reply.length;
        },
        take: (at) => new Uint8Array(instance.exports.memory.buffer, at, this.#reply.length).set(this.#reply),
      },
    });
    wasi.start(instance);
  }

  /** A head, and bytes. */
  #replyTo(asked) {
    if ('question' in asked) return [{ is: null }, this.#question];
    if ('get' in asked) return this.#document(asked);
    if ('import' in asked) return [{ is: this.#known.get(this.#import(asked.import)) !== null }, NOTHING];
    if ('verify' in asked) return [{ is: this.#isValid(asked) }, NOTHING];
    this.answer = asked.answer;
    return [{ is: null }, NOTHING];
  }

  #document({ get: url, headers }) {
    const document = this.#documents[url];
    if (document?.body === undefined) {
      this.wanted.push({ url, accept: Object.fromEntries(headers).accept });
      return [{ problem: { code: '', message: document?.problem ?? WORDS.notFetchedYet } }, NOTHING];
    }
    return [{ is: { status: 200, etag: null, cache_control: null } }, document.body];
  }

  /** Has a key imported; gives its name among what is known. It counts as good until that is known. */
  #import(jwk) {
    const name = JSON.stringify(jwk);
    if (!this.#known.has(name) && !this.pending.has(name)) {
      this.pending.set(name, importKey(...jwk.map((part) => part ?? undefined)).catch(() => null));
    }
    return name;
  }

  /** Whether a signature is valid: no, until that is known. */
  #isValid({ verify: jwk, signature, signed }) {
    const key = this.#import(jwk);
    const name = `${key} ${signature} ${signed}`;
    if (!this.#known.has(name) && !this.pending.has(name)) {
      const bytes = [signature, signed].map(fromBase64url);
      const check = async () => verify(jwk[0], this.#known.get(key) ?? (await this.pending.get(key)), ...bytes);
      this.pending.set(name, check().catch(() => false));
    }
    return this.#known.get(name) ?? false;
  }
}

function fromBase64url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
