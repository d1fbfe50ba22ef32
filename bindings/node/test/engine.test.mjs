// The engine: opening and closing, streams by name, copies, what it reports, and the test environment.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import * as hw from 'headwater';
import { HeadwaterError, memory, open, openSync, restore, temporary, testEnvironment, verify } from 'headwater';
import { environment, rejects, scratch, throws } from './helpers.mjs';

test('what was appended is there after the directory is opened again', async () => {
  const dir = await scratch();
  const engine = await open(pathToFileURL(dir));
  assert.equal(engine.dir, dir);
  assert.equal(typeof engine.id, 'bigint');
  const stream = await engine.createStream({ name: 'orders', subjects: ['orders.>'] });
  assert.deepEqual(await stream.append('orders.1', 'first'), {
    seq: 1n, count: 1, duplicate: false, durability: 'fsync',
  });
  await engine.close();
  await engine.close();

  const again = openSync(dir);
  assert.equal(again.id, engine.id);
  assert.notEqual(again.epoch, engine.epoch);
  const record = await (await again.stream('orders')).get(1);
  assert.equal(record.text(), 'first');
  again.closeSync();
});

test('records read the same with any cache', async () => {
  const dir = await scratch();
  const engine = await open(dir);
  const stream = await engine.createStream({ name: 's', subjects: ['s.>'], durability: 'os' });
  for (let n = 0; n < 300; n += 1) await stream.append(`s.${n % 30}`, Buffer.alloc(300, n));
  await engine.close();
  for (const cacheBytes of [undefined, 0, 1n << 20n]) {
    const again = await open(dir, cacheBytes === undefined ? {} : { cacheBytes });
    const records = await again.stream('s');
    for (let n = 270; n < 300; n += 1) {
      const last = await records.last(`s.${n % 30}`);
      assert.equal(last.seq, BigInt(n + 1));
      assert.ok(last.payload.every((byte) => byte === n % 256));
    }
    await again.close();
  }
  await rejects(open(dir, { cacheBytes: -1 }), 'invalid');
});

test('a directory has one owner, and readers beside it', async () => {
  const dir = await scratch();
  const engine = await open(dir);
  const stream = await engine.createStream({ name: 'a', durability: 'os' });
  await rejects(open(dir), 'busy');
  throws(() => openSync(dir), 'busy');
  await rejects(open(dir, { node: 'never' }), 'busy');
  await rejects(open(dir, { node: 'only' }), 'not_found');
  await rejects(open(dir, { node: 'perhaps' }), 'invalid');
  assert.equal(engine.isThroughNode, false);
  await stream.append('a', 'x');
  const reader = await open(dir, { readOnly: true });
  assert.equal(reader.epoch, 0n);
  assert.equal((await (await reader.stream('a')).last('a')).text(), 'x');
  await rejects((await reader.stream('a')).append('a', 'y'), 'unsupported', 'invalid');
  await reader.close();
  await engine.close();
});

test('a directory that cannot be opened says why', async () => {
  const dir = await scratch();
  await rejects(open(join(dir, 'missing'), { create: false }), 'not_found');
  const file = join(dir, 'file');
  await writeFile(file, 'text');
  await assert.rejects(open(file), HeadwaterError);
  await rejects(open(dir, { createIfMissing: true }), 'invalid');
  assert.equal((await rejects(open(dir, { signal: AbortSignal.abort() }), 'timeout')).name, 'AbortError');
  await rejects(open(7), 'invalid');
});

test('streams are made, listed, changed and removed', async (t) => {
  const { engine } = await environment(t);
  const config = { name: 'a', subjects: 'a.>', maxMsgs: 2, maxAgeMs: 86_400_000.5, durability: 'os', discard: 'new' };
  const stream = await engine.createStream(config);
  assert.equal(stream.name, 'a');
  const { config: kept } = await stream.info();
  assert.deepEqual(kept.subjects, ['a.>']);
  assert.equal(kept.maxMsgs, 2n);
  assert.equal(kept.maxAgeMs, 86_400_000.5);
  assert.equal(kept.discard, 'new');
  assert.deepEqual(await engine.createStream(kept).then((same) => same.config), kept);
  await rejects(engine.createStream({ ...config, maxMsgs: 3 }), 'conflict');
  const changed = await engine.updateStream({ ...config, maxMsgs: 3n });
  assert.equal(changed.config.maxMsgs, 3n);
  assert.deepEqual((await engine.streams()).map((info) => info.config.name), ['a']);
  await engine.deleteStream('a');
  await rejects(engine.stream('a'), 'not_found');
});

test('a configuration with a wrong name or type is refused by that name', async (t) => {
  const { engine } = await environment(t);
  const refused = async (config, word) => {
    const error = await rejects(engine.createStream(config), 'invalid');
    assert.match(error.message, word);
  };
  await refused({ name: 'a', maxAge: 5 }, /no field 'maxAge'/);
  await refused({ name: 'a', maxMsgs: -1 }, /maxMsgs/);
  await refused({ name: 'a', maxMsgs: 2 ** 53 }, /maxMsgs/);
  await refused({ name: 'a', maxMsgs: 2n ** 64n }, /maxMsgs/);
  await refused({ name: 'a', maxMsgs: 1.5 }, /maxMsgs/);
  await refused({ name: 'a', maxAgeMs: Infinity }, /maxAgeMs/);
  await refused({ name: 'a', durability: 'maybe' }, /durability/);
  await refused({ name: 'a', compression: 'rar' }, /compression/);
  await refused({ name: 7 }, /name/);
  await refused({ name: 'a.b' }, /name/);
  await refused(null, /stream/);
});

test('a backup of a live engine is restored and verified', async () => {
  const dir = await scratch();
  const engine = await open(join(dir, 'live'));
  const stream = await engine.createStream({ name: 'a', durability: 'os' });
  for (let i = 0; i < 100; i++) await stream.append('a', `record ${i}`);
  const heard = [];
  const bytes = await engine.backup(join(dir, 'copy'), { onProgress: (done, total) => heard.push([done, total]) });
  assert.ok(bytes > 0n);
  assert.ok(heard.every(([done, total]) => done <= total));
  await engine.close();
  assert.ok((await restore(join(dir, 'copy'), join(dir, 'back'))) > 0n);
  const report = await verify(join(dir, 'back'));
  assert.equal(report.streams, 1n);
  assert.equal(report.records, 100n);
  assert.deepEqual(report.damage, []);
  const back = await open(join(dir, 'back'));
  assert.equal((await (await back.stream('a')).last('a')).text(), 'record 99');
  await back.close();
  await rejects(verify(join(dir, 'nowhere')), 'not_found');
});

test('metrics and logs are there', async (t) => {
  const { engine, streams } = await environment(t, { streams: [{ name: 'a' }] });
  await streams.a.append('a', 'x');
  const metrics = engine.metrics();
  assert.ok(metrics.length > 0);
  for (const metric of metrics) {
    assert.match(metric.name, /^headwater_/);
    assert.equal(typeof metric.value, 'number');
    assert.equal(typeof metric.counter, 'boolean');
  }
  assert.ok(metrics.some((metric) => Object.values(metric.labels).includes('a')));
  for (const line of engine.logs()) {
    assert.equal(typeof line.time, 'bigint');
    assert.ok(['error', 'warn', 'info', 'debug'].includes(line.level));
  }
});

test('the log can be waited for', async () => {
  const dir = await scratch();
  const made = await open(dir);
  await (await made.createStream({ name: 's' })).append('s', 'kept');
  await made.close();
  await appendFile(join(dir, 'streams', 's', '0000000000000000.seg'), 'torn');
  const engine = await open(dir);
  await rejects(engine.nextLogs(10, { timeoutMs: 10 }), 'timeout');
  const next = engine.nextLogs(10, { timeoutMs: 10_000 });
  await engine.stream('s');
  assert.deepEqual((await next).map((line) => line.level), ['warn']);
  assert.deepEqual(engine.logs(), []);
  const last = rejects(engine.nextLogs(), 'closed');
  await engine.close();
  await last;
});

test('a copy that is aborted leaves nothing, and can be made again', async () => {
  const dir = await scratch();
  const engine = await open(join(dir, 'data'));
  const stream = await engine.createStream({ name: 's' });
  for (let i = 0; i < 16; i++) await stream.append('s', Buffer.alloc(4 << 20, 7));
  const copy = join(dir, 'copy');
  const abort = new AbortController();
  const heard = [];
  const onProgress = (done, total) => {
    heard.push([done, total]);
    abort.abort(new Error('enough'));
  };
  const error = await rejects(engine.backup(copy, { signal: abort.signal, onProgress }), 'timeout');
  assert.deepEqual([error.name, error.cause.message, heard.length], ['AbortError', 'enough', 1]);
  assert.ok(!existsSync(copy));
  await rejects(engine.backup(copy, { timeoutMs: 1 }), 'timeout');
  assert.ok(!existsSync(copy));
  await engine.backup(copy);
  assert.equal((await verify(copy)).records, 16n);
  await rejects(verify(copy, { timeoutMs: 0 }), 'timeout');
  await engine.close();
});

test('after close everything answers closed', async () => {
  const engine = memory();
  const stream = await engine.createStream({ name: 'a' });
  const consumer = await stream.createConsumer({ name: 'c' });
  const bucket = await engine.createBucket({ bucket: 'b' });
  const points = await engine.createPoints({ name: 'p' });
  const subscription = stream.subscribe();
  const waits = [subscription.next(), consumer.next(), bucket.watch({ updatesOnly: true }).next()];
  // They may end before the close is told of, so somebody has to listen by then.
  const ended = Promise.all(waits.map((wait) => rejects(wait, 'closed')));
  await engine.close();
  await ended;
  await rejects(stream.append('a', 'x'), 'closed');
  await rejects(stream.append('a', 'x', { msgId: '1' }), 'closed');
  throws(() => stream.appendSync('a', 'x'), 'closed');
  await rejects(stream.appendBatch([{ subject: 'a' }]), 'closed');
  await rejects(stream.last('a'), 'closed');
  await rejects(stream.read(), 'closed');
  await rejects(stream.info(), 'closed');
  throws(() => stream.subscribe().tryNext(), 'closed');
  throws(() => subscription.tryNext(), 'closed');
  throws(() => consumer.ack(1), 'closed');
  await rejects(bucket.put('k', 'v'), 'closed');
  await rejects(bucket.get('k'), 'closed');
  await rejects(points.latest(), 'closed');
  await rejects(points.query({ aggregates: 'count' }), 'closed');
  await rejects(engine.createStream({ name: 'b' }), 'closed');
  await rejects(engine.stream('a'), 'closed');
});

test('a temporary engine leaves nothing behind', async () => {
  const engine = temporary();
  const { dir } = engine;
  assert.ok(existsSync(dir));
  await engine.createStream({ name: 'a' });
  await engine.close();
  assert.ok(!existsSync(dir));
});

test('time in a test environment moves when told', async (t) => {
  const start = new Date('2026-01-01T00:00:00Z');
  const { advance, streams: { s } } = await environment(t, {
    clockAt: start, streams: [{ name: 's', maxAgeMs: 5000, durability: 'interval' }],
  });
  await s.append('s', 'x', { ttlMs: 2000 });
  await s.append('s', 'y');
  assert.equal((await s.get(1)).time, BigInt(start.getTime()) * 1_000_000n);
  const consumer = await s.createConsumer({ name: 'c', ackWaitMs: 1000 });
  assert.deepEqual((await consumer.next()).map((m) => m.seq), [1n, 2n]);
  const again = consumer.next(1, { timeoutMs: 10_000 });
  advance(1500);
  assert.deepEqual((await again).map((m) => [m.seq, m.delivered]), [[1n, 2]]);
  advance(600);
  assert.deepEqual((await s.read()).map((r) => r.text()), ['y']);
  advance(5000);
  assert.deepEqual(await s.read(), []);
  throws(() => advance(-1), 'invalid');
  const real = await environment(t);
  throws(() => real.advance(1), 'invalid');
});

test('a test environment comes in one call', async (t) => {
  const { engine, streams, buckets, points } = await environment(t, {
    onDisk: true, streams: [{ name: 's' }], buckets: [{ bucket: 'b' }], points: [{ name: 'p' }],
  });
  assert.ok(existsSync(engine.dir));
  await streams.s.append('s', 'x');
  await buckets.b.put('k', 'v');
  await points.p.write({ node: 'n', kind: 'k', time: 1n, value: 1 });
  await rejects(testEnvironment({ streams: [{ name: '' }] }), 'invalid');
  await rejects(testEnvironment({ onDisk: true, clockAt: 1n }), 'invalid');
});

test('a class that is made with new says where its objects come from', async () => {
  for (const made of [hw.Engine, hw.Stream, hw.Consumer, hw.Bucket, hw.Points, hw.Subscription, hw.Watcher]) {
    const error = throws(() => new made(), 'invalid');
    assert.match(error.message, new RegExp(`${made.name} is not made with new`));
  }
  await rejects(hw.open(''), 'invalid');
});

test('a wait of no time is a look', async (t) => {
  const { streams: { s } } = await environment(t, { streams: [{ name: 's', subjects: ['s.>'], durability: 'os' }] });
  const sub = s.subscribe();
  for (let i = 0; i < 50; i++) {
    await rejects(sub.next(1, { timeoutMs: 0 }), 'timeout');
    // It is there before the next turn of the event loop, and too late for a look all the same.
    const late = sub.next(1, { timeoutMs: 0 });
    s.append('s.1', 'x');
    await rejects(late, 'timeout');
    assert.equal((await sub.next(1, { timeoutMs: 0 })).length, 1);
  }
});
