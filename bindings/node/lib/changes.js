'use strict';
// Watchers of what is joined into a SQLite file. src/change_watcher.rs is the other side.

const { readValue } = require('./connection.js');
const { Reader } = require('./pack.js');
const { Follower, ask } = require('./source.js');

const CALLS = {
  next: 'changeWatcherNext', tryNext: 'changeWatcherTryNext',
  close: 'changeWatcherClose', release: 'releaseChangeWatcher',
};
const BATCH = 256;
const KINDS = ['insert', 'update', 'delete'];

function change(reader) {
  const table = reader.text();
  const kind = KINDS[reader.u32()];
  const node = reader.text();
  const stamp = reader.u64();
  const timeMs = Number(reader.u64());
  return { table, key: reader.list(readValue), kind, node, stamp, timeMs };
}

/** Follows what is joined into a file. */
class ChangeWatcher extends Follower {
  constructor(id) {
    super(id, CALLS, (packed) => new Reader(packed).list(change), BATCH);
  }

  /** How many changes this watcher was too slow for: the last 4,096, of at most 4 MiB, are kept. */
  get missed() {
    return ask(this, 'changeWatcherMissed', 0n);
  }
}

module.exports = { ChangeWatcher };
