// The bucket: keys, revisions, history and watching.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environment, rejects, throws } from './helpers.mjs';

async function bucket(t, config = {}) {
  const made = await environment(t, { buckets: [{ bucket: 'b', durability: 'os', ...config }] });
  return { engine: made.engine, b: made.buckets.b };
}

test('keys are created, updated and deleted by revision', async (t) => {
  const { b } = await bucket(t, { history: 5 });
  assert.equal(await b.create('k', 'one'), 1n);
  const taken = await rejects(b.create('k', 'two'), 'conflict');
  assert.match(taken.message, /k/);
  assert.equal(await b.update('k', Buffer.from('two'), 1), 2n);
  assert.equal((await rejects(b.update('k', 'three', 1n), 'conflict')).actual, 2n);
  assert.equal(await b.put('k', 'three'), 3n);
  const entry = await b.get('k');
  assert.deepEqual([entry.key, entry.text(), entry.revision, entry.operation], ['k', 'three', 3n, 'put']);
  assert.equal(typeof entry.time, 'bigint');
  assert.equal((await b.getRevision('k', 2)).text(), 'two');
  assert.equal(await b.getRevision('k', 9), null);
  await rejects(b.delete('k', { revision: 1 }), 'conflict');
  assert.equal(await b.delete('k', { revision: 3n }), 4n);
  assert.equal(await b.get('k'), null);
  assert.deepEqual((await b.history('k')).map((e) => [e.operation, e.text()]), [
    ['put', 'one'], ['put', 'two'], ['put', 'three'], ['delete', ''],
  ]);
  await b.put('k', '{"a":1}');
  assert.deepEqual((await b.get('k')).json(), { a: 1 });
  await b.purge('k');
  assert.deepEqual((await b.history('k')).map((e) => e.operation), ['purge']);
});

test('keys are listed by filter, and the stream below is an ordinary one', async (t) => {
  const { b, engine } = await bucket(t);
  for (const key of ['a.1', 'a.2', 'b.1']) await b.put(key, key);
  await b.delete('a.2');
  assert.deepEqual(await b.keys(), ['a.1', 'b.1']);
  assert.deepEqual(await b.keys('a.*'), ['a.1']);
  assert.equal(b.name, 'b');
  assert.equal(b.stream.name, 'KV_b');
  assert.equal((await b.stream.last('$KV.b.a.1')).text(), 'a.1');
  assert.deepEqual(await engine.buckets(), ['b']);
  assert.equal((await b.status()).config.bucket, 'b');
  assert.equal((await (await engine.bucket('b')).get('b.1')).text(), 'b.1');
  await engine.deleteBucket('b');
  await rejects(engine.bucket('b'), 'not_found');
});

test('a watcher sees what is there, then what changes', async (t) => {
  const { b } = await bucket(t, { history: 3 });
  await b.put('a', '1');
  await b.put('a', '2');
  const watcher = b.watch();
  assert.equal(watcher.caughtUp, false);
  const first = await watcher.next(10, { timeoutMs: 5000 });
  assert.deepEqual(first.map((e) => e.text()), ['2']);
  assert.equal(watcher.caughtUp, true);
  const next = watcher.next(10, { timeoutMs: 5000 });
  await b.delete('a');
  assert.deepEqual((await next).map((e) => e.operation), ['delete']);
  assert.deepEqual(b.watch({ includeHistory: true }).tryNext().map((e) => e.text()), ['1', '2', '']);
  assert.deepEqual(b.watch({ updatesOnly: true }).tryNext(), []);
  assert.deepEqual(b.watch({ ignoreDeletes: true }).tryNext(), []);
  setTimeout(() => watcher.close(), 5);
  for await (const entry of watcher) assert.fail(`${entry.key} came after everything`);
});

test('a watcher that fell behind is told', async (t) => {
  const { b } = await bucket(t, { history: 1 });
  await b.put('a', '1');
  const watcher = b.watch();
  assert.deepEqual(watcher.tryNext().map((e) => e.text()), ['1']);
  assert.equal(watcher.missed, 0n);
  for (let i = 0; i < 10; i++) await b.put('a', '2');
  assert.deepEqual(watcher.tryNext().map((e) => e.revision), [11n]);
  assert.equal(watcher.missed, 9n);
});

test('bad arguments are refused by name', async (t) => {
  const { b, engine } = await bucket(t);
  for (const key of ['', 'a b', '.a', 'a.', 'a.*', 7, undefined]) await rejects(b.put(key, 'x'), 'invalid');
  await rejects(b.put('k', 7), 'invalid');
  await rejects(b.put('k', undefined), 'invalid');
  await rejects(b.update('k', 'x', -1), 'invalid');
  await rejects(b.update('k', 'x'), 'invalid');
  await rejects(b.create('k', 'x', { ttl: 5 }), 'invalid');
  throws(() => b.watch({ history: true }), 'invalid');
  await rejects(engine.createBucket({ bucket: 'a.b' }), 'invalid');
  await rejects(engine.createBucket({ name: 'b' }), 'invalid');
  await rejects(engine.createBucket({ bucket: 'c', history: 65 }), 'invalid');
});
