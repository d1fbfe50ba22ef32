'use strict';
// Event stores: aggregates saved, loaded, listed and followed. src/event_store.rs and src/event_pack.rs are the other
// side.

const { HeadwaterError, invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const {
  LIMITS, bytes, check, commitTime, max: atLeastOne, millis, text, time, u32, u64,
} = require('./options.js');
const { Reader, Writer } = require('./pack.js');
const { headerList } = require('./records.js');
const { Follower, ask } = require('./source.js');
const { Stream } = require('./stream.js');
const { begin, opened, settle } = require('./waits.js');

const POSITION = { version: u64, seq: u64 };
const FILTER = { aggregate: text, key: text };
const CONDITION = { filter: filterOf, lastSeq: u64 };
const EVENT = { eventType: text, data: bytes, schema: u32, metadata: headerList, time };
const SAVE = { expected: expectedOf, command: text, correlation: text, causation: text, condition: conditionOf };
const LOAD = { asOfVersion: u64, asOfSeq: u64, asOfTime: commitTime, snapshotSchema: u32, behind: positionOf };
const SNAPSHOT = { position: positionOf, schema: u32, data: bytes, ttlMs: millis };
const LIST = { ...FILTER, after: u64, max: atLeastOne, ...LIMITS };
const FOLLOW = { filters: filtersOf, after: u64 };
const CALLS = {
  next: 'eventFeedNext', tryNext: 'eventFeedTryNext',
  close: 'eventFeedClose', release: 'releaseEventFeed',
};

const EVENTS_PER_SAVE_MAX = 1000;
const LIST_MAX = 1000;
const BATCH = 256;
const HAS_TIME = 1;
const EMPTY = new Uint8Array(0);

const writer = new Writer();

function positionOf(what, value) {
  const { version, seq } = check(what, value, POSITION);
  if (version === undefined || seq === undefined) throw invalid(`${what} must have version and seq`);
  return { version, seq };
}

function filterOf(what, value) {
  return check(what, value, FILTER);
}

function filtersOf(what, value) {
  return (Array.isArray(value) ? value : [value]).map((filter) => filterOf(what, filter));
}

function conditionOf(what, value) {
  const { filter, lastSeq } = check(what, value, CONDITION);
  if (filter === undefined || lastSeq === undefined) throw invalid(`${what} must have filter and lastSeq`);
  return { filter, lastSeq };
}

/** What a save expects, as the native half wants it. */
function expectedOf(what, value) {
  if (typeof value === 'string') return { expected: value };
  if (typeof value === 'object' && value !== null) return { position: positionOf(what, value) };
  if (typeof value === 'number' || typeof value === 'bigint') return { version: u64(what, value) };
  throw invalid(`${what} must be 'any', 'none', 'exists', a version or a position`);
}

/** The events of a save, packed, and how many they are; valid until the next use. */
function packEvents(events) {
  const list = Array.isArray(events) ? events : [events];
  if (list.length > EVENTS_PER_SAVE_MAX) {
    throw invalid(`${list.length} events are over the limit of ${EVENTS_PER_SAVE_MAX} a save`);
  }
  // From here on no code of the caller's runs.
  const checked = list.map((event) => check('event', event, EVENT));
  writer.reset();
  for (const { eventType, data = EMPTY, schema = 1, metadata = [], time: at } of checked) {
    if (eventType === undefined) throw invalid('event: eventType is missing');
    writer.u32(at === undefined ? 0 : HAS_TIME);
    writer.u32(schema);
    writer.i64(at ?? 0n);
    writer.u32(metadata.length);
    for (const [name, value] of metadata) {
      writer.text(name);
      writer.text(value);
    }
    writer.text(eventType);
    writer.u32(data.length);
    writer.raw(data);
  }
  return [writer.finish(), checked.length];
}

function readPosition(reader) {
  return { version: reader.u64(), seq: reader.u64() };
}

function readSaved(packed) {
  const reader = new Reader(packed);
  return { position: readPosition(reader), isRepeat: reader.u32() !== 0, durability: reader.text() };
}

function readSnapshot(reader) {
  if (reader.u32() === 0) return null;
  return { position: readPosition(reader), schema: reader.u32(), saved: reader.u64(), data: reader.bytes() };
}

function readText(reader) {
  const has = reader.u32() !== 0;
  const value = reader.text();
  return has ? value : null;
}

/** An event that was saved. Its data is a view of the memory that it was read into. */
class Event {
  constructor(reader) {
    this.aggregate = reader.text();
    this.key = reader.text();
    this.eventType = reader.text();
    this.version = reader.u64();
    this.seq = reader.u64();
    this.schema = reader.u32();
    this.saved = reader.u64();
    this.time = reader.i64();
    this.command = readText(reader);
    this.correlation = readText(reader);
    this.causation = readText(reader);
    this.metadata = reader.list((pair) => [pair.text(), pair.text()]);
    this.data = reader.bytes();
  }

  /** Where its aggregate stands by it. */
  get position() {
    return { version: this.version, seq: this.seq };
  }

  /** The data as UTF-8 text. */
  text() {
    return this.data.toString();
  }

  /** The data, parsed as JSON. */
  json() {
    return JSON.parse(this.text());
  }
}

/** An event, or the error of the record in its place. */
function readItem(reader) {
  return reader.u32() === 0 ? new HeadwaterError(reader.text(), reader.text()) : new Event(reader);
}

function readLoaded(packed) {
  const reader = new Reader(packed);
  return { position: readPosition(reader), snapshot: readSnapshot(reader), events: reader.list(readItem) };
}

function readInfo(reader) {
  return {
    aggregate: reader.text(),
    key: reader.text(),
    position: readPosition(reader),
    eventType: reader.text(),
    saved: reader.u64(),
  };
}

function readPage(packed) {
  const reader = new Reader(packed);
  const hasNext = reader.u32() !== 0;
  const next = reader.u64();
  return { aggregates: reader.list(readInfo), next: hasNext ? next : null };
}

/**
 * The events of some aggregates as they come. A record that is no event is an error in its place: what takes it fails,
 * and the next is behind it.
 */
class EventFeed extends Follower {
  /** What lies behind an event, and was taken with it. */
  #behind = [];

  constructor(id) {
    super(id, CALLS, (packed) => new Reader(packed).list(readItem), BATCH);
  }

  async next(max = undefined, limits = undefined) {
    if (this.#behind.length > 0) return this.#sound(this.#behind.splice(0, atLeastOne('max', max ?? BATCH)));
    return this.#sound(await super.next(max, limits));
  }

  tryNext(max = undefined) {
    if (this.#behind.length > 0) return this.#sound(this.#behind.splice(0, atLeastOne('max', max ?? BATCH)));
    return this.#sound(super.tryNext(max));
  }

  /** The items before the first error, which is thrown when it is the first; what is behind stays. */
  #sound(items) {
    const at = items.findIndex((item) => item instanceof HeadwaterError);
    if (at < 0) return items;
    const behind = items.splice(at);
    const error = at === 0 ? behind.shift() : undefined;
    this.#behind = behind.concat(this.#behind);
    if (error !== undefined) throw error;
    return items;
  }

  /** How many events, of any aggregate, were saved behind what was taken: 0n is live. */
  get lag() {
    return ask(this, 'eventFeedLag', 0n);
  }
}

/** Aggregates and their events, over one stream. */
class EventStore {
  #id;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseEventStore);
    this.name = native.eventStoreName(id);
  }

  /** The stream below. */
  get stream() {
    return new Stream(native.eventStoreStream(this.#id));
  }

  /** The sequence of the last event of an aggregate; 0n when it has none. */
  async lastSeq(aggregate, key, limits = undefined) {
    const checked = begin('lastSeq', limits);
    return settle(native.eventStoreLastSeq(this.#id, ...idOf(aggregate, key)), BigInt, checked);
  }

  /**
   * Saves an event, or up to 1,000 of one aggregate, all or nothing; an aggregate that is not as expected is a
   * conflict. With a `command`, a save that is repeated is recognised, saves nothing, and answers as then.
   */
  async save(aggregate, key, events, options = undefined) {
    const { timeoutMs, signal, expected = {}, ...rest } = begin('save', options, { ...SAVE, ...LIMITS });
    const [packed, count] = packEvents(events);
    const call = native.eventStoreSave(this.#id, ...idOf(aggregate, key), packed, count, { ...expected, ...rest });
    return settle(call, readSaved, { timeoutMs, signal });
  }

  /** Loads an aggregate: a snapshot of `snapshotSchema`, if there is one, and the events behind it. */
  async load(aggregate, key, options = undefined) {
    const { timeoutMs, signal, ...request } = begin('load', options, { ...LOAD, ...LIMITS });
    return settle(native.eventStoreLoad(this.#id, ...idOf(aggregate, key), request), readLoaded, { timeoutMs, signal });
  }

  /** The snapshot of an aggregate; null when there is none that can be read. */
  async snapshot(aggregate, key, limits = undefined) {
    const checked = begin('snapshot', limits);
    const read = (packed) => readSnapshot(new Reader(packed));
    return settle(native.eventStoreSnapshot(this.#id, ...idOf(aggregate, key)), read, checked);
  }

  /** Keeps a snapshot of an aggregate; false when there is one of the same version or a newer one. */
  async saveSnapshot(aggregate, key, snapshot, limits = undefined) {
    const checked = begin('saveSnapshot', limits);
    const { data, ...request } = check('snapshot', snapshot, SNAPSHOT);
    for (const name of ['position', 'schema']) {
      if (request[name] === undefined) throw invalid(`snapshot: ${name} is missing`);
    }
    const call = native.eventStoreSaveSnapshot(this.#id, ...idOf(aggregate, key), request, data ?? EMPTY);
    return settle(call, Boolean, checked);
  }

  /** Aggregates whose last event lies behind `after`, the one first that was saved longest ago, and `next` to go on. */
  async list(options = undefined) {
    const { aggregate, key, after = 0n, max = LIST_MAX, ...limits } = begin('list', options, LIST);
    return settle(native.eventStoreList(this.#id, aggregate, key, after, max), readPage, limits);
  }

  /** Follows the events of the aggregates that one of the filters takes: those that are there, then those that come. */
  follow(options = undefined) {
    const { filters = [], after = 0n } = check('follow', options, FOLLOW);
    return new EventFeed(opened(native.eventStoreFollow(this.#id, filters, after)));
  }
}

function idOf(aggregate, key) {
  return [text('aggregate', aggregate), text('key', key)];
}

module.exports = { Event, EventFeed, EventStore };
