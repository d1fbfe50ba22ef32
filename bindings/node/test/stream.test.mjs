// The stream: what goes in comes out, under its conditions, in order, and bad input is refused by name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environment, rejects, throws } from './helpers.mjs';

const STREAMS = [{ name: 's', subjects: ['s.>'], durability: 'os', allowRollup: true }];

test('a record comes back as it went in', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const payload = Uint8Array.of(0, 255, 128);
  const options = { headers: [['trace', 'a'], ['trace', 'b']], eventTime: -5n };
  await s.append('s.grün', payload, options);
  const record = await s.get(1n);
  assert.equal(record.seq, 1n);
  assert.equal(record.subject, 's.grün');
  assert.deepEqual(new Uint8Array(record.payload), payload);
  assert.deepEqual(record.headers, options.headers);
  assert.equal(record.header('trace'), 'a');
  assert.equal(record.eventTime, -5n);
  assert.equal(record.delivered, 0);
  const now = BigInt(Date.now()) * 1_000_000n;
  assert.ok(record.time > now - 60_000_000_000n && record.time <= now + 1_000_000_000n);
  await s.append('s.plain', new Uint8Array(0), { headers: { k: 'v' }, eventTime: new Date(7) });
  const second = s.getSync(2);
  assert.deepEqual(second.headers, [['k', 'v']]);
  assert.equal(second.eventTime, 7_000_000n);
  assert.equal(second.payload.length, 0);
  assert.equal(await s.get(3n), null);
  assert.equal(await s.last('s.none'), null);
});

test('headers are pairs of any kind, and what is none is refused', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  await s.append('s.map', '', { headers: new Map([['k', 'v']]) });
  assert.deepEqual((await s.last('s.map')).headers, [['k', 'v']]);
  for (const headers of ['k', 5, true, ['k'], new Map([['k', 1]])]) {
    await rejects((async () => s.append('s.map', '', { headers }))(), 'invalid');
  }
  const { append } = s;
  await rejects((async () => append('s.map', ''))(), 'invalid');
});

test('what outgrows the buffer that it is packed in comes back as it went in', async (t) => {
  const { engine, streams: { s } } = await environment(t, { streams: STREAMS });
  // Every length about the buffer's size, so that it grows inside each field once.
  for (let extra = 0; extra < 400; extra += 7) {
    const filler = { subject: 's.filler', payload: new Uint8Array((64 << 10) - 200 - extra) };
    const headers = [['trace', 't'.repeat(90)], ['other', 'o'.repeat(60)]];
    const after = { subject: 's.after', payload: 'p'.repeat(50), headers, msgId: `m${extra}` };
    const ack = await s.appendBatch([filler, after]);
    const record = s.getSync(ack.seq);
    assert.deepEqual([record.subject, record.text()], ['s.after', 'p'.repeat(50)]);
    assert.deepEqual(record.headers.slice(0, 2), headers);
  }
  const value = 'v'.repeat(20_000);
  await s.append('s.long', 'x', { headers: [['a', value], ['b', value], ['c', value]] });
  assert.deepEqual((await s.last('s.long')).headers, [['a', value], ['b', value], ['c', value]]);
  const points = await engine.createPoints({ name: 'p' });
  const value30 = 'w'.repeat(30);
  const many = Array.from({ length: 1000 }, (_, i) => ({ node: `n${i}`, kind: 'k', time: 1n, value: value30 }));
  await points.write(many);
  const read = await points.latest('>');
  assert.deepEqual(new Set(read.map((p) => p.value)), new Set([value30]));
  assert.equal(read.length, 1000);
});

test('a view into a larger buffer appends only itself', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const whole = Buffer.from('0123456789');
  await s.append('s.1', whole.subarray(3, 6));
  await s.append('s.1', whole.subarray(3, 6), { msgId: 'x' });
  await s.appendBatch([{ subject: 's.1', payload: whole.subarray(3, 6) }]);
  assert.deepEqual((await s.read()).map((r) => r.text()), ['345', '345', '345']);
});

test('conditions hold or name both sequences', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  await s.append('s.1', 'a', { expectLastSeq: 0 });
  await s.append('s.1', 'b', { expectSubjectLastSeq: 1n });
  const refused = [
    { expectLastSeq: 1 }, { expectSubjectLastSeq: 1n }, { expectFilter: 's.*', expectSubjectLastSeq: 1 },
  ];
  for (const options of refused) {
    const error = await rejects(s.append('s.1', 'c', options), 'conflict');
    assert.equal(error.expected, 1n);
    assert.equal(error.actual, 2n);
    assert.equal(throws(() => s.appendSync('s.1', 'c', options), 'conflict').actual, 2n);
  }
  const first = await s.append('s.1', 'd', { msgId: 'once' });
  const again = await s.append('s.1', 'd', { msgId: 'once' });
  assert.deepEqual([first.duplicate, again.duplicate, again.seq, again.count], [false, true, first.seq, 0]);
  await s.append('s.1', 'e', { rollup: 'subject' });
  assert.deepEqual((await s.read()).map((r) => r.text()), ['e']);
});

test('a getter of a record may append in the middle of a batch', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const inner = { subject: 's.inner', payload: 'i'.repeat(300) };
  const getter = {
    subject: 's.getter',
    get payload() {
      s.appendBatchSync([inner, inner]);
      s.appendSync('s.one', 'o'.repeat(300));
      outer.push({ subject: 's.late', payload: 'comes too late' });
      return Uint8Array.of(7);
    },
  };
  const outer = [{ subject: 's.a', payload: 'first' }, getter, { subject: 's.b', payload: 'last' }];
  assert.equal((await s.appendBatch(outer)).count, 3);
  const read = await s.read();
  const came = read.map((r) => [r.subject, r.payload.length]);
  const nested = [['s.inner', 300], ['s.inner', 300], ['s.one', 300]];
  assert.deepEqual(came.slice(-3), [['s.a', 5], ['s.getter', 1], ['s.b', 4]]);
  assert.deepEqual(came.slice(0, 3), nested);
  const failing = { subject: 's.a', get payload() { throw new Error('the getter failed'); } };
  await assert.rejects(s.appendBatch([inner, failing]), /the getter failed/);
  assert.equal((await s.appendBatch([{ subject: 's.a', payload: 'x' }])).count, 1);
});

test('a batch is all or nothing', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const long = 'x'.repeat(5000);
  const records = Array.from({ length: 1000 }, (_, i) => ({ subject: `s.${i % 10}`, payload: i % 2 ? long : `${i}` }));
  assert.deepEqual(await s.appendBatch(records), { seq: 1000n, count: 1000, duplicate: false, durability: 'os' });
  const last = [{ subject: 's.a', payload: 'x', headers: { h: 'v' }, eventTime: 9n }, { subject: 's.b' }];
  const ack = s.appendBatchSync(last);
  assert.equal(ack.seq, 1002n);
  assert.equal((await s.get(1001)).header('h'), 'v');
  await rejects(s.appendBatch([{ subject: 's.ok' }, { subject: 's..bad' }]), 'invalid');
  assert.equal(await s.last('s.ok'), null);
  await rejects(s.appendBatch(Array.from({ length: 1001 }, () => ({ subject: 's.a' }))), 'invalid');
  await rejects(s.appendBatch([{ payload: 'x' }]), 'invalid');
  await rejects(s.appendBatch([{ subject: 's.a', pyload: 'x' }]), 'invalid');
  await rejects(s.appendBatch('s.a'), 'invalid');
  let at = 0n;
  for (let from = 1n; ; from = at + 1n) {
    const page = await s.read({ fromSeq: from, maxBytes: 100_000 });
    if (page.length === 0) break;
    for (const record of page) {
      at++;
      assert.equal(record.seq, at);
      if (at <= 1000n) assert.equal(record.text(), (at - 1n) % 2n ? long : `${at - 1n}`);
    }
  }
  assert.equal(at, 1002n);
});

test('reads go by filter, place, time and direction', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  for (let i = 1; i <= 9; i++) await s.append(`s.${i % 3}`, `${i}`, { eventTime: BigInt(i * 10) });
  const texts = async (options) => (await s.read(options)).map((r) => r.text()).join('');
  assert.equal(await texts({ filters: 's.0' }), '369');
  assert.equal(await texts({ filters: ['s.0', 's.1'], fromSeq: 4 }), '4679');
  assert.equal(await texts({ backward: true, maxRecords: 3 }), '987');
  assert.equal(await texts({ backward: true, fromSeq: 5n, filters: 's.*' }), '54321');
  assert.equal(await texts({ eventFrom: 30n, eventTo: 60n }), '345');
  assert.equal(await texts({ fromTime: new Date(Date.now() + 60_000) }), '');
  assert.equal(await texts({ until: new Date(Date.now() + 60_000) }), '123456789');
  assert.deepEqual((await s.lastMany('s.*')).map((r) => r.text()), ['7', '8', '9']);
  assert.deepEqual(s.lastManySync(['s.0', 's.1'], { after: 7, max: 1 }).map((r) => r.text()), ['9']);
  assert.equal((await s.last('s.>')).seq, 9n);
  assert.equal(s.lastSync('s.1').seq, 7n);
  assert.equal(await s.lastSeq('s.2'), 8n);
  assert.equal(await s.lastSeq('s.none'), 0n);
  const subjects = await s.subjects('s.*', { after: 's.0' });
  assert.deepEqual(subjects, [{ subject: 's.1', count: 3n }, { subject: 's.2', count: 3n }]);
});

test('records are deleted and purged', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  for (let i = 1; i <= 9; i++) await s.append(`s.${i % 3}`, `${i}`);
  assert.equal(await s.delete(2), true);
  assert.equal(await s.delete(2n), false);
  assert.equal(await s.purge({ filter: 's.0', keep: 1 }), 2n);
  assert.equal(await s.purge({ beforeSeq: 5n }), 2n);
  assert.equal((await s.info()).records, 4n);
  assert.equal(await s.purge(), 4n);
  await s.sync();
  const info = await s.info();
  assert.deepEqual([info.records, info.firstSeq, info.lastSeq], [0n, 10n, 9n]);
});

test('bad arguments are refused by name, and never change anything', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  const subjects = ['', 's.', 's..1', 's.*', 's.a b', 'other', `s.${'x'.repeat(2000)}`, 7, null, undefined, 's.\ud800'];
  for (const subject of subjects) {
    await rejects(s.append(subject, Buffer.from('x')), 'invalid');
    await rejects(s.append(subject, 'x', { msgId: '1' }), 'invalid');
    throws(() => s.appendSync(subject, 'x'), 'invalid');
  }
  for (const payload of [undefined, null, 7, {}, [1], new ArrayBuffer(2), '\udc00']) {
    await rejects(s.append('s.1', payload), 'invalid');
    throws(() => s.appendSync('s.1', payload), 'invalid');
  }
  await rejects(s.append('s.1', Buffer.alloc((8 << 20) + 1)), 'invalid', 'limit');
  const options = [
    { expectLastSeq: -1 }, { expectLastSeq: 2n ** 64n }, { expectLastSeq: 1.5 }, { expectLastSeq: '1' },
    { eventTime: 1_700_000_000_000 }, { eventTime: 2n ** 63n }, { eventTime: new Date(NaN) }, { ttlMs: -1 },
    { rollup: 'some' }, { headers: [['a']] }, { headers: { 'Nats-Msg-Id': 'x' } }, { msgID: 'x' }, { ttlMs: 1 },
    { headers: { a: 7 } }, { headers: { a: 'x\r\ny' } }, 'x', null,
  ];
  for (const option of options) await rejects(s.append('s.1', 'x', option), 'invalid');
  await rejects(s.get(-1), 'invalid');
  await rejects(s.get(2n ** 64n), 'invalid');
  await rejects(s.last('s..'), 'invalid');
  await rejects(s.read({ filters: 's.>.x' }), 'invalid');
  await rejects(s.read({ maxRecords: 0 }), 'invalid');
  await rejects(s.read({ from: 1 }), 'invalid');
  await rejects(s.delete('1'), 'invalid');
  assert.equal((await s.info()).records, 0n);
});

test('a subject of the greatest length goes through both ways of appending', async (t) => {
  const { streams: { s } } = await environment(t, { streams: STREAMS });
  for (const subject of [`s.${'x'.repeat(1022)}`, `s.${'ü'.repeat(510)}`, `s.${'x'.repeat(1019)}ü`]) {
    const { seq } = await s.append(subject, Buffer.from('x'));
    assert.equal((await s.get(seq)).subject, subject);
    const packed = await s.appendBatch([{ subject, payload: 'x' }]);
    assert.equal((await s.get(packed.seq)).subject, subject);
  }
});

test('every durability acknowledges what it says', async (t) => {
  const names = ['fsync', 'interval', 'os'];
  const { streams } = await environment(t, {
    onDisk: true, streams: names.map((durability) => ({ name: durability, durability })),
  });
  for (const name of names) {
    const one = await streams[name].append(name, Buffer.from('x'));
    assert.deepEqual(one, { seq: 1n, count: 1, duplicate: false, durability: name });
    const all = await Promise.all(Array.from({ length: 50 }, () => streams[name].append(name, 'y')));
    assert.deepEqual(all.map((ack) => ack.seq), Array.from({ length: 50 }, (_, i) => BigInt(i + 2)));
    assert.equal(streams[name].appendSync(name, Buffer.from('z')).seq, 52n);
    assert.equal(streams[name].appendBatchSync([{ subject: name }], { timeoutMs: 10_000 }).seq, 53n);
  }
});
