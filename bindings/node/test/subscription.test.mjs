// The subscription: history, then live; waits with deadlines; loops that are left and taken up again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, rejects, throws } from './helpers.mjs';

const STREAMS = [{ name: 's', subjects: ['s.>'], durability: 'os' }];

test('history comes first, then what is appended, with no gap', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  for (let i = 0; i < 500; i++) await s.append('s.a', `${i}`);
  const live = s.subscribe({ filters: 's.a' });
  assert.equal(live.position, 1n);
  assert.equal(live.lag, 500n);
  const writing = (async () => {
    for (let i = 500; i < 1000; i++) {
      if (i % 100 === 0) await sleep(1);
      await s.append(i % 2 ? 's.a' : 's.b', `${i}`);
    }
  })();
  const seen = [];
  for await (const record of live) {
    seen.push(Number(record.text()));
    if (seen.length === 750) break;
  }
  await writing;
  const expected = Array.from({ length: 1000 }, (_, i) => i).filter((i) => i < 500 || i % 2);
  assert.deepEqual(seen, expected);
  assert.equal(live.missed, 0n);
});

test('a loop that is left can be taken up again', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  for (let i = 1; i <= 10; i++) await s.append('s.a', `${i}`);
  const live = s.subscribe();
  for await (const record of live) if (record.seq === 3n) break;
  assert.deepEqual((await live.next(2)).map((r) => r.seq), [4n, 5n]);
  assert.deepEqual(live.tryNext(2).map((r) => r.seq), [6n, 7n]);
  for await (const record of live) {
    assert.equal(record.seq, 8n);
    break;
  }
  await s.append('s.a', '11');
  assert.deepEqual(live.tryNext().map((r) => r.seq), [9n, 10n, 11n]);
  assert.deepEqual(live.tryNext(), []);
});

test('deliver policies begin where they say', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  for (let i = 1; i <= 6; i++) await s.append(`s.${i % 2}`, `${i}`);
  const seqs = (options) => s.subscribe(options).tryNext().map((r) => Number(r.seq));
  assert.deepEqual(seqs(), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(seqs({ deliverPolicy: 'last' }), [6]);
  assert.deepEqual(seqs({ deliverPolicy: 'new' }), []);
  assert.deepEqual(seqs({ deliverPolicy: 'last_per_subject' }), [5, 6]);
  assert.deepEqual(seqs({ startSeq: 5n }), [5, 6]);
  assert.deepEqual(seqs({ deliverPolicy: 'by_start_sequence', startSeq: 6 }), [6]);
  assert.deepEqual(seqs({ startTime: new Date(Date.now() + 60_000) }), []);
  for (const options of [
    { deliverPolicy: 'some' }, { deliverPolicy: 'by_start_sequence' }, { deliverPolicy: 'last', startSeq: 1 },
    { startSeq: 1, startTime: 1n }, { startTime: -1n }, { filters: 's..' }, { filter: 's.1' },
  ]) throws(() => s.subscribe(options), 'invalid');
});

test('a wait ends with a record, its deadline or its signal', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const live = s.subscribe();
  const began = performance.now();
  const late = await rejects(live.next(1, { timeoutMs: 30 }), 'timeout');
  assert.equal(late.name, 'HeadwaterError');
  assert.ok(performance.now() - began >= 25);

  const controller = new AbortController();
  const wait = live.next(1, { signal: controller.signal });
  controller.abort(new Error('enough'));
  const aborted = await rejects(wait, 'timeout');
  assert.equal(aborted.name, 'AbortError');
  assert.equal(aborted.cause.message, 'enough');
  await rejects(live.next(1, { signal: controller.signal }), 'timeout');

  // What was given up lost nothing: the next wait has the record.
  const next = live.next(1, { timeoutMs: 10_000, signal: new AbortController().signal });
  await s.append('s.a', 'x');
  assert.equal((await next)[0].seq, 1n);
  for (const bad of [{ timeoutMs: -1 }, { timeoutMs: 2 ** 31 }, { timeoutMs: '5' }, { signal: {} }, { timeout: 5 }]) {
    await rejects(live.next(1, bad), 'invalid');
  }
  await rejects(live.next(0), 'invalid');
  await rejects(live.next(-1), 'invalid');
});

test('one signal ends many waits, and a warning comes of none', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const warnings = [];
  const note = (warning) => warnings.push(warning.message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const controller = new AbortController();
  const { signal } = controller;
  const waits = Array.from({ length: 100 }, () => s.subscribe({ deliverPolicy: 'new' }).next(1, { signal }));
  await sleep(1);
  controller.abort();
  for (const wait of waits) assert.equal((await rejects(wait, 'timeout')).name, 'AbortError');
  await sleep(1);
  assert.deepEqual(warnings, []);
});

test('a loop ends with its signal, or quietly when the subscription or the engine is closed', async (t) => {
  const { engine, streams: { s } } = await environment(t, { streams: STREAMS });
  const signal = AbortSignal.timeout(20);
  const drain = async (subscription, options) => {
    let count = 0;
    for await (const record of subscription.items(options)) count += Number(record.seq > 0n);
    return count;
  };
  const error = await rejects(drain(s.subscribe(), { signal }), 'timeout');
  assert.equal(error.name, 'AbortError');

  const live = s.subscribe();
  const [one, two] = [drain(live), drain(s.subscribe())];
  await s.append('s.a', 'x');
  await sleep(5);
  live.close();
  assert.equal(await one, 1);
  await rejects(live.next(), 'closed');
  await engine.close();
  assert.equal(await two, 1);
});

test('a subscriber that fell behind its limits is told', async (t) => {
  const { streams: { s } } = await environment(t, {
    streams: [{ name: 's', subjects: 's.>', durability: 'os', maxMsgs: 10 }],
  });
  const live = s.subscribe();
  for (let i = 1; i <= 3; i++) await s.append('s.a', `${i}`);
  assert.deepEqual(live.tryNext(1).map((r) => r.seq), [1n]);
  for (let i = 4; i <= 30; i++) await s.append('s.a', `${i}`);
  assert.deepEqual(live.tryNext(1).map((r) => r.seq), [21n]);
  assert.equal(live.missed, 19n);
});

test('two takers of one subscription share its records', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const live = s.subscribe();
  const waits = [live.next(1), live.next(1), live.next(1)];
  for (let i = 0; i < 3; i++) await s.append('s.a', `${i}`);
  const seqs = (await Promise.all(waits)).flat().map((r) => r.seq);
  assert.deepEqual(seqs.sort(), [1n, 2n, 3n]);
});
