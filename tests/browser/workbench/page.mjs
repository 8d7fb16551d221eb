// The workbench in a browser, for its tests and pictures: what a reader does, and what the reader sees.

import { startBrowser } from '../browser.mjs';

const PATIENCE_MS = 20_000;
/** Without what browsers do on their own. */
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps'];

/** A browser for the workbench at an address. With a `proxy`, all of its requests go there, those to loopback too. */
export class Workbench {
  #browser;
  #url;

  static async start(url, { proxy } = {}) {
    const workbench = new Workbench();
    workbench.#url = url;
    const through = proxy === undefined ? [] : [`--proxy-server=${proxy}`, '--proxy-bypass-list=<-loopback>'];
    workbench.#browser = await startBrowser([...QUIET, ...through]);
    return workbench;
  }

  /** Opens the page, and waits until it shows a decision. */
  async open({ width = 1280, height = 900, scheme = 'light', fragment = '', url = this.#url } = {}) {
    const problems = [];
    const prepare = async (ask) => {
      await ask('Runtime.enable');
      await ask('Log.enable');
      await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
      await ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    };
    const hear = (method, params) => {
      if (method === 'Runtime.exceptionThrown') problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
      if (method === 'Log.entryAdded' && params.entry.level === 'error') problems.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    };
    const page = new Page(await this.#browser.page(`${url}/${fragment}`, { prepare, hear }), problems);
    await page.until(() => document.querySelector('#decision [role=status]') !== null);
    await page.settled();
    return page;
  }

  close() {
    return this.#browser.close();
  }
}

class Page {
  #page;

  /** `problems` are errors that the browser reports: exceptions, and what the page's policy forbids. */
  constructor(page, problems) {
    this.#page = page;
    this.problems = problems;
  }

  /** What a function gives in the page. */
  run(work, ...args) {
    return this.#page.run(work, ...args);
  }

  /** Waits until a function is true in the page. */
  async until(work, ...args) {
    const end = Date.now() + PATIENCE_MS;
    while (!(await this.run(work, ...args))) {
      if (Date.now() > end) throw new Error(`not in time: ${work} ${JSON.stringify(args)}; the page shows\n${await this.text('body')}\n${this.problems.join('\n')}`);
      await new Promise((done) => setTimeout(done, 25));
    }
  }

  /** Waits until the page shows the answers to what is in it. */
  async settled() {
    // What was done is drawn, and then what follows from it.
    await this.run(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(done)))));
    await this.until(() => document.querySelector('main').ariaBusy === 'false');
    await this.run(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  }

  text(selector) {
    return this.run((selector) => document.querySelector(selector)?.innerText ?? '', selector);
  }

  /** The decision in words. */
  async decision() {
    await this.settled();
    return this.text('#decision [role=status]');
  }

  /** Chooses what file the policy is, by its name in the list. */
  async syntax(name) {
    await this.run((name) => {
      const select = document.querySelector('.bar select');
      select.value = [...select.options].find(({ text }) => text === name).value;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }, name);
    await this.settled();
  }

  /** Chooses an example by its title. */
  async choose(title) {
    await this.run((title) => {
      const select = [...document.querySelectorAll('.request select')][0];
      select.value = [...select.options].find(({ text }) => text === title).value;
      select.dispatchEvent(new Event('change', { bubbles: true }));
    }, title);
    await this.settled();
  }

  /** Chooses one of a group, by the words beside it. */
  async pick(words) {
    await this.run((words) => [...document.querySelectorAll('label')].find((label) => label.innerText.trim() === words).querySelector('input').click(), words);
    await this.settled();
  }

  /** Selects the tab whose title begins so. */
  async tab(title) {
    await this.run((title) => [...document.querySelectorAll('[role=tab]')].find((tab) => tab.innerText.startsWith(title)).click(), title);
    await this.settled();
  }

  async press(button) {
    await this.run((button) => [...document.querySelectorAll('button')].find(({ innerText }) => innerText.startsWith(button)).click(), button);
    await this.settled();
  }

  /** Writes into a field in the place of what is there, by the words of its label, as a keyboard does. */
  async write(label, text) {
    await this.run((label) => {
      const field = [...document.querySelectorAll('label')].find(({ innerText }) => innerText.trim().startsWith(label)).querySelector('input, textarea');
      field.focus();
      field.select();
    }, label);
    await this.insert(text);
    await this.settled();
  }

  /** Focuses an editor by its name, with everything in it selected, or the cursor at the end. */
  async focusEditor(label, { atEnd = false } = {}) {
    await this.run((label) => {
      const hosts = [...document.querySelectorAll('.editor')];
      hosts.map((host) => host.shadowRoot.querySelector('.cm-content')).find((content) => content.getAttribute('aria-label') === label).focus();
    }, label);
    await this.key('a', { control: true });
    if (atEnd) await this.key('End', { control: true });
  }

  /** Replaces the policy by what a function makes of it. */
  async replacePolicy(change) {
    const before = await this.policy();
    await this.focusEditor('The policy');
    await this.insert(change(before));
    await this.settled();
  }

  /** The text of the policy, as far as the editor draws it. */
  policy() {
    return this.run(() => {
      const root = document.querySelector('.editor.tall').shadowRoot;
      return root.querySelector('.cm-content').cmTile.view.state.doc.toString();
    });
  }

  /** What the editor of the policy underlines: `[text, severity]`. */
  underlined() {
    return this.run(() => {
      const root = document.querySelector('.editor.tall').shadowRoot;
      return [...root.querySelectorAll('.cm-lintRange')].map((range) => [range.textContent, range.className.replace(/.*lintRange-(\w+).*/, '$1')]);
    });
  }

  /** Puts the cursor of the policy at an offset. */
  place(offset) {
    return this.run((offset) => {
      const { view } = document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-content').cmTile;
      view.dispatch({ selection: { anchor: offset } });
    }, offset);
  }

  /** Draws the end of the policy. */
  async scrollToEnd() {
    await this.focusEditor('The policy', { atEnd: true });
    await this.settled();
  }

  /** Goes down the list of completions to the one of this name. */
  async option(name) {
    const selected = () => document.querySelector('.editor.tall').shadowRoot.querySelector('.cm-tooltip-autocomplete [aria-selected] .cm-completionLabel')?.textContent;
    for (let turn = 0; turn < 20 && (await this.run(selected)) !== name; turn += 1) {
      await new Promise((done) => setTimeout(done, 100));
      await this.key('ArrowDown');
    }
  }

  /** Text from the keyboard. */
  insert(text) {
    return this.#page.ask('Input.insertText', { text });
  }

  /** A key, pressed and released. */
  async key(key, { control = false, shift = false } = {}) {
    const codes = { Tab: 9, Enter: 13, Escape: 27, ' ': 32, End: 35, Home: 36, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 };
    const modifiers = (control ? 2 : 0) + (shift ? 8 : 0);
    const code = codes[key] ?? key.toUpperCase().charCodeAt(0);
    const text = !control && (key.length === 1 || key === 'Enter') ? (key === 'Enter' ? '\r' : key) : undefined;
    const event = { key: shift && key.length === 1 ? key.toUpperCase() : key, modifiers, windowsVirtualKeyCode: code, code: key.length === 1 && key !== ' ' ? `Key${key.toUpperCase()}` : key === ' ' ? 'Space' : key, text };
    await this.#page.ask('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', ...event });
    await this.#page.ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event, text: undefined });
  }

  /** Runs a script in the page, whatever the page's policy says of scripts. */
  async inject(source) {
    await this.#page.ask('Runtime.evaluate', { expression: source });
  }

  /** The window as a picture. */
  async picture() {
    const { data } = await this.#page.ask('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data, 'base64');
  }
}
