'use strict';
// Records: what goes into a stream in packed form, and what comes out of it. src/records.rs is the other side.

const { invalid } = require('./errors.js');
const { Reader, Writer } = require('./pack.js');
const { LIMITS, bytes, check, millis, text, time, u64 } = require('./options.js');

const HAS_HEADERS = 1;
const HAS_EVENT_TIME = 1 << 1;
const HAS_TTL = 1 << 2;
const HAS_MSG_ID = 1 << 3;
const HAS_EXPECT_LAST_SEQ = 1 << 4;
const HAS_EXPECT_SUBJECT_LAST_SEQ = 1 << 5;
const HAS_EXPECT_FILTER = 1 << 6;
const ROLLUP = { none: 0, subject: 1 << 7, all: 1 << 8 };

const BATCH_RECORDS_MAX = 1000;

function headerList(what, value) {
  if (typeof value !== 'object') throw invalid(`${what} must be [name, value] pairs or an object`);
  // A Map is pairs too; its own entries are none.
  const pairs = value?.[Symbol.iterator] ? [...value] : Object.entries(value ?? {});
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw invalid(`${what} must be [name, value] pairs or an object`);
    return [text(`${what}: name`, pair[0]), text(`${what}: value of '${pair[0]}'`, pair[1])];
  });
}

function rollup(what, value) {
  if (!Object.hasOwn(ROLLUP, value)) throw invalid(`${what} must be one of ${Object.keys(ROLLUP).join(', ')}`);
  return ROLLUP[value];
}

const APPEND = {
  headers: headerList,
  eventTime: time,
  ttlMs: millis,
  msgId: text,
  expectLastSeq: u64,
  expectSubjectLastSeq: u64,
  expectFilter: text,
  rollup,
};
const APPEND_WAIT = { ...APPEND, ...LIMITS };
const BATCH_ITEM = { subject: text, payload: bytes, ...APPEND };

const EMPTY = new Uint8Array(0);
const single = new Writer();
let batches = new Writer();

function flagsOf(o) {
  return (o.headers !== undefined ? HAS_HEADERS : 0)
    | (o.eventTime !== undefined ? HAS_EVENT_TIME : 0)
    | (o.ttlMs !== undefined ? HAS_TTL : 0)
    | (o.msgId !== undefined ? HAS_MSG_ID : 0)
    | (o.expectLastSeq !== undefined ? HAS_EXPECT_LAST_SEQ : 0)
    | (o.expectSubjectLastSeq !== undefined ? HAS_EXPECT_SUBJECT_LAST_SEQ : 0)
    | (o.expectFilter !== undefined ? HAS_EXPECT_FILTER : 0)
    | (o.rollup ?? 0);
}

function packOptions(writer, o) {
  if (o.eventTime !== undefined) writer.i64(o.eventTime);
  if (o.ttlMs !== undefined) writer.u64(BigInt(Math.round(o.ttlMs * 1e6)));
  if (o.expectLastSeq !== undefined) writer.u64(o.expectLastSeq);
  if (o.expectSubjectLastSeq !== undefined) writer.u64(o.expectSubjectLastSeq);
  if (o.msgId !== undefined) writer.text(o.msgId);
  if (o.expectFilter !== undefined) writer.text(o.expectFilter);
  if (o.headers !== undefined) {
    writer.u32(o.headers.length);
    for (const [name, value] of o.headers) {
      writer.text(name);
      writer.text(value);
    }
  }
}

function packOne(writer, subject, payload, options) {
  const at = writer.length;
  const flags = options === undefined ? 0 : flagsOf(options);
  writer.reserve(12);
  writer.length += 12;
  if (flags !== 0) packOptions(writer, options);
  const subjectBytes = writer.rawText(subject);
  writer.raw(payload);
  const { view } = writer;
  view.setUint32(at, flags, true);
  view.setUint32(at + 4, subjectBytes, true);
  view.setUint32(at + 8, payload.length, true);
}

/** One append with checked options, packed; valid until the next use. */
function packAppend(subject, payload, options) {
  single.reset();
  packOne(single, text('subject', subject), bytes('payload', payload), options);
  return single.finish();
}

/** The records of a batch, packed, and how many they are; valid until the next use. */
function packBatch(records) {
  if (!Array.isArray(records)) throw invalid('a batch must be an array of records');
  const { length } = records;
  if (length > BATCH_RECORDS_MAX) {
    throw invalid(`a batch of ${length} records is over the limit of ${BATCH_RECORDS_MAX}`);
  }
  // A getter of a record runs the caller's code, and that may append a batch: it finds this buffer taken.
  const writer = (batches ?? new Writer()).reset();
  batches = undefined;
  try {
    for (let i = 0; i < length; i++) packItem(writer, records[i]);
    return [writer.finish(), length];
  } finally {
    batches = writer;
  }
}

function packItem(writer, record) {
  const { subject, payload } = record ?? {};
  if (payload instanceof Uint8Array && typeof subject === 'string' && subject.isWellFormed() && onlyTwo(record)) {
    packOne(writer, subject, payload, undefined);
    return;
  }
  const options = check('record', record, BATCH_ITEM);
  if (options.subject === undefined) throw invalid('record: subject is missing');
  packOne(writer, options.subject, options.payload ?? EMPTY, options);
}

// Nearly every record is a subject and a payload; counting its fields is cheaper than checking each by name.
function onlyTwo(record) {
  let fields = 0;
  for (const _ in record) fields++;
  return fields === 2;
}

/** A record as it lies in a stream. The payload is a view of the memory that it was read into. */
class Record {
  constructor(seq, subject, time, eventTime, headers, payload, delivered) {
    this.seq = seq;
    this.subject = subject;
    this.time = time;
    this.eventTime = eventTime;
    this.headers = headers;
    this.payload = payload;
    this.delivered = delivered;
  }

  /** The payload as UTF-8 text. */
  text() {
    return this.payload.toString();
  }

  /** The payload, parsed as JSON. */
  json() {
    return JSON.parse(this.text());
  }

  /** The first value of a header, letter case included. */
  header(name) {
    return this.headers.find((pair) => pair[0] === name)?.[1];
  }
}

function readRecord(reader) {
  const seq = reader.u64();
  const time = reader.u64();
  const eventTime = reader.i64();
  const hasEventTime = reader.u32() !== 0;
  const delivered = reader.u32();
  const headerCount = reader.u32();
  const subjectBytes = reader.u32();
  const payloadBytes = reader.u32();
  const headers = [];
  for (let i = 0; i < headerCount; i++) headers.push([reader.text(), reader.text()]);
  const subject = reader.textOf(subjectBytes);
  const payload = reader.raw(payloadBytes);
  return new Record(seq, subject, time, hasEventTime ? eventTime : null, headers, payload, delivered);
}

/** The record in a pack of one; null for null. */
function unpackRecord(packed) {
  return packed === null ? null : readRecord(new Reader(packed));
}

/** The records of a pack, and how many limits removed before they were read. */
function unpackBatch(packed) {
  const reader = new Reader(packed);
  const count = reader.u32();
  const missed = reader.u64();
  const records = new Array(count);
  for (let i = 0; i < count; i++) records[i] = readRecord(reader);
  return { records, missed };
}

module.exports = { APPEND_WAIT, Record, headerList, packAppend, packBatch, unpackBatch, unpackRecord };
