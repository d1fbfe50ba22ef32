'use strict';
// Packed bytes, the form in which many values cross at once: little-endian numbers, and texts after their length.
// src/pack.rs is the other side.

const { bytesOf } = require('./slots.js');

// Shorter texts are copied by hand: that beats a call into the runtime.
const SHORT_TEXT_UNITS = 40;
const SHORT_BYTES = 64;
// A buffer that grew beyond this is given back after use.
const KEPT_BYTES_MAX = 4 << 20;

/** Packs values into one buffer that is used again. */
class Writer {
  constructor(bytes = 64 << 10) {
    this.length = 0;
    this.#adopt(Buffer.allocUnsafeSlow(bytes));
  }

  #adopt(buffer) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  }

  /** Begins anew. */
  reset() {
    this.length = 0;
    if (this.buffer.length > KEPT_BYTES_MAX) this.#adopt(Buffer.allocUnsafeSlow(64 << 10));
    return this;
  }

  /** Makes room for so many more bytes. */
  reserve(bytes) {
    const wanted = this.length + bytes;
    if (wanted <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.#adopt(grown);
  }

  u32(value) {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  u64(value) {
    this.reserve(8);
    this.view.setBigUint64(this.length, value, true);
    this.length += 8;
  }

  i64(value) {
    this.reserve(8);
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
  }

  f64(value) {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Without its length; returns how many bytes it took. */
  rawText(text) {
    const units = text.length;
    this.reserve(units * 3);
    if (units <= SHORT_TEXT_UNITS) {
      const { buffer } = this;
      const start = this.length;
      let i = 0;
      for (; i < units; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 127) break;
        buffer[start + i] = unit;
      }
      if (i === units) {
        this.length = start + units;
        return units;
      }
    }
    const bytes = this.buffer.write(text, this.length, 'utf8');
    this.length += bytes;
    return bytes;
  }

  text(text) {
    const at = this.length;
    this.u32(0);
    // First the text: making room for it may put another buffer, with a view of its own, in the place of this one.
    const bytes = this.rawText(text);
    this.view.setUint32(at, bytes, true);
  }

  /** Without their length. */
  raw(bytes) {
    const { length } = bytes;
    this.reserve(length);
    if (length <= SHORT_BYTES) {
      const { buffer } = this;
      const start = this.length;
      for (let i = 0; i < length; i++) buffer[start + i] = bytes[i];
    } else {
      this.buffer.set(bytes, this.length);
    }
    this.length += length;
  }

  /** What was packed; valid until the next use. */
  finish() {
    return this.buffer.subarray(0, this.length);
  }
}

/** Unpacks values. */
class Reader {
  /** `answer` is what a call gave for packed bytes. */
  constructor(answer) {
    const buffer = bytesOf(answer);
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    this.at = 0;
  }

  u32() {
    const value = this.view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  u64() {
    const value = this.view.getBigUint64(this.at, true);
    this.at += 8;
    return value;
  }

  i64() {
    const value = this.view.getBigInt64(this.at, true);
    this.at += 8;
    return value;
  }

  f64() {
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  textOf(length) {
    const start = this.at;
    this.at += length;
    return this.buffer.toString('utf8', start, this.at);
  }

  text() {
    return this.textOf(this.u32());
  }

  /** A view of the packed bytes, not a copy. */
  raw(length) {
    const start = this.at;
    this.at += length;
    return this.buffer.subarray(start, this.at);
  }

  bytes() {
    return this.raw(this.u32());
  }

  /** As many values as the pack says that it holds. */
  list(one) {
    const count = this.u32();
    const items = new Array(count);
    for (let i = 0; i < count; i++) items[i] = one(this);
    return items;
  }
}

module.exports = { Reader, Writer };
