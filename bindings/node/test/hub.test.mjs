// Engines on a hub, and links between one and a directory, against a real server.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, memory, open } from 'headwater';
import { rejects, scratch, throws } from './helpers.mjs';
import { Server } from './nats_server.mjs';

const MS_MAX = 30_000;

async function served(t, ...args) {
  const server = await Server.start(await scratch(), ...args);
  t.after(() => server.stop());
  return server;
}

async function connected(t, ...args) {
  const server = await served(t, ...args);
  const hub = await connect({ urls: server.url, reconnectDelayMaxMs: 100, timeoutMs: MS_MAX });
  t.after(() => hub.close());
  return { server, hub };
}

async function until(what, holds) {
  for (const end = Date.now() + MS_MAX; !holds(); await sleep(20)) {
    assert.ok(Date.now() < end, `waited in vain until ${what}`);
  }
}

const textOf = (items) => items.map((item) => item.text());

test('a stream on a hub is appended to, read and followed', async (t) => {
  const { hub } = await connected(t);
  const orders = await hub.createStream({ name: 'orders', subjects: 'orders.>' });
  assert.equal((await orders.append('orders.1', 'first')).seq, 1n);
  assert.deepEqual(textOf(await orders.read()), ['first']);
  const subscription = orders.subscribe();
  assert.deepEqual(textOf(await subscription.next(1, { timeoutMs: MS_MAX })), ['first']);
  const ack = await orders.append('orders.2', 'second');
  assert.deepEqual([ack.seq, ack.durability], [2n, 'unknown']);
  for await (const record of subscription) {
    assert.equal(record.text(), 'second');
    break;
  }
  subscription.close();
  await rejects(subscription.next(), 'closed');
  await rejects(orders.sync(), 'unsupported');
});

test('what opens in the background blocks nothing, and says what went wrong', async (t) => {
  const { server, hub } = await connected(t);
  const orders = await hub.createStream({ name: 'orders', subjects: 'orders.>' });
  await orders.append('orders.1', 'x');
  const lazy = orders.subscribe();
  assert.deepEqual(lazy.tryNext(), [], 'it cannot be open yet');
  assert.equal(lazy.missed, 0n);
  await lazy.ready({ timeoutMs: MS_MAX });
  assert.deepEqual(textOf(await lazy.next()), ['x']);
  const closed = orders.subscribe();
  closed.close();
  await rejects(closed.next(), 'closed');
  throws(() => orders.subscribe({ filters: 'a..b' }), 'invalid');
  await server.stop();
  const begun = performance.now();
  const late = orders.subscribe();
  assert.ok(performance.now() - begun < 1000, 'a server that is away is not waited for in the call');
  await rejects(late.next(1, { timeoutMs: 50 }), 'timeout');
  const abort = new AbortController();
  const aborted = rejects(late.ready({ signal: abort.signal }), 'timeout');
  abort.abort();
  assert.equal((await aborted).name, 'AbortError');
  await server.start();
});

test('a durable consumer, a bucket, an object and points are there', async (t) => {
  const { hub } = await connected(t);
  const orders = await hub.createStream({ name: 'orders', subjects: 'orders.>' });
  await orders.append('orders.1', 'x');
  const worker = await orders.createConsumer({ name: 'worker' });
  const [message] = await worker.next(1, { timeoutMs: MS_MAX });
  assert.equal(await (await orders.consumer('worker')).ackDurable(message.seq), 1);
  const settings = await hub.createBucket({ bucket: 'settings' });
  await settings.put('colour', 'blue');
  const changes = settings.watch();
  assert.equal((await changes.next(1, { timeoutMs: MS_MAX }))[0].text(), 'blue');
  changes.close();
  const files = await hub.createObjectStore({ bucket: 'files' });
  await files.put('f', 'content');
  assert.equal(await (await files.get('f')).text(), 'content');
  const objects = files.watch();
  assert.equal((await objects.next(1, { timeoutMs: MS_MAX }))[0].name, 'f');
  objects.close();
  await hub.createPoints({ name: 'climate' });
  const points = await hub.points('climate');
  await points.write({ node: 'roof', kind: 'temp', time: 1n, value: 21.5 });
  assert.equal((await points.latest())[0].value, 21.5);
  assert.equal((await points.range()).points.length, 1);
  const follow = points.watch();
  assert.equal((await follow.next(1, { timeoutMs: MS_MAX }))[0].value, 21.5);
  follow.close();
});

test('a link carries both ways and says where it stands', async (t) => {
  const { hub } = await connected(t);
  const edge = await open(join(await scratch(), 'edge'));
  t.after(() => edge.close());
  const near = await edge.createStream({ name: 'readings', subjects: 'readings.>' });
  const far = await hub.createStream({ name: 'READINGS', subjects: ['site.7.readings.>', '$HW.READINGS.>'] });
  await near.append('readings.a', 'from the edge');
  await far.append('site.7.readings.b', 'from the hub');
  const link = { name: 'up', stream: 'readings', remote: 'READINGS', map: { readings: 'site.7.readings' } };
  await rejects(edge.addLink({ ...link, remote: 'NOWHERE' }, hub), 'not_found');
  await rejects(edge.addLink({ ...link, direction: 'sideways' }, hub), 'invalid');
  await rejects(edge.addLink({ name: 'up' }, hub), 'invalid');
  await rejects(edge.addLink(link, {}), 'invalid');
  await rejects(hub.addLink(link, edge), 'unsupported');
  await edge.addLink(link, hub);
  await rejects(edge.addLink(link, hub), 'conflict');
  await until('both came', () => edge.links()[0].pushed === 1n && edge.links()[0].pulled === 1n);
  const [{ name, direction, state, missed, lastError }] = edge.links();
  assert.deepEqual([name, direction, state, missed, lastError], ['up', 'both', 'running', 0n, null]);
  assert.equal((await near.last('readings.b')).text(), 'from the hub');
  assert.equal((await far.last('site.7.readings.a')).text(), 'from the edge');
  await edge.removeLink('up');
  assert.deepEqual(edge.links(), []);
  await rejects(edge.removeLink('up'), 'not_found');
});

test('what only a hub has is told and read back', async (t) => {
  const { hub } = await connected(t);
  await hub.createStream({ name: 'plain', subjects: 'plain.>' });
  const transforms = [{ source: 'plain.*', destination: 'far.{{wildcard(1)}}' }];
  const told = {
    storage: 'memory',
    sources: [{ name: 'plain', startTime: new Date(0), startSeq: 1, transforms }],
    subjectTransform: { source: 'own.*', destination: 'kept.{{wildcard(1)}}' },
    allowDirect: false,
  };
  const config = { name: 'gathered', subjects: 'own.>', description: 'for people', hub: told };
  const gathered = (await hub.createStream(config)).config;
  const source = { name: 'plain', startSeq: 1n, startTime: 0n, filter: '', transforms, domain: '' };
  const kept = { ...told, replicas: 1, placementCluster: '', placementTags: [], sources: [source] };
  assert.deepEqual([gathered.description, gathered.hub], ['for people', kept]);
  const { hub: _, ...rest } = gathered;
  const changed = (await hub.updateStream({ ...rest, maxMsgs: 7 })).config;
  assert.deepEqual([changed.maxMsgs, changed.hub], [7n, kept]);
  const fewer = { ...kept, sources: [], allowDirect: true };
  assert.deepEqual((await hub.updateStream({ ...changed, hub: fewer })).config.hub, fewer);
  const copy = (await hub.createStream({ name: 'copy', hub: { mirror: { name: 'plain' } } })).config;
  assert.deepEqual([copy.subjects, copy.hub.mirror], [[], { ...source, startSeq: 0n, transforms: [] }]);
});

test('what a hub cannot be told is refused by name', async (t) => {
  const { hub } = await connected(t);
  const refused = async (settings, wanted) => {
    assert.match((await rejects(hub.createStream({ name: 's', hub: settings }), 'invalid')).message, wanted);
  };
  await refused({ colour: 'blue' }, /^stream: hub has no field 'colour'/);
  await refused({ replicas: 'three' }, /^stream: hub: replicas must be an integer/);
  await refused({ storage: 'paper' }, /^storage 'paper' is not one of file, memory/);
  await refused({ sources: 'plain' }, /^stream: hub: sources must be an array/);
  await refused({ mirror: { stream: 'plain' } }, /^stream: hub: mirror has no field 'stream'/);
  await refused({ replicas: 6 }, /replicas is 6, must be 1 to 5/);
  assert.deepEqual(await hub.streams(), []);
  const engine = memory();
  t.after(() => engine.close());
  const local = await rejects(engine.createStream({ name: 's', hub: {} }), 'unsupported');
  assert.match(local.message, /settings for a hub/);
  assert.equal('hub' in (await engine.createStream({ name: 's' })).config, false);
});

test('a link makes the stream of the hub', async (t) => {
  const { hub } = await connected(t);
  const edge = memory();
  t.after(() => edge.close());
  await (await edge.createStream({ name: 'made', subjects: 'made.>' })).append('made.a', 'from the edge');
  const link = { name: 'up', stream: 'made', remote: 'MADE' };
  const wrong = await rejects(edge.addLink({ ...link, create: { colour: 1 } }, hub), 'invalid');
  assert.match(wrong.message, /^link: create has no field 'colour'/);
  await edge.addLink({ ...link, create: { description: 'made', hub: { storage: 'memory' } } }, hub);
  const far = await hub.stream('MADE');
  const { subjects, description, hub: settings } = far.config;
  assert.deepEqual([subjects, description, settings.storage], [['made.>', '$HW.MADE.>'], 'made', 'memory']);
  await until('it came', () => edge.links()[0].pushed === 1n);
  assert.equal((await far.last('made.a')).text(), 'from the edge');
});

test('the state is followed over a restart', async (t) => {
  const { server, hub } = await connected(t);
  const now = hub.hubState();
  assert.deepEqual([now.phase, now.serverVersion, now.reconnects, now.lagRecords], ['connected', '2.15.1', 0n, 0n]);
  const states = hub.hubStates();
  assert.deepEqual(await states.next(), [now]);
  assert.deepEqual(states.tryNext(), []);
  await server.stop();
  const phases = [];
  for await (const state of states) {
    phases.push(state.phase);
    if (state.phase === 'reconnecting' && phases.length === 1) await server.start();
    if (state.phase === 'connected') {
      assert.equal(state.reconnects, 1n);
      await hub.close();
    }
  }
  assert.deepEqual([phases[0], phases.at(-2), phases.at(-1)], ['reconnecting', 'connected', 'closed']);
});

test('who may not come in is told so', async (t) => {
  const server = await served(t, '--user', 'u', '--pass', 'right');
  const error = await rejects(connect({ urls: [server.url], user: 'u', password: 'wrong' }), 'io');
  assert.match(error.message, /uthorization/);
  const hub = await connect({ urls: [server.url], user: 'u', password: 'right' });
  assert.deepEqual(await hub.streams(), []);
  await hub.close();
});

test('options that cannot be are refused', async (t) => {
  await rejects(connect([]), 'invalid');
  await rejects(connect({ urls: 'nats://127.0.0.1:1', user: 'alone' }), 'invalid');
  await rejects(connect({ urls: 'nats://127.0.0.1:1', colour: 'blue' }), 'invalid');
  await rejects(connect('nats://127.0.0.1:1'), 'io');
  const engine = memory();
  t.after(() => engine.close());
  throws(() => engine.hubState(), 'unsupported');
  throws(() => engine.hubStates(), 'unsupported');
  assert.deepEqual(engine.links(), []);
});
