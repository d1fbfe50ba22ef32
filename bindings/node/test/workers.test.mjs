// Workers: each loads the package by itself, shares engines by key, and may be ended at any time.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { attach } from 'headwater';
import { environment, rejects, throws } from './helpers.mjs';

function start(source, workerData) {
  const url = new URL(`data:text/javascript,${encodeURIComponent(`
    import { createRequire } from 'node:module';
    import { parentPort, workerData } from 'node:worker_threads';
    const { attach, memory } = createRequire(workerData.base)('headwater');
    ${source}
  `)}`);
  return new Worker(url, { workerData: { ...workerData, base: import.meta.url } });
}

test('workers append to one shared engine', async (t) => {
  const { engine, streams: { s } } = await environment(t, {
    onDisk: true, streams: [{ name: 's', subjects: 's.>' }],
  });
  const key = engine.share();
  assert.equal(engine.share(), key);
  const live = s.subscribe();
  const workers = [1, 2, 3].map((number) => start(`
    const stream = await attach(workerData.key).stream('s');
    for (let i = 0; i < 100; i++) await stream.append('s.' + workerData.number, String(i));
  `, { key, number }));
  const ends = workers.map((worker) => once(worker, 'exit'));
  const seen = { 's.1': 0, 's.2': 0, 's.3': 0 };
  let next = 1n;
  for await (const record of live.items({ signal: AbortSignal.timeout(30_000) })) {
    assert.equal(record.seq, next++);
    assert.equal(record.text(), String(seen[record.subject]++));
    if (record.seq === 300n) break;
  }
  assert.deepEqual((await Promise.all(ends)).map(([code]) => code), [0, 0, 0]);
  await engine.close();
  throws(() => attach(key), 'not_found');
  throws(() => attach(-1n), 'invalid');
});

test('an engine that a worker closes is closed for all', async (t) => {
  const { engine, streams: { s } } = await environment(t, { streams: [{ name: 's' }] });
  const wait = rejects(s.subscribe().next(), 'closed');
  await once(start('await attach(workerData.key).close();', { key: engine.share() }), 'exit');
  await wait;
  await rejects(s.append('s', 'x'), 'closed');
});

test('a worker that is ended in the middle of its waits harms nobody', async (t) => {
  const { engine, streams: { s } } = await environment(t, { streams: [{ name: 's', durability: 'os' }] });
  for (let round = 0; round < 5; round++) {
    const worker = start(`
      const stream = await attach(workerData.key).stream('s');
      for (let i = 0; i < 100; i++) stream.subscribe({ deliverPolicy: 'new' }).next().catch(() => {});
      const own = memory();
      (await own.createStream({ name: 'x' })).subscribe().next().catch(() => {});
      parentPort.postMessage('waiting');
      setInterval(() => {}, 1000);
    `, { key: engine.share() });
    await once(worker, 'message');
    const ending = worker.terminate();
    for (let i = 0; i < 50; i++) await s.append('s', 'wakes them all');
    await ending;
  }
  assert.equal((await s.info()).lastSeq, 250n);
});

test('a process whose workers alone load the package outlives them', async () => {
  const worker = `
    const { temporary } = require('headwater');
    (async () => {
      const engine = temporary();
      const stream = await engine.createStream({ name: 's', durability: 'interval', syncIntervalMs: 1 });
      await stream.append('s', 'x');
      stream.subscribe().next().catch(() => {});
      (await engine.createPoints({ name: 'p' })).query({ filters: '>', aggregates: ['count'] });
      process.exit(0);
    })();
  `;
  const source = `
    import { Worker } from 'node:worker_threads';
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] });
      await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    }
    console.log('alive');
  `;
  const options = { cwd: fileURLToPath(new URL('..', import.meta.url)), timeout: 60_000 };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], options);
  assert.equal(stdout, 'alive\n');
});
