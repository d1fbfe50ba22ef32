'use strict';
// The aggregates of one kind in a store: loaded, decided on, saved.

const { randomUUID } = require('node:crypto');
const { AggregateType, Root, inner } = require('./aggregate.js');
const { HeadwaterError, invalid } = require('./errors.js');
const { EventStore } = require('./events.js');
const { bytes, callback, check, millis, text, u32 } = require('./options.js');

const REPOSITORY = { snapshotEvery: u32, snapshotTtlMs: millis, cache: u32 };

/** How often a `transact` begins anew before its conflict is the caller's. */
const CONFLICT_TRIES = 16;

/**
 * The aggregates of one kind in a store. A snapshot is kept every `snapshotEvery` events (0 is never), where the kind
 * has a schema of them, for `snapshotTtlMs` (0 is for ever). The `cache` youngest states stay in memory; none is
 * believed before the log was asked whether there is more.
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
      return this.#folded(root, await this.store.load(name, key, { behind: kept.position }));
    } catch (error) {
      if (error.kind !== 'not_found') throw error;
      // The log is not the one that it was.
      this.#kept.delete(key);
      return this.#read(key);
    }
  }

  /** Reads an aggregate from its snapshot or its first event on. */
  async #read(key) {
    const root = this.start(key);
    const { name } = this.kind;
    const snapshotSchema = this.snapshotEvery > 0n ? this.kind.snapshotSchema : 0;
    const loaded = await this.store.load(name, key, { snapshotSchema });
    if (loaded.snapshot === null) return this.#folded(root, loaded);
    const { data, position, dataSubjects } = loaded.snapshot;
    try {
      inner.become(root, { state: this.kind.load(data), position, snapshotVersion: position.version, dataSubjects });
    } catch {
      // A snapshot is a copy: one that can't be read is as good as none.
      return this.#folded(this.start(key), await this.store.load(name, key));
    }
    return this.#folded(root, loaded);
  }

  #folded(root, { position, events }) {
    inner.fold(root, events);
    root.position = position;
    this.#keep(root);
    return root;
  }

  /**
   * Saves the events that were raised, at the position of the load, and keeps a snapshot when one is due. After an
   * error, drop the root and load it again. A save that its command did before gives what the log has.
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
    const { name, snapshotSchema, dump } = this.kind;
    const { version } = root.position;
    const isDue = this.snapshotEvery > 0n && version >= inner.parts(root).snapshotVersion + this.snapshotEvery;
    if (!isDue || snapshotSchema === 0) return;
    const data = bytes('what dump returns', dump(root.state));
    const dataSubjects = [...inner.parts(root).dataSubjects].sort();
    const snapshot = { position: root.position, schema: snapshotSchema, data, ttlMs: this.snapshotTtlMs, dataSubjects };
    try {
      await this.store.saveSnapshot(name, root.key, snapshot);
      inner.become(root, { ...inner.parts(root), snapshotVersion: version });
    } catch {
      // The events are saved: the next save tries again.
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
