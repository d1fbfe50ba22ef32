// Projections and read models.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import wasm from 'node-sqlite3-wasm';
import { MemoryModel, SqliteModel, memory } from '../index.mjs';

const kind = (name) => (error) => error.kind === name;

/** An engine in memory with a store. */
async function shop(t) {
  const engine = memory();
  t.after(() => engine.close());
  const store = await engine.createEventStore({ name: 'shop' });
  const add = (...types) => store.save('order', '7', types.map((eventType) => ({ eventType })));
  const quick = () => store.projection('totals', { tries: 2, pauseMs: 1 });
  return { engine, store, add, quick };
}

const names = () => new MemoryModel({
  state: [],
  fold: (state, event) => {
    if (event.eventType === 'bad') throw new TypeError('it is bad');
    state.push(event.eventType);
  },
});

test('a projection goes on behind what was committed', async (t) => {
  const { store, add } = await shop(t);
  await add('A', 'B');
  const projection = await store.projection('totals');
  assert.deepEqual([projection.name, projection.position, projection.lag], ['totals', 0n, 2n]);
  assert.equal(await projection.head(), 2n);
  assert.deepEqual((await projection.next(9)).map((event) => event.seq), [1n, 2n]);
  await assert.rejects(projection.commit(3), kind('invalid'));
  projection.advance(1);
  await projection.commit(1, Buffer.from('one'));
  await assert.rejects(projection.next(9, { timeoutMs: 5 }), kind('timeout'));
  const after = await store.projection('totals');
  assert.deepEqual([after.position, after.state.toString()], [1n, 'one']);
  assert.deepEqual((await after.next()).map((event) => event.seq), [2n]);
  await assert.rejects(projection.commit(2), kind('conflict'));
  await after.close();
  assert.ok(after.closed);
  await assert.rejects(after.next(), kind('closed'));
  assert.equal(after.store, store);
});

test('what fails is tried again and then a dead letter', async (t) => {
  const { store, add, quick } = await shop(t);
  await add('A', 'bad', 'C');
  const [projection, model] = [await quick(), names()];
  await projection.catchUp(model);
  assert.deepEqual([model.state, projection.lag], [['A', 'C'], 0n]);
  const [letter] = await store.deadLetters('totals');
  assert.deepEqual([letter.seq, letter.tries, letter.error], [2n, 2, 'TypeError: it is bad']);
  assert.deepEqual(await store.deadLetters('totals', { after: 2, max: 5 }), []);
  const [{ position, lag, dead, failing, filters, isRunning }] = await store.projections();
  assert.deepEqual([position, lag, dead, failing, filters, isRunning], [3n, 0n, 1n, null, [], true]);
  await assert.rejects(projection.replay(model), TypeError);
  const mended = new MemoryModel({ state: [], fold: (state, event) => [...state, event.eventType] });
  await projection.catchUp(mended);
  assert.equal(await projection.replay(mended), 1);
  assert.deepEqual(mended.state, ['A', 'bad', 'C']);
  assert.equal((await store.eventAt(2)).eventType, 'bad');
  assert.equal(await store.eventAt(9), null);
  const other = await store.projection('other', { filters: { aggregate: 'order' } });
  await other.next();
  assert.deepEqual(await other.fail(1, 'why not'), { tries: 1, pauseMs: 100, isDead: false });
  assert.deepEqual((await store.projections())[0].failing, { seq: 1n, tries: 1, error: 'why not' });
  assert.equal(await store.deleteDeadLetter('totals', 2), false);
  await store.deleteProjection('totals');
  await assert.rejects(store.deleteProjection('totals'), kind('not_found'));
});

test('a state that the store keeps goes on where it was', async (t) => {
  const { store, add } = await shop(t);
  const counting = () => new MemoryModel({ state: 0, fold: (n) => n + 1, snapshotEvery: 2 });
  await add('A', 'B', 'C');
  await (await store.projection('count')).catchUp(counting());
  await add('D');
  const [projection, count] = [await store.projection('count'), counting()];
  assert.equal(projection.position, 3n);
  await projection.catchUp(count);
  assert.deepEqual([count.state, count.position], [4, 4n]);
});

test('a rebuild takes the place of the live one, and a run ends when it is closed', async (t) => {
  const { store, add } = await shop(t);
  await add('A');
  const live = await store.projection('totals');
  await live.catchUp(names());
  await live.close();
  const [rebuild, model] = [await store.projection('totals', { isRebuild: true }), names()];
  assert.equal(await rebuild.switch(), false);
  await rebuild.catchUp(model);
  assert.equal(await rebuild.switch(), true);
  const running = rebuild.run(model);
  await add('B');
  while (rebuild.position < 2n) await new Promise(setImmediate);
  await rebuild.close();
  await running;
  assert.deepEqual(model.state, ['A', 'B']);
  await assert.rejects((await store.projection('totals')).switch(), kind('misuse'));
});

/** A database as node:sqlite gives one. */
function open(file) {
  const database = new wasm.Database(file);
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => ({
      run: (...values) => database.run(sql, values),
      get: (...values) => database.get(sql, values) ?? undefined,
      all: (...values) => database.all(sql, values),
    }),
    close: () => database.close(),
  };
}

function fold(database, event) {
  database.exec('CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)');
  database.prepare('INSERT INTO events VALUES (?, ?)').run(Number(event.seq), event.eventType);
  if (event.eventType === 'bad') throw new TypeError('it is bad');
}

function file(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'headwater-'));
  t.after(() => fs.rmSync(dir, { recursive: true }));
  return path.join(dir, 'read.db');
}

function modelIn(t, place, options = {}) {
  const model = new SqliteModel({ name: 'totals', path: place, open, fold, ...options });
  t.after(() => model.close());
  return model;
}

const rows = (model) => model.database.prepare('SELECT seq, type FROM events ORDER BY seq').all()
  .map(({ seq, type }) => `${seq}${type}`);

test('an event that fails leaves nothing in a file, and is taken in once when it can', async (t) => {
  const { store, add, quick } = await shop(t);
  const place = file(t);
  await add('A', 'B', 'bad', 'D');
  const model = modelIn(t, place);
  await (await quick()).catchUp(model);
  assert.deepEqual(rows(model), ['1A', '2B', '4D']);
  const mended = modelIn(t, place, {
    fold: (database, event) => database.prepare("INSERT INTO events VALUES (?, 'mended')").run(Number(event.seq)),
  });
  const projection = await quick();
  await projection.catchUp(mended);
  mended.retake(await store.eventAt(3));
  assert.equal(await projection.replay(mended), 1);
  assert.deepEqual(rows(mended), ['1A', '2B', '3mended', '4D']);
});

test('a rebuild takes the place of the tables', async (t) => {
  const { store, add, quick } = await shop(t);
  const place = file(t);
  await add('A', 'bad', 'C');
  const [old, before] = [modelIn(t, place), await quick()];
  await before.catchUp(old);
  const model = modelIn(t, place, {
    fold: (database, event) => {
      database.exec('CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)');
      database.exec('CREATE INDEX IF NOT EXISTS by_type ON events (type)');
      database.prepare('INSERT INTO events VALUES (?, lower(?))').run(Number(event.seq), event.eventType);
    },
  });
  const live = await model.rebuild(store, { tries: 2 });
  assert.deepEqual(rows(model), ['1a', '2bad', '3c']);
  await assert.rejects(before.catchUp(old), kind('conflict'));
  await add('D');
  await live.catchUp(model);
  assert.deepEqual(rows(model).at(-1), '4d');
  assert.equal((await store.projections()).length, 1);
  const late = store.follow({ after: 3 });
  assert.throws(() => old.take(late.tryNext(9)), kind('conflict'));
});

test('a message of the outbox is sent once', async (t) => {
  const { engine, store, add, quick } = await shop(t);
  const mail = await engine.createStream({ name: 'mail', subjects: ['mail.>'] });
  const sql = "INSERT INTO headwater_outbox (seq, stream, subject, payload) VALUES (?, 'mail', 'mail.out', ?)";
  const model = modelIn(t, file(t), {
    fold: (database, event) => database.prepare(sql).run(Number(event.seq), event.eventType),
    outbox: engine,
  });
  await add('A', 'B');
  await (await quick()).catchUp(model);
  model.database.exec(`INSERT INTO headwater_outbox (id, seq, stream, subject, payload, tried)
    VALUES ('c', 3, 'mail', 'mail.out', 'C', 2), ('d', 4, 'mail', 'mail.out', 'D', 2)`);
  await mail.append('mail.out', 'C', { headers: [['Headwater-Outbox', 'c']] });
  await (await quick()).catchUp(model);
  const sent = await mail.read();
  assert.deepEqual(sent.map((record) => record.text()), ['A', 'B', 'C', 'D']);
  await model.rebuild(store);
  assert.equal((await mail.info()).records, 4n);
});

test('a disk that is full is no events fault', async (t) => {
  const { store, add, quick } = await shop(t);
  await add('A');
  const full = () => {
    throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
  };
  await assert.rejects((await quick()).catchUp(modelIn(t, file(t), { fold: full })), kind('io'));
  assert.deepEqual(await store.deadLetters('totals'), []);
});
