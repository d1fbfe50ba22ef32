'use strict';
// Connections to SQLite files: values going in, rows coming out. src/connection.rs is the other side, where a thread of
// its own does what is asked of a connection, in that order.

const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { i64, text } = require('./options.js');
const { Reader, Writer } = require('./pack.js');
const { begin, settle } = require('./waits.js');

const NULL = 0;
const INTEGER = 1;
const REAL = 2;
const TEXT = 3;
const BLOB = 4;
const RAW_TEXT = 5;

/** How long after a statement was stopped it is stopped again, in case it was about to begin. */
const STOP_AGAIN_MS = 20;

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

const writer = new Writer();

/** Text of SQLite's that is not UTF-8: its bytes, which go back in as that text. */
class RawText {
  constructor(bytes) {
    if (!(bytes instanceof Uint8Array)) throw invalid('bytes must be a Uint8Array');
    this.bytes = bytes;
    Object.freeze(this);
  }

  /** The text as far as it is UTF-8, with U+FFFD for the rest. */
  toString() {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).toString();
  }
}

/** What a value is, settled: from here on no code of the caller's runs. */
function prepare(value, index) {
  const what = `values[${index}]`;
  if (value === null) return [NULL];
  if (typeof value === 'bigint') return [INTEGER, i64(what, value)];
  if (typeof value === 'number') {
    // -0 is a real: there is no such integer.
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) return [INTEGER, BigInt(value)];
    return [REAL, value];
  }
  if (typeof value === 'boolean') return [INTEGER, value ? 1n : 0n];
  if (typeof value === 'string') return [TEXT, text(what, value)];
  if (value instanceof RawText) return [RAW_TEXT, value.bytes];
  if (value instanceof Uint8Array) return [BLOB, value];
  throw invalid(`${what} must be null, a number, bigint, boolean, string, Uint8Array or RawText, got ${typeof value}`);
}

function pack(values) {
  if (!Array.isArray(values)) throw invalid('values must be an array, one for each ?');
  const prepared = Array.from(values, prepare);
  writer.reset();
  writer.u32(prepared.length);
  for (const [kind, value] of prepared) {
    writer.u32(kind);
    if (kind === INTEGER) writer.i64(value);
    else if (kind === REAL) writer.f64(value);
    else if (kind === TEXT) writer.text(value);
    else if (kind !== NULL) {
      writer.u32(value.length);
      writer.raw(value);
    }
  }
  return writer.finish();
}

/** An integer as a number where that is exact, else as a bigint. */
function integer(value) {
  return value >= -SAFE_MAX && value <= SAFE_MAX ? Number(value) : value;
}

function readValue(reader) {
  switch (reader.u32()) {
    case INTEGER: return integer(reader.i64());
    case REAL: return reader.f64();
    case TEXT: return reader.text();
    case BLOB: return Buffer.from(reader.bytes());
    case RAW_TEXT: return new RawText(Buffer.from(reader.bytes()));
    default: return null;
  }
}

function unpack(packed) {
  const reader = new Reader(packed);
  const changes = Number(reader.u64());
  const lastInsertRowid = integer(reader.i64());
  const columns = reader.list((one) => one.text());
  const rows = reader.list((one) => columns.map(() => readValue(one)));
  return { columns, rows, changes, lastInsertRowid };
}

class Connection {
  #id;
  #last = 0;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseConnection);
  }

  /** Runs one statement, with a value for each `?`, after all that was asked before. The end of a wait stops it. */
  async execute(sql, values = [], limits = undefined) {
    const checked = begin('execute', limits);
    const statement = text('sql', sql);
    const packed = pack(values);
    this.#last += 1;
    const number = this.#last;
    try {
      return await settle(native.connectionExecute(this.#id, number, statement, packed), unpack, checked);
    } catch (error) {
      if (error.kind === 'timeout') this.#stop(number);
      throw error;
    }
  }

  #stop(number) {
    if (native.connectionStop(this.#id, number)) setTimeout(() => this.#stop(number), STOP_AGAIN_MS);
  }

  /** Whether a transaction is open after what was done last. */
  get isInTransaction() {
    return native.connectionIsInTransaction(this.#id);
  }

  /** Ends it after all that was asked before; what is not committed is undone. Closing twice is nothing. */
  async close(limits = undefined) {
    const checked = begin('close', limits);
    await settle(native.connectionClose(this.#id), Boolean, checked);
  }
}
if (Symbol.asyncDispose) {
  Connection.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

module.exports = { Connection, RawText, readValue };
