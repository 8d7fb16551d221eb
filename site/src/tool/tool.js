// Asks the tool, which runs in a worker: one question at a time, and of each command only the latest that waits.

export class Tool {
  #worker;
  #asked; // the question that the worker has
  #waiting = new Map(); // command → question
  #last = 0;

  /** Loads the tool. What is asked before it is there waits. */
  static async load() {
    const tool = new Tool();
    const [module, source] = await Promise.all([compiled('workbench.wasm'), text('worker.js')]);
    // From a blob it has the page's own Content-Security-Policy, whoever serves the page.
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    tool.#worker = new Worker(url, { name: 'tool' });
    URL.revokeObjectURL(url);
    tool.#worker.onmessage = ({ data }) => tool.#hear(data);
    tool.#worker.onerror = ({ message }) => tool.#hear({ id: tool.#asked?.id, broken: message });
    tool.#worker.postMessage({ module });
    return tool;
  }

  /**
   * The answer to a question: `is`, `findings` or `problem` (cli/src/workbench), and `wanted`, the documents that the tool
   * lacked. Null if a later question of the command took its place.
   */
  ask(command, question, documents = {}) {
    return new Promise((resolve) => {
      this.#waiting.get(command)?.resolve(null);
      this.#last += 1;
      this.#waiting.set(command, { id: this.#last, question: JSON.stringify({ [command]: question }, wellFormed), documents, resolve });
      this.#next();
    });
  }

  #next() {
    if (this.#asked !== undefined || this.#waiting.size === 0) return;
    const [[command, asked]] = this.#waiting;
    this.#waiting.delete(command);
    this.#asked = asked;
    const { id, question, documents } = asked;
    this.#worker.postMessage({ id, question, documents });
  }

  #hear({ id, answer, wanted = [], broken }) {
    if (this.#asked?.id !== id) return;
    const { resolve } = this.#asked;
    this.#asked = undefined;
    resolve({ ...(broken === undefined ? answer : { problem: broken }), wanted });
    this.#next();
  }
}

/** JSON has no halves of characters, which a text may have. */
function wellFormed(_name, value) {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

async function compiled(path) {
  const response = await got(path);
  // Some servers do not know the media type of wasm, which compiling a stream needs.
  if (response.headers.get('content-type') === 'application/wasm') return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

async function text(path) {
  return (await got(path)).text();
}

async function got(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response;
}
