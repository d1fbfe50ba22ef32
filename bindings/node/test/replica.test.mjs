// Replicas that a program carries by itself: fragments out and in, late, twice and ahead of time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Replica } from 'headwater';
import { throws } from './helpers.mjs';

const NOW = 1_700_000_000_000;

const add = (path, value = 1) => ({ path, kind: 'counter', op: 'add', value });
const insert = (path, value) => ({ path, kind: 'set', op: 'insert', value });

test('two replicas become equal', () => {
  const [here, there] = [new Replica(1, 10), new Replica(2n, 20n)];
  assert.deepEqual(here.actor, { engine: 1n, epoch: 10n });
  assert.equal(here.takeDelta(), null);
  assert.equal(here.write(add('likes', 2), NOW), true);
  there.transaction([add('likes', 3), insert('tags', 'x')], NOW);
  assert.equal(here.write({ path: 'tags', kind: 'set', op: 'remove', value: 'x' }, NOW), false);
  const delta = there.takeDelta();
  assert.deepEqual(here.apply(delta, BigInt(NOW)), [{ key: 'likes', kind: 'counter' }, { key: 'tags', kind: 'set' }]);
  assert.deepEqual(here.apply(delta, NOW), []);
  assert.equal(here.read('likes', 'counter', NOW), 5n);
  assert.deepEqual(here.read('tags', 'set', NOW), ['x']);
  assert.deepEqual([here.contains('tags', 'set', 'x', NOW), here.contains('tags', 'set', 'y', NOW)], [true, false]);
  assert.deepEqual(there.apply(here.whole(), NOW), [{ key: 'likes', kind: 'counter' }]);
  assert.deepEqual(there.context(), here.context());
  assert.deepEqual(there.keys(), [{ key: 'likes', kind: 'counter' }, { key: 'tags', kind: 'set' }]);
  assert.equal(here.digest('likes', 'counter', NOW), there.digest('likes', 'counter', NOW));
  assert.equal(here.digest('none', 'counter', NOW), 0n);
});

test('keys that differ are exchanged alone', () => {
  const [here, there] = [new Replica(1, 1), new Replica(2, 1)];
  for (const key of ['a', 'b']) here.write(insert(key, 'x'), NOW);
  there.apply(here.some([{ key: 'a', kind: 'set' }]), NOW);
  assert.deepEqual(there.read('b', 'set', NOW), []);
  assert.deepEqual(there.apply(here.since(there.context()), NOW), [{ key: 'b', kind: 'set' }]);
  there.caughtUp(here.context());
  assert.deepEqual(there.context(), here.context());
  for (const wrong of [Buffer.alloc(0), Buffer.from([1]), 'garbage']) {
    throws(() => there.apply(wrong, NOW), 'corrupt');
    throws(() => there.since(wrong), 'corrupt');
  }
});

test('a clock that is ahead is held', () => {
  const [here, ahead] = [new Replica(1, 1), new Replica(2, 1)];
  ahead.write({ path: 'r', kind: 'register', op: 'write', value: 1n }, NOW + 60_000);
  assert.equal(here.apply(ahead.whole(), NOW), null);
  assert.equal(here.held, 1);
  assert.deepEqual(here.release(NOW), []);
  assert.deepEqual(here.release(NOW, { all: true }), [{ key: 'r', kind: 'register' }]);
  assert.equal(here.held, 0);
  assert.equal(here.read('r', 'register', NOW), 1n);
});

test('rights move, and what was concurrent is kept', () => {
  const [here, there] = [new Replica(1, 1), new Replica(2, 1)];
  here.write({ path: 'c', kind: 'bounded_counter', op: 'add', value: 5 }, NOW);
  here.write({ path: 'c', kind: 'bounded_counter', op: 'give', value: 2, to: there.actor }, NOW);
  for (const [replica, value] of [[here, 'a'], [there, 'b']]) {
    replica.write({ path: ['m', 'v'], kind: 'multi_register', op: 'write', value }, NOW);
  }
  there.apply(here.whole(), NOW);
  assert.deepEqual([here.rights('c'), there.rights('c')], [3n, 2n]);
  assert.deepEqual(there.read(['m', 'v'], 'multi_register', NOW).sort(), ['a', 'b']);
  assert.deepEqual(there.read('m', 'map', NOW), [{ field: 'v', kind: 'multi_register' }]);
  throws(() => there.write({ path: 'c', kind: 'bounded_counter', op: 'add', value: -3 }, NOW), 'conflict');
});

test('a refused transaction changes nothing', () => {
  const here = new Replica(1, 1);
  throws(() => here.transaction([add('k'), insert('k', 'x')], NOW), 'conflict');
  assert.deepEqual(here.keys(), []);
  assert.equal(here.takeDelta(), null);
  const twice = new Replica(1, 1);
  twice.write(add('k'), NOW);
  throws(() => here.apply(twice.whole(), NOW), 'conflict');
  throws(() => new Replica(-1, 0), 'invalid');
  throws(() => new Replica(1), 'invalid');
  throws(() => here.write(add('k'), -1), 'invalid');
  throws(() => here.write(add('k')), 'invalid');
  throws(() => here.transaction(add('k'), NOW), 'invalid');
  throws(() => here.some('k'), 'invalid');
  throws(() => here.read('k', 'heap', NOW), 'invalid');
});
