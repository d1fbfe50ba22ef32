// The consumer: deliveries that are acknowledged, delivered again, given up, and kept over a restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from 'headwater';
import { environment, rejects, scratch, throws } from './helpers.mjs';

const STREAMS = [{ name: 's', subjects: ['s.>'], durability: 'os' }];

async function filled(t, count) {
  const made = await environment(t, { streams: STREAMS });
  for (let i = 1; i <= count; i++) await made.streams.s.append('s.a', `${i}`);
  return made.streams.s;
}

test('messages are delivered, acknowledged and counted', async (t) => {
  const s = await filled(t, 5);
  const consumer = await s.createConsumer({ name: 'c', description: 'five' });
  assert.equal(consumer.name, 'c');
  const messages = await consumer.next(3);
  assert.deepEqual(messages.map((m) => [m.seq, m.delivered, m.text()]), [[1n, 1, '1'], [2n, 1, '2'], [3n, 1, '3']]);
  assert.equal(messages[0].ack(), true);
  assert.equal(messages[0].ack(), false);
  assert.equal(await messages[1].ackDurable(), true);
  assert.equal(consumer.ack([3, 4n]), 1);
  assert.equal(await consumer.ackDurable([3n], { timeoutMs: 5000 }), 0);
  const info = await consumer.info();
  assert.deepEqual([info.ackFloor, info.deliveredSeq, info.numAckPending, info.numPending], [3n, 3n, 0n, 2n]);
  assert.equal(info.config.description, 'five');
  assert.equal(info.config.ackPolicy, 'explicit');
  assert.deepEqual((await s.consumers()).map((c) => c.config.name), ['c']);
  assert.equal((await (await s.consumer('c')).next(1))[0].seq, 4n);
  assert.equal((await s.createConsumer(info.config)).name, 'c');
  await rejects(s.createConsumer({ name: 'c', maxDeliver: 3 }), 'conflict');
  await s.deleteConsumer('c');
  await rejects(s.consumer('c'), 'not_found');
});

test('what is refused or forgotten comes again', async (t) => {
  const s = await filled(t, 3);
  const consumer = await s.createConsumer({ name: 'c', ackWaitMs: 1000 });
  const [one, two, three] = await consumer.next(3);
  one.nak();
  two.term();
  three.nak({ delayMs: 20 });
  const [again] = await consumer.next(1, { timeoutMs: 5000 });
  assert.deepEqual([again.seq, again.delivered], [1n, 2]);
  again.inProgress();
  again.ack();
  const [late] = await consumer.next(1, { timeoutMs: 5000 });
  assert.deepEqual([late.seq, late.delivered], [3n, 2]);
  const [forgotten] = await consumer.next(1, { timeoutMs: 10_000 });
  assert.deepEqual([forgotten.seq, forgotten.delivered], [3n, 3]);
  forgotten.ack();
  assert.deepEqual(consumer.tryNext(), []);
});

test('a record that was delivered too often goes to the dead letters', async (t) => {
  const made = await environment(t, { streams: STREAMS });
  const { s } = made.streams;
  await s.append('s.a', 'poison');
  const consumer = await s.createConsumer({ name: 'c', maxDeliver: 2, deadLetter: 'dead' });
  for (let i = 0; i < 2; i++) (await consumer.next(1, { timeoutMs: 5000 }))[0].nak();
  await rejects(consumer.next(1, { timeoutMs: 100 }), 'timeout');
  const dead = await made.engine.stream('dead');
  assert.equal((await dead.read())[0].text(), 'poison');
  assert.equal((await consumer.info()).numDead, 1n);
});

test('a loop takes one message at a time, so that leaving it holds nothing back', async (t) => {
  const s = await filled(t, 10);
  const consumer = await s.createConsumer({ name: 'c' });
  for await (const message of consumer) {
    message.ack();
    if (message.seq === 4n) break;
  }
  const info = await consumer.info();
  assert.deepEqual([info.ackFloor, info.numAckPending, info.numPending], [4n, 0n, 6n]);
  const seqs = [];
  for await (const message of consumer.items({ batch: 4 })) {
    seqs.push(message.seq);
    message.ack();
    if (seqs.length === 6) break;
  }
  assert.deepEqual(seqs, [5n, 6n, 7n, 8n, 9n, 10n]);
});

test('a consumer goes on where it stood after a restart', async () => {
  const dir = await scratch();
  let engine = await open(dir);
  let stream = await engine.createStream({ name: 's', durability: 'os' });
  for (let i = 1; i <= 4; i++) await stream.append('s', `${i}`);
  let consumer = await stream.createConsumer({ name: 'c' });
  await consumer.ackDurable((await consumer.next(2)).map((m) => m.seq));
  await engine.close();
  engine = await open(dir);
  stream = await engine.stream('s');
  consumer = await stream.consumer('c');
  assert.deepEqual((await consumer.next(1)).map((m) => m.seq), [3n]);
  await engine.close();
});

test('bad arguments are refused by name', async (t) => {
  const s = await filled(t, 1);
  for (const config of [
    {}, { name: 'a.b' }, { name: 'c', ackPolicy: 'some' }, { name: 'c', ackWaitMs: -1 }, { name: 'c', backoffMs: 5 },
    { name: 'c', filterSubjects: 's..' }, { name: 'c', maxDeliver: -1 }, { name: 'c', ackWait: 5 },
    { name: 'c', deliverPolicy: 'by_start_sequence' },
  ]) await rejects(s.createConsumer(config), 'invalid');
  const consumer = await s.createConsumer({ name: 'c' });
  throws(() => consumer.ack(-1), 'invalid');
  throws(() => consumer.ack('1'), 'invalid');
  throws(() => consumer.nak(1, { delayMs: -1 }), 'invalid');
  throws(() => consumer.term(1.5), 'invalid');
});
