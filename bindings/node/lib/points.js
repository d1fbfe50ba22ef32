'use strict';
// The point store: typed points, their latest values and their history.

const { fileURLToPath } = require('node:url');
const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const {
  LIMITS, PROGRESS, bytes, check, flag, i64, max: atLeastOne, millis, text, texts, time, u32, u64,
} = require('./options.js');
const { Reader, Writer } = require('./pack.js');
const { ack } = require('./slots.js');
const { Follower, ask } = require('./source.js');
const { Stream } = require('./stream.js');
const { begin, opened, settle } = require('./waits.js');

const LATEST = { deleted: flag };
const RANGE = { from: time, to: time, after: u64, max: atLeastOne };
const QUERY = { filters: texts, from: time, to: time, everyMs: millis, aggregates: texts, ...LIMITS };
const IMPORT = { time: text, node: text, nodeColumn: text, columns: texts, ...PROGRESS };
const EXPORT = { filter: text, from: time, to: time, ...PROGRESS };
const POINT = {
  node: text,
  kind: text,
  key: text,
  time,
  value: (what, value) => value,
  valueType: text,
  json: text,
  tombstone: u32,
  origin: text,
};

const VALUE_TYPES = ['float', 'int', 'text', 'json'];
const RANGE_MAX = 1000;
const POINTS_MAX = 1000;
const NO_BYTES = new Uint8Array(0);
const CALLS = {
  next: 'pointWatcherNext', tryNext: 'pointWatcherTryNext',
  close: 'pointWatcherClose', release: 'releasePointWatcher',
};
const BATCH = 256;

const writer = new Writer();

/** The type that a JavaScript value stands for: a number is a float, a bigint an int, anything but a string is JSON. */
function typeOf(value) {
  if (typeof value === 'number') return 'float';
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'string' ? 'text' : 'json';
}

/** A point with its type settled and its JSON written: from here on no code of the caller's runs. */
function prepare(point) {
  const checked = check('point', point, POINT);
  for (const name of ['node', 'kind', 'time']) {
    if (checked[name] === undefined) throw invalid(`point: ${name} is missing`);
  }
  const { value, json } = checked;
  if (value === undefined && json === undefined) throw invalid('point: value is missing');
  const type = checked.valueType ?? (json === undefined ? typeOf(value) : 'json');
  return { ...checked, type: typeNumber(type), value: prepareValue(type, value, json) };
}

function typeNumber(type) {
  const number = VALUE_TYPES.indexOf(type);
  if (number < 0) throw invalid(`point: valueType must be one of ${VALUE_TYPES.join(', ')}, got '${type}'`);
  return number;
}

function prepareValue(type, value, json) {
  if (type === 'int') return i64('point: value', value);
  if (type === 'text') return text('point: value', value);
  if (type === 'json') {
    const document = json ?? JSON.stringify(value);
    if (document === undefined) throw invalid(`point: a ${typeof value} is no value`);
    return document;
  }
  if (type === 'float' && typeof value !== 'number') throw invalid('point: a value of type float must be a number');
  return value;
}

function packPoint({ node, kind, key = '', time: at, type, value, tombstone = 0, origin = '' }) {
  writer.i64(at);
  writer.u32(tombstone);
  writer.u32(type);
  if (typeof value === 'number') writer.f64(value);
  else if (typeof value === 'bigint') writer.i64(value);
  else writer.text(value);
  writer.text(node);
  writer.text(kind);
  writer.text(key);
  writer.text(origin);
}

function readPoint(reader) {
  const time = reader.i64();
  const tombstone = reader.u32();
  const valueType = VALUE_TYPES[reader.u32()];
  const value = valueType === 'float' ? reader.f64() : valueType === 'int' ? reader.i64() : reader.text();
  const point = { node: reader.text(), kind: reader.text(), key: reader.text(), time, value, valueType, tombstone };
  point.origin = reader.text();
  if (valueType === 'json') {
    // The document too, letter by letter: parsing may lose digits.
    point.json = value;
    point.value = JSON.parse(value);
  }
  return point;
}

/** The points of a pack, and the sequence to go on from. */
function unpack(packed) {
  const reader = new Reader(packed);
  const count = reader.u32();
  const next = reader.u64();
  return { points: Array.from({ length: count }, () => readPoint(reader)), next };
}

function unpackRows(packed, aggregates) {
  return new Reader(packed).list((reader) => {
    const row = { series: reader.text(), start: reader.i64() };
    for (const aggregate of aggregates) {
      const has = reader.u32() !== 0;
      const value = reader.f64();
      row[aggregate] = has ? value : null;
    }
    return row;
  });
}

function pathOf(target) {
  if (typeof target === 'string') return text('path', target);
  return target instanceof URL ? fileURLToPath(target) : undefined;
}

function reportOf(report) {
  return { ...report, rejected: report.rejected.map(({ line, reason }) => ({ line: Number(line), reason })) };
}

/** Follows points as they come. */
class PointWatcher extends Follower {
  constructor(id) {
    super(id, CALLS, (packed) => unpack(packed).points, BATCH);
  }

  /** How many records limits removed before this watcher came to read them. */
  get missed() {
    return ask(this, 'pointWatcherMissed', 0n);
  }
}

class Points {
  #id;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releasePoints);
  }

  /** The stream below. */
  get stream() {
    return new Stream(native.pointsStream(this.#id));
  }

  /** Writes a point, or up to 1,000 of them, all or nothing. */
  async write(points, limits = undefined) {
    const list = Array.isArray(points) ? points : [points];
    if (list.length > POINTS_MAX) throw invalid(`${list.length} points are over the limit of ${POINTS_MAX}`);
    const checked = begin('write', limits);
    const prepared = list.map(prepare);
    writer.reset();
    prepared.forEach(packPoint);
    return settle(native.pointsWrite(this.#id, writer.finish(), list.length), ack, checked);
  }

  /** The winning point of each series that the filter takes; deleted ones only when asked for. */
  async latest(filter = '>', options = undefined) {
    const { deleted = false } = check('latest', options, LATEST);
    const call = native.pointsLatest(this.#id, text('filter', filter), deleted);
    return settle(call, (packed) => unpack(packed).points);
  }

  /** Points by event time, and `next` to go on from as `after`. */
  async range(filter = '>', options = undefined) {
    const { from, to, after = 0n, max = RANGE_MAX } = check('range', options, RANGE);
    return settle(native.pointsRange(this.#id, text('filter', filter), from, to, after, max), unpack);
  }

  /** Aggregates in buckets of `everyMs`: a row for each series and bucket, with a field for each aggregate. */
  async query(options) {
    const checked = begin('query', options, QUERY);
    const { filters = [], from, to, everyMs, aggregates = [] } = checked;
    const call = native.pointsQuery(this.#id, filters, from, to, everyMs, aggregates);
    return settle(call, (packed) => unpackRows(packed, aggregates), checked);
  }

  /** Imports CSV with a header line, from a path, a URL of a file, or bytes. */
  importCsv(source, options) {
    return this.#import('csv', source, options);
  }

  /** Imports JSON lines, from a path, a URL of a file, or bytes. */
  importJsonl(source, options) {
    return this.#import('jsonl', source, options);
  }

  async #import(format, source, options) {
    const { onProgress, timeoutMs, signal, ...request } = begin('import', options, IMPORT);
    if (request.time === undefined) throw invalid('import: time is missing: the column that holds the time');
    const path = pathOf(source);
    const data = path === undefined ? bytes('source', source) : NO_BYTES;
    const limits = { onProgress, timeoutMs, signal };
    return settle(native.pointsImport(this.#id, format, path, data, request), reportOf, limits);
  }

  /** Exports points as CSV to a path or a URL of a file; returns how many. */
  exportCsv(target, options = undefined) {
    return this.#export('csv', target, options);
  }

  /** Exports points as JSON lines to a path or a URL of a file; returns how many. */
  exportJsonl(target, options = undefined) {
    return this.#export('jsonl', target, options);
  }

  async #export(format, target, options) {
    const checked = begin('export', options, EXPORT);
    const path = pathOf(target);
    if (path === undefined) throw invalid('the target of an export must be a path or a URL of a file');
    const { filter = '>', from, to } = checked;
    return settle(native.pointsExport(this.#id, format, path, filter, from, to), BigInt, checked);
  }

  /** The winning point of each series first, then every new one. On a hub it opens in the background. */
  watch(filter = '>') {
    return new PointWatcher(opened(native.pointsWatch(this.#id, text('filter', filter))));
  }
}

module.exports = { PointWatcher, Points };
