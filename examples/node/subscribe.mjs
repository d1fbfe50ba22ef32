// One thread appends while another follows the stream: history first, then live, with no gap at the seam.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { attach, temporary } from 'headwater';

const HISTORY_RECORDS = 100;
const LIVE_RECORDS = 900;

async function appendTicks(ticks, count) {
  for (let i = 0; i < count; i++) await ticks.append('ticks.a', String(i));
}

async function follow() {
  const engine = temporary();
  const ticks = await engine.createStream({ name: 'ticks', subjects: ['ticks.>'], durability: 'os' });
  await appendTicks(ticks, HISTORY_RECORDS);
  const live = ticks.subscribe({ filters: 'ticks.*' });
  const writer = new Worker(fileURLToPath(import.meta.url), { workerData: engine.share() });
  const written = new Promise((resolve, reject) => writer.once('exit', resolve).once('error', reject));

  let next = 1n;
  for await (const record of live.items({ signal: AbortSignal.timeout(30_000) })) {
    assert.equal(record.seq, next);
    if (next === BigInt(HISTORY_RECORDS + LIVE_RECORDS)) break;
    next++;
  }
  await written;
  console.log(`followed ${next} records, ${LIVE_RECORDS} of them live, in order and without a gap`);
  await engine.close();
}

if (isMainThread) {
  await follow();
} else {
  await appendTicks(await attach(workerData).stream('ticks'), LIVE_RECORDS);
}
