'use strict';
// The consumer: durable deliveries, each to be acknowledged.

const { native } = require('./native.js');
const { check, millis, u64 } = require('./options.js');
const { Record, unpackBatch } = require('./records.js');
const { Source } = require('./source.js');
const { begin, same, settle } = require('./waits.js');

const CALLS = { next: 'consumerNext', tryNext: 'consumerTryNext', release: 'releaseConsumer' };
// One at a time: a record taken ahead would spend its ack wait unseen.
const BATCH = 1;

function sequences(seqs) {
  return (Array.isArray(seqs) ? seqs : [seqs]).map((seq) => u64('seq', seq));
}

/** A record that a consumer delivered, to be acknowledged through it. */
class Message extends Record {
  #consumer;

  constructor(record, consumer) {
    super(record.seq, record.subject, record.time, record.eventTime, record.headers, record.payload, record.delivered);
    this.#consumer = consumer;
  }

  /** Done with it; false when it was not pending any more. */
  ack() {
    return this.#consumer.ack(this.seq) === 1;
  }

  /** As `ack`, and done when that is on disk. */
  async ackDurable(limits = undefined) {
    return (await this.#consumer.ackDurable(this.seq, limits)) === 1;
  }

  /** Not done: deliver it again after `delayMs`. */
  nak(options = undefined) {
    this.#consumer.nak(this.seq, options);
  }

  /** Still at it: the ack wait starts anew. */
  inProgress() {
    this.#consumer.inProgress(this.seq);
  }

  /** Never deliver it again. */
  term() {
    this.#consumer.term(this.seq);
  }
}

class Consumer extends Source {
  #id;

  constructor(id) {
    super(id, CALLS, (packed, self) => unpackBatch(packed).records.map((record) => new Message(record, self)), BATCH);
    this.#id = id;
  }

  /** Its name. */
  get name() {
    return native.consumerName(this.#id);
  }

  /** Where it stands. */
  async info() {
    return settle(native.consumerInfo(this.#id), same);
  }

  /** Done with these sequences; returns how many of them were pending. */
  ack(seqs) {
    return native.consumerAck(this.#id, sequences(seqs));
  }

  /** As `ack`, and done when that is on disk. */
  async ackDurable(seqs, limits = undefined) {
    const checked = begin('ackDurable', limits);
    return settle(native.consumerAckDurable(this.#id, sequences(seqs)), Number, checked);
  }

  /** Not done: deliver it again after `delayMs`. */
  nak(seq, options = undefined) {
    const { delayMs = 0 } = check('nak', options, { delayMs: millis });
    native.consumerNak(this.#id, u64('seq', seq), delayMs);
  }

  /** Still at it: the ack wait starts anew. */
  inProgress(seq) {
    native.consumerInProgress(this.#id, u64('seq', seq));
  }

  /** Never deliver it again; it does not go to the dead-letter stream. */
  term(seq) {
    native.consumerTerm(this.#id, u64('seq', seq));
  }
}

module.exports = { Consumer, Message };
