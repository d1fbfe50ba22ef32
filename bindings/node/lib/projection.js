'use strict';
// Projections: events taken, brought into effect, and committed; and what drives read models with them.
// src/projection.rs is the other side.

const { HeadwaterError } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { LIMITS, bytes, max: atLeastOne, text, u64 } = require('./options.js');
const { Reader } = require('./pack.js');
const { begin, settle } = require('./waits.js');

const EVENTS_AT_ONCE = 1000;
const NANOS_PER_MS = 1e6;
const EMPTY = new Uint8Array(0);

function readFailure(packed) {
  const reader = new Reader(packed);
  return { tries: reader.u32(), pauseMs: Number(reader.u64()) / NANOS_PER_MS, isDead: reader.u32() !== 0 };
}

function readFailing(reader) {
  return { seq: reader.u64(), tries: reader.u32(), error: reader.text() };
}

function readLetters(packed) {
  return new Reader(packed).list((reader) => ({ ...readFailing(reader), time: reader.u64() }));
}

function readPart(reader, name) {
  const has = reader.u32() !== 0;
  const value = reader.text();
  return has ? { [name]: value } : {};
}

function readStatus(reader) {
  return {
    name: reader.text(),
    isRebuild: reader.u32() !== 0,
    position: reader.u64(),
    lag: reader.u64(),
    isRunning: reader.u32() !== 0,
    failing: reader.u32() === 0 ? null : readFailing(reader),
    dead: reader.u64(),
    updated: reader.u64(),
    filters: reader.list((part) => ({ ...readPart(part, 'aggregate'), ...readPart(part, 'key') })),
  };
}

function readStatuses(packed) {
  return new Reader(packed).list(readStatus);
}

/** Why an event could not be taken in, as a dead letter has it. */
function reason(error) {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** A projection that is open: it follows a store from where it stood. */
class Projection {
  #id;
  #read;

  /** `read` makes a list of events of what was packed. */
  constructor(id, store, name, read) {
    this.#id = id;
    this.#read = read;
    own(this, id, native.releaseProjection);
    this.store = store;
    this.name = name;
  }

  /** The sequence of the last event in effect; 0n is none. */
  get position() {
    return native.projectionPosition(this.#id);
  }

  /** The state that was committed last; empty when none was. */
  get state() {
    return native.projectionState(this.#id);
  }

  /** How many events, of any aggregate, the store has behind what is in effect: 0n is live. */
  get lag() {
    return native.projectionLag(this.#id);
  }

  /** Whether it was closed. */
  get closed() {
    return native.projectionIsClosed(this.#id);
  }

  /**
   * Says where the read model stands, which keeps its position itself: commits then only tell the store, about once a
   * second.
   */
  seek(position) {
    native.projectionSeek(this.#id, u64('position', position));
  }

  /**
   * Up to `max` events, when there is one and no pause; none where a record that is no event was passed by. A wait that
   * is given up loses no event.
   */
  async next(max = EVENTS_AT_ONCE, limits = undefined) {
    const checked = begin('next', limits, LIMITS);
    return settle(native.projectionNext(this.#id, atLeastOne('max', max)), this.#read, checked);
  }

  /** Says that all events up to `seq` are in effect, in the memory of a program that commits later. */
  advance(seq) {
    native.projectionAdvance(this.#id, u64('seq', seq));
  }

  /** Says that all events up to `seq` are in effect. `state` is kept with it where the store keeps the position. */
  async commit(seq, state = EMPTY) {
    await settle(native.projectionCommit(this.#id, u64('seq', seq), bytes('state', state)), Boolean);
  }

  /** Tells the store now what it would be told within a second. */
  async flush() {
    await settle(native.projectionFlush(this.#id), Boolean);
  }

  /**
   * Says that an event, and with it what was given out behind it, is not in effect, and why: it is given out again
   * after a pause, or is a dead letter from now on.
   */
  async fail(seq, why) {
    return settle(native.projectionFail(this.#id, u64('seq', seq), text('why', why)), readFailure);
  }

  /** The sequence of the last event for it that there is now; 0n when there is none. */
  async head() {
    return settle(native.projectionHead(this.#id), BigInt);
  }

  /** Makes what was built anew the live projection of this name; false, and nothing is done, where it is behind. */
  async switch() {
    return settle(native.projectionSwitch(this.#id), Boolean);
  }

  /** Drives a read model until the projection is closed. */
  async run(model) {
    await this.#drive(model, true);
  }

  /** Drives a read model up to the last event that there is now. */
  async catchUp(model) {
    await this.#drive(model, false);
  }

  /** Takes the dead letters in that there are; answers how many. */
  async replay(model) {
    let count = 0;
    for (const { seq } of await this.store.deadLetters(this.name)) {
      const event = await this.store.eventAt(seq);
      if (event !== null) await model.retake(event);
      if (await this.store.deleteDeadLetter(this.name, seq)) count += 1;
    }
    await this.#keep(model, this.position);
    return count;
  }

  /** Ends it, and tells the store where it stands: waits fail with 'closed'. */
  async close() {
    await settle(native.projectionClose(this.#id), Boolean);
  }

  async #drive(model, isEndless) {
    const head = await this.head();
    const kept = this.position;
    const position = await model.begin(kept, this.state);
    if (position !== kept || model.keepsPosition) this.seek(position);
    await model.settle();
    while (isEndless || this.position < head) {
      const events = await this.next().catch((error) => {
        if (error instanceof HeadwaterError && error.kind === 'closed' && this.closed) return null;
        throw error;
      });
      if (events === null) return;
      if (events.length === 0) continue;
      const { position: done, failed } = await model.take(events);
      await model.settle();
      if (done !== null) await this.#keep(model, done);
      if (failed !== null && (await this.fail(failed.seq, failed.why)).isDead) {
        await model.skip(failed.seq);
        await this.#keep(model, failed.seq);
      }
    }
    await this.flush();
  }

  async #keep(model, seq) {
    if (model.keepsPosition) {
      await this.commit(seq);
      return;
    }
    const kept = await model.keep();
    if (kept === null) this.advance(seq);
    else await this.commit(kept.position, kept.state);
  }
}

module.exports = { Projection, readLetters, readStatuses, reason };
