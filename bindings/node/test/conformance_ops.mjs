// Every operation of the conformance vectors, through this door. An operation takes its arguments by name, all at its
// start: the runner fails a step with an argument that nobody took.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeToken, encodeToken } from 'headwater';
import { crdtOperations } from './conformance_crdt.mjs';
import { databaseOperations } from './conformance_database.mjs';
import { entityOperations } from './conformance_entities.mjs';
import { eventOperations, projectionOperations } from './conformance_events.mjs';
import {
  ackOut, appendIn, big, bytesIn, bytesOut, configIn, configOut, entryOut, fields, ms, objectOut, plain, pointIn,
  pointOut, recordOut,
} from './conformance_values.mjs';

/** The operations on `engine` and presence stores, each a function of a step, and `end`, which closes what is open. */
export function operations(engine, ofPresences) {
  const open = new Map();
  const stream = (name) => engine.stream(name);
  const bucket = (name) => engine.bucket(name);
  const store = (name) => engine.objectStore(name);
  const points = (name) => engine.points(name);

  /** A queue to take from, and how its items look in a vector. */
  async function source({ stream: name, consumer, subscription, watcher, projection }) {
    if (consumer !== undefined) return [await (await stream(name)).consumer(consumer), recordOut];
    return open.get(subscription ?? watcher ?? projection);
  }

  /** Names a queue, once it is open: what comes after is sure to be seen by it. */
  async function follow(as, queue, out) {
    await queue.ready();
    open.set(as, [queue, out]);
  }

  async function create(call, config) {
    return configOut((await call.call(engine, configIn(config))).config);
  }

  const { operations: ofDatabases, end: endDatabases } = databaseOperations(follow);
  const { operations: ofEntities, close: closeEntities, end: endEntities } = entityOperations(engine);
  const all = {
    create_stream: ({ config }) => create(engine.createStream, config),
    update_stream: ({ config }) => create(engine.updateStream, config),
    delete_stream: async ({ stream: name }) => engine.deleteStream(name),
    streams: async () => (await engine.streams()).map((info) => info.config.name),
    stream_info: async ({ stream: name }) => fields(
      await (await stream(name)).info(),
      'records', 'bytes', 'subjects', 'first_seq', 'last_seq', 'deleted', 'consumers',
    ),
    append: async (step) => {
      const { stream: name } = step;
      const { subject, payload, options } = appendIn(step);
      return ackOut(await (await stream(name)).append(subject, payload, options));
    },
    append_batch: async ({ stream: name, records, repeat = 1 }) => {
      const once = records.map(appendIn).map(({ subject, payload, options }) => ({ subject, payload, ...options }));
      const all = Array.from({ length: repeat }, () => once).flat();
      return ackOut(await (await stream(name)).appendBatch(all));
    },
    get: async ({ stream: name, seq }) => recordOut(await (await stream(name)).get(seq)),
    last: async ({ stream: name, filter }) => recordOut(await (await stream(name)).last(filter)),
    last_many: async ({ stream: name, filters, after, max }) => {
      return (await (await stream(name)).lastMany(filters, { after, max })).map(recordOut);
    },
    last_seq: async ({ stream: name, filter }) => plain(await (await stream(name)).lastSeq(filter)),
    subjects: async ({ stream: name, filter, after, max }) => {
      const list = await (await stream(name)).subjects(filter, { after, max });
      return list.map(({ subject, count }) => [subject, Number(count)]);
    },
    read: async ({
      stream: name, filters, from_seq: fromSeq, backward, max_records: maxRecords, max_bytes: maxBytes,
      event_range: range,
    }) => {
      const [eventFrom, eventTo] = (range ?? []).map(big);
      const options = { filters, fromSeq, backward, maxRecords, maxBytes, eventFrom, eventTo };
      return (await (await stream(name)).read(options)).map(recordOut);
    },
    delete: async ({ stream: name, seq }) => (await stream(name)).delete(seq),
    purge: async ({ stream: name, filter, before_seq: beforeSeq, keep }) => {
      return plain(await (await stream(name)).purge({ filter, beforeSeq, keep }));
    },
    sync: async ({ stream: name }) => (await stream(name)).sync(),

    subscribe: async ({ stream: name, as, filters, deliver_policy: deliverPolicy, start_seq: startSeq }) => {
      await follow(as, (await stream(name)).subscribe({ filters, deliverPolicy, startSeq }), recordOut);
    },
    create_consumer: async ({ stream: name, config }) => {
      await (await stream(name)).createConsumer(configIn(config));
    },
    delete_consumer: async ({ stream: name, consumer }) => (await stream(name)).deleteConsumer(consumer),
    consumers: async ({ stream: name }) => (await (await stream(name)).consumers()).map((info) => info.config.name),
    consumer_info: async ({ stream: name, consumer }) => fields(
      await (await (await stream(name)).consumer(consumer)).info(),
      'delivered_seq', 'ack_floor', 'num_ack_pending', 'num_redelivered', 'num_pending', 'num_dead',
    ),
    ack: async ({ stream: name, consumer, seqs }) => (await (await stream(name)).consumer(consumer)).ack(seqs),
    nak: async ({ stream: name, consumer, seq, delay = 0 }) => {
      (await (await stream(name)).consumer(consumer)).nak(seq, { delayMs: ms(delay) });
    },
    in_progress: async ({ stream: name, consumer, seq }) => {
      (await (await stream(name)).consumer(consumer)).inProgress(seq);
    },
    term: async ({ stream: name, consumer, seq }) => (await (await stream(name)).consumer(consumer)).term(seq),

    take: async (step) => {
      const { count, timeout_ms: timeoutMs = 5000 } = step;
      const [queue, out] = await source(step);
      const deadline = performance.now() + timeoutMs;
      const items = [];
      while (items.length < count) {
        const left = Math.max(deadline - performance.now(), 0);
        items.push(...await queue.next(count - items.length, { timeoutMs: left }));
      }
      return items.map(out);
    },
    try_next: async (step) => {
      const { max = 100 } = step;
      const [queue, out] = await source(step);
      return queue.tryNext(max).map(out);
    },
    missed: async (step) => plain((await source(step))[0].missed),
    next_logs: async ({ max = 100, timeout_ms: timeoutMs = 5000 }) => {
      return (await engine.nextLogs(max, { timeoutMs })).map((line) => fields(line, 'level', 'message'));
    },
    close_engine: async () => engine.close(),
    close: async (step) => {
      const { entities } = step;
      await (entities === undefined ? (await source(step))[0].close() : closeEntities(entities));
    },

    create_bucket: async ({ config }) => {
      await engine.createBucket(configIn(config));
    },
    delete_bucket: async ({ bucket: name }) => engine.deleteBucket(name),
    buckets: async () => engine.buckets(),
    bucket_status: async ({ bucket: name }) => fields(await (await bucket(name)).status(), 'values', 'bytes'),
    bucket_put: async (step) => {
      const { bucket: name, key } = step;
      const value = bytesIn(step, 'value');
      return plain(await (await bucket(name)).put(key, value));
    },
    bucket_create: async (step) => {
      const { bucket: name, key, ttl } = step;
      const value = bytesIn(step, 'value');
      return plain(await (await bucket(name)).create(key, value, { ttlMs: ms(ttl) }));
    },
    bucket_update: async (step) => {
      const { bucket: name, key, revision } = step;
      const value = bytesIn(step, 'value');
      return plain(await (await bucket(name)).update(key, value, revision));
    },
    bucket_delete: async ({ bucket: name, key, revision }) => {
      return plain(await (await bucket(name)).delete(key, { revision }));
    },
    bucket_purge: async ({ bucket: name, key, revision }) => {
      return plain(await (await bucket(name)).purge(key, { revision }));
    },
    bucket_get: async ({ bucket: name, key }) => entryOut(await (await bucket(name)).get(key)),
    bucket_get_revision: async ({ bucket: name, key, revision }) => {
      return entryOut(await (await bucket(name)).getRevision(key, revision));
    },
    bucket_history: async ({ bucket: name, key }) => (await (await bucket(name)).history(key)).map(entryOut),
    bucket_keys: async ({ bucket: name, filter }) => (await bucket(name)).keys(filter),
    bucket_watch: async ({
      bucket: name, as, filters, include_history: includeHistory, updates_only: updatesOnly,
      ignore_deletes: ignoreDeletes,
    }) => {
      await follow(as, (await bucket(name)).watch({ filters, includeHistory, updatesOnly, ignoreDeletes }), entryOut);
    },

    create_object_store: async ({ config }) => {
      await engine.createObjectStore(configIn(config));
    },
    delete_object_store: async ({ store: name }) => engine.deleteObjectStore(name),
    object_stores: async () => engine.objectStores(),
    object_store_status: async ({ store: name }) => {
      const { config, bytes } = await (await store(name)).status();
      return { ...configOut(config), bytes: Number(bytes) };
    },
    object_put: async (step) => {
      const { store: bucket, name, description, headers, metadata, max_chunk_size: maxChunkSize } = step;
      const payload = bytesIn(step, 'payload');
      const options = { description, headers, metadata, maxChunkSize };
      return objectOut(await (await store(bucket)).put(name, payload, options));
    },
    object_get: async ({ store: bucket, name }) => {
      const reader = await (await store(bucket)).get(name);
      return { ...bytesOut('payload', await reader.bytes()), object: objectOut(reader.info) };
    },
    object_info: async ({ store: bucket, name }) => objectOut(await (await store(bucket)).info(name)),
    object_list: async ({ store: bucket }) => (await (await store(bucket)).list()).map(objectOut),
    object_update: async ({ store: bucket, name, new_name: newName, description, headers, metadata }) => {
      await (await store(bucket)).update(name, { name: newName, description, headers, metadata });
    },
    object_link: async ({ store: from, name, bucket: to, target }) => {
      await (await store(from)).addLink(name, to, target === '' ? null : target);
    },
    object_delete: async ({ store: bucket, name }) => (await store(bucket)).delete(name),
    object_watch: async ({ store: bucket, as, updates_only: updatesOnly, ignore_deletes: ignoreDeletes }) => {
      await follow(as, (await store(bucket)).watch({ updatesOnly, ignoreDeletes }), objectOut);
    },

    create_points: async ({ config }) => {
      await engine.createPoints(configIn(config));
    },
    points_write: async ({ points: name, list }) => ackOut(await (await points(name)).write(list.map(pointIn))),
    points_latest: async ({ points: name, filter, deleted }) => {
      return (await (await points(name)).latest(filter, { deleted })).map(pointOut);
    },
    points_range: async ({ points: name, filter, from, to, after, max }) => {
      const range = await (await points(name)).range(filter, { from: big(from), to: big(to), after, max });
      return { points: range.points.map(pointOut), next: Number(range.next) };
    },
    points_query: async ({ points: name, filters, from, to, every, aggregates }) => {
      const options = { filters, from: big(from), to: big(to), everyMs: ms(every), aggregates };
      const rows = await (await points(name)).query(options);
      return rows.map((row) => ({
        series: row.series, start: Number(row.start), values: aggregates.map((aggregate) => row[aggregate]),
      }));
    },
    points_import: async ({ points: name, format, text, time, node, node_column: nodeColumn, columns }) => {
      const store = await points(name);
      const options = { time, node, nodeColumn, columns };
      const report = await (format === 'csv' ? store.importCsv(Buffer.from(text), options)
        : store.importJsonl(Buffer.from(text), options));
      const rejected = report.rejected.map(({ line, reason }) => [line, reason]);
      return { ...fields(report, 'lines', 'points', 'resumed', 'rejected_count'), rejected };
    },
    points_export: async ({ points: name, format, filter, from, to }) => {
      const store = await points(name);
      const options = { filter, from: big(from), to: big(to) };
      const dir = await mkdtemp(join(tmpdir(), 'headwater-conformance-'));
      try {
        const file = join(dir, 'out');
        const count = await (format === 'csv' ? store.exportCsv(file, options) : store.exportJsonl(file, options));
        return { text: await readFile(file, 'utf8'), count: Number(count) };
      } finally {
        await rm(dir, { recursive: true });
      }
    },
    points_watch: async ({ points: name, as, filter }) => {
      await follow(as, (await points(name)).watch(filter), pointOut);
    },

    ...crdtOperations(engine, follow),
    ...eventOperations(engine, follow),
    ...projectionOperations(engine, open),
    ...ofDatabases,
    ...ofEntities,
    ...ofPresences(follow),

    encode_token: async ({ text }) => encodeToken(text),
    decode_token: async ({ token }) => decodeToken(token),
    sleep: async ({ ms: time }) => {
      await sleep(time);
    },
  };
  const end = async () => {
    await endEntities();
    await endDatabases();
  };
  return { operations: all, end };
}
