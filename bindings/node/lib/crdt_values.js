'use strict';
// State that merges in packed form: changes and values going in, readings coming out. src/crdt_pack.rs is the other
// side.
//
// A value that came out is equal, bit for bit, to the one it was made of when it goes in again: JSON comes out as the
// text that it is, so that it can be removed from a set.

const { invalid } = require('./errors.js');
const { check, i64, millis, text, texts, u64 } = require('./options.js');
const { Reader, Writer } = require('./pack.js');

const KINDS = [
  'counter', 'grow_counter', 'bounded_counter', 'register', 'multi_register',
  'set', 'remove_wins_set', 'flag', 'disable_wins_flag', 'map',
];
/** The kinds that fields of maps may have. */
const FIELD_KINDS = KINDS.filter((kind) => kind !== 'bounded_counter');
/** What each operation takes beside its path and kind. */
const OPS = {
  add: ['value'],
  give: ['value', 'to'],
  write: ['value', 'ttlMs'],
  insert: ['value', 'ttlMs'],
  remove: ['value'],
  enable: ['ttlMs'],
  disable: [],
  clear: [],
};
const OP_NUMBERS = Object.fromEntries(Object.keys(OPS).map((name, number) => [name, number]));

const BYTES = 0;
const INT = 1;
const FLOAT = 2;
const TEXT = 3;
const JSON_TEXT = 4;

const writer = new Writer();

/** A JSON document as text: what an object, an array, a boolean or null is as a value of state that merges. */
class Json {
  constructor(document) {
    this.text = text('document', document);
    Object.freeze(this);
  }

  /** What the document says. */
  parse() {
    return JSON.parse(this.text);
  }

  toString() {
    return this.text;
  }
}

function kindOf(what, value) {
  const number = KINDS.indexOf(value) + 1;
  if (number === 0) throw invalid(`${what} '${value}' is not one of ${KINDS.join(', ')}`);
  return number;
}

function pathOf(what, value) {
  const names = texts(what, value);
  if (names.length === 0) throw invalid(`${what} has a key at least`);
  return names;
}

function opOf(what, value) {
  if (!Object.hasOwn(OPS, value)) throw invalid(`${what} '${value}' is not one of ${Object.keys(OPS).join(', ')}`);
  return value;
}

function actorOf(what, value) {
  const { engine, epoch } = check(what, value, { engine: u64, epoch: u64 });
  if (engine === undefined || epoch === undefined) throw invalid(`${what} is an actor: { engine, epoch }`);
  return { engine, epoch };
}

/** A time to live, rounded up: what lives for a moment does not live for none. */
function ttlOf(what, value) {
  const ms = Math.ceil(millis(what, value));
  if (!Number.isSafeInteger(ms)) throw invalid(`${what} is too long: ${value}`);
  return BigInt(ms);
}

/** A value with its type settled and its JSON written. */
function prepareValue(what, value) {
  if (typeof value === 'string') return [TEXT, text(what, value)];
  if (typeof value === 'number') return [FLOAT, value];
  if (typeof value === 'bigint') return [INT, i64(what, value)];
  if (value instanceof Uint8Array) return [BYTES, value];
  const document = value instanceof Json ? value.text : JSON.stringify(value);
  if (document === undefined) throw invalid(`${what}: a ${typeof value} is no value`);
  return [JSON_TEXT, document];
}

const CHANGE = { path: pathOf, kind: kindOf, op: opOf, value: (what, value) => value, ttlMs: ttlOf, to: actorOf };

/** A change with everything in it checked and settled: from here on no code of the caller's runs. */
function prepare(change) {
  const { path, kind, op, ...given } = check('change', change, CHANGE);
  if (path === undefined || kind === undefined || op === undefined) throw invalid('a change has path, kind and op');
  const wanted = OPS[op];
  const missing = wanted.find((name) => name !== 'ttlMs' && given[name] === undefined);
  const extra = Object.keys(given).find((name) => !wanted.includes(name));
  if (missing !== undefined) throw invalid(`the operation '${op}' takes ${missing}`);
  if (extra !== undefined) throw invalid(`the operation '${op}' takes no ${extra}`);
  const amount = op === 'add' ? i64 : op === 'give' ? u64 : prepareValue;
  const value = wanted[0] === 'value' ? amount('change: value', given.value) : undefined;
  return { path, kind, op, value, ttlMs: given.ttlMs, to: given.to };
}

/** Gives a class a method for each kind, such as `growCounter(name)`, which is `make(this, name, kind)`. */
function givesHandles(Class, kinds, make) {
  for (const kind of kinds) {
    const method = kind.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    const value = function handle(name) {
      return make(this, text('name', name), kind);
    };
    Object.defineProperty(Class.prototype, method, { value, writable: true, configurable: true });
  }
}

function packValue([type, value]) {
  writer.u32(type);
  if (type === INT) writer.i64(value);
  else if (type === FLOAT) writer.f64(value);
  else if (type === BYTES) {
    writer.u32(value.length);
    writer.raw(value);
  } else writer.text(value);
}

function packTtl(ttlMs) {
  writer.u32(ttlMs === undefined ? 0 : 1);
  writer.u64(ttlMs ?? 0n);
}

function packOne({ path, kind, op, value, ttlMs, to }) {
  writer.u32(kind);
  writer.u32(path.length);
  path.forEach((name) => writer.text(name));
  writer.u32(OP_NUMBERS[op]);
  if (op === 'give') {
    writer.u64(to.engine);
    writer.u64(to.epoch);
    writer.u64(value);
  } else if (op === 'add') writer.i64(value);
  else if (value !== undefined) packValue(value);
  if (OPS[op].includes('ttlMs')) packTtl(ttlMs);
}

/** One change, packed; valid until the next use. */
function packChange(change) {
  const prepared = prepare(change);
  writer.reset();
  packOne(prepared);
  return writer.finish();
}

/** Prepared changes, packed; valid until the next use. */
function packAll(prepared) {
  writer.reset();
  prepared.forEach(packOne);
  return writer.finish();
}

/** One value, packed; valid until the next use. */
function packOneValue(value) {
  const prepared = prepareValue('value', value);
  writer.reset();
  packValue(prepared);
  return writer.finish();
}

function readNumber(reader) {
  const high = reader.i64();
  return (high << 64n) | reader.u64();
}

function readValue(reader) {
  const type = reader.u32();
  if (type === BYTES) return reader.bytes();
  if (type === INT) return reader.i64();
  if (type === FLOAT) return reader.f64();
  return type === TEXT ? reader.text() : new Json(reader.text());
}

function readName(reader) {
  return { key: reader.text(), kind: KINDS[reader.u32() - 1] };
}

const READINGS = [
  readNumber,
  (reader) => (reader.u32() === 0 ? null : readValue(reader)),
  (reader) => reader.list(readValue),
  (reader) => reader.u32() !== 0,
  (reader) => reader.list(readName).map(({ key, kind }) => ({ field: key, kind })),
];

function unpackReading(packed) {
  const reader = new Reader(packed);
  return READINGS[reader.u32()](reader);
}

function unpackNumber(packed) {
  return readNumber(new Reader(packed));
}

function unpackNames(packed) {
  return new Reader(packed).list(readName);
}

function unpackDump(packed) {
  return new Reader(packed).list((reader) => ({ ...readName(reader), json: new Json(reader.text()) }));
}

function unpackWritten(packed) {
  const reader = new Reader(packed);
  const seq = reader.u64();
  const hasTotal = reader.u32() !== 0;
  const total = readNumber(reader);
  return { seq, total: hasTotal ? total : null };
}

function readInterval(reader) {
  return { actor: { engine: reader.u64(), epoch: reader.u64() }, first: reader.u64(), last: reader.u64() };
}

function unpackStatus(packed) {
  const reader = new Reader(packed);
  const seq = reader.u64();
  const snapshotSeq = reader.u64();
  const behind = reader.u64();
  const actors = reader.u32();
  return { seq, snapshotSeq, actors, behind, held: reader.list((one) => one.list(readInterval)) };
}

function unpackMerged(packed) {
  const reader = new Reader(packed);
  return { keys: reader.u64(), changed: reader.u64(), bytes: reader.u64() };
}

module.exports = {
  FIELD_KINDS,
  Json,
  KINDS,
  givesHandles,
  kindOf,
  packAll,
  packChange,
  packOneValue,
  pathOf,
  prepare,
  unpackDump,
  unpackMerged,
  unpackNames,
  unpackNumber,
  unpackReading,
  unpackStatus,
  unpackWritten,
};
