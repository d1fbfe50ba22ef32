// Live entities over a mesh: three engines of one process that have joined one, two nodes and a client; and who asks
// from outside.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntitiesClient, HeadwaterError, memory, shardOf, shardOwner } from 'headwater';
import { rejects, throws } from './helpers.mjs';
import { made, until } from './mesh_helpers.mjs';

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);
const SHARDS = 16;
const NODES = ['a', 'b'];

/** The counter, which says on which node it is and how far it came. */
function counterOn(node) {
  return class {
    static kind = 'counter';
    sum = 0;

    async handle({ name, payload }, context) {
      if (name === 'fail') throw new HeadwaterError('conflict', `not on ${node}`);
      if (name === 'wait') return new Promise(() => {});
      if (name === 'ask') return context.request('counter', payload.toString(), 'add');
      this.sum += 1;
      return `${node} ${this.sum}`;
    }
  };
}

/** What one from outside is told of certificates: those of a node that is in no mesh. */
function outsider(node) {
  const { ca, cert, key } = node('shell');
  return { ca, cert, key };
}

/** Nodes `a` and `b` of the cluster `town` and a client of it, each on an engine of its own in one mesh. */
async function town(t) {
  const { node } = await made('a', 'b', 'c', 'shell');
  const [engines, nodes, serving] = [{}, {}, {}];
  const all = [];
  t.after(async () => {
    for (const entities of all) await entities.close();
    await Promise.all(Object.values(serving));
    for (const engine of Object.values(engines)) await engine.close();
  });
  for (const name of ['a', 'b', 'c']) {
    engines[name] = memory();
    const seeds = name === 'a' ? [] : [(await engines.a.mesh()).own.address];
    await engines[name].joinMesh(node(name, { seeds }));
  }
  for (const name of NODES) {
    nodes[name] = await engines[name].entities({ cluster: 'town', node: name, mesh: true, shards: SHARDS });
    all.push(nodes[name]);
    serving[name] = nodes[name].serve(counterOn(name));
  }
  const client = await engines.c.entities({ cluster: 'town', isClient: true, mesh: true });
  all.push(client);
  const owners = NODES.map((name) => ({ name }));
  // Each key is where it belongs, that node has it, and the client knows.
  const isSettled = (key) => {
    const { shard, node: owner } = client.where('counter', key);
    return owner === shardOwner(shard, owners) && nodes[owner].where('counter', key).isHere
      && NODES.every((name) => nodes[name].where('counter', key).node === owner);
  };
  await until('a cluster of two', () => client.nodes().length === 2 && KEYS.every(isSettled));
  const keyOn = (name) => KEYS.find((key) => client.where('counter', key).node === name);
  /** One who asks from outside, through node `a`. */
  const outside = async (more = {}) => {
    const url = `grpcs://${(await engines.a.mesh()).own.address}`;
    const asking = await EntitiesClient.connect(url, { ...outsider(node), ...more });
    all.push(asking);
    return asking;
  };
  return { ...nodes, serving, client, keyOn, outside };
}

test('a client asks entities of all nodes over a mesh', async (t) => {
  const { a, b, client, keyOn } = await town(t);
  const [onA, onB] = [keyOn('a'), keyOn('b')];
  const answers = await Promise.all(KEYS.map((key) => client.request('counter', key, 'add')));
  assert.deepEqual(answers.map(String), KEYS.map((key) => `${client.where('counter', key).node} 1`));
  assert.equal((await rejects(client.request('counter', onB, 'fail'), 'conflict')).message, 'not on b');
  await client.notify('counter', onA, 'add');
  // From the client to one node, and from there to the other.
  assert.equal(String(await client.request('counter', onB, 'ask', onA)), 'a 3');
  assert.equal(String(await b.request('counter', onA, 'add')), 'a 4');
  assert.equal(String(await a.request('counter', onB, 'add')), 'b 2');
  assert.deepEqual((await client.list('counter')).map(({ key }) => key), [...KEYS].sort());
  assert.deepEqual(client.nodes().map(({ name, isAlive }) => [name, isAlive]), NODES.map((name) => [name, true]));
  assert.equal(client.nodes().reduce((sum, { shards }) => sum + shards, 0), SHARDS);
  assert.equal(client.where('counter', onA).isHere, false);
});

test('one that leaves gives its entities to the other, over a mesh', async (t) => {
  const { a, b, serving, client, keyOn } = await town(t);
  const [onA, onB] = [keyOn('a'), keyOn('b')];
  for (const told of ['a 1', 'a 2']) assert.equal(String(await client.request('counter', onA, 'add')), told);
  for (const told of ['b 1', 'b 2']) assert.equal(String(await client.request('counter', onB, 'add')), told);
  await b.leave();
  await serving.b;
  await rejects(b.request('counter', onB, 'add'), 'closed');
  // Until the client has heard of it, it asks where nobody answers.
  let answer;
  await until('an answer of the other node', async () => {
    answer = await client.request('counter', onB, 'add').then(String, (error) => error.kind);
    return answer !== 'busy';
  });
  // The handler there is a new one; those that were there stay.
  assert.equal(answer, 'a 1');
  assert.equal(String(await client.request('counter', onA, 'add')), 'a 3');
  await until('all shards at one node', () => KEYS.every((key) => a.where('counter', key).isHere));
  await until('a client that knows', () => KEYS.every((key) => client.where('counter', key).node === 'a'));
  const answers = await Promise.all(KEYS.map((key) => client.request('counter', key, 'add')));
  assert.deepEqual([...new Set(answers.map((bytes) => String(bytes).split(' ')[0]))], ['a']);
  assert.deepEqual(a.nodes().filter(({ isAlive }) => isAlive).map(({ name }) => name), ['a']);
});

test('a mesh that was not joined has no entities', async (t) => {
  const engine = memory();
  t.after(() => engine.close());
  await rejects(engine.entities({ cluster: 'town', node: 'a', mesh: true }), 'misuse');
});

test('one from outside asks entities of all nodes through one of them', async (t) => {
  const { a, keyOn, outside } = await town(t);
  const [onA, onB] = [keyOn('a'), keyOn('b')];
  const client = await outside();
  const ask = async (...about) => String(await client.request('counter', ...about));
  const answers = await Promise.all(KEYS.map((key) => ask(key, 'add')));
  assert.deepEqual(answers, KEYS.map((key) => `${a.where('counter', key).node} 1`));
  assert.equal((await rejects(ask(onB, 'fail'), 'conflict')).message, 'not on b');
  assert.equal(await client.notify('counter', onA, 'add'), undefined);
  assert.equal(await ask(onB, 'ask', onA, { timeoutMs: Infinity }), 'a 3');
  assert.equal(await ask(onB, 'ask', Buffer.from(onA), { timeoutMs: 10_000 }), 'a 4');
  const listed = await client.list('counter', { timeoutMs: 10_000 });
  assert.deepEqual(listed, [...KEYS].sort().map((key) => ({
    kind: 'counter', key, shard: shardOf('counter', key, SHARDS), node: a.where('counter', key).node, state: 'idle',
    waiting: 0,
  })));
  assert.deepEqual([await client.list(), await client.list('other')], [listed, []]);
  assert.deepEqual(await client.nodes({ timeoutMs: 10_000 }), a.nodes());
  for (const key of [onA, onB]) {
    const { node, shard } = a.where('counter', key);
    assert.deepEqual(await client.where('counter', key), { node, shard, epoch: null, isHere: false });
  }
});

test('how long one from outside waits, and what it is refused', async (t) => {
  const { keyOn, outside } = await town(t);
  const [onA, onB] = [keyOn('a'), keyOn('b')];
  const client = await outside({ serverName: 'a', cluster: 'town', timeoutMs: 10_000 });
  const wrong = [
    ['', 'x', 'add'], ['counter', '', 'add'], ['counter', 'x'.repeat(129), 'add'], [5, 'x', 'add'], ['counter', 'x', 5],
    ['counter', 'x', 'add', 5], ['counter', 'x', 'add', '', { within: 5 }],
  ];
  for (const about of wrong) {
    await rejects(client.request(...about), 'invalid');
    await rejects(client.notify(...about), 'invalid');
  }
  await rejects(client.where('counter', ''), 'invalid');
  await rejects(client.list(5), 'invalid');
  await rejects(client.request('counter', onB, 'wait', '', { timeoutMs: 100 }), 'timeout');
  const abort = new AbortController();
  const given = client.request('counter', onA, 'wait', '', { signal: abort.signal });
  abort.abort(new Error('enough'));
  assert.equal((await rejects(given, 'timeout')).name, 'AbortError');
  await rejects(client.nodes({ signal: abort.signal }), 'timeout');
  // What is under way ends with the connection, and nothing begins after it.
  const late = rejects(client.request('counter', onA, 'wait'), 'closed');
  await client.nodes();
  await client.close();
  await late;
  const { message } = await rejects(client.request('counter', onB, 'add'), 'closed');
  assert.equal(message, 'the entities client is closed');
  await rejects(client.notify('counter', onB, 'add'), 'closed');
  await rejects(client.list(), 'closed');
  await rejects(client.nodes(), 'closed');
  await rejects(client.where('counter', onB), 'closed');
  await client.close();
});

test('one from outside that finds no cluster', async (t) => {
  const { dir, node } = await made('a', 'shell');
  const [engine, all] = [memory(), []];
  t.after(async () => {
    for (const open of all) await open.close();
    await engine.close();
  });
  await engine.joinMesh(node('a'));
  const [url, files] = [`grpcs://${(await engine.mesh()).own.address}`, outsider(node)];
  const connect = (to, more = {}) => EntitiesClient.connect(to, { ...files, ...more });
  await rejects(connect(url), 'not_found');
  await rejects(connect('grpcs://127.0.0.1:1'), 'not_found');
  for (const cluster of ['town', 'other']) all.push(await engine.entities({ cluster, node: 'a', mesh: true }));
  assert.match((await rejects(connect(url), 'invalid')).message, /several clusters: say which of other, town/);
  const [client, strange] = await Promise.all(['town', 'strange'].map((cluster) => connect(url, { cluster })));
  all.push(client, strange);
  assert.deepEqual((await client.nodes()).map(({ name }) => name), ['a']);
  await rejects(strange.nodes(), 'not_found');
  await rejects(strange.request('counter', 'x', 'add'), 'not_found');
  // A node that has no certificate for this name.
  await rejects(connect(url, { serverName: 'other.example' }), 'not_found');
  await rejects(connect(url, { key: `${dir}/none.key` }), 'not_found');
  await rejects(connect(url, { key: files.ca }), 'invalid');
  await rejects(connect('nats://127.0.0.1:1'), 'invalid');
  for (const name of ['ca', 'cert', 'key']) await rejects(connect(url, { [name]: undefined }), 'invalid');
  await rejects(connect(url, { cluster: 5 }), 'invalid');
  await rejects(connect(url, { servername: 'a' }), 'invalid');
  await rejects(connect(5), 'invalid');
  await rejects(EntitiesClient.connect(url), 'invalid');
  await rejects(connect(url, { signal: AbortSignal.abort() }), 'timeout');
  throws(() => new EntitiesClient(), 'invalid');
});
