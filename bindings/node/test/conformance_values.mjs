// Values of the conformance vectors, turned into arguments of this door and back: names in snake case, nanoseconds as
// numbers, bytes as text or base64.

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const DURATIONS = new Set(['sync_interval', 'max_age', 'duplicate_window', 'ack_wait', 'backoff', 'ttl']);

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Milliseconds of nanoseconds; undefined stays. */
export function ms(nanos) {
  return nanos === undefined ? undefined : nanos / 1e6;
}

/** A time, or any number that this door takes as a bigint; undefined stays. */
export function big(number) {
  return number === undefined ? undefined : BigInt(number);
}

/** A configuration with the names and units of this door. */
export function configIn(config) {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => {
    if (!DURATIONS.has(name)) return [camel(name), value];
    return [`${camel(name)}Ms`, Array.isArray(value) ? value.map(ms) : ms(value)];
  }));
}

/** A configuration with the names and units of the vectors. */
export function configOut(config) {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => {
    return name.endsWith('Ms') ? [snake(name.slice(0, -2)), value * 1e6] : [snake(name), plain(value)];
  }));
}

/** Fields of a description, in snake case and as numbers. */
export function fields(description, ...names) {
  return Object.fromEntries(names.map((name) => [name, plain(description[camel(name)])]));
}

/** Bigints as numbers. */
export function plain(value) {
  return typeof value === 'bigint' ? Number(value) : value;
}

/** The bytes that a step speaks of under `name`: as text, base64, or a size. */
export function bytesIn(step, name) {
  const { [name]: text, [`${name}_base64`]: base64, [`${name}_size`]: size } = step;
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return size !== undefined ? Buffer.alloc(size, 'x') : Buffer.from(text ?? '');
}

export function bytesOut(name, bytes) {
  try {
    return { [name]: UTF8.decode(bytes) };
  } catch {
    return { [`${name}_base64`]: bytes.toString('base64') };
  }
}

/** The options of an append, and what it appends. */
export function appendIn(record) {
  const {
    subject, headers, event_time: eventTime, ttl, msg_id: msgId, expect_last_seq: expectLastSeq,
    expect_subject_last_seq: expectSubjectLastSeq, expect_filter: expectFilter, rollup,
  } = record;
  const conditions = { msgId, expectLastSeq, expectSubjectLastSeq, expectFilter, rollup };
  const options = { headers, eventTime: big(eventTime), ttlMs: ms(ttl), ...conditions };
  return { subject, payload: bytesIn(record, 'payload'), options };
}

export function recordOut(record) {
  if (record === null) return null;
  const { seq, subject, headers, eventTime, delivered, payload } = record;
  return {
    seq: Number(seq), subject, headers, event_time: plain(eventTime), delivered, ...bytesOut('payload', payload),
  };
}

export function ackOut(ack) {
  return { ...ack, seq: Number(ack.seq) };
}

export function entryOut(entry) {
  if (entry === null) return null;
  const { key, value, revision, operation } = entry;
  return { key, revision: Number(revision), operation, ...bytesOut('value', value) };
}

export function objectOut(info) {
  if (info === null) return null;
  const names = ['name', 'description', 'bucket', 'size', 'chunks', 'max_chunk_size', 'digest', 'deleted'];
  const { headers, metadata, link } = info;
  return { ...fields(info, ...names), headers, metadata, link };
}

export function pointIn({ value, time, ...rest }) {
  const [[valueType, inner]] = Object.entries(value);
  const typed = { int: () => ({ value: BigInt(inner), valueType }), json: () => ({ json: inner, valueType }) };
  return { ...rest, time: BigInt(time), ...(typed[valueType]?.() ?? { value: inner, valueType }) };
}

export function pointOut({ node, kind, key, time, value, valueType, json, tombstone, origin }) {
  const typed = { [valueType]: json ?? plain(value) };
  return { node, kind, key, time: Number(time), value: typed, tombstone, origin };
}
