// SQLite files of two nodes in one process: connections and their values, how nodes stand, what is compared, and
// snapshots.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open as openFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RawText, memory, open } from 'headwater';
import { rejects, scratch, throws } from './helpers.mjs';

const WAIT_MS_MAX = 20_000;
const BOOKS = 'CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT UNIQUE, cell)';
const SQLITE = 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.close()';

/** Waits for what comes about by itself. */
async function until(what, isSo) {
  const end = Date.now() + WAIT_MS_MAX;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `${what} did not come to be in ${WAIT_MS_MAX} ms`);
    await sleep(5);
  }
}

/** Does statements in another process, which knows nothing of Headwater. */
function elsewhere(path, sql) {
  return promisify(execFile)('python3', ['-c', SQLITE, path, sql]);
}

function engine(t) {
  const opened = memory();
  t.after(() => opened.close());
  return opened;
}

/** A file with books that is attached, and a connection to it. */
async function attached(t) {
  const dir = await scratch();
  const path = join(dir, 'app.db');
  await writeFile(path, '');
  const on = engine(t);
  const database = await on.attach({ path });
  const connection = await database.connect();
  t.after(() => connection.close());
  await connection.execute(BOOKS);
  return { database, connection, engine: on, path };
}

/** Two files that replicate over a hub. */
async function nodes(t) {
  const dir = await scratch();
  const hub = engine(t);
  const made = async (name) => {
    const path = join(dir, `${name}.db`);
    await elsewhere(path, BOOKS);
    const node = engine(t);
    const store = join(dir, 'snapshots');
    const database = await node.attach({ path, name: 'app', nodeId: `shop-${name}`, snapshotStore: store });
    const [stream] = database.streamNames;
    await node.addLink({ name: 'hub', stream, remote: stream, create: {} }, hub);
    return database;
  };
  return [await made('a'), await made('b')];
}

async function titles(database) {
  const connection = await database.connect();
  const { rows } = await connection.execute('SELECT title FROM books ORDER BY id');
  await connection.close();
  return rows.flat().join();
}

test('what any program writes arrives at the other node', async (t) => {
  const [a, b] = await nodes(t);
  assert.deepEqual([a.name, a.streamNames, a.path.endsWith('a.db')], ['app', ['REPLICA_app'], true]);
  await elsewhere(a.path, "INSERT INTO books(title) VALUES ('Emma')");
  const connection = await b.connect({ timeoutMs: 5000 });
  await connection.execute('INSERT INTO books(id, title) VALUES (?, ?)', [2, 'Ivanhoe']);
  await connection.close();
  await a.sync({ timeoutMs: 10_000 });
  await b.sync();
  await until('both rows at a', async () => (await titles(a)) === 'Emma,Ivanhoe');
  await until('both rows at b', async () => (await titles(b)) === 'Emma,Ivanhoe');
  const status = await a.status({ timeoutMs: 5000 });
  const { state, tables, refused, job, nodeId, pending, unsent, missing, lastError } = status;
  assert.deepEqual(
    { state, tables, refused, job, nodeId, pending, unsent, missing, lastError },
    {
      state: 'running', tables: ['books'], refused: [], job: null, nodeId: 'shop-a', pending: 0n, unsent: 0n,
      missing: 0n, lastError: '',
    },
  );
  assert.ok(status.published > 0n && status.applied > 0n && status.node.length === 16);
});

test('what is joined is watched', { timeout: WAIT_MS_MAX }, async (t) => {
  const [a, b] = await nodes(t);
  const watcher = b.watch();
  await watcher.ready();
  assert.deepEqual(watcher.tryNext(), []);
  await elsewhere(a.path, "INSERT INTO books(id, title) VALUES (1, 'Emma')");
  const [change] = await watcher.next(1);
  const { node } = await a.status();
  assert.deepEqual([change.table, change.key, change.kind, change.node], ['books', [1], 'insert', node]);
  assert.ok(Math.abs(change.timeMs - Date.now()) < 60_000 && typeof change.stamp === 'bigint');
  await elsewhere(a.path, "UPDATE books SET title = 'Ivanhoe'");
  for await (const { kind } of watcher) {
    assert.equal(kind, 'update');
    break;
  }
  assert.equal(watcher.missed, 0n);
  watcher.close();
  await rejects(watcher.next(), 'closed');
});

test('nodes are compared, and snapshots made and joined', async (t) => {
  const [a, b] = await nodes(t);
  await elsewhere(a.path, "INSERT INTO books(title) VALUES ('Emma')");
  await until('the row', async () => (await titles(b)) === 'Emma');
  await until('equal nodes', async () => (await a.check({ timeoutMs: 10_000 })).isEqual);
  const { nodes: [other], dangling, repaired } = await a.check({ repair: true });
  assert.deepEqual(other, { nodeId: 'shop-b', compared: 'equal', differing: {}, schema: [] });
  assert.deepEqual([dangling, repaired], [{}, false]);
  const [{ table, forms, isSame }] = await a.schema();
  assert.deepEqual([table, Object.values(forms), isSame], ['books', [['shop-a', 'shop-b']], true]);
  await elsewhere(b.path, 'ALTER TABLE books ADD COLUMN isbn TEXT');
  await until('two forms', async () => !(await a.schema())[0].isSame);
  assert.deepEqual(await a.snapshots(), []);
  const snapshot = await a.snapshot({ timeoutMs: 10_000 });
  assert.deepEqual(await a.snapshots(), [snapshot]);
  assert.ok(snapshot.nodeId === 'shop-a' && snapshot.createdMs > 1.6e12 && snapshot.bytes >= 4096n);
  assert.deepEqual(await b.restore(), snapshot);
  assert.deepEqual(await b.restore(snapshot.id), snapshot);
  await rejects(b.restore('none'), 'not_found');
});

test('a file waits, goes on, and is let go', async (t) => {
  const { database, connection, engine: on } = await attached(t);
  await database.pause();
  assert.equal((await database.status()).state, 'paused');
  await rejects(database.sync(), 'conflict');
  await database.resume();
  assert.equal(await database.release(), 0n);
  assert.equal((await on.database('app')).path, database.path);
  assert.deepEqual((await on.databases()).map(({ name }) => name), ['app']);
  await database.detach();
  await rejects(database.status(), 'not_found');
  await rejects(on.database('app'), 'not_found');
  assert.deepEqual(await on.databases(), []);
  const { rows } = await connection.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%headwater%'");
  assert.deepEqual(rows, [[0]]);
});

test('a value comes back as what it is', async (t) => {
  const { connection } = await attached(t);
  const values = [
    null, 0, -1, Number.MAX_SAFE_INTEGER, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 0.1, -0, 5e-324, Infinity, 2 ** 60,
    '', 'Zürich 🚲', 'a\0b', Buffer.alloc(0), Buffer.from([0, 255]), new RawText(Buffer.from([255, 65, 195])),
  ];
  for (const value of values) {
    await connection.execute('INSERT INTO books(cell) VALUES (?)', [value]);
  }
  const { columns, rows, changes } = await connection.execute('SELECT typeof(cell), cell FROM books ORDER BY id');
  assert.deepEqual(rows.map(([, value]) => value), values);
  assert.ok(Object.is(rows[8][1], -0));
  assert.deepEqual([columns, changes], [['typeof(cell)', 'cell'], 0]);
  const types = [['null', 1], ['integer', 6], ['real', 5], ['text', 3], ['blob', 2], ['text', 1]];
  assert.deepEqual(rows.map(([type]) => type), types.flatMap(([type, times]) => Array(times).fill(type)));
  const like = [1n, true, false, new Uint8Array([7]), NaN];
  assert.deepEqual((await connection.execute('SELECT ?, ?, ?, ?, ?', like)).rows, [[1, 1, 0, Buffer.from([7]), null]]);
  assert.equal(String(rows.at(-1)[1]), '\ufffdA\ufffd');
  const big = await connection.execute('INSERT INTO books(id) VALUES (?)', [2n ** 60n]);
  assert.deepEqual([big.changes, big.lastInsertRowid, big.columns, big.rows], [1, 2n ** 60n, [], []]);
  for (const value of [undefined, {}, Symbol('x'), 2n ** 63n, '\ud800', [1]]) {
    await rejects(connection.execute('SELECT ?', [value]), 'invalid');
  }
  await rejects(connection.execute('SELECT ?', { 0: 1 }), 'invalid');
  throws(() => new RawText('x'), 'invalid');
});

test('what is asked of a connection is done in its order', async (t) => {
  const { database, connection } = await attached(t);
  const asked = [connection.execute('BEGIN')];
  for (let n = 0; n < 50; n++) asked.push(connection.execute('INSERT INTO books(id) VALUES (?)', [n]));
  await asked[50];
  assert.equal(connection.isInTransaction, true);
  const other = await database.connect();
  const count = async () => (await other.execute('SELECT count(*) FROM books')).rows[0][0];
  assert.equal(await count(), 0);
  asked.push(connection.execute('COMMIT'));
  await Promise.all(asked);
  assert.equal(connection.isInTransaction, false);
  assert.equal(await count(), 50);
  const done = [other.execute('DELETE FROM books'), other.close(), other.close(), other.execute('SELECT 1')];
  const kinds = (await Promise.allSettled(done)).map(({ status, reason }) => reason?.kind ?? status);
  assert.deepEqual(kinds, ['fulfilled', 'fulfilled', 'fulfilled', 'closed']);
});

test('many that wait for a lock keep nobody from giving it back', async (t) => {
  const { database, connection } = await attached(t);
  await connection.execute('BEGIN IMMEDIATE');
  const others = await Promise.all(Array.from({ length: 8 }, () => database.connect()));
  const writes = others.map((other, n) => other.execute('INSERT INTO books(id) VALUES (?)', [n]));
  await sleep(50);
  let beats = 0;
  const beat = setInterval(() => beats++, 5);
  await sleep(100);
  clearInterval(beat);
  assert.ok(beats > 5, 'the event loop goes on');
  await connection.execute('COMMIT');
  await Promise.all(writes);
  assert.deepEqual((await connection.execute('SELECT count(*) FROM books')).rows, [[8]]);
  await Promise.all(others.map((other) => other.close()));
});

test('a wait that is given up stops its statement, and no other', { timeout: WAIT_MS_MAX }, async (t) => {
  const { connection } = await attached(t);
  const forEver = 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)';
  const insert = `INSERT INTO books(id, title) ${forEver} SELECT max(i), 'slow' FROM n`;
  const abort = new AbortController();
  const running = connection.execute(insert, [], { timeoutMs: 50 });
  // Neither of these begins before the first is stopped.
  const waiting = connection.execute(insert, [], { signal: abort.signal });
  const after = connection.execute("INSERT INTO books(id, title) VALUES (1, 'after')");
  abort.abort();
  await rejects(waiting, 'timeout');
  await rejects(running, 'timeout');
  assert.equal((await after).changes, 1);
  await rejects(connection.execute(insert, [], { signal: AbortSignal.abort() }), 'timeout');
  await rejects(connection.execute(insert, [], { signal: AbortSignal.timeout(50) }), 'timeout');
  assert.deepEqual((await connection.execute('SELECT title FROM books')).rows, [['after']]);
});

test('a mistake is told by its kind', async (t) => {
  const { connection, engine: on, path } = await attached(t);
  await connection.execute('INSERT INTO books(title) VALUES (?)', ['Emma']);
  const taken = await rejects(connection.execute('INSERT INTO books(title) VALUES (?)', ['Emma']), 'conflict');
  assert.match(taken.message, /UNIQUE/);
  await rejects(connection.execute('INSERT INTO nowhere VALUES (1)'), 'invalid');
  await rejects(connection.execute('SELECT ?'), 'invalid');
  await rejects(connection.execute(7), 'invalid');
  await rejects(on.attach({ path, exclude: 'books' }), 'conflict');
  await rejects(on.attach({ path: join(dirname(path), 'none.db') }), 'not_found');
  await rejects(on.attach({ path, name: 'no good' }), 'invalid');
  await rejects(on.attach({ path, nme: 'x' }), 'invalid');
  await rejects(on.attach({}), 'invalid');
  await rejects(on.attach({ path, logDurability: 'never' }), 'invalid');
});

test('a file that this process has open is refused', { skip: !existsSync('/proc/self/fd') }, async (t) => {
  const path = join(await scratch(), 'app.db');
  await writeFile(path, '');
  const other = await openFile(path);
  const on = engine(t);
  const refused = await rejects(on.attach({ path }), 'conflict');
  assert.match(refused.message, /two copies of SQLite/);
  await other.close();
  const database = await on.attach({ path });
  const connection = await database.connect();
  assert.equal((await on.attach({ path })).name, 'app');
  await connection.close();
});

test('a file is found again when its engine is opened', async () => {
  const dir = await scratch();
  const path = join(dir, 'books.db');
  await elsewhere(path, BOOKS);
  const config = { path, publish: false, include: 'books', perRow: ['books'], scanMaxChanges: 9, logMaxEntries: 5n };
  const first = await open(join(dir, 'data'));
  assert.equal((await first.attach(config)).name, 'books');
  await first.close();
  const again = await open(join(dir, 'data'));
  assert.deepEqual((await again.databases()).map(({ name }) => name), ['books']);
  const database = await again.database('books', { timeoutMs: 5000 });
  assert.deepEqual([database.path, (await again.attach(config)).path], [path, path]);
  await again.close();
  await rejects(database.status(), 'closed');
});
