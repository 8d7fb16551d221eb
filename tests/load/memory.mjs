// What the gate's process and its isolate hold. What a process was given it hardly gives back, so its curve shows what
// was needed at the worst moment; the isolate tells what lives, and how large its wasm's memory is, which never shrinks.
// Miniflare has isolates of its own in the process, one of which carries all that the gate fetches and forwards. It lets
// garbage lie for minutes, so it is collected whenever memory is looked at; the gate's is left to itself.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const MIB = 1024 * 1024;
const GROUP = 'wasm';
/** The inspector is answered between requests. */
const PATIENCE = 20_000;

export class Memory {
  #pid;
  #inspector;
  /** Of the other isolates. */
  #others;
  /** The lists of all WebAssembly memories and tables. */
  #wasm;

  static async of({ pid, inspector }) {
    const memory = new Memory();
    memory.#pid = pid;
    memory.#inspector = await Inspector.at(inspector);
    await memory.#inspector.ask('Runtime.enable');
    memory.#others = await Promise.all((await targets(inspector)).filter((url) => url !== inspector).map(Inspector.at));
    return memory;
  }

  /** In MiB. `values` is how many places for JavaScript values the wasm has. An isolate that does not answer is left out. */
  async sample() {
    for (const other of this.#others) other.tell('HeapProfiler.collectGarbage');
    const resident = processMemory(this.#pid);
    try {
      return { ...resident, ...(await this.#isolateMemory()) };
    } catch (error) {
      console.error(`load: the inspector: ${error.message}`);
      this.#wasm = undefined;
      return resident;
    }
  }

  /** What lives: behind a full collection. */
  async live() {
    await this.#inspector.ask('HeapProfiler.collectGarbage').catch(() => {}); // then there is more than lives
    this.#wasm = undefined;
    return this.sample();
  }

  async #isolateMemory() {
    this.#wasm ??= await this.#findWasm();
    const [memories, tables] = this.#wasm;
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await this.#inspector.ask('Runtime.getHeapUsage');
    const bytes = await this.#inspector.call(memories, 'function () { return this.map((memory) => memory.buffer.byteLength); }');
    const lengths = await this.#inspector.call(tables, 'function () { return this.map((table) => table.length); }');
    await this.#inspector.ask('Runtime.discardConsoleEntries');
    return {
      heap: mib(usedSize + embedderHeapUsedSize),
      buffers: mib(backingStorageSize),
      wasm: mib(sum(bytes)),
      values: sum(lengths),
    };
  }

  close() {
    for (const inspector of [this.#inspector, ...this.#others]) inspector.close();
  }

  /** A panic replaces the instance, and with it both. */
  async #findWasm() {
    await this.#inspector.ask('Runtime.releaseObjectGroup', { objectGroup: GROUP });
    return Promise.all(['WebAssembly.Memory', 'WebAssembly.Table'].map((name) => this.#inspector.instances(name)));
  }
}

/** The inspectors of all isolates. */
async function targets(inspector) {
  const list = await (await fetch(new URL('/json', inspector.replace(/^ws/, 'http')))).json();
  return list.map(({ webSocketDebuggerUrl }) => webSocketDebuggerUrl);
}

/** Resident memory now and at its peak, in MiB. */
export function processMemory(pid) {
  if (process.platform !== 'linux') return { rss: Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)])) / 1024 };
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name) => round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) / 1024);
  return { rss: of('VmRSS'), peak: of('VmHWM') };
}

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const mib = (bytes) => round(bytes / MIB);
const round = (number) => Math.round(number * 100) / 100;

/** The part of Chrome's DevTools protocol that is needed. */
class Inspector {
  #socket;
  #last = 0;
  #waiting = new Map();
  /** The Worker's global scope. */
  #context;

  static async at(url) {
    const inspector = new Inspector();
    const socket = new WebSocket(url);
    inspector.#socket = socket;
    socket.onmessage = ({ data }) => inspector.#hear(JSON.parse(data));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error('the inspector does not answer'));
    });
    return inspector;
  }

  /** Without waiting: an isolate that has nothing to do answers later. */
  tell(method, params = {}) {
    this.#last += 1;
    this.#socket.send(JSON.stringify({ id: this.#last, method, params }));
    return this.#last;
  }

  async ask(method, params) {
    const { promise, resolve, reject } = Promise.withResolvers();
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), PATIENCE);
    this.#waiting.set(this.tell(method, params), { resolve, reject });
    return promise.finally(() => clearTimeout(timer));
  }

  /** The list of all instances of a class, there. */
  async instances(name) {
    const { result } = await this.ask('Runtime.evaluate', { expression: `${name}.prototype`, contextId: this.#context, objectGroup: GROUP });
    const { objects } = await this.ask('Runtime.queryObjects', { prototypeObjectId: result.objectId, objectGroup: GROUP });
    return objects.objectId;
  }

  /** What a function gives for an object, there. */
  async call(objectId, functionDeclaration) {
    return (await this.ask('Runtime.callFunctionOn', { objectId, functionDeclaration, returnByValue: true })).result.value;
  }

  close() {
    this.#socket.close();
  }

  #hear({ id, result, error, method, params }) {
    if (method === 'Runtime.executionContextCreated') this.#context = params.context.id;
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
  }
}
