// Appends records from Node, one by one or in batches, or inserts them with better-sqlite3, and says how long one took.
//
//     node append.mjs one|batch|sqlite DIR WARM_UP RECORDS
//
// See src/rows/calls.rs. SQLite gets the settings and the schema of src/peers/sqlite.rs. The job `load` does nothing:
// it shows that the packages are there.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { open } from 'headwater';

const BATCH_RECORDS = 1000;
const PAYLOAD = Buffer.alloc(128, 'x');
const RECORD_TIME_NS = 1_700_000_000_000_000_000n;

const [job, dir, warmUp, records] = process.argv.slice(2);

function subject(number) {
  return `bench.${String(number % 16).padStart(2, '0')}.${String(number).padStart(6, '0')}`;
}

const subjects = Array.from({ length: BATCH_RECORDS }, (_, number) => subject(number));

async function timed(work) {
  await work(Number(warmUp));
  const began = process.hrtime.bigint();
  await work(Number(records));
  console.log(`ns ${Number(process.hrtime.bigint() - began) / Number(records)}`);
}

async function append() {
  const engine = await open(dir);
  const stream = await engine.createStream({ name: 'bench', subjects: ['bench.>'], durability: 'os' });
  const batch = subjects.map((name) => ({ subject: name, payload: PAYLOAD }));
  const work = {
    async one(count) {
      for (let i = 0; i < count; i++) {
        await stream.append('bench.one', PAYLOAD);
      }
    },
    async batch(count) {
      for (let i = 0; i < count; i += BATCH_RECORDS) {
        await stream.appendBatch(batch);
      }
    },
  };
  await timed(work[job]);
  await engine.close();
}

async function insert() {
  mkdirSync(dir, { recursive: true });
  const database = new Database(join(dir, 'records.sqlite'));
  for (const setting of [
    'locking_mode = EXCLUSIVE',
    'journal_mode = WAL',
    'synchronous = NORMAL',
    'cache_size = -262144',
    'temp_store = MEMORY',
    'wal_autocheckpoint = 16384',
  ]) {
    database.pragma(setting);
  }
  database.exec(`
    CREATE TABLE records
        (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, time INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE INDEX records_by_subject ON records (subject);`);
  const statement = database.prepare('INSERT INTO records (subject, time, payload) VALUES (?, ?, ?)');
  const transaction = database.transaction(() => {
    for (const name of subjects) {
      statement.run(name, RECORD_TIME_NS, PAYLOAD);
    }
  });
  await timed((count) => {
    for (let i = 0; i < count; i += BATCH_RECORDS) {
      transaction();
    }
  });
  database.close();
}

if (job === 'sqlite') {
  await insert();
} else if (job !== 'load') {
  await append();
}
