// The page of a node in a real browser: what it shows as people come and go, in light and dark, by the keyboard, and to
// a screen reader. HEADWATER is the command, CHROMIUM the browser.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Browser, until, within } from './browser.mjs';

const { HEADWATER, CHROMIUM } = process.env;
const SECRET = 'a secret of thirty-two bytes, or more';
const dir = mkdtempSync(join(tmpdir(), 'headwater-page-'));
const env = { ...process.env, JWT_SECRET: SECRET };
let node, url, admin, browser;

/** Starts the node, at the port that it had before if there was one. */
async function serve(bind) {
  writeFileSync(join(dir, 'p.toml'), `dir = "data"
[presence]
grace = "1s"
[http]
bind = "${bind}"
[auth]
jwt_secret = "\${JWT_SECRET}"
`);
  const stdio = ['ignore', 'pipe', 'inherit'];
  node = spawn(HEADWATER, ['serve', '--config', 'p.toml', '--json'], { cwd: dir, env, stdio });
  const line = await within('the line of the node', new Promise((resolve, reject) => {
    let said = '';
    node.stdout.on('data', (bytes) => {
      said += bytes;
      if (said.includes('\n')) resolve(said.split('\n')[0]);
    });
    node.on('exit', (code) => reject(new Error(`the node ended with ${code}`)));
  }));
  url = JSON.parse(line).http;
}

async function end() {
  const ended = once(node, 'exit');
  node.kill('SIGTERM');
  await within('the end of the node', ended);
}

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${admin}`, 'content-type': 'application/json' };
  const answer = fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const told = await within(`an answer to ${method} ${path}`, answer.then((answer) => answer.json()));
  assert.equal(told.success, true, `${method} ${path}: ${told.error}`);
}

const set = (user, body) => ask('PUT', `/api/v2/presence/${encodeURIComponent(user)}`, body);
const leave = (user) => ask('DELETE', `/api/v2/presence/${encodeURIComponent(user)}`);
const shown = () => browser.value('[...document.querySelectorAll("#users li")].map((li) => li.textContent)');
const count = (name) => browser.text(`#count-${name}`);

before(async () => {
  await serve('127.0.0.1:0');
  const args = ['token', '--secret-env', 'JWT_SECRET', '--subject', 'ops', '--scope', 'presence:admin'];
  admin = execFileSync(HEADWATER, args, { env }).toString().trim();
  browser = await Browser.start(CHROMIUM);
  await browser.open(`${url}/`);
  await until('it watches', async () => (await browser.text('#state')) === 'Watching default');
});

after(async () => {
  const isRunning = node?.exitCode === null && node.signalCode === null;
  const ends = await Promise.allSettled([isRunning && end(), browser?.close()]);
  // Nothing ends while one of its children runs.
  node?.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
  for (const { reason } of ends) if (reason) throw reason;
});

test('who comes, changes and leaves is shown as it happens', async () => {
  assert.equal(await browser.text('#users-more'), 'Nobody is here.');
  await set('alice', { status: 'busy', message: 'in a call', device: 'laptop' });
  await until('alice is there', async () => (await shown()).join() === 'busyalicein a call');
  await set('bob', { status: 'online' });
  await until('bob is there', async () => (await shown()).length === 2);
  assert.deepEqual([await count('users'), await count('busy'), await count('online')], ['2', '1', '1']);
  assert.equal(await count('sessions'), '2');
  const events = await browser.value('[...document.querySelectorAll("#events span")].map((it) => it.textContent)');
  assert.deepEqual(events, ['bob joined: online', 'alice joined: busy (in a call)']);
  await set('bob', { status: 'away' });
  await until('bob is away', async () => (await count('away')) === '1');
  await leave('bob');
  await until('bob is gone', async () => (await shown()).length === 1);
  const bars = async (kind) => {
    const all = `[...document.querySelectorAll("#graph rect.${kind}")]`;
    return Math.max(...(await browser.value(`${all}.map((it) => Number(it.getAttribute("height")))`)));
  };
  assert.ok((await bars('joined')) > 0 && (await bars('left')) > 0, 'the graph has both');
  const told = '2 joined (above the line) and 1 left (below it) in the last 5 minutes.';
  assert.equal(await browser.text('#graph-text'), told);
});

test('the keyboard reaches a user, and chooses one', async () => {
  const focused = () => browser.value('document.activeElement.className + " " + document.activeElement.textContent');
  await browser.press('Tab');
  assert.equal(await focused(), 'skip Skip to the users', 'who wants to is past the head at once');
  for (let presses = 0; !(await focused()).includes('alice'); presses += 1) {
    assert.ok(presses < 12, `the keyboard is at ${await focused()}`);
    await browser.press('Tab');
  }
  const outline = await browser.value('getComputedStyle(document.activeElement).outlineStyle');
  assert.equal(outline, 'solid', 'it is seen where the keyboard is');
  await browser.press('Enter', 'Enter', '\r');
  await until('the sessions are shown', async () => (await browser.text('#sessions-of')) === 'Of alice');
  const row = await browser.value('[...document.querySelectorAll("#sessions tbody td")].map((it) => it.textContent)');
  assert.deepEqual(row.slice(0, 4), ['default', 'busy', 'in a call', 'laptop']);
  await set('alice', { status: 'online', message: 'back' });
  await until('it changes', async () => (await browser.text('#sessions tbody .status')) === 'online');
  assert.match(await focused(), /alice/, 'the keyboard did not lose its place');
  assert.equal(await browser.value('document.activeElement.getAttribute("aria-pressed")'), 'true');
});

test('a screen reader is told what everything is', async () => {
  const tree = await browser.readerTree();
  const has = (role, name) => tree.some(([r, n]) => r === role && (name instanceof RegExp ? name.test(n) : n === name));
  for (const [role, name] of [
    ['heading', 'Who is here'], ['heading', 'Counts'], ['heading', 'Users'], ['heading', 'Events'],
    ['textbox', 'Token'], ['button', 'Watch'], ['searchbox', 'Find'], ['status', ''],
    ['image', /joined \(above the line\)/], ['button', /online.*alice.*back/], ['columnheader', 'Device'],
  ]) {
    assert.ok(has(role, name), `${role} ${name} in ${JSON.stringify(tree)}`);
  }
  assert.ok(tree.some(([role, name]) => role === 'combobox' && name === 'Space'), 'the space has suggestions');
});

/** Contrast of two colours, as WCAG 2 has it. */
function contrast(one, other) {
  const light = (colour) => {
    const [r, g, b] = colour.match(/\d+(\.\d+)?/g).slice(0, 3).map((it) => it / 255)
      .map((it) => (it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

test('light and dark are both read easily', async () => {
  await set('eve', { status: 'away' });
  await set('kim', { status: 'busy' });
  await until('they are there', async () => (await shown()).length === 3);
  const backs = [];
  for (const scheme of ['light', 'dark']) {
    await browser.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    const what = '#users .status, dt, dd, p, h2, #events time';
    const colours = await browser.value(`[...document.querySelectorAll("${what}")].map((it) => {
      let back = it;
      while (getComputedStyle(back).backgroundColor === "rgba(0, 0, 0, 0)") back = back.parentElement;
      return [it.textContent, getComputedStyle(it).color, getComputedStyle(back).backgroundColor];
    })`);
    assert.ok(colours.length > 20);
    for (const [what, front, back] of colours) {
      assert.ok(contrast(front, back) >= 4.5, `${scheme}: '${what}' is ${front} on ${back}: ${contrast(front, back)}`);
    }
    backs.push(await browser.value('getComputedStyle(document.body).backgroundColor'));
  }
  assert.ok(contrast(...backs) > 10, `light and dark are ${backs}`);
});

test('a name is text, whatever is in it', async () => {
  const name = '<img src=x onerror=alert(1)>"\'&';
  await set(name, { status: 'online', message: '<b>bold</b>' });
  await until('it is there', async () => (await shown()).some((text) => text === `online${name}<b>bold</b>`));
  assert.equal(await browser.value('document.querySelectorAll("li img, li b").length'), 0);
  await leave(name);
});

test('a page that lost its node goes on when it is back', async () => {
  assert.deepEqual(browser.faults, [], 'nothing was wrong so far');
  const bind = url.replace('http://', '');
  await end();
  await until('it says so', async () => (await browser.text('#state')) !== 'Watching default');
  await serve(bind);
  await until('it watches again', async () => (await browser.text('#state')) === 'Watching default');
  await set('tim', { status: 'online' });
  await until('tim is there', async () => (await shown()).some((text) => text === 'onlinetim'));
  assert.ok((await shown()).some((text) => text.startsWith('onlinealice')), 'leases outlive the node');
});
