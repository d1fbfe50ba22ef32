'use strict';
// Stores of state that merges: writes, reads, transactions and watches. The typed handles are in crdt_handles.js.

const { handleOf } = require('./crdt_handles.js');
const {
  KINDS, givesHandles, kindOf, packAll, packChange, packOneValue, pathOf, unpackDump, unpackMerged, unpackNames,
  unpackNumber, unpackReading, unpackStatus, unpackWritten,
} = require('./crdt_values.js');
const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { PROGRESS, text } = require('./options.js');
const { Follower, ask } = require('./source.js');
const { Stream } = require('./stream.js');
const { Transaction } = require('./transaction.js');
const { begin, opened, settle, within } = require('./waits.js');

const CALLS = {
  next: 'crdtWatcherNext', tryNext: 'crdtWatcherTryNext',
  close: 'crdtWatcherClose', release: 'releaseCrdtWatcher',
};
const BATCH = 256;

/** Follows the keys of a store. */
class CrdtWatcher extends Follower {
  constructor(id) {
    super(id, CALLS, unpackNames, BATCH);
  }

  /** How many records were purged before this watcher came to read them: any key may have changed then. */
  get missed() {
    return ask(this, 'crdtWatcherMissed', 0n);
  }
}

class CrdtStore {
  #id;
  /** The promise of the snapshot that is being written, which writes wait for. */
  #snapshot = undefined;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseCrdtStore);
    const { name, engine, epoch } = native.crdtDescribe(id);
    this.name = name;
    this.actor = { engine, epoch };
  }

  /** The log. */
  get stream() {
    return new Stream(native.crdtStream(this.#id));
  }

  /** Does one operation; returns its record, and of a counter what it is then. */
  async write(change, limits = undefined) {
    const checked = begin('write', limits);
    return this.#append(packChange(change), (packed, now) => native.crdtWrite(this.#id, packed, now), checked);
  }

  /** Does all that the function says, in one record; nothing if it throws. */
  async transaction(work, limits = undefined) {
    const checked = begin('transaction', limits);
    const transaction = new Transaction();
    await work(transaction);
    const changes = transaction.end();
    const call = (packed, now) => native.crdtTransaction(this.#id, packed, changes.length, now);
    const { seq } = await this.#append(packAll(changes), call, checked);
    return { seq };
  }

  /** Begins now, unless a snapshot is due: that takes a while, and is written beside the event loop first. */
  #append(packed, call, checked) {
    if (this.#snapshot === undefined) {
      const answer = call(packed, false);
      if (answer !== null) return settle(answer, unpackWritten, checked);
      const end = () => { this.#snapshot = undefined; };
      this.#snapshot = settle(native.crdtSnapshotIfDue(this.#id), end).catch(end);
    }
    // A copy, as the next change is packed in the same place. Whoever comes meanwhile begins after this one.
    return this.#appendLater(Buffer.from(packed), call, checked);
  }

  async #appendLater(packed, call, checked) {
    await within(this.#snapshot, checked);
    return settle(call(packed, true), unpackWritten, checked);
  }

  /** What is at a path as a kind; what is not there reads as 0, null, empty or off. */
  async read(path, kind) {
    return settle(native.crdtRead(this.#id, pathOf('path', path), kindOf('kind', kind)), unpackReading);
  }

  /** Whether a value is in a set. */
  async contains(path, kind, value) {
    const [names, number] = [pathOf('path', path), kindOf('kind', kind)];
    return settle(native.crdtContains(this.#id, names, number, packOneValue(value)), Boolean);
  }

  /** How much this handle may take from a bounded counter, or give of it. */
  async rights(key) {
    return settle(native.crdtRights(this.#id, text('key', key)), unpackNumber);
  }

  /** The keys in which something is alive whose names begin with `prefix`, with their kinds. */
  async keys(prefix = '') {
    return settle(native.crdtKeys(this.#id, text('prefix', prefix)), unpackNames);
  }

  /** The same with what they read as, in JSON, at one moment. */
  async dump(prefix = '') {
    return settle(native.crdtDump(this.#id, text('prefix', prefix)), unpackDump);
  }

  /** How this handle stands. */
  async status() {
    return settle(native.crdtStatus(this.#id), unpackStatus);
  }

  /** Lets in what is held because its clock is too far ahead; returns how many records there were. */
  async releaseHeld() {
    return settle(native.crdtReleaseHeld(this.#id), Number);
  }

  /** Takes in all that another store has and this one has not; done when that is on disk as the stream promises. */
  async merge(other, options = undefined) {
    const checked = begin('merge', options, PROGRESS);
    if (!(other instanceof CrdtStore)) throw invalid('other must be a CrdtStore');
    return settle(native.crdtMerge(this.#id, other.#id), unpackMerged, checked);
  }

  /** Writes a snapshot now, which writes do by themselves when it is due; returns the sequence that it covers. */
  async snapshot(limits = undefined) {
    const checked = begin('snapshot', limits);
    return settle(native.crdtSnapshot(this.#id), BigInt, checked);
  }

  /** Follows the keys whose names begin with `prefix`. On a hub it opens in the background. */
  watch(prefix = '') {
    return new CrdtWatcher(opened(native.crdtWatch(this.#id, text('prefix', prefix))));
  }

  /** Ends the handle, after a snapshot if that spares the next one much. */
  async close(limits = undefined) {
    const checked = begin('close', limits);
    await settle(native.crdtClose(this.#id), Boolean, checked);
  }
}
givesHandles(CrdtStore, KINDS, (store, key, kind) => handleOf(store, [key], kind));
if (Symbol.asyncDispose) {
  CrdtStore.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

module.exports = { CrdtStore, CrdtWatcher };
