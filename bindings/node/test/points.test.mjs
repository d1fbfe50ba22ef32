// The point store: typed values, latest and range, aggregates, import and export, the live query.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { environment, rejects, scratch } from './helpers.mjs';

const SECOND = 1_000_000_000n;

async function store(t) {
  const made = await environment(t, { points: [{ name: 'p', durability: 'os' }] });
  return { engine: made.engine, p: made.points.p };
}

test('values keep their types', async (t) => {
  const { p } = await store(t);
  const values = [1.5, -7n, 'text', { a: [1, null] }, true, 2n ** 63n - 1n, -0];
  const points = values.map((value, i) => ({ node: 'n', kind: `k${i}`, time: BigInt(i), value }));
  const ack = await p.write(points);
  assert.equal(ack.count, values.length);
  const latest = await p.latest('n.*');
  const byKind = new Map(latest.map((point) => [point.kind, point]));
  for (const [i, value] of values.entries()) assert.deepEqual(byKind.get(`k${i}`).value, value);
  assert.deepEqual([...byKind.values()].map((x) => x.valueType).sort(), [
    'float', 'float', 'int', 'int', 'json', 'json', 'text',
  ]);
  await p.write({ node: 'n', kind: 'j', time: 1n, json: '{"big":12345678901234567890}' });
  const [document] = await p.latest('n.j');
  assert.equal(document.json, '{"big":12345678901234567890}');
  await p.write({ ...document, time: 2n });
  await p.write({ node: 'n', kind: 'i', time: 1n, value: 3, valueType: 'int' });
  assert.equal((await p.latest('n.i'))[0].value, 3n);
});

test('the winning point is the newest, and a range goes on from where it ended', async (t) => {
  const { p } = await store(t);
  for (const seconds of [1, 3, 2]) {
    await p.write({ node: 'n', kind: 'k', key: 'x', time: BigInt(seconds) * SECOND, value: seconds, origin: 'o' });
  }
  const [latest] = await p.latest('n.>');
  assert.deepEqual(latest, {
    node: 'n', kind: 'k', key: 'x', time: 3n * SECOND, value: 3, valueType: 'float', tombstone: 0, origin: 'o',
  });
  const first = await p.range('>', { max: 2 });
  assert.deepEqual(first.points.map((x) => x.value), [1, 3]);
  const rest = await p.range('>', { after: first.next });
  assert.deepEqual(rest.points.map((x) => x.value), [2]);
  const bounded = await p.range('n.k.x', { from: new Date(2000), to: 3n * SECOND });
  assert.deepEqual(bounded.points.map((x) => x.value), [2]);
  await p.write({ ...latest, tombstone: 1 });
  assert.deepEqual(await p.latest(), []);
  assert.equal((await p.latest('>', { deleted: true })).length, 1);
});

test('a query aggregates in buckets', async (t) => {
  const { engine, p } = await store(t);
  const points = [];
  for (let i = 0; i < 60; i++) points.push({ node: 'n', kind: 'k', time: BigInt(i) * SECOND, value: i });
  await p.write(points);
  const rows = await p.query({ filters: 'n.k', everyMs: 30_000, aggregates: ['count', 'min', 'max', 'mean', 'p50'] });
  assert.deepEqual(rows.map((r) => [r.series, r.start, r.count, r.min, r.max, r.mean]), [
    ['n.k', 0n, 30, 0, 29, 14.5], ['n.k', 30n * SECOND, 30, 30, 59, 44.5],
  ]);
  assert.ok(rows[0].p50 >= 13 && rows[0].p50 <= 16);
  assert.deepEqual(await p.query({ filters: 'none.*', aggregates: 'count' }), []);
  await rejects(p.query({ filters: 'n.k', aggregates: 'median' }), 'invalid');
  await rejects(p.query({ filters: 'n.k', aggregates: 'count', every: 5 }), 'invalid');
  assert.equal((await (await engine.points('p')).latest()).length, 1);
  await rejects(engine.points('none'), 'not_found');
});

test('CSV and JSON lines go in and out, and refused lines are named', async (t) => {
  const { p } = await store(t);
  const dir = await scratch();
  const csv = 'date,temp,wind\n1970-01-01T00:00:01Z,1.5,3\nnot a date,9,9\n1970-01-01T00:00:03Z,2.5,4\n';
  const file = join(dir, 'in.csv');
  await writeFile(file, csv);
  const report = await p.importCsv(file, { time: 'date', node: 's', onProgress: () => {} });
  assert.equal(report.points, 4n);
  assert.equal(report.rejectedCount, 1n);
  assert.deepEqual(report.rejected.map((r) => r.line), [3]);
  assert.ok(report.rejected[0].reason.length > 0);
  const lines = Buffer.from('{"t":10,"hum":0.5,"n":"x"}\n');
  assert.equal((await p.importJsonl(lines, { time: 't', nodeColumn: 'n' })).points, 1n);
  assert.equal((await p.latest('x.hum'))[0].time, 10n * SECOND);
  const out = pathToFileURL(join(dir, 'out.jsonl'));
  assert.equal(await p.exportJsonl(out, { filter: 's.temp' }), 2n);
  assert.equal((await readFile(out, 'utf8')).trim().split('\n').length, 2);
  assert.equal(await p.exportCsv(join(dir, 'out.csv')), 5n);
  await rejects(p.importCsv(join(dir, 'missing.csv'), { time: 'date', node: 's' }), 'not_found');
  await rejects(p.importCsv(file, { node: 's' }), 'invalid');
  await rejects(p.importCsv(7, { time: 'date', node: 's' }), 'invalid');
  await rejects(p.exportCsv(join(dir, 'no', 'such', 'directory')), 'not_found');
});

test('a long import says how far it is, and gives up when told so', async (t) => {
  const { p } = await store(t);
  const lines = Array.from({ length: 20_000 }, (_, i) => `${i},${i % 7}`);
  const csv = Buffer.from(`time,temp\n${lines.join('\n')}\n`);
  const heard = [];
  const onProgress = (done, total) => heard.push([done, total]);
  assert.equal((await p.importCsv(csv, { time: 'time', node: 'a', onProgress })).points, 20_000n);
  assert.ok(heard.length > 0);
  assert.ok(heard.every(([done, total]) => done <= total && total === csv.length));
  assert.equal(heard.at(-1)[0], csv.length);
  const enough = new Error('enough');
  const stop = () => {
    throw enough;
  };
  await assert.rejects(p.importCsv(csv, { time: 'time', node: 'b', onProgress: stop }), enough);
  const abort = new AbortController();
  const aborted = { time: 'time', node: 'c', signal: abort.signal, onProgress: () => abort.abort() };
  const error = await rejects(p.importCsv(csv, aborted), 'timeout');
  assert.equal(error.name, 'AbortError');
  // Rejected once the work has stopped: no point comes in behind that, and the same import goes on.
  const before = BigInt((await p.query({ filters: 'c.temp', aggregates: 'count' }))[0]?.count ?? 0);
  const report = await p.importCsv(csv, { time: 'time', node: 'c' });
  assert.equal(report.points + before, 20_000n);
});

test('a live query has the winners first, then every new point', async (t) => {
  const { p } = await store(t);
  await p.write([{ node: 'a', kind: 'k', time: 1n, value: 1 }, { node: 'a', kind: 'k', time: 2n, value: 2 }]);
  const watcher = p.watch('*.k');
  assert.deepEqual((await watcher.next(10, { timeoutMs: 5000 })).map((x) => x.value), [2]);
  const next = watcher.next(10, { timeoutMs: 5000 });
  await p.write({ node: 'b', kind: 'k', time: 1n, value: 3 });
  assert.deepEqual((await next).map((x) => x.value), [3]);
  assert.deepEqual(watcher.tryNext(), []);
  assert.equal(watcher.missed, 0n);
  watcher.close();
  await rejects(watcher.next(), 'closed');
});

test('bad points are refused by name', async (t) => {
  const { p } = await store(t);
  const good = { node: 'n', kind: 'k', time: 1n, value: 1 };
  for (const [change, word] of [
    [{ node: '' }, /node/], [{ node: 7 }, /node/], [{ kind: undefined }, /kind/], [{ time: undefined }, /time/],
    [{ time: 1_700_000_000_000 }, /time/], [{ value: undefined }, /value/], [{ value: () => 1 }, /function/],
    [{ value: 2n ** 63n }, /value/], [{ value: 'x', valueType: 'float' }, /float/], [{ type: 'k' }, /type/],
    [{ valueType: 'double' }, /valueType/], [{ tombstone: -1 }, /tombstone/],
    [{ value: 1.5, valueType: 'int' }, /value/],
  ]) assert.match((await rejects(p.write({ ...good, ...change }), 'invalid')).message, word);
  await rejects(p.write(Array.from({ length: 1001 }, () => good)), 'invalid');
  assert.deepEqual(await p.latest(), []);
});
