// Live entities: what is asked of them, and what their handlers do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadwaterError, memory, shardOf, shardOwner } from 'headwater';
import { kind, served, until } from './entity_helpers.mjs';
import { rejects, throws } from './helpers.mjs';

test('many callers of one key meet one handler', async (t) => {
  let [made, within] = [0, 0];
  const entities = await served(t, {}, kind({
    start() {
      made += 1;
    },
    async handle({ name, payload, wantsReply, attempt }) {
      within += 1;
      assert.deepEqual([within, name, wantsReply, attempt], [1, 'add', true, 1]);
      await null;
      this.sum += Number(payload);
      within -= 1;
      return String(this.sum);
    },
  }));
  const asked = Array.from({ length: 500 }, () => entities.request('counter', 'a', 'add', '2'));
  assert.deepEqual((await Promise.all(asked)).map(Number), Array.from({ length: 500 }, (_, i) => 2 * i + 2));
  assert.equal(made, 1);
  assert.equal(entities.active, 1);
});

test('what a handler answers, as bytes, a text, nothing, at once or later', async (t) => {
  const answers = [Buffer.from([0, 255]), 'é', undefined, Promise.resolve('later'), 'x'.repeat(5000), ''];
  const entities = await served(t, {}, kind({ handle: ({ payload }) => answers[Number(payload)] }));
  const got = await Promise.all(answers.map((_, i) => entities.request('counter', 'a', 'get', String(i))));
  assert.deepEqual(got, [
    Buffer.from([0, 255]), Buffer.from('é'), Buffer.alloc(0), Buffer.from('later'), Buffer.from('x'.repeat(5000)),
    Buffer.alloc(0),
  ]);
  assert.deepEqual(await entities.request('counter', 'a', 'get', new Uint8Array([0x30])), Buffer.from([0, 255]));
});

test('what is answered is said before something slow is waited for', async (t) => {
  let done;
  const slow = new Promise((resolve) => {
    done = resolve;
  });
  const entities = await served(t, {}, kind({ handle: ({ name }) => (name === 'slow' ? slow : name) }));
  const [quick, last] = [entities.request('counter', 'a', 'quick'), entities.request('counter', 'a', 'slow')];
  assert.equal(String(await Promise.race([quick, last])), 'quick');
  done('slow');
  assert.equal(String(await last), 'slow');
});

test('a mailbox that is full, and one that is held', async (t) => {
  const entities = await served(t, { mailbox: 2 }, kind({ handle: ({ name }) => name }));
  entities.pause('counter', 'a');
  const waiting = [entities.request('counter', 'a', 'x'), entities.request('counter', 'a', 'y')];
  await rejects(entities.request('counter', 'a', 'z'), 'limit');
  await rejects(entities.notify('counter', 'a', 'z'), 'limit');
  const [info] = await entities.list('counter');
  assert.deepEqual(info, {
    kind: 'counter', key: 'a', shard: shardOf('counter', 'a'), node: null, state: 'paused', waiting: 2,
  });
  entities.step('counter', 'a');
  assert.equal(String(await waiting[0]), 'x');
  entities.resume('counter', 'a');
  assert.equal(String(await waiting[1]), 'y');
});

test('how long an answer is waited for', async (t) => {
  const entities = await served(t, {}, kind({ handle: () => new Promise(() => {}) }));
  const about = ['counter', 'a', 'get', ''];
  await rejects(entities.request(...about, { timeoutMs: 0 }), 'timeout');
  await rejects(entities.request(...about, { timeoutMs: 30 }), 'timeout');
  const abort = new AbortController();
  const asked = entities.request(...about, { timeoutMs: Infinity, signal: abort.signal });
  abort.abort(new Error('enough'));
  assert.equal((await rejects(asked, 'timeout')).name, 'AbortError');
  await rejects(entities.request(...about, { signal: abort.signal }), 'timeout');
  await rejects(entities.request(...about, { within: 5 }), 'invalid');
  await rejects(entities.request('counter', 'a', 'get', 5), 'invalid');
  await rejects(entities.request('counter', '', 'get'), 'invalid');
});

test('handlers ask others, and a cycle is refused', async (t) => {
  const entities = await served(t, {}, kind({
    handle: ({ name, payload }, context) => {
      if (name === 'key') return context.key;
      const [next, ...rest] = payload.toString().split(' ');
      const what = rest.length > 0 ? 'ask' : 'key';
      return context.request('counter', next, what, rest.join(' '));
    },
  }));
  assert.equal(String(await entities.request('counter', 'a', 'ask', 'b c d')), 'd');
  const { message } = await rejects(entities.request('counter', 'a', 'ask', 'b a'), 'invalid');
  assert.match(message, /counter 'a' -> counter 'b' -> counter 'a'/);
});

test('timers, and messages to itself', async (t) => {
  const entities = await served(t, {}, kind({
    async handle({ name }, context) {
      if (name === 'set') context.setTimer('tick', 1, 1);
      if (name === 'cancel') return String(context.cancelTimer('tick'));
      if (name === 'tell') await context.notify('counter', context.key, 'told');
      if (name === 'told') this.sum += 100;
      return String(this.sum);
    },
    timer(name) {
      assert.equal(name, 'tick');
      this.sum += 1;
    },
  }));
  const ask = async (name) => Number(String(await entities.request('counter', 'a', name)));
  await ask('set');
  await until(async () => (await ask('get')) >= 3, true);
  assert.equal(String(await entities.request('counter', 'a', 'cancel')), 'true');
  assert.equal(String(await entities.request('counter', 'a', 'cancel')), 'false');
  await ask('tell');
  assert.ok((await ask('get')) >= 100);
});

test('what serve wants', async (t) => {
  const engine = memory();
  t.after(() => engine.close());
  const entities = await engine.entities();
  t.after(() => entities.close());
  await rejects(entities.serve(5), 'invalid');
  await rejects(entities.serve(class {}), 'invalid');
  await rejects(entities.serve(class { static kind = 'x'; }), 'invalid');
  await rejects(entities.serve(kind({ handle() {} }), kind({ handle() {} })), 'invalid');
  await rejects(engine.entities({ mailbox: 0 }), 'invalid');
  await rejects(engine.entities({ mailBox: 1 }), 'invalid');
});

test('shards, and the nodes that they belong on', () => {
  assert.equal(shardOf('account', 'acc-1'), 18);
  assert.equal(shardOwner(0, [{ name: 'a' }, { name: 'b' }, { name: 'c' }]), 'b');
  assert.equal(shardOwner(0, []), null);
  throws(() => shardOf('account', 'x'.repeat(129)), 'invalid');
  throws(() => shardOf('account', 'a', 0), 'invalid');
});
