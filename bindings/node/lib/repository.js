'use strict';
// The aggregates of one kind in a store: loaded, decided on, saved.

const { randomUUID } = require('node:crypto');
const { AggregateType, Root, inner } = require('./aggregate.js');
const { HeadwaterError, invalid } = require('./errors.js');
const { EventStore } = require('./events.js');
const { bytes, callback, check, commitTime, millis, text, u32, u64 } = require('./options.js');
const { reason } = require('./projection.js');
const { headerList } = require('./records.js');

const REPOSITORY = { snapshotEvery: u32, snapshotTtlMs: millis, cache: u32 };
const AS_OF = { asOfVersion: u64, asOfSeq: u64, asOfTime: commitTime };

/** How often a `transact` begins anew before its conflict is the caller's. */
const CONFLICT_TRIES = 16;

/**
 * The aggregates of one kind in a store. A snapshot is kept every `snapshotEvery` events (0 is never), or when the kind
 * says that one is due, where it has a schema of them, for `snapshotTtlMs` (0 is for ever). The `cache` youngest states
 * stay in memory; none is believed before the log was asked whether there is more.
 */
class Repository {
  #kept = new Map();
  /** Reads on their way, by key: loads at once share one. */
  #reading = new Map();

  constructor(store, kind, options = undefined) {
    if (!(store instanceof EventStore)) throw invalid('a repository needs an EventStore');
    this.store = store;
    this.kind = kind instanceof AggregateType ? kind : new AggregateType(kind);
    const { snapshotEvery = 100, snapshotTtlMs = 0, cache = 1000 } = check('repository', options, REPOSITORY);
    Object.assign(this, { snapshotEvery: BigInt(snapshotEvery), snapshotTtlMs, cache });
  }

  /** An aggregate that has no event yet; a save of it is refused when it has. */
  start(key) {
    return new Root(this.kind, text('key', key));
  }

  /** Loads an aggregate; kind 'not_found' when it has no event. */
  async load(key) {
    const root = await this.getOrCreate(key);
    if (!root.exists) throw new HeadwaterError('not_found', `${this.kind.name} '${key}' has no event`);
    return root;
  }

  /** Loads an aggregate, or starts it. */
  async getOrCreate(key) {
    const kept = this.#find(text('key', key));
    if (kept !== undefined) return this.#caughtUp(key, kept);
    if (this.cache === 0) return this.#read(key);
    const joined = this.#reading.get(key);
    if (joined !== undefined) {
      // What was under way may not have what this caller knows to be saved.
      return this.#caughtUp(key, await joined);
    }
    // Nobody is given the root that is read, so all may copy its state.
    const reading = this.#read(key).then(inner.parts).finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return this.#rootOf(key, await reading);
  }

  /**
   * Loads an aggregate as it was at a version, a sequence of the store or a time, of which one is given; kind
   * 'not_found' when it had no event by then, or has not reached the version. It is read from the log, and not kept in
   * memory. A save of it is refused when there is more behind it.
   */
  async loadAsOf(key, asOf) {
    const root = await this.#readLog(text('key', key), check('loadAsOf', asOf, AS_OF));
    if (!root.exists) throw new HeadwaterError('not_found', `${this.kind.name} '${key}' had no event by then`);
    return root;
  }

  #cloned(parts) {
    return { ...parts, state: this.kind.clone(parts.state) };
  }

  /** A root of its own, of a state that others have too. */
  #rootOf(key, parts) {
    const root = this.start(key);
    inner.become(root, this.#cloned(parts));
    return root;
  }

  /** Takes in what the log has behind a state of memory. */
  async #caughtUp(key, kept) {
    const root = this.#rootOf(key, kept);
    const { name } = this.kind;
    if ((await this.store.lastSeq(name, key)) === kept.position.seq) return root;
    try {
      this.#fold(root, await this.store.load(name, key, { behind: kept.position }));
    } catch (error) {
      if (error.kind !== 'not_found') throw error;
      // The log is not the one that it was.
      this.#kept.delete(key);
      return this.#read(key);
    }
    this.#keep(root);
    return root;
  }

  async #read(key) {
    const root = await this.#readLog(key);
    this.#keep(root);
    return root;
  }

  /** Reads an aggregate from its snapshot or its first event on, up to a place if one is given. */
  async #readLog(key, asOf = {}) {
    const root = this.start(key);
    const { name } = this.kind;
    const snapshotSchema = this.snapshotEvery > 0n ? this.kind.snapshotSchema : 0;
    const loaded = await this.store.load(name, key, { ...asOf, snapshotSchema });
    if (loaded.snapshot === null) return this.#fold(root, loaded);
    const { data, position, dataSubjects } = loaded.snapshot;
    try {
      inner.become(root, { state: this.kind.load(data), position, snapshotVersion: position.version, dataSubjects });
    } catch {
      // A snapshot is a copy: one that can't be read is as good as none.
      return this.#fold(this.start(key), await this.store.load(name, key, asOf));
    }
    return this.#fold(root, loaded);
  }

  #fold(root, { position, events }) {
    inner.fold(root, events);
    root.position = position;
    return root;
  }

  /**
   * Saves the events that were raised, at the position of the load, and keeps a snapshot when one is due. After an
   * error, drop the root and load it again. A save that its command did before gives what the log has. That a snapshot
   * could not be kept is a warning, and no error: the events are saved.
   */
  async save(root, options = undefined) {
    await this.#save(root, options);
    return root;
  }

  /** As `save`; whether it was a repeat. */
  async #save(root, options) {
    const { raised } = root;
    if (raised.length === 0) return false;
    const { name, encode, dataSubject } = this.kind;
    const events = raised.map((event) => ({ dataSubject: dataSubject(event) ?? undefined, ...encode(event) }));
    const saved = await this.store.save(name, root.key, events, { ...options, expected: root.position });
    if (saved.isRepeat) {
      // What was decided now is not what was saved then: the log says what is.
      this.#kept.delete(root.key);
      inner.become(root, inner.parts(await this.getOrCreate(root.key)));
      return true;
    }
    inner.settle(root, saved.position);
    await this.#snapshotIfDue(root);
    this.#keep(root);
    return false;
  }

  async #snapshotIfDue(root) {
    const { name, snapshotSchema, isSnapshotDue, dump } = this.kind;
    if (this.snapshotEvery === 0n || snapshotSchema === 0) return;
    const { state, position, snapshotVersion, dataSubjects } = inner.parts(root);
    const told = { schema: snapshotSchema, ttlMs: this.snapshotTtlMs, dataSubjects: [...dataSubjects].sort() };
    try {
      if (!isSnapshotDue(state, position.version - snapshotVersion, this.snapshotEvery)) return;
      const data = bytes('what dump returns', dump(state));
      await this.store.saveSnapshot(name, root.key, { ...told, position, data });
      inner.become(root, { ...inner.parts(root), snapshotVersion: position.version });
    } catch (error) {
      // The events are saved: the next save tries again.
      process.emitWarning(`${name} '${root.key}' got no snapshot: ${reason(error)}`, 'HeadwaterWarning');
    }
  }

  /**
   * Loads an aggregate, lets `decide` raise events on it, and saves them; again from the load, up to 16 times in all,
   * when somebody else saved meanwhile. All tries are one command. With a condition there is one try.
   *
   * With a `command`, the aggregate's last 1,000 events are searched for those of the command before anything is
   * decided: if they are there, it is a repeat, and `decide` is not called.
   */
  async transact(key, decide, options = {}) {
    callback('decide', decide);
    const told = { ...options, command: options.command ?? randomUUID() };
    // What gives its pairs once goes with every try.
    if (options.metadata !== undefined) told.metadata = headerList('transact: metadata', options.metadata);
    for (let tries = 1; ; tries++) {
      const root = await this.getOrCreate(key);
      const there = options.command && root.exists ? await this.#repeat(root, options.command) : null;
      if (there !== null) return { root: there, decided: undefined, isRepeat: true };
      const decided = await decide(root);
      try {
        return { root, decided, isRepeat: await this.#save(root, told) };
      } catch (error) {
        if (error.kind !== 'conflict' || tries === CONFLICT_TRIES || options.condition !== undefined) throw error;
      }
    }
  }

  /** The aggregate as it is now, if the command was carried out already; else null. */
  async #repeat(root, command) {
    const saved = await this.store.findCommand(this.kind.name, root.key, command);
    if (saved === null) return null;
    return saved.position.version > root.position.version ? this.getOrCreate(root.key) : root;
  }

  #find(key) {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
    }
    return kept;
  }

  #keep(root) {
    const { position } = root;
    // Data that can be forgotten does not stay in memory.
    if (this.cache === 0 || !root.exists || inner.parts(root).dataSubjects.size > 0) return;
    const there = this.#kept.get(root.key);
    if (there !== undefined && there.position.version > position.version) return;
    this.#kept.delete(root.key);
    this.#kept.set(root.key, this.#cloned(inner.parts(root)));
    if (this.#kept.size > this.cache) this.#kept.delete(this.#kept.keys().next().value);
  }
}

module.exports = { CONFLICT_TRIES, Repository };
