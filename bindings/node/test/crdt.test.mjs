// State that merges: typed handles, values, transactions, watches, several handles of one store, snapshots.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Json, MergeSet, open } from 'headwater';
import { environment, rejects, scratch, throws } from './helpers.mjs';

async function store(t, options = {}) {
  const { engine, advance } = await environment(t, options);
  return { engine, advance, s: await engine.crdt('app') };
}

async function all(items) {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

test('counters', async (t) => {
  const { engine, s } = await store(t);
  const likes = s.counter('likes');
  assert.equal(await likes.incr(5), 5n);
  assert.equal(await likes.decr(2n), 3n);
  assert.equal(await likes.incr(), 4n);
  assert.equal(await likes.value(), 4n);
  assert.deepEqual([likes.path, likes.kind], [['likes'], 'counter']);
  await likes.clear();
  assert.equal(await likes.value(), 0n);
  const most = 2n ** 63n - 1n;
  assert.equal(await s.counter('much').incr(most), most);
  await rejects(s.counter('much').incr(), 'limit');
  assert.equal(await (await engine.openCrdt('app')).counter('much').incr(most), 2n * most);
  const visits = s.growCounter('visits');
  assert.equal(await visits.incr(3), 3n);
  await rejects(visits.incr(-1), 'invalid');
  assert.equal(await visits.value(), 3n);
});

test('rights move between handles', async (t) => {
  const { engine, s } = await store(t);
  const other = await engine.openCrdt('app');
  const [here, there] = [s.boundedCounter('stock'), other.boundedCounter('stock')];
  assert.equal(await here.incr(10), 10n);
  assert.deepEqual([await here.rights(), await there.rights()], [10n, 0n]);
  await rejects(there.decr(1), 'conflict');
  await here.give(other.actor, 4);
  assert.deepEqual([await here.rights(), await there.rights()], [6n, 4n]);
  assert.equal(await there.decr(4), 6n);
  await rejects(here.decr(7), 'conflict');
  assert.equal(await here.value(), 6n);
  await rejects(s.write({ path: 'stock', kind: 'bounded_counter', op: 'clear' }), 'unsupported');
});

test('values keep their types', async (t) => {
  const { s } = await store(t);
  const register = s.register('r');
  assert.equal(await register.value(), null);
  for (const value of [Buffer.from([255]), 7n, -(2n ** 63n), 0.5, -0, 3, 'text', '', new Json('{"a" : 1}')]) {
    await register.set(value);
    assert.deepEqual(await register.value(), value);
  }
  for (const [value, text] of [[{ b: [1, null] }, '{"b":[1,null]}'], [[], '[]'], [true, 'true'], [null, 'null']]) {
    await register.set(value);
    const came = await register.value();
    assert.ok(came instanceof Json);
    assert.deepEqual([came.text, String(came), came.parse()], [text, text, value]);
  }
  await register.set(new Uint8Array([1, 2]));
  assert.deepEqual(await register.value(), Buffer.from([1, 2]));
  await register.clear();
  assert.equal(await register.value(), null);
  await rejects(register.set(2n ** 63n), 'invalid');
  await rejects(register.set(new Json('{')), 'invalid');
  for (const wrong of [undefined, () => {}, Symbol('x')]) await rejects(register.set(wrong), 'invalid');
  await rejects(register.set(Buffer.alloc(2 ** 20 + 1)), 'limit');
  const several = s.multiRegister('m');
  await several.set('x');
  assert.deepEqual(await several.values(), ['x']);
});

test('sets', async (t) => {
  const { s } = await store(t);
  const tags = s.set('tags');
  for (const value of ['b', 3n, 'a', Buffer.from('x'), 'a', { a: 1 }]) await tags.add(value);
  const wanted = [Buffer.from('x'), 3n, 'a', 'b', new Json('{"a":1}')];
  assert.deepEqual(await tags.values(), wanted);
  assert.deepEqual(await all(tags), wanted);
  assert.deepEqual([await tags.has('a'), await tags.has('c'), await tags.has(3n), await tags.has(3)],
    [true, false, true, false]);
  await tags.remove('never there');
  for (const value of await tags.values()) await tags.remove(value);
  assert.deepEqual(await tags.values(), []);
  await tags.add('x');
  await tags.clear();
  assert.deepEqual(await tags.values(), []);
  const wins = s.removeWinsSet('wins');
  await wins.add('x');
  assert.ok(await wins.has('x'));
});

test('flags', async (t) => {
  const { s } = await store(t);
  for (const flag of [s.flag('f'), s.disableWinsFlag('g')]) {
    assert.equal(await flag.isOn(), false);
    await flag.enable();
    assert.equal(await flag.isOn(), true);
    await flag.disable();
    assert.equal(await flag.isOn(), false);
    await flag.enable();
    await flag.clear();
    assert.equal(await flag.isOn(), false);
  }
});

test('maps nest', async (t) => {
  const { s } = await store(t);
  const user = s.map('user');
  await user.register('name').set('Ada');
  await user.counter('visits').incr(2);
  await user.map('home').set('rooms').add('attic');
  await user.flag('member').enable();
  await user.multiRegister('mail').set('a@b');
  await user.growCounter('ever').incr();
  await user.removeWinsSet('seen').add(1n);
  await user.disableWinsFlag('trial').enable();
  const fields = await user.fields();
  assert.equal(fields.length, 8);
  assert.deepEqual(await all(user), fields);
  assert.deepEqual(fields.find(({ field }) => field === 'home'), { field: 'home', kind: 'map' });
  assert.deepEqual(await user.map('home').set('rooms').values(), ['attic']);
  assert.deepEqual(await s.read(['user', 'home', 'rooms'], 'set'), ['attic']);
  await user.map('home').clear();
  assert.equal((await user.fields()).length, 7);
  await user.clear();
  assert.deepEqual(await user.fields(), []);
  assert.equal(user.boundedCounter, undefined);
});

test('what has a time to live goes', async (t) => {
  const { s, advance } = await store(t, { clockAt: 1_700_000_000_000_000_000n });
  await s.register('r').set('v', { ttlMs: 1000 });
  await s.set('s').add('v', { ttlMs: 0.1 });
  await s.flag('f').enable({ ttlMs: 2000 });
  assert.deepEqual((await s.keys()).map(({ key }) => key), ['f', 'r', 's']);
  advance(1);
  assert.equal(await s.set('s').has('v'), false);
  assert.equal(await s.register('r').value(), 'v');
  advance(1000);
  assert.equal(await s.register('r').value(), null);
  advance(1000);
  assert.deepEqual(await s.keys(), []);
  await rejects(s.flag('f').enable({ ttlMs: 0 }), 'invalid');
  await rejects(s.flag('f').enable({ ttl: 5 }), 'invalid');
});

test('another kind names both', async (t) => {
  const { s } = await store(t);
  await s.counter('k').incr();
  assert.match((await rejects(s.set('k').add(1), 'conflict')).message, /k is a counter, not a set/);
  await s.map('m').register('f').set(1);
  assert.match((await rejects(s.map('m').flag('f').enable(), 'conflict')).message, /f is a register, not a flag/);
  await s.counter('k').clear();
  await s.set('k').add(1);
  assert.deepEqual(await s.keys('k'), [{ key: 'k', kind: 'set' }]);
});

test('a transaction is one record or nothing', async (t) => {
  const { s } = await store(t);
  let late;
  const { seq } = await s.transaction((both) => {
    late = both.counter('a');
    late.incr(2);
    late.decr();
    both.set('b').add('x', { ttlMs: 60_000 });
    both.set('b').add('y');
    both.set('b').remove('y');
    both.map('m').map('n').register('r').set(null);
    both.flag('f').enable({ ttlMs: 60_000 });
    both.boundedCounter('c').incr(3);
    both.boundedCounter('c').give({ engine: 7n, epoch: 8 }, 1);
    both.multiRegister('v').set(1);
    both.growCounter('g').incr();
    both.removeWinsSet('w').add(1);
    both.disableWinsFlag('d').disable();
    both.write({ path: 'e', kind: 'register', op: 'write', value: 'x' });
    both.register('e').clear();
  });
  assert.equal(seq, 1n);
  assert.equal((await s.stream.info()).records, 1n);
  assert.equal(await s.counter('a').value(), 1n);
  assert.deepEqual(await s.set('b').values(), ['x']);
  assert.equal(await s.boundedCounter('c').rights(), 2n);
  const thrown = new Error('thrown');
  await assert.rejects(s.transaction(async (broken) => {
    broken.counter('a').incr();
    await sleep(1);
    throw thrown;
  }), thrown);
  const refused = await rejects(s.transaction((both) => {
    both.counter('a').incr();
    both.counter('b').incr();
  }), 'conflict');
  assert.match(refused.message, /operation 2 of a transaction/);
  await rejects(s.transaction((bad) => bad.counter('a').incr('1')), 'invalid');
  await rejects(s.transaction((bad) => bad.set('b').add('x', { ttl: 5 })), 'invalid');
  assert.equal(await s.counter('a').value(), 1n);
  throws(() => late.incr(), 'misuse');
  assert.deepEqual(await s.transaction(() => {}), { seq: 0n });
});

test('bad arguments are refused by name', async (t) => {
  const { engine, s } = await store(t);
  const good = { path: 'k', kind: 'counter', op: 'add', value: 5 };
  assert.deepEqual(await s.write(good), { seq: 1n, total: 5n });
  assert.deepEqual(await s.write({ path: 'q', kind: 'set', op: 'remove', value: 1 }), { seq: 0n, total: null });
  const wrong = [
    [{ kind: 'heap' }, /kind 'heap' is not one of counter, /],
    [{ op: 'push' }, /op 'push' is not one of add, /],
    [{ op: 'clear' }, /'clear' takes no value/],
    [{ value: undefined }, /'add' takes value/],
    [{ ttlMs: 5 }, /'add' takes no ttlMs/],
    [{ op: 'give' }, /'give' takes to/],
    [{ value: 2n ** 63n }, /2\^63-1/],
    [{ value: 0.5 }, /2\^63-1/],
    [{ path: [] }, /has a key at least/],
    [{ path: 5 }, /must be a string/],
    [{ path: '' }, /a name of 0 bytes/],
    [{ path: 'x'.repeat(1025) }, /a name of 1025 bytes/],
    [{ op: 'write' }, /a counter has no operation 'write'/],
    [{ key: 'k' }, /no field 'key'/],
  ];
  for (const [fields, message] of wrong) {
    assert.match((await rejects(s.write({ ...good, ...fields }), 'invalid')).message, message);
  }
  await rejects(s.write({ ...good, path: ['m', 'c'], kind: 'bounded_counter' }), 'unsupported');
  await rejects(s.write(undefined), 'invalid');
  await rejects(s.read('k', 'heap'), 'invalid');
  await rejects(s.boundedCounter('c').give({ engine: 1n }, 1), 'invalid');
  throws(() => s.counter(5), 'invalid');
  throws(() => s.watch(5), 'invalid');
  throws(() => new Counter(1), 'invalid');
  throws(() => new MergeSet(), 'invalid');
  throws(() => new Json({}), 'invalid');
  await rejects(engine.crdt('a.b'), 'invalid');
  await rejects(engine.crdt('app', { snapshots: 3 }), 'invalid');
  await rejects(engine.crdt('app', { durability: 'os' }), 'conflict');
  await rejects(engine.openCrdt('other'), 'not_found');
});

test('keys, dump and status', async (t) => {
  const { engine } = await environment(t);
  const s = await engine.crdt('app', { durability: 'os', snapshotRecords: 3 });
  assert.deepEqual([s.name, s.stream.name, await engine.crdts()], ['app', 'CRDT_app', ['app']]);
  for (let n = 0; n < 4; n++) await s.counter(`user.${n}`).incr();
  await s.set('tags').add('x');
  assert.deepEqual(await s.keys('user.2'), [{ key: 'user.2', kind: 'counter' }]);
  assert.deepEqual(await s.dump('t'), [{ key: 'tags', kind: 'set', json: new Json('["x"]') }]);
  const { seq, actors, held, snapshotSeq } = await s.status();
  assert.deepEqual([seq, actors, held], [5n, 1, []]);
  assert.ok(snapshotSeq >= 3n);
  assert.equal(await s.snapshot(), 5n);
  assert.equal((await s.status()).snapshotSeq, 5n);
  assert.equal(await s.releaseHeld(), 0);
});

test('writes that nobody waits for are done in order, snapshots between them', async (t) => {
  const { engine } = await environment(t, { onDisk: true });
  const s = await engine.crdt('app', { durability: 'os', snapshotRecords: 10 });
  const writes = [];
  for (let n = 0n; n < 100n; n++) writes.push(s.register('r').set(n), s.counter('c').incr());
  await Promise.all(writes);
  assert.equal(await s.register('r').value(), 99n);
  assert.equal(await s.counter('c').value(), 100n);
  const { snapshotSeq } = await s.status();
  assert.ok(snapshotSeq >= 10n, `${snapshotSeq}`);
  for (let n = 0; n < 100; n++) await s.counter('c').incr();
  assert.ok((await s.status()).snapshotSeq > snapshotSeq);
  assert.equal(await (await engine.openCrdt('app')).counter('c').value(), 200n);
});

test('what was written is there after the directory is opened again', async () => {
  const dir = await scratch();
  const engine = await open(dir);
  const s = await engine.crdt('app');
  assert.equal(await s.counter('likes').incr(5), 5n);
  await s.close();
  await engine.close();
  const again = await open(dir);
  const there = await again.openCrdt('app');
  assert.equal(await there.counter('likes').incr(), 6n);
  await again.close();
});

test('a watcher hears of what is written from now on', async (t) => {
  const { engine, s } = await store(t);
  await s.counter('before').incr();
  const [watcher, users] = [s.watch(), s.watch('user.')];
  await (await engine.openCrdt('app')).transaction((two) => {
    two.counter('user.1').incr();
    two.set('tags').add('x');
  });
  assert.deepEqual(await watcher.next(10, { timeoutMs: 5000 }), [
    { key: 'tags', kind: 'set' }, { key: 'user.1', kind: 'counter' },
  ]);
  assert.deepEqual(await users.next(10, { timeoutMs: 5000 }), [{ key: 'user.1', kind: 'counter' }]);
  assert.deepEqual(users.tryNext(), []);
  assert.equal(users.missed, 0n);
  await rejects(users.next(1, { timeoutMs: 5 }), 'timeout');
  const seen = [];
  setTimeout(() => s.flag('user.2').enable(), 5);
  for await (const { key } of users) {
    seen.push(key);
    break;
  }
  assert.deepEqual(seen, ['user.2']);
  setTimeout(() => watcher.close(), 5);
  for await (const change of watcher) assert.equal(change.key, 'user.2');
  await rejects(watcher.next(), 'closed');
});

test('a closed handle says so', async (t) => {
  const { engine, s } = await store(t);
  const other = await engine.openCrdt('app');
  await s.close();
  await s.close();
  await rejects(s.counter('likes').incr(), 'closed');
  await rejects(s.counter('likes').value(), 'closed');
  await rejects(s.set('tags').has('x'), 'closed');
  await rejects(s.transaction((one) => one.counter('likes').incr()), 'closed');
  await rejects(s.keys(), 'closed');
  await rejects(s.status(), 'closed');
  throws(() => s.watch(), 'closed');
  assert.equal(await other.counter('likes').incr(), 1n);
  await engine.close();
  await rejects(other.counter('likes').incr(), 'closed');
});
