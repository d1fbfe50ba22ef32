'use strict';
// The stream: append, read, subscribe, consume, remove.

const { Consumer } = require('./consumer.js');
const { translate } = require('./errors.js');
const { own } = require('./handle.js');
const { native, raw } = require('./native.js');
const {
  LIMITS, check, commitTime, flag, max: atLeastOne, millis, millisList, text, texts, time, timeout, u32, u64,
} = require('./options.js');
const { Reader } = require('./pack.js');
const { APPEND_WAIT, packAppend, packBatch, unpackBatch, unpackRecord } = require('./records.js');
const { ack } = require('./slots.js');
const { Subscription } = require('./subscription.js');
const { begin, opened, park, same, settle } = require('./waits.js');

const READ = {
  filters: texts,
  fromSeq: u64,
  fromTime: commitTime,
  until: commitTime,
  eventFrom: time,
  eventTo: time,
  backward: flag,
  maxRecords: atLeastOne,
  maxBytes: atLeastOne,
};
const LAST_MANY = { after: u64, max: atLeastOne };
const SUBJECTS = { after: text, max: atLeastOne };
const SUBSCRIBE = { filters: texts, deliverPolicy: text, startSeq: u64, startTime: commitTime };
const PURGE = { filter: text, beforeSeq: u64, keep: u64, ...LIMITS };
const CONSUMER = {
  name: text,
  description: text,
  filterSubjects: texts,
  deliverPolicy: text,
  startSeq: u64,
  startTime: commitTime,
  ackPolicy: text,
  ackWaitMs: millis,
  maxDeliver: u32,
  backoffMs: millisList,
  maxAckPending: u32,
  deadLetter: text,
};

const LIST_MAX = 1000;

function unpackRecords(packed) {
  return unpackBatch(packed).records;
}

function unpackSubjects(packed) {
  return new Reader(packed).list((reader) => ({ subject: reader.text(), count: reader.u64() }));
}

class Stream {
  #id;
  #name;

  constructor(id) {
    this.#id = id;
    own(this, id, raw.releaseStream);
    this.#name = native.streamName(id);
  }

  /** Its name. */
  get name() {
    return this.#name;
  }

  /** Its configuration now. */
  get config() {
    return native.streamConfig(this.#id);
  }

  /** What it is and holds. */
  async info() {
    return settle(native.streamInfo(this.#id), same);
  }

  /** Appends one record; done when the stream's durability is reached. */
  append(subject, payload, options = undefined) {
    // The plain case is the hot one: the caller's own bytes and nothing to pack.
    try {
      if (options !== undefined || !(payload instanceof Uint8Array) || !text('subject', subject)) {
        return this.#appendPacked(subject, payload, options);
      }
      if (raw.streamAppend(this.#id, subject, payload) === undefined) return park(ack, undefined);
      return Promise.resolve(ack());
    } catch (error) {
      return Promise.reject(translate(error));
    }
  }

  #appendPacked(subject, payload, options) {
    const checked = begin('append', options, APPEND_WAIT);
    return settle(raw.streamAppendPacked(this.#id, packAppend(subject, payload, checked), 1, false), ack, checked);
  }

  /** As `append`, and blocks this thread until it is done. */
  appendSync(subject, payload, options = undefined) {
    try {
      if (options === undefined && payload instanceof Uint8Array && text('subject', subject)) {
        raw.streamAppendSync(this.#id, subject, payload);
      } else {
        const checked = begin('append', options, APPEND_WAIT);
        const packed = packAppend(subject, payload, checked);
        raw.streamAppendPackedSync(this.#id, packed, 1, false, checked.timeoutMs);
      }
      return ack();
    } catch (error) {
      throw translate(error);
    }
  }

  /** Appends up to 1,000 records, all or nothing, across a crash too. */
  async appendBatch(records, limits = undefined) {
    const checked = begin('appendBatch', limits);
    const [packed, count] = packBatch(records);
    return settle(native.streamAppendPacked(this.#id, packed, count, true), ack, checked);
  }

  /** As `appendBatch`, and blocks this thread until it is done. */
  appendBatchSync(records, limits = undefined) {
    const { timeoutMs } = check('appendBatch', limits, { timeoutMs: timeout });
    const [packed, count] = packBatch(records);
    native.streamAppendPackedSync(this.#id, packed, count, true, timeoutMs);
    return ack();
  }

  /** The record with this sequence, or null. */
  async get(seq) {
    return settle(native.streamGet(this.#id, u64('seq', seq)), unpackRecord);
  }

  /** As `get`, at once. */
  getSync(seq) {
    return unpackRecord(native.streamGetSync(this.#id, u64('seq', seq)));
  }

  /** The newest record of a subject, or of all that a wildcard filter takes; or null. */
  async last(filter) {
    return settle(native.streamLast(this.#id, text('filter', filter)), unpackRecord);
  }

  /** As `last`, at once. */
  lastSync(filter) {
    return unpackRecord(native.streamLastSync(this.#id, text('filter', filter)));
  }

  /** The newest record of every subject that the filters take, by sequence. */
  async lastMany(filters, options = undefined) {
    const { after = 0n, max = LIST_MAX } = check('lastMany', options, LAST_MANY);
    return settle(native.streamLastMany(this.#id, texts('filters', filters), after, max), unpackRecords);
  }

  /** As `lastMany`, at once. */
  lastManySync(filters, options = undefined) {
    const { after = 0n, max = LIST_MAX } = check('lastMany', options, LAST_MANY);
    return unpackRecords(native.streamLastManySync(this.#id, texts('filters', filters), after, max));
  }

  /** The last sequence among all subjects that the filter takes; 0n when there is none. */
  async lastSeq(filter) {
    return settle(native.streamLastSeq(this.#id, text('filter', filter)), BigInt);
  }

  /** The subjects that have a record, in order, each with how many. */
  async subjects(filter = '>', options = undefined) {
    const { after = '', max = LIST_MAX } = check('subjects', options, SUBJECTS);
    return settle(native.streamSubjects(this.#id, text('filter', filter), after, max), unpackSubjects);
  }

  /** Reads records; go on from the last one's sequence for more. */
  async read(options = undefined) {
    return settle(native.streamRead(this.#id, check('read', options, READ)), unpackRecords);
  }

  /** As `read`, at once. */
  readSync(options = undefined) {
    return unpackRecords(native.streamReadSync(this.#id, check('read', options, READ)));
  }

  /** History, then live, with no gap and no duplicate at the seam. On a hub it opens in the background. */
  subscribe(options = undefined) {
    return new Subscription(opened(native.streamSubscribe(this.#id, check('subscribe', options, SUBSCRIBE))));
  }

  /** Makes a durable consumer, or returns the one of this configuration. */
  async createConsumer(config) {
    const call = native.streamCreateConsumer(this.#id, check('consumer', config, CONSUMER));
    return settle(call, (id) => new Consumer(id));
  }

  /** The consumer of this name. */
  async consumer(name) {
    return settle(native.streamConsumer(this.#id, text('name', name)), (id) => new Consumer(id));
  }

  /** Removes a consumer. */
  async deleteConsumer(name) {
    await settle(native.streamDeleteConsumer(this.#id, text('name', name)), Boolean);
  }

  /** All consumers, by name: where each stands. */
  async consumers() {
    return settle(native.streamConsumers(this.#id), same);
  }

  /** Removes one record; false when it was not there. */
  async delete(seq, limits = undefined) {
    const checked = begin('delete', limits);
    return settle(native.streamDelete(this.#id, u64('seq', seq)), Boolean, checked);
  }

  /** Removes records and gives back their space; returns how many. Everything, unless told what. */
  async purge(options = undefined) {
    const checked = begin('purge', options, PURGE);
    const { filter, beforeSeq, keep } = checked;
    return settle(native.streamPurge(this.#id, filter, beforeSeq, keep), BigInt, checked);
  }

  /** Done when everything appended so far is on disk. */
  async sync(limits = undefined) {
    const checked = begin('sync', limits);
    await settle(native.streamSync(this.#id), Boolean, checked);
  }
}

module.exports = { Stream };
