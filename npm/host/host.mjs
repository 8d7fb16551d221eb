// What the tool asks of its machine besides files (cli/src/host/node.rs): documents over HTTP, other programs, the
// width of the terminal. The tool waits for each answer, so nothing here may be asynchronous.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NOTHING = new Uint8Array();
const STANDARD_OUTPUT = 1;

/** Waits without doing anything else. */
export function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

export class Host {
  #answer = NOTHING;
  #network;
  /** What to run once the tool has ended, if it says so. */
  plan;

  /** The functions that the wasm imports. `memory` gives its memory, which moves when it grows. */
  imports(memory) {
    return {
      ask: (at, length) => {
        const question = JSON.parse(decoder.decode(new Uint8Array(memory(), at, length)));
        this.#answer = this.#answerTo(question);
        return this.#answer.length;
      },
      take: (at) => {
        new Uint8Array(memory(), at, this.#answer.length).set(this.#answer);
        this.#answer = NOTHING;
      },
    };
  }

  /** A line of JSON, then bytes. */
  #answerTo(question) {
    let [head, bytes] = [undefined, NOTHING];
    try {
      if ('get' in question) [head, bytes] = (this.#network ??= new Network()).get(question);
      else if ('run' in question) [head, bytes] = run(question);
      else if ('serve' in question) this.plan = question.serve;
      else head = columns();
      head = { is: head ?? null };
    } catch (error) {
      head = { problem: { code: String(error.code ?? ''), message: String(error.message) } };
    }
    return Buffer.concat([encoder.encode(`${JSON.stringify(head)}\n`), bytes]);
  }

  close() {
    this.#network?.close();
  }
}

/** Runs a program. With an input, what it prints goes to standard error. */
function run({ run: name, args, folder, without, input }) {
  const env = { ...process.env };
  delete env[without];
  if (input === null) return ended(name, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  // Node's pipes are sockets, which no program can open as /dev/stdin; a file is one on every platform.
  const place = mkdtempSync(join(tmpdir(), 'portcullis-'));
  try {
    const file = join(place, 'input');
    writeFileSync(file, input, { mode: 0o600 });
    return ended(name, args.map((arg) => (arg === '/dev/stdin' ? file : arg)), { cwd: folder, env, stdio: ['ignore', 2, 'inherit'] });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function ended(name, args, options) {
  // On Windows, npx is a batch file, which only a shell runs.
  const shell = process.platform === 'win32';
  const { status, signal, error, stdout } = spawnSync(name, args, { maxBuffer: Infinity, shell, ...options });
  if (error !== undefined) throw error;
  const how = status === null ? `signal: ${signal}` : `exit status: ${status}`;
  return [{ is_success: status === 0, status: how }, stdout ?? NOTHING];
}

function columns() {
  // Elsewhere than on a terminal, `process.stdout` makes the pipe that it stands for non-blocking.
  return isatty(STANDARD_OUTPUT) ? process.stdout.columns : null;
}

/** The network: a thread that waits for responses while this one waits for the thread. */
class Network {
  #flag = new Int32Array(new SharedArrayBuffer(4));
  #port;
  #thread;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#thread = new Worker(new URL('network.mjs', import.meta.url), {
      workerData: { port: port2, flag: this.#flag },
      transferList: [port2],
    });
    this.#thread.unref();
    port1.unref();
  }

  get(question) {
    Atomics.store(this.#flag, 0, 0);
    this.#port.postMessage(question);
    Atomics.wait(this.#flag, 0, 0);
    const { message } = receiveMessageOnPort(this.#port);
    if (message.problem) throw Object.assign(new Error(message.problem.message), message.problem);
    return [message.head, message.body];
  }

  close() {
    this.#thread.terminate();
    this.#port.close();
  }
}
