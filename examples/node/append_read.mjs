// Appends orders to a stream in a directory, closes it, opens it again and reads them back.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadwaterError, open } from 'headwater';

async function write(dir) {
  const engine = await open(dir);
  const orders = await engine.createStream({ name: 'orders', subjects: ['orders.>'] });
  for (const subject of ['orders.eu.1', 'orders.us.2', 'orders.eu.1']) {
    const ack = await orders.append(subject, '{"total":12}');
    console.log(`appended ${subject} as ${ack.seq} (${ack.durability})`);
  }

  // A condition: nobody else wrote to this order since we read sequence 1. Somebody did.
  try {
    await orders.append('orders.eu.1', 'late', { expectSubjectLastSeq: 1n });
    assert.fail('a conflict was expected');
  } catch (error) {
    if (!(error instanceof HeadwaterError) || error.code !== 'ERR_HEADWATER_CONFLICT') throw error;
    console.log(`refused: expected sequence ${error.expected}, actual ${error.actual}`);
  }
  await engine.close();
}

async function readBack(dir) {
  const engine = await open(dir);
  const orders = await engine.stream('orders');
  const records = await orders.read({ filters: 'orders.eu.*' });
  for (const record of records) console.log(`read ${record.seq} ${record.subject} ${record.text()}`);
  const last = await orders.last('orders.us.2');
  console.log(`last of ${last.subject} is ${last.seq}`);
  assert.equal(records.length, 2);
  await engine.close();
}

const dir = await mkdtemp(join(tmpdir(), 'headwater-example-'));
try {
  await write(dir);
  await readBack(dir);
} finally {
  await rm(dir, { recursive: true });
}
