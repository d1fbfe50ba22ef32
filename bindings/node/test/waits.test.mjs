// What waiting costs: no thread for a wait, no process kept alive by an engine that is closed, no event loop held up.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { environment } from './helpers.mjs';

/** What the program in `source` printed; it must end by itself, with code 0. */
async function run(source, type = 'module') {
  const options = { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: ['ignore', 'pipe', 'inherit'] };
  const child = spawn(process.execPath, [`--input-type=${type}`, '--eval', source], { ...options, timeout: 60_000 });
  let output = '';
  child.stdout.on('data', (data) => { output += data; });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, output);
  return output.trim();
}

test('10,000 pending waits run on at most 8 threads', async () => {
  // Loaded with require: to load modules, Node starts four threads of its own beside the seven that it always has.
  const output = await run(`
    const { readdirSync } = require('node:fs');
    const { temporary } = require('headwater');
    async function main() {
      const engine = temporary();
      const stream = await engine.createStream({ name: 's', subjects: 's.>', durability: 'os' });
      const waits = [];
      for (let i = 0; i < 10_000; i++) {
        waits.push(stream.subscribe({ deliverPolicy: 'new' }).next(1, { timeoutMs: 50_000 }));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      const threads = readdirSync('/proc/self/task').length;
      await stream.append('s.1', 'x');
      const records = (await Promise.all(waits)).flat();
      console.log(JSON.stringify([threads, records.length, records.every((r) => r.seq === 1n)]));
      await engine.close();
    }
    main();
  `, 'commonjs');
  const [threads, count, all] = JSON.parse(output);
  assert.equal(count, 10_000);
  assert.ok(all);
  assert.ok(threads <= 8, `${threads} threads`);
});

test('10,000 pending watches of state that merges run on at most 8 threads', async () => {
  const output = await run(`
    const { readdirSync } = require('node:fs');
    const { temporary } = require('headwater');
    async function main() {
      const engine = temporary();
      const store = await engine.crdt('app', { durability: 'os' });
      const waits = [];
      for (let i = 0; i < 10_000; i++) waits.push(store.watch('go').next(1, { timeoutMs: 50_000 }));
      await new Promise((resolve) => setTimeout(resolve, 50));
      const threads = readdirSync('/proc/self/task').length;
      await store.counter('go').incr();
      const changes = (await Promise.all(waits)).flat();
      console.log(JSON.stringify([threads, changes.length, changes.every(({ key }) => key === 'go')]));
      await engine.close();
    }
    main();
  `, 'commonjs');
  const [threads, count, all] = JSON.parse(output);
  assert.equal(count, 10_000);
  assert.ok(all);
  assert.ok(threads <= 8, `${threads} threads`);
});

test('10,000 pending requests to as many entities run on at most 8 threads', async () => {
  const output = await run(`
    const { readdirSync } = require('node:fs');
    const { memory } = require('headwater');
    async function main() {
      const engine = memory();
      const entities = await engine.entities();
      const open = [];
      const serving = entities.serve(class {
        static kind = 'counter';
        handle() {
          return new Promise((resolve) => open.push(resolve));
        }
      });
      const waits = [];
      for (let i = 0; i < 10_000; i++) waits.push(entities.request('counter', String(i), 'get'));
      while (open.length < 10_000) await new Promise((resolve) => setTimeout(resolve, 5));
      const threads = readdirSync('/proc/self/task').length;
      for (const resolve of open) resolve('x');
      const answers = await Promise.all(waits);
      console.log(JSON.stringify([threads, answers.length, answers.every((answer) => String(answer) === 'x')]));
      await entities.close();
      await serving;
      await engine.close();
    }
    main();
  `, 'commonjs');
  const [threads, count, all] = JSON.parse(output);
  assert.equal(count, 10_000);
  assert.ok(all);
  assert.ok(threads <= 8, `${threads} threads`);
});

test('requests that go on and on hold up no timer', async () => {
  const output = await run(`
    import { memory } from 'headwater';
    const engine = memory();
    const entities = await engine.entities();
    entities.serve(class {
      static kind = 'counter';
      handle() {}
    });
    let isLate = false;
    setTimeout(() => {
      isLate = true;
    }, 1);
    while (!isLate) await entities.request('counter', 'a', 'get');
    console.log('late');
    await engine.close();
  `);
  assert.equal(output, 'late');
});

test('a wait keeps the process alive until it is done', async () => {
  const output = await run(`
    import { temporary } from 'headwater';
    const engine = temporary();
    const stream = await engine.createStream({ name: 's' });
    for (let i = 0; i < 5; i++) await stream.append('s', 'x');
    console.log(String((await stream.info()).lastSeq));
    await engine.close();
  `);
  assert.equal(output, '5');
});

test('nothing keeps the process alive after close, nor without a wait', async () => {
  assert.equal(await run(`
    import { memory } from 'headwater';
    const engine = memory();
    const stream = await engine.createStream({ name: 's' });
    stream.subscribe().next().catch((error) => console.log(error.code));
    const consumer = await stream.createConsumer({ name: 'c' });
    consumer.next(1, { timeoutMs: 2 ** 31 - 1 }).catch((error) => console.log(error.code));
    await engine.close();
  `), 'ERR_HEADWATER_CLOSED\nERR_HEADWATER_CLOSED');
  assert.equal(await run(`
    import { memory } from 'headwater';
    const engine = memory();
    const stream = await engine.createStream({ name: 's' });
    stream.subscribe();
    console.log('end');
  `), 'end');
});

test('a wait that is never awaited does not hold up the event loop', async (t) => {
  const { streams: { s } } = await environment(t, { onDisk: true, streams: [{ name: 's' }] });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for (let i = 0; i < 100; i++) await s.append('s', 'x');
  await new Promise((resolve) => setTimeout(resolve, 20));
  clearInterval(timer);
  assert.ok(turns > 0);
});

test('handles are given back when nobody holds them', async () => {
  assert.equal(await run(`
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    import { memory } from 'headwater';
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    const engine = memory();
    const stream = await engine.createStream({ name: 's', subjects: 's.>', durability: 'os' });
    const pending = stream.subscribe().next(1);
    for (let i = 0; i < 2000; i++) stream.subscribe();
    for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
    await stream.append('s.1', 'x');
    console.log((await pending).length);
    await engine.close();
  `), '1');
});
