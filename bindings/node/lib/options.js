'use strict';
// Arguments on their way in: each is checked, brought to the one form that the native half takes, or refused by name.
//
// 64-bit numbers may be bigints or safe integers. Times are bigints of nanoseconds or Dates, never numbers, since a
// number of milliseconds would pass for one of nanoseconds. Durations are milliseconds.

const { invalid } = require('./errors.js');

const U64_MAX = 2n ** 64n - 1n;
const I64_MAX = 2n ** 63n - 1n;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

function show(value) {
  return typeof value === 'bigint' ? `${value}n` : typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function text(what, value) {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, got ${show(value)}`);
  if (!value.isWellFormed()) throw invalid(`${what} holds half a surrogate pair, which UTF-8 cannot`);
  return value;
}

function texts(what, value) {
  if (typeof value === 'string') return [text(what, value)];
  if (!Array.isArray(value)) throw invalid(`${what} must be a string or an array of strings`);
  return value.map((item) => text(what, item));
}

function flag(what, value) {
  if (typeof value !== 'boolean') throw invalid(`${what} must be a boolean, got ${show(value)}`);
  return value;
}

function u64(what, value) {
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof number !== 'bigint' || number < 0n || number > U64_MAX) {
    throw invalid(`${what} must be a bigint or safe integer from 0 to 2^64-1, got ${show(value)}`);
  }
  return number;
}

function i64(what, value) {
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof number !== 'bigint' || number < -I64_MAX - 1n || number > I64_MAX) {
    throw invalid(`${what} must be a bigint or safe integer from -2^63 to 2^63-1, got ${show(value)}`);
  }
  return number;
}

function u32(what, value) {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (!Number.isInteger(number) || number < 0 || number > 0xffffffff) {
    throw invalid(`${what} must be an integer from 0 to 2^32-1, got ${show(value)}`);
  }
  return number;
}

/** A count of things to take: at least one. */
function max(what, value) {
  const number = u32(what, value);
  if (number === 0) throw invalid(`${what} must be at least 1`);
  return number;
}

/** Nanoseconds since the epoch, negative before 1970. */
function time(what, value) {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return i64(what, BigInt(value.getTime()) * 1_000_000n);
  if (typeof value !== 'bigint') {
    throw invalid(`${what} must be a bigint of nanoseconds since the epoch or a Date, got ${show(value)}`);
  }
  return i64(what, value);
}

/** Nanoseconds since the epoch of a commit: never before 1970. */
function commitTime(what, value) {
  const nanos = time(what, value);
  if (nanos < 0n) throw invalid(`${what} is before 1970, when nothing was committed`);
  return nanos;
}

function millis(what, value) {
  if (typeof value !== 'number' || !(value >= 0) || value === Infinity) {
    throw invalid(`${what} must be a number of milliseconds, 0 or more, got ${show(value)}`);
  }
  return value;
}

function millisList(what, value) {
  if (!Array.isArray(value)) throw invalid(`${what} must be an array of milliseconds`);
  return value.map((item) => millis(what, item));
}

/** How long to wait; Infinity and undefined are without end. */
function timeout(what, value) {
  if (value === Infinity) return undefined;
  const number = millis(what, value);
  if (number > TIMEOUT_MS_MAX) throw invalid(`${what} must be at most ${TIMEOUT_MS_MAX}, or Infinity`);
  return number;
}

function signal(what, value) {
  if (!(value instanceof AbortSignal)) throw invalid(`${what} must be an AbortSignal`);
  return value;
}

function callback(what, value) {
  if (typeof value !== 'function') throw invalid(`${what} must be a function`);
  return value;
}

/** The options that `fields` allows, each checked; anything else is refused. Undefined ones count as left out. */
function check(what, options, fields) {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null) throw invalid(`${what} must be an object, got ${show(options)}`);
  const checked = {};
  for (const [name, value] of Object.entries(options)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      throw invalid(`${what} has no field '${name}'; it has ${Object.keys(fields).join(', ')}`);
    }
    if (value !== undefined) checked[name] = field(`${what}: ${name}`, value);
  }
  return checked;
}

/** Bytes from bytes or text. */
function bytes(what, value) {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(text(what, value));
  throw invalid(`${what} must be a Uint8Array or a string, got ${show(value)}`);
}

/** How long a call may wait, and for long work a function that hears how far it is. */
const LIMITS = { timeoutMs: timeout, signal };
const PROGRESS = { ...LIMITS, onProgress: callback };

module.exports = {
  LIMITS,
  PROGRESS,
  bytes,
  callback,
  check,
  commitTime,
  flag,
  i64,
  max,
  millis,
  millisList,
  signal,
  text,
  texts,
  time,
  timeout,
  u32,
  u64,
};
