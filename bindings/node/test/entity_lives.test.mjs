// How handlers of entities live and end: those that refuse, break, never answer, are idle, hold too much, or have
// something to do.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError, memory } from 'headwater';
import { kind, served, until } from './entity_helpers.mjs';
import { rejects, throws } from './helpers.mjs';

test('an error of ours is a refusal, and any other breaks the handler', async (t) => {
  const entities = await served(t, {}, kind({
    async handle({ name, payload }) {
      const text = payload.toString();
      if (name === 'throw') throw new HeadwaterError('conflict', text);
      if (name === 'return') return new HeadwaterError('not_found', text);
      if (name === 'odd') return 5;
      if (name === 'break') throw new RangeError(text);
      if (name === 'nothing') throw undefined;
      this.sum += 1;
      return String(this.sum);
    },
  }));
  const ask = (...about) => entities.request('counter', 'a', ...about);
  assert.equal(String(await ask('add')), '1');
  assert.equal((await rejects(ask('throw', 'not now'), 'conflict')).message, 'not now');
  assert.equal((await rejects(ask('return', 'no such'), 'not_found')).message, 'no such');
  await rejects(ask('odd'), 'invalid');
  assert.equal(String(await ask('add')), '2');
  const { message } = await rejects(ask('break', 'too far'), 'internal');
  assert.equal(message, "the handler of counter 'a' threw RangeError: too far");
  assert.equal(String(await ask('add')), '1');
  await rejects(ask('nothing'), 'internal');
  assert.equal(String(await ask('add')), '1');
});

test('one that cannot be made, or that nobody handles', async (t) => {
  let tries = 0;
  const entities = await served(t, {}, kind({
    async start({ key, kind: of }) {
      assert.equal(of, 'counter');
      tries += 1;
      if (key === 'refused') throw new HeadwaterError('not_found', 'none');
      if (key === 'broken') throw new TypeError('oh');
    },
    handle: () => 'here',
  }));
  await rejects(entities.request('counter', 'refused', 'get'), 'not_found');
  assert.match((await rejects(entities.request('counter', 'broken', 'get'), 'internal')).message, /TypeError: oh/);
  const { message } = await rejects(entities.request('other', 'a', 'get'), 'unsupported');
  assert.equal(message, "no entity of kind 'other' is handled here");
  assert.equal(String(await entities.request('counter', 'a', 'get')), 'here');
  assert.equal(tries, 3);
  assert.equal(entities.active, 1);
});

test('one that never answers loses its lease', async (t) => {
  let made = 0;
  const entities = await served(t, { leaseMs: 50 }, kind({
    start() {
      made += 1;
      this.life = made;
    },
    async handle({ name }, context) {
      if (name === 'never') {
        context.spawn('done', (signal) => once(signal, 'abort').then(() => letGo.push(this.life)));
        await new Promise(() => {});
      }
      if (name === 'late') await sleep(150);
      return String(this.life);
    },
  }));
  const letGo = [];
  await rejects(entities.request('counter', 'a', 'never'), 'timeout');
  assert.equal(String(await entities.request('counter', 'a', 'get')), '2');
  assert.deepEqual(letGo, [1]);
  await rejects(entities.request('counter', 'a', 'late'), 'timeout');
  assert.equal(String(await entities.request('counter', 'a', 'get')), '3');
  await sleep(150);
  assert.equal(String(await entities.request('counter', 'a', 'get')), '3');
});

test('one that is idle is told to stop, and begins anew when it is asked', async (t) => {
  const stopped = [];
  const entities = await served(t, { idleMs: 20 }, kind({
    handle() {
      this.sum += 1;
      return String(this.sum);
    },
    async stop({ key }) {
      stopped.push(`${key} ${this.sum}`);
    },
  }));
  await entities.request('counter', 'a', 'add');
  await until(() => entities.active, 0);
  assert.deepEqual(stopped, ['a 1']);
  assert.equal(String(await entities.request('counter', 'a', 'add')), '1');
});

test('beyond the memory idle ones are told to stop, the one first that was asked longest ago', async (t) => {
  const stopped = [];
  const entities = await served(t, { memory: 100 }, kind({
    handle({ name, payload }, context) {
      if (name === 'hold') context.holds(BigInt(payload.toString()));
      return name;
    },
    stop({ key }) {
      stopped.push(key);
    },
  }));
  const hold = (key, bytes) => entities.request('counter', key, 'hold', String(bytes));
  // What it says counts in place of what it said.
  for (const [key, bytes] of [['a', 40], ['b', 60], ['a', 30], ['b', 70]]) await hold(key, bytes);
  await sleep(20);
  assert.deepEqual([entities.active, stopped], [2, []]);
  await hold('c', 1);
  await until(() => entities.active, 2);
  assert.deepEqual(stopped, ['a']);
  // One that alone is too much stops when it is idle, after the others.
  await hold('d', 2n ** 64n - 1n);
  await until(() => entities.active, 0);
  assert.deepEqual(stopped, ['a', 'b', 'c', 'd']);
  // A new life holds nothing until it says so.
  await hold('e', 100);
  await entities.request('counter', 'd', 'get');
  await rejects(hold('d', -1), 'invalid');
  await rejects(hold('d', 2n ** 64n), 'invalid');
  await sleep(20);
  assert.equal(entities.active, 2);
  const engine = memory();
  t.after(() => engine.close());
  await rejects(engine.entities({ memory: -1 }), 'invalid');
});

test('background tasks come back, and are let go with their handler', async (t) => {
  const aborted = [];
  const entities = await served(t, { tasks: 2 }, kind({
    handle({ name, payload }, context) {
      if (name === 'work') return context.spawn('worked', () => payload);
      if (name === 'fail') return context.spawn('worked', () => Promise.reject(new TypeError('oh')));
      const letGo = (signal) => once(signal, 'abort').then(() => aborted.push(context.key));
      if (name === 'wait') return context.spawn('worked', letGo);
      if (name === 'worked') this.sum += Number(payload);
      if (name === 'break') throw new TypeError('it breaks');
      return String(this.sum);
    },
  }));
  const ask = async (name, payload) => String(await entities.request('counter', 'a', name, payload));
  await ask('work', '7');
  await until(() => ask('get'), '7');
  const warned = once(process, 'warning');
  await ask('fail');
  assert.equal((await warned)[0].message, "a background task of counter 'a' failed: TypeError: oh");
  await ask('wait');
  await ask('wait');
  await rejects(entities.request('counter', 'a', 'wait'), 'limit');
  await rejects(entities.request('counter', 'a', 'break'), 'internal');
  assert.deepEqual(aborted, ['a', 'a']);
  assert.equal(await ask('get'), '0');
});

test('after close', async () => {
  const engine = memory();
  const entities = await engine.entities();
  const contexts = [];
  let aborted = 0;
  const serving = entities.serve(kind({
    handle({ name }, context) {
      contexts.push(context);
      if (name === 'quick') return undefined;
      context.spawn('x', (signal) => once(signal, 'abort').then(() => {
        aborted += 1;
      }));
      return new Promise(() => {});
    },
  }));
  await rejects(entities.serve(kind({ handle() {} })), 'misuse');
  await entities.request('counter', 'a', 'quick');
  await sleep(1);
  throws(() => contexts[0].setTimer('x', 1), 'misuse');
  throws(() => contexts[0].spawn('x', () => {}), 'misuse');
  throws(() => contexts[0].holds(1), 'misuse');
  await rejects(contexts[0].request('counter', 'b', 'get'), 'misuse');
  const asked = entities.request('counter', 'a', 'slow');
  await sleep(1);
  await entities.close();
  await rejects(asked, 'closed');
  await serving;
  await sleep(1);
  assert.equal(aborted, 1);
  await rejects(entities.request('counter', 'a', 'get'), 'closed');
  await rejects(entities.notify('counter', 'a', 'get'), 'closed');
  throws(() => entities.pause('counter', 'a'), 'closed');
  await entities.close();
  await engine.close();
});
