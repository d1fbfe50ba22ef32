'use strict';
// Event stores: aggregates saved, loaded, listed and followed. src/event_store.rs and src/event_pack.rs are the other
// side.

const { HeadwaterError, invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const {
  LIMITS, bytes, check, commitTime, flag, max: atLeastOne, millis, text, texts, time, u32, u64,
} = require('./options.js');
const { Reader, Writer } = require('./pack.js');
const { Projection, readLetters, readStatuses } = require('./projection.js');
const { headerList } = require('./records.js');
const { Follower, ask } = require('./source.js');
const { Stream } = require('./stream.js');
const { begin, opened, settle } = require('./waits.js');

const POSITION = { version: u64, seq: u64 };
const FILTER = { aggregate: text, key: text };
const CONDITION = { filter: filterOf, lastSeq: u64 };
const EVENT = { eventType: text, data: bytes, schema: u32, metadata: headerList, time, dataSubject: text };
const SAVE = {
  expected: expectedOf, command: text, correlation: text, causation: text, metadata: headerList, condition: conditionOf,
};
const LOAD = { asOfVersion: u64, asOfSeq: u64, asOfTime: commitTime, snapshotSchema: u32, behind: positionOf };
const SNAPSHOT = { position: positionOf, schema: u32, data: bytes, ttlMs: millis, dataSubjects: texts };
const LIST = { ...FILTER, after: u64, max: atLeastOne, ...LIMITS };
const FOLLOW = { filters: filtersOf, after: u64 };
const PROJECTION = { filters: filtersOf, isRebuild: flag, tries: u32, pauseMs: millis, pauseMaxMs: millis };
const LETTERS = { after: u64, max: atLeastOne, ...LIMITS };
const CALLS = {
  next: 'eventFeedNext', tryNext: 'eventFeedTryNext',
  close: 'eventFeedClose', release: 'releaseEventFeed',
};

const EVENTS_PER_SAVE_MAX = 1000;
const LIST_MAX = 1000;
const BATCH = 256;
const HAS_TIME = 1;
const HAS_DATA_SUBJECT = 2;
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
  for (const { eventType, data = EMPTY, schema = 1, metadata = [], time: at, dataSubject } of checked) {
    if (eventType === undefined) throw invalid('event: eventType is missing');
    writer.u32((at === undefined ? 0 : HAS_TIME) | (dataSubject === undefined ? 0 : HAS_DATA_SUBJECT));
    writer.u32(schema);
    writer.i64(at ?? 0n);
    writer.u32(metadata.length);
    for (const [name, value] of metadata) {
      writer.text(name);
      writer.text(value);
    }
    writer.text(eventType);
    writer.text(dataSubject ?? '');
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

function readArchived(packed) {
  const reader = new Reader(packed);
  return { events: reader.u64(), upTo: reader.u64(), heldBackBy: reader.text() || null };
}

function readSnapshot(reader) {
  if (reader.u32() === 0) return null;
  const head = { position: readPosition(reader), schema: reader.u32(), saved: reader.u64() };
  const dataSubjects = reader.list((name) => name.text());
  return { ...head, data: reader.bytes(), dataSubjects };
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
    this.isErased = reader.u32() !== 0;
    this.command = readText(reader);
    this.correlation = readText(reader);
    this.causation = readText(reader);
    this.dataSubject = readText(reader);
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

function readEvents(packed) {
  return new Reader(packed).list(readItem);
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
    super(id, CALLS, readEvents, BATCH);
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

  /** What a save of this command came to, if it is among the aggregate's last 1,000 events; else null. */
  async findCommand(aggregate, key, command, limits = undefined) {
    const checked = begin('findCommand', limits);
    const read = (packed) => (packed === 0 ? null : readSaved(packed));
    return settle(native.eventStoreFindCommand(this.#id, ...idOf(aggregate, key), command), read, checked);
  }

  /**
   * Moves the events of an aggregate that lie before its snapshot into the archive, up to version `upTo` or all of
   * them. What a projection has not taken in yet stays. Loads, projections and feeds read them from there.
   */
  async archive(aggregate, key, options = undefined) {
    const { upTo = 0n, ...checked } = begin('archive', options, { upTo: u64, ...LIMITS });
    const call = native.eventStoreArchive(this.#id, ...idOf(aggregate, key), upTo);
    return settle(call, readArchived, checked);
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

  /**
   * Keeps a snapshot of an aggregate; false when there is one of the same version or a newer one, and when one of the
   * data subjects that it has data of was forgotten.
   */
  async saveSnapshot(aggregate, key, snapshot, limits = undefined) {
    const checked = begin('saveSnapshot', limits);
    const { data, dataSubjects = [], ...request } = check('snapshot', snapshot, SNAPSHOT);
    for (const name of ['position', 'schema']) {
      if (request[name] === undefined) throw invalid(`snapshot: ${name} is missing`);
    }
    const told = { ...request, dataSubjects };
    const call = native.eventStoreSaveSnapshot(this.#id, ...idOf(aggregate, key), told, data ?? EMPTY);
    return settle(call, Boolean, checked);
  }

  /**
   * Forgets a data subject: events about it read as erased from then on, and snapshots that have some of its data are
   * passed over. Whether there was a key.
   */
  async forget(dataSubject, limits = undefined) {
    const checked = begin('forget', limits);
    return settle(native.eventStoreForget(this.#id, text('dataSubject', dataSubject)), Boolean, checked);
  }

  /** Aggregates whose last event lies behind `after`, the one first that was saved longest ago, and `next` to go on. */
  async list(options = undefined) {
    const { aggregate, key, after = 0n, max = LIST_MAX, ...limits } = begin('list', options, LIST);
    return settle(native.eventStoreList(this.#id, aggregate, key, after, max), readPage, limits);
  }

  /**
   * Opens a projection, which goes on behind what was committed; from then on, whoever had it open is refused.
   */
  async projection(name, options = undefined) {
    const { timeoutMs, signal, filters = [], ...rest } = begin('projection', options, { ...PROJECTION, ...LIMITS });
    const call = native.eventStoreProjection(this.#id, { name: text('name', name), filters, ...rest });
    return settle(call, (id) => new Projection(id, this, name, readEvents), { timeoutMs, signal });
  }

  /** All projections that were opened, by name. */
  async projections(limits = undefined) {
    const checked = begin('projections', limits);
    return settle(native.eventStoreProjections(this.#id), readStatuses, checked);
  }

  /** Forgets a projection, its rebuild and its dead letters; whoever runs it is refused from then on. */
  async deleteProjection(name, limits = undefined) {
    const checked = begin('deleteProjection', limits);
    await settle(native.eventStoreDeleteProjection(this.#id, text('name', name)), Boolean, checked);
  }

  /** Dead letters of a projection whose events lie behind `after`, `max` of them at the most. */
  async deadLetters(projection, options = undefined) {
    const { after = 0n, max = LIST_MAX, ...limits } = begin('deadLetters', options, LETTERS);
    const call = native.eventStoreDeadLetters(this.#id, text('projection', projection), after, max);
    return settle(call, readLetters, limits);
  }

  /** Removes the dead letter of the event at `seq`; false when there is none. */
  async deleteDeadLetter(projection, seq, limits = undefined) {
    const checked = begin('deleteDeadLetter', limits);
    const call = native.eventStoreDeleteDeadLetter(this.#id, text('projection', projection), u64('seq', seq));
    return settle(call, Boolean, checked);
  }

  /** The event at a sequence of the store; null when there is none. */
  async eventAt(seq, limits = undefined) {
    const checked = begin('eventAt', limits);
    const [event = null] = await settle(native.eventStoreEventAt(this.#id, u64('seq', seq)), readEvents, checked);
    if (event instanceof HeadwaterError) throw event;
    return event;
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
