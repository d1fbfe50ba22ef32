'use strict';
// Handles of state that merges, in the shape of the language's own types, over `write` and `read` of a store.
//
// A handle is a name and owns nothing: making one does nothing, and two of one key are the same.

const { FIELD_KINDS, givesHandles } = require('./crdt_values.js');
const { invalid } = require('./errors.js');
const { LIMITS, i64, millis } = require('./options.js');
const { begin } = require('./waits.js');

const WITH_TTL = { ttlMs: millis, ...LIMITS };

/** Writes a change at a handle's place; what it reads there; the store that the handle is of. */
let write;
let read;
let storeOf;

/** A place in a store, as a kind. */
class Handle {
  #store;

  constructor(store, path, kind) {
    if (!Array.isArray(path)) throw invalid(`a ${this.constructor.name} is not made with new: a store gives it`);
    this.#store = store;
    this.path = path;
    this.kind = kind;
  }

  static {
    write = (handle, op, given, limits) => {
      return handle.#store.write({ path: handle.path, kind: handle.kind, op, ...given }, limits);
    };
    read = (handle) => handle.#store.read(handle.path, handle.kind);
    storeOf = (handle) => handle.#store;
  }
}

/** A write with a value that may have a time to live. */
async function writeValue(handle, what, op, value, options) {
  const { ttlMs, ...limits } = begin(what, options, WITH_TTL);
  await write(handle, op, { value, ttlMs }, limits);
}

class Clearable extends Handle {
  /** Removes all that is there; what is done concurrently stays. */
  async clear(limits = undefined) {
    await write(this, 'clear', {}, limits);
  }
}

/** A number that only grows. */
class GrowCounter extends Clearable {
  /** What it is now. */
  async value() {
    return read(this);
  }

  /** Adds, and returns what it is then. */
  async incr(amount = 1, limits = undefined) {
    return (await write(this, 'add', { value: amount }, limits)).total;
  }
}

/** A number that is added to and taken from. */
class Counter extends Clearable {
  /** What it is now. */
  async value() {
    return read(this);
  }

  /** Adds, and returns what it is then. */
  async incr(amount = 1, limits = undefined) {
    return (await write(this, 'add', { value: amount }, limits)).total;
  }

  /** Takes away, and returns what it is then. */
  async decr(amount = 1, limits = undefined) {
    return (await write(this, 'add', { value: -i64('amount', amount) }, limits)).total;
  }
}

/** A number that never falls below 0, whatever is concurrent: a handle takes only what it has the rights to. */
class BoundedCounter extends Handle {
  /** What it is now. */
  async value() {
    return read(this);
  }

  /** How much this handle of the store may take, or give. */
  async rights() {
    return storeOf(this).rights(this.path[0]);
  }

  /** Adds, and returns what it is then. */
  async incr(amount = 1, limits = undefined) {
    return (await write(this, 'add', { value: amount }, limits)).total;
  }

  /** Takes away, and returns what it is then. */
  async decr(amount = 1, limits = undefined) {
    return (await write(this, 'add', { value: -i64('amount', amount) }, limits)).total;
  }

  /** Gives rights to another actor: the `actor` of another handle. */
  async give(to, amount, limits = undefined) {
    await write(this, 'give', { value: amount, to }, limits);
  }
}

/** One value: the last writer wins. */
class Register extends Clearable {
  /** What was written last; null if nothing was, it was removed or has expired. */
  async value() {
    return read(this);
  }

  /** Writes a value, which lives for `ttlMs` when that is given. */
  async set(value, options = undefined) {
    await writeValue(this, 'set', 'write', value, options);
  }
}

/** One value, or all that were written concurrently. */
class MultiRegister extends Clearable {
  /** What was written concurrently, the latest first. */
  async values() {
    return read(this);
  }

  /** Writes a value in place of those that were seen; it lives for `ttlMs` when that is given. */
  async set(value, options = undefined) {
    await writeValue(this, 'set', 'write', value, options);
  }
}

/** A set of values. */
class MergeSet extends Clearable {
  /** Whether a value is in it. */
  async has(value) {
    return storeOf(this).contains(this.path, this.kind, value);
  }

  /** What is in it, in order by type, then by what they are. */
  async values() {
    return read(this);
  }

  /** Adds a value, which lives for `ttlMs` when that is given. */
  async add(value, options = undefined) {
    await writeValue(this, 'add', 'insert', value, options);
  }

  /** Removes a value; that it is not there is no error. */
  async remove(value, limits = undefined) {
    await write(this, 'remove', { value }, limits);
  }

  /** What is in it when the loop begins. */
  async* [Symbol.asyncIterator]() {
    yield* await read(this);
  }
}

/** On or off. */
class Flag extends Clearable {
  /** Whether it is on. */
  async isOn() {
    return read(this);
  }

  /** Turns it on, for `ttlMs` when that is given. */
  async enable(options = undefined) {
    const { ttlMs, ...limits } = begin('enable', options, WITH_TTL);
    await write(this, 'enable', { ttlMs }, limits);
  }

  /** Turns it off. */
  async disable(limits = undefined) {
    await write(this, 'disable', {}, limits);
  }
}

/** Fields by name and kind. A field is there while anything in it is alive; clearing it removes it. */
class MergeMap extends Clearable {
  /** The fields that are there, with their kinds. */
  async fields() {
    return read(this);
  }

  /** The fields that are there when the loop begins. */
  async* [Symbol.asyncIterator]() {
    yield* await read(this);
  }
}

const CLASSES = {
  counter: Counter,
  grow_counter: GrowCounter,
  bounded_counter: BoundedCounter,
  register: Register,
  multi_register: MultiRegister,
  set: MergeSet,
  remove_wins_set: MergeSet,
  flag: Flag,
  disable_wins_flag: Flag,
  map: MergeMap,
};

/** The handle of a place in a store as a kind. */
function handleOf(store, path, kind) {
  return new CLASSES[kind](store, path, kind);
}

givesHandles(MergeMap, FIELD_KINDS, (map, name, kind) => handleOf(storeOf(map), [...map.path, name], kind));

module.exports = {
  BoundedCounter,
  Counter,
  Flag,
  GrowCounter,
  MergeMap,
  MergeSet,
  MultiRegister,
  Register,
  handleOf,
};
