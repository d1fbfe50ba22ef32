// A point store: temperatures of two rooms go in, aggregates come out, and a live query follows what changes.

import { temporary } from 'headwater';

const DAY = new Date('2026-03-01T00:00:00Z');
const HOUR_MS = 3_600_000;

function after(hours) {
  return new Date(DAY.getTime() + hours * HOUR_MS);
}

function isoOf(nanos) {
  return new Date(Number(nanos / 1_000_000n)).toISOString();
}

async function writeDay(climate) {
  const points = [];
  for (let hour = 0; hour < 24; hour++) {
    for (const [node, base] of [['kitchen', 20], ['cellar', 12]]) {
      points.push({ node, kind: 'temperature', time: after(hour), value: base + hour / 10 });
    }
  }
  await climate.write(points);
}

const engine = temporary();
const climate = await engine.createPoints({ name: 'climate' });
await writeDay(climate);

const rows = await climate.query({
  filters: '*.temperature',
  from: DAY,
  to: after(24),
  everyMs: 6 * HOUR_MS,
  aggregates: ['min', 'mean', 'max'],
});
for (const { series, start, min, mean, max } of rows) {
  const time = isoOf(start).slice(11, 16);
  console.log(`${series.padEnd(20)} ${time}  min ${min.toFixed(1)}  mean ${mean.toFixed(2)}  max ${max.toFixed(1)}`);
}

// The live query: the winning point of each series first, then every new one.
const watcher = climate.watch('*.temperature');
const written = climate.write({ node: 'kitchen', kind: 'temperature', time: after(24), value: 23.5 });
for await (const point of watcher.items({ signal: AbortSignal.timeout(30_000) })) {
  console.log(`live: ${point.node} ${isoOf(point.time)} = ${point.value}`);
  if (point.value === 23.5) break;
}
await written;
await engine.close();
