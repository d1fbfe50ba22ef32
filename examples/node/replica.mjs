// A SQLite file at each of two shops: what is written at one comes to the other, and what both wrote apart merges.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { memory } from 'headwater';

const TIMEOUT_MS = 30_000;
const BOOKS = `SELECT group_concat(id || ' ' || title || ' at ' || price, ', ')
  FROM (SELECT id, title, price FROM books ORDER BY id)`;

async function openShop(path) {
  // The application's own file: here an empty one, which is a database that has nothing in it.
  await writeFile(path, '');
  const engine = memory();
  const database = await engine.attach({ path, name: 'shop' });
  const books = await database.connect();
  await books.execute('CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT, price REAL)');
  return { engine, database, books };
}

async function link({ engine, database }, hub) {
  const [stream] = database.streamNames;
  await engine.addLink({ name: 'hub', stream, remote: stream, create: {} }, hub);
}

async function list({ books }) {
  return (await books.execute(BOOKS)).rows[0][0];
}

async function untilBothHave(shops, books) {
  const end = Date.now() + TIMEOUT_MS;
  while ((await list(shops[0])) !== books || (await list(shops[1])) !== books) {
    assert(Date.now() < end, `${books} did not come to both`);
    await setTimeout(5);
  }
  console.log(`both files have ${books}`);
}

const directory = await mkdtemp(join(tmpdir(), 'headwater-replica-'));
const hub = memory();
const [here, there] = [await openShop(join(directory, 'here.db')), await openShop(join(directory, 'there.db'))];
await link(here, hub);
await link(there, hub);
await here.books.execute('INSERT INTO books VALUES (?, ?, ?)', [1, 'Emma', 9.5]);
await there.books.execute('INSERT INTO books VALUES (?, ?, ?)', [2, 'Ivanhoe', 3.25]);
await untilBothHave([here, there], '1 Emma at 9.5, 2 Ivanhoe at 3.25');

await here.engine.removeLink('hub');
await there.engine.removeLink('hub');
await here.books.execute("UPDATE books SET title = 'Emma Woodhouse' WHERE id = 1");
await there.books.execute('UPDATE books SET price = 12.5 WHERE id = 1');
console.log('apart, one changes the title of book 1 and the other its price');
await link(here, hub);
await link(there, hub);
await untilBothHave([here, there], '1 Emma Woodhouse at 12.5, 2 Ivanhoe at 3.25');

const { tables, conflicts } = await here.database.status();
console.log(`${tables.join(', ')} replicates, and ${conflicts} rows are hidden by a conflict`);
for (const { books, engine } of [here, there]) {
  await books.close();
  await engine.close();
}
await hub.close();
await rm(directory, { recursive: true });
