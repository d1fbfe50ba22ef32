'use strict';
// The bucket: a key-value view of a stream, in JetStream's own layout.

const { own } = require('./handle.js');
const { native } = require('./native.js');
const { LIMITS, bytes, check, flag, millis, text, texts, u64 } = require('./options.js');
const { Reader } = require('./pack.js');
const { Follower, ask } = require('./source.js');
const { Stream } = require('./stream.js');
const { begin, opened, same, settle } = require('./waits.js');

const CREATE = { ttlMs: millis, ...LIMITS };
const REMOVE = { revision: u64, ...LIMITS };
const WATCH = { filters: texts, includeHistory: flag, updatesOnly: flag, ignoreDeletes: flag };

const OPERATIONS = ['put', 'delete', 'purge'];
const CALLS = {
  next: 'watcherNext', tryNext: 'watcherTryNext',
  close: 'watcherClose', release: 'releaseWatcher',
};
const BATCH = 256;

/** One revision of a key. The value is a view of the memory that it was read into. */
class Entry {
  constructor(key, value, revision, time, operation) {
    this.key = key;
    this.value = value;
    this.revision = revision;
    this.time = time;
    this.operation = operation;
  }

  /** The value as UTF-8 text. */
  text() {
    return this.value.toString();
  }

  /** The value, parsed as JSON. */
  json() {
    return JSON.parse(this.text());
  }
}

function readEntry(reader) {
  const revision = reader.u64();
  const time = reader.u64();
  const operation = OPERATIONS[reader.u32()];
  const key = reader.text();
  return new Entry(key, reader.bytes(), revision, time, operation);
}

function unpack(packed) {
  return new Reader(packed).list(readEntry);
}

function first(packed) {
  return unpack(packed)[0] ?? null;
}

/** Follows the changes of a bucket. */
class Watcher extends Follower {
  constructor(id) {
    super(id, CALLS, unpack, BATCH);
  }

  /** Whether everything that was there when the watch began has been taken. */
  get caughtUp() {
    return ask(this, 'watcherCaughtUp', false);
  }

  /** How many revisions limits removed before this watcher came to read them. */
  get missed() {
    return ask(this, 'watcherMissed', 0n);
  }
}

class Bucket {
  #id;
  #name;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseBucket);
    this.#name = native.bucketName(id);
  }

  /** Its name. */
  get name() {
    return this.#name;
  }

  /** The stream that it is a view of. */
  get stream() {
    return new Stream(native.bucketStream(this.#id));
  }

  /** What it holds. */
  async status() {
    return settle(native.bucketStatus(this.#id), same);
  }

  /** Sets a key; returns the revision. */
  async put(key, value, limits = undefined) {
    const checked = begin('put', limits);
    return settle(native.bucketPut(this.#id, text('key', key), bytes('value', value)), BigInt, checked);
  }

  /** Sets a key that has no value, for `ttlMs` when given; a conflict when it has one. */
  async create(key, value, options = undefined) {
    const checked = begin('create', options, CREATE);
    const call = native.bucketCreate(this.#id, text('key', key), bytes('value', value), checked.ttlMs);
    return settle(call, BigInt, checked);
  }

  /** Sets a key whose last revision is this one; a conflict when it is not. */
  async update(key, value, revision, limits = undefined) {
    const checked = begin('update', limits);
    const expected = u64('revision', revision);
    return settle(native.bucketUpdate(this.#id, text('key', key), bytes('value', value), expected), BigInt, checked);
  }

  /** Deletes a key and keeps its history, if its last revision is `revision` (when given). */
  async delete(key, options = undefined) {
    const checked = begin('delete', options, REMOVE);
    return settle(native.bucketDelete(this.#id, text('key', key), checked.revision), BigInt, checked);
  }

  /** Deletes a key with its history, if its last revision is `revision` (when given). */
  async purge(key, options = undefined) {
    const checked = begin('purge', options, REMOVE);
    return settle(native.bucketPurge(this.#id, text('key', key), checked.revision), BigInt, checked);
  }

  /** The newest revision of a key that has a value, or null. */
  async get(key) {
    return settle(native.bucketGet(this.#id, text('key', key)), first);
  }

  /** That revision of a key, or null. */
  async getRevision(key, revision) {
    return settle(native.bucketGet(this.#id, text('key', key), u64('revision', revision)), first);
  }

  /** The kept revisions of a key, oldest first, deletes included. */
  async history(key) {
    return settle(native.bucketHistory(this.#id, text('key', key)), unpack);
  }

  /** The keys that have a value, in order, that the filter takes. */
  async keys(filter = '>') {
    return settle(native.bucketKeys(this.#id, text('filter', filter)), same);
  }

  /** What is there, then what changes. On a hub it opens in the background. */
  watch(options = undefined) {
    return new Watcher(opened(native.bucketWatch(this.#id, check('watch', options, WATCH))));
  }
}

module.exports = { Bucket, Entry, Watcher };
