// A headless browser, by Chrome's DevTools protocol: as much of it as the tests need.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { environment } from '../../scripts/chromium.mjs';

/** Hosts under `.test` are on this machine. */
const RULES = '--host-resolver-rules=MAP *.test 127.0.0.1';
// The pages are our own, and a sandbox needs what root and many containers do not have.
const FLAGS = ['--headless', '--no-sandbox', '--no-zygote', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0', RULES];

/** Starts the browser that CHROME_PATH names (see scripts/browser.mjs), with a profile that goes away with it. */
export async function startBrowser(flags = []) {
  const profile = mkdtempSync(join(tmpdir(), 'portcullis-browser-'));
  const { CHROME_PATH: path, CHROME_LIBRARIES: libraries } = process.env;
  const env = environment({ libraries });
  const child = spawn(path, [...FLAGS, ...flags, `--user-data-dir=${profile}`, 'about:blank'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
  const browser = new Browser(await connected(await endpoint(child)));
  browser.close = async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return browser;
}

/** Where the browser listens, which it says when it does. */
function endpoint(child) {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
      const url = /DevTools listening on (ws:\S+)/.exec(log)?.[1];
      if (url) resolve(url);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`the browser ended:\n${log}`)));
  });
}

async function connected(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error('the browser does not answer'));
  });
  return socket;
}

class Browser {
  #socket;
  #last = 0;
  #asked = new Map(); // id → resolvers
  #heard = new Map(); // session → listener of its events

  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
  }

  #receive({ id, result, error, sessionId, method, params }) {
    if (id === undefined) return this.#heard.get(sessionId)?.(method, params);
    const { resolve, reject } = this.#asked.get(id);
    this.#asked.delete(id);
    return error ? reject(new Error(error.message)) : resolve(result);
  }

  ask(method, params = {}, sessionId = undefined) {
    const answer = Promise.withResolvers();
    this.#last += 1;
    this.#asked.set(this.#last, answer);
    this.#socket.send(JSON.stringify({ id: this.#last, method, params, sessionId }));
    return answer.promise;
  }

  /**
   * A page of a browser context of its own: no cookies, no cache, no preflights of before. `prepare` may ask for more of it
   * before it loads, and `hear` is told its events.
   */
  async page(url, { prepare, hear } = {}) {
    const { browserContextId } = await this.ask('Target.createBrowserContext');
    const { targetId } = await this.ask('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.ask('Target.attachToTarget', { targetId, flatten: true });
    const ask = (method, params) => this.ask(method, params, sessionId);
    const page = { preflights: [], ask, run: (work, ...args) => evaluate(ask, work, args) };
    const loaded = Promise.withResolvers();
    this.#heard.set(sessionId, (method, params) => {
      if (method === 'Page.loadEventFired') loaded.resolve();
      hear?.(method, params);
      if (method === 'Network.requestWillBeSent' && params.request.method === 'OPTIONS') page.preflights.push(params.request.url);
    });
    await ask('Network.enable');
    await ask('Page.enable');
    await prepare?.(ask);
    await ask('Page.navigate', { url });
    await loaded.promise;
    return page;
  }
}

/** What a function gives in the page; it sees its arguments and the page, and nothing of here. */
async function evaluate(ask, work, args) {
  const expression = `(${work})(...${JSON.stringify(args)})`;
  const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
