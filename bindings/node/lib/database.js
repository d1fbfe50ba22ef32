'use strict';
// SQLite files that replicate: how they stand, told to wait, compared and ended.

const { ChangeWatcher } = require('./changes.js');
const { Connection } = require('./connection.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { LIMITS, check, flag, millis, text, texts, u32, u64 } = require('./options.js');
const { begin, opened, same, settle } = require('./waits.js');

const DATABASE = {
  path: text,
  name: text,
  nodeId: text,
  publish: flag,
  replicate: flag,
  include: texts,
  exclude: texts,
  perRow: texts,
  excludeColumns: texts,
  scanMaxChanges: u32,
  pollingIntervalMs: millis,
  cleanupIntervalMs: millis,
  logMaxEntries: u64,
  logDurability: text,
  logShards: u32,
  logCompress: flag,
  snapshotStore: text,
  snapshotIntervalMs: millis,
  snapshotLogEntries: u64,
  snapshotKeep: u32,
};
const CHECK = { repair: flag, ...LIMITS };

/** What a file is told, checked. */
function databaseRequest(config) {
  return check('database', config, DATABASE);
}

/** A status as it is told: a job that there is not is null. */
function statusOf({ job = null, ...status }) {
  return { ...status, job };
}

class Database {
  #id;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseDatabase);
    const { name, path, streamNames } = native.databaseNames(id);
    this.name = name;
    this.path = path;
    this.streamNames = streamNames;
  }

  /** A connection to the file, with this library's copy of SQLite. */
  async connect(limits = undefined) {
    const checked = begin('connect', limits);
    return settle(native.databaseConnect(this.#id), (id) => new Connection(id), checked);
  }

  /** How it stands. */
  async status(limits = undefined) {
    const checked = begin('status', limits);
    return settle(native.databaseStatus(this.#id), statusOf, checked);
  }

  /** Takes in all that was written here and puts it into the log, and joins all that the log has of others. */
  async sync(limits = undefined) {
    const checked = begin('sync', limits);
    await settle(native.databaseSync(this.#id), Boolean, checked);
  }

  /** Leaves the file alone until `resume`, across restarts too; what is written is captured and waits. */
  async pause(limits = undefined) {
    const checked = begin('pause', limits);
    await settle(native.databasePause(this.#id), Boolean, checked);
  }

  /** Goes on. */
  async resume(limits = undefined) {
    const checked = begin('resume', limits);
    await settle(native.databaseResume(this.#id), Boolean, checked);
  }

  /** Lets in what is held as the clock of the node that wrote it is too far ahead; returns how many units. */
  async release(limits = undefined) {
    const checked = begin('release', limits);
    return settle(native.databaseRelease(this.#id), BigInt, checked);
  }

  /** Ends replication, and takes every trace of it out of the file; the log stays. */
  async detach(limits = undefined) {
    const checked = begin('detach', limits);
    await settle(native.databaseDetach(this.#id), Boolean, checked);
  }

  /** Compares this node with all others; with `repair`, all give the rows of what differs, and are compared again. */
  async check(options = undefined) {
    const { repair = false, ...limits } = begin('check', options, CHECK);
    return settle(native.databaseCheck(this.#id, repair), same, limits);
  }

  /** Who has which schema, table by table. */
  async schema(limits = undefined) {
    const checked = begin('schema', limits);
    return settle(native.databaseSchema(this.#id), same, checked);
  }

  /** Follows what is joined from now on: rows that writes of other nodes change, or a constraint shows or hides. */
  watch() {
    return new ChangeWatcher(opened(native.databaseWatch(this.#id)));
  }

  /** Makes a snapshot where `snapshotStore` says; writers go on meanwhile. */
  async snapshot(limits = undefined) {
    const checked = begin('snapshot', limits);
    return settle(native.databaseSnapshot(this.#id), same, checked);
  }

  /** The snapshots that there are, the newest first. */
  async snapshots(limits = undefined) {
    const checked = begin('snapshots', limits);
    return settle(native.databaseSnapshots(this.#id), same, checked);
  }

  /** Joins the newest snapshot with the file, or the one of this id. */
  async restore(id = undefined, limits = undefined) {
    const checked = begin('restore', limits);
    const name = id === undefined || id === null ? undefined : text('id', id);
    return settle(native.databaseRestore(this.#id, name), same, checked);
  }
}

module.exports = { Database, databaseRequest, statusOf };
