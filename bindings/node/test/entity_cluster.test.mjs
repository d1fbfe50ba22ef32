// Live entities that nodes share: two nodes of a cluster in one engine, and a client.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { HeadwaterError, memory, shardOwner } from 'headwater';
import { until } from './entity_helpers.mjs';
import { rejects } from './helpers.mjs';

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);

/** The counter, which says on which node it is. */
function counterOn(node) {
  return class {
    static kind = 'counter';
    sum = 0;

    async handle({ name, payload }, context) {
      if (name === 'fail') throw new HeadwaterError('conflict', `not on ${node}`);
      if (name === 'break') throw new TypeError(`it breaks on ${node}`);
      if (name === 'ask') return context.request('counter', payload.toString(), 'where');
      if (name === 'ask_back') return context.request('counter', payload.toString(), 'ask', context.key);
      this.sum += 1;
      return name === 'where' ? node : String(this.sum);
    }
  };
}

/** Nodes `a` and `b` of the cluster `town` that have come to terms, on an engine in memory. */
async function town(t) {
  const engine = memory();
  const [nodes, all] = [{}, []];
  for (const node of ['a', 'b']) {
    nodes[node] = await engine.entities({ cluster: 'town', node, ttlMs: 2000 });
    all.push([nodes[node], nodes[node].serve(counterOn(node))]);
  }
  t.after(async () => {
    for (const [entities, serving] of all) {
      await entities.close();
      await serving;
    }
    await engine.close();
  });
  const isSettled = () => nodes.a.nodes().length === 2 && KEYS.every((key) => {
    const [there, here] = [nodes.a.where('counter', key), nodes.b.where('counter', key)];
    const wanted = shardOwner(there.shard, [{ name: 'a' }, { name: 'b' }]);
    return there.node === wanted && here.node === wanted && there.isHere !== here.isHere;
  });
  for (let tries = 0; tries < 1000 && !isSettled(); tries++) await sleep(10);
  assert.ok(isSettled());
  const keyOn = (node) => KEYS.find((key) => nodes.a.where('counter', key).node === node);
  return { engine, ...nodes, all, keyOn };
}

test('requests and typed errors go from node to node', async (t) => {
  const { a, b, keyOn } = await town(t);
  const [onA, onB] = [keyOn('a'), keyOn('b')];
  const asked = KEYS.map((key) => a.request('counter', key, 'where'));
  assert.deepEqual((await Promise.all(asked)).map(String), KEYS.map((key) => a.where('counter', key).node));
  assert.equal((await rejects(a.request('counter', onB, 'fail'), 'conflict')).message, 'not on b');
  assert.match((await rejects(b.request('counter', onA, 'break'), 'internal')).message, /TypeError: it breaks on a/);
  assert.equal(String(await a.request('counter', onA, 'ask', onB)), 'b');
  assert.match((await rejects(a.request('counter', onA, 'ask_back', onB), 'invalid')).message, /wait for itself/);
  await a.notify('counter', onB, 'add');
  assert.equal(String(await b.request('counter', onB, 'get')), '4');
  const { epoch, shard } = b.where('counter', onB);
  assert.ok(epoch > 0n);
  assert.deepEqual(a.where('counter', onB), { node: 'b', shard, epoch: null, isHere: false });
  const nodes = a.nodes().map(({ shards, ...node }) => node);
  assert.deepEqual(nodes, ['a', 'b'].map((name) => ({ name, isAlive: true, weight: 1 })));
  assert.equal(a.nodes().reduce((sum, { shards }) => sum + shards, 0), 256);
  assert.deepEqual((await a.list('counter')).map(({ key }) => key), [...KEYS].sort());
});

test('a client asks, and is no node', async (t) => {
  const { engine, a, keyOn } = await town(t);
  const client = await engine.entities({ cluster: 'town', isClient: true });
  t.after(() => client.close());
  assert.equal(String(await client.request('counter', keyOn('a'), 'where')), 'a');
  assert.equal(String(await client.request('counter', keyOn('b'), 'where')), 'b');
  await rejects(client.request('counter', keyOn('b'), 'fail'), 'conflict');
  assert.deepEqual(a.nodes().map(({ name }) => name), ['a', 'b']);
  assert.deepEqual(client.nodes().map(({ name }) => name), ['a', 'b']);
});

test('one that leaves gives its entities to the others', async (t) => {
  const { a, b, all, keyOn } = await town(t);
  const key = keyOn('b');
  assert.equal(String(await a.request('counter', key, 'where')), 'b');
  await b.leave();
  await all[1][1];
  await rejects(b.request('counter', key, 'where'), 'closed');
  // Until the other one has looked again, it asks where nobody answers.
  const ask = () => a.request('counter', key, 'where').then(String, (error) => error.kind);
  for (let tries = 0; tries < 500 && (await ask()) === 'busy'; tries++) await sleep(10);
  assert.equal(await ask(), 'a');
  await until(() => a.nodes().filter(({ isAlive }) => isAlive).map(({ name }) => name).join(), 'a');
});

test('a worker is a node, too', async (t) => {
  const engine = memory();
  t.after(() => engine.close());
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`
    import { createRequire } from 'node:module';
    import { parentPort, workerData } from 'node:worker_threads';
    const { attach } = createRequire(workerData.base)('headwater');
    const entities = await attach(workerData.key).entities({ cluster: 'town', node: 'w', ttlMs: 2000 });
    entities.serve(class {
      static kind = 'counter';
      handle({ payload }) {
        return payload;
      }
    }).then(() => parentPort.postMessage('ended'));
    parentPort.once('message', () => entities.leave());
    parentPort.postMessage('serving');
  `)}`), { workerData: { key: engine.share(), base: import.meta.url } });
  assert.deepEqual(await once(worker, 'message'), ['serving']);
  const client = await engine.entities({ cluster: 'town', isClient: true });
  const ask = (key) => client.request('counter', key, 'echo', key);
  for (let tries = 0; tries < 500 && !(await ask('k0').then(() => true, () => false)); tries++) await sleep(10);
  const answers = await Promise.all(KEYS.map(ask));
  assert.deepEqual(answers.map(String), KEYS);
  worker.postMessage('leave');
  assert.deepEqual(await once(worker, 'message'), ['ended']);
  await client.close();
  await worker.terminate();
});
