// A Chromium of one's own, told what to do over a pipe: the DevTools protocol, a JSON object and a zero byte a message.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const PATIENCE_MS = 30_000;
/** How often it is started at the most: it may end or say nothing at first, whatever the page is. */
const STARTS_MAX = 3;

export async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** What a promise comes to; an error when it comes to nothing. */
export async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never: ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Browser {
  #child;
  #home = mkdtempSync(join(tmpdir(), 'headwater-page-'));
  #asked = new Map();
  #last = 0;
  #rest = Buffer.alloc(0);
  /** Why it says nothing more. */
  #ended;
  /** What the page complained of. */
  faults = [];

  /** One that answers. */
  static async start(program) {
    for (let starts = 1; ; starts += 1) {
      const browser = new Browser(program);
      try {
        await browser.send('Browser.getVersion');
        return browser;
      } catch (error) {
        await browser.close();
        if (starts === STARTS_MAX) throw error;
      }
    }
  }

  /** Starts the program, whose libraries and fonts lie beside it. */
  constructor(program) {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-pipe'];
    const env = { ...process.env, LD_LIBRARY_PATH: join(dirname(program), 'lib'), HOME: this.#home };
    env.FONTCONFIG_FILE = join(dirname(program), 'fonts', 'fonts.conf');
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'];
    this.#child = spawn(program, [...flags, `--user-data-dir=${this.#home}/data`, 'about:blank'], { stdio, env });
    this.#child.stdio[3].on('error', () => {}); // It ended, which is heard of below.
    this.#child.stdio[4].on('data', (bytes) => this.#hear(bytes));
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('exit', (code, signal) => this.#end(new Error(`the browser ended with ${code ?? signal}`)));
  }

  #end(error) {
    this.#ended ??= error;
    for (const { reject } of this.#asked.values()) reject(error);
  }

  #hear(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let end = this.#rest.indexOf(0); end >= 0; end = this.#rest.indexOf(0)) {
      const said = JSON.parse(this.#rest.subarray(0, end).toString());
      this.#rest = this.#rest.subarray(end + 1);
      const asked = this.#asked.get(said.id);
      this.#asked.delete(said.id);
      if (asked) said.error ? asked.reject(new Error(said.error.message)) : asked.resolve(said.result);
      if (said.method === 'Runtime.exceptionThrown') this.faults.push(said.params.exceptionDetails.text);
      const entry = said.method === 'Log.entryAdded' ? said.params.entry : {};
      if (entry.level === 'error') this.faults.push(entry.text);
    }
  }

  send(method, params = {}) {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#last;
    const message = { id, method, params, ...(this.session && { sessionId: this.session }) };
    this.#child.stdio[3].write(`${JSON.stringify(message)}\0`);
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    return within(`an answer to ${method}`, answer);
  }

  /** Opens an address, and waits until it is loaded. */
  async open(url) {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    this.session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Accessibility']) await this.send(`${domain}.enable`);
    await this.send('Page.navigate', { url });
    const isLoaded = 'document.readyState === "complete" && location.href !== "about:blank"';
    await until('the page is loaded', () => this.value(isLoaded));
  }

  /** What an expression is in the page, as JSON. */
  async value(expression) {
    const said = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (said.exceptionDetails) throw new Error(`${expression}: ${said.exceptionDetails.exception?.description}`);
    return said.result.value;
  }

  /** The text of an element; nothing where it is not there. */
  text(selector) {
    return this.value(`document.querySelector(${JSON.stringify(selector)})?.textContent`);
  }

  /** Presses and releases a key, as a keyboard does. */
  async press(key, code = key, text = undefined) {
    const windowsVirtualKeyCode = { Tab: 9, Enter: 13, Space: 32 }[code];
    const event = { key, code, windowsVirtualKeyCode, text };
    await this.send('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', ...event });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event, text: undefined });
  }

  /** The tree that screen readers are given: role and name of each node that is not ignored. */
  async readerTree() {
    const { nodes } = await this.send('Accessibility.getFullAXTree');
    return nodes.filter((node) => !node.ignored).map((node) => [node.role?.value, node.name?.value ?? '']);
  }

  async close() {
    if (!this.#ended) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await within('its end', ended);
    }
    // Its helpers end a little later, and write until then.
    await until('its directory is gone', () => {
      try {
        rmSync(this.#home, { recursive: true, force: true });
        return true;
      } catch {
        return false;
      }
    });
  }
}
