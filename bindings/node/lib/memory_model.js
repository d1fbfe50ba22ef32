'use strict';
// Read models in memory.

const { HeadwaterError, invalid } = require('./errors.js');
const { callback, check, u32 } = require('./options.js');
const { reason } = require('./projection.js');

const MEMORY = { state: (_, value) => value, fold: callback, snapshotEvery: u32, dump: callback, load: callback };

/**
 * A read model in memory. `fold(state, event)` takes an event in, and gives the new state, or undefined where it
 * changed the one that it got; when it throws, it must have left that as it was.
 *
 * With `snapshotEvery`, the store keeps the state every so many events, 8 MiB at the most, as `dump` makes bytes of it
 * and `load` reads them (JSON unless they are given); without, it begins with the first event each time.
 */
class MemoryModel {
  #fold;
  #every;
  #dump;
  #load;
  #dead = new Set();
  #sinceKept = 0;

  constructor(options) {
    const { state, fold, snapshotEvery = 0, dump, load } = check('memory model', options, MEMORY);
    if (fold === undefined) throw invalid('memory model: fold is missing');
    this.state = state;
    this.position = 0n;
    this.#fold = fold;
    this.#every = snapshotEvery;
    this.#dump = dump ?? ((it) => Buffer.from(JSON.stringify(it)));
    this.#load = load ?? ((data) => JSON.parse(data.toString()));
  }

  /** True without snapshots: the store is only told where it stands. */
  get keepsPosition() {
    return this.#every === 0;
  }

  begin(position, state) {
    if (this.#every > 0 && position > this.position) {
      let [count, rest] = takeVarint(state);
      const dead = new Set();
      for (let seq; count > 0n; count -= 1n) {
        [seq, rest] = takeVarint(rest);
        dead.add(seq);
      }
      this.state = this.#load(rest);
      this.#dead = dead;
      this.position = position;
    }
    return this.position;
  }

  take(events) {
    let done = null;
    for (const event of events) {
      try {
        this.#take(event);
      } catch (error) {
        return { position: done, failed: { seq: event.seq, why: reason(error) } };
      }
      done = this.position = event.seq;
      this.#sinceKept += 1;
    }
    return { position: done, failed: null };
  }

  #take(event) {
    const folded = this.#fold(this.state, event);
    if (folded !== undefined) this.state = folded;
  }

  skip(seq) {
    this.position = seq;
    this.#dead.add(seq);
  }

  retake(event) {
    if (!this.#dead.has(event.seq)) return;
    this.#take(event);
    this.#dead.delete(event.seq);
    this.#sinceKept = this.#every;
  }

  keep() {
    if (this.#every === 0 || this.#sinceKept < this.#every) return null;
    this.#sinceKept = 0;
    const head = [BigInt(this.#dead.size), ...this.#dead].flatMap(varint);
    return { position: this.position, state: Buffer.concat([Buffer.from(head), this.#dump(this.state)]) };
  }

  settle() {}
}

/** A number as bytes of seven bits each, the lowest first. */
function varint(number) {
  return number < 0x80n ? [Number(number)] : [Number(number & 0x7fn) | 0x80, ...varint(number >> 7n)];
}

/** The number that bytes begin with, and what is behind it. */
function takeVarint(data) {
  const end = data.findIndex((byte) => byte < 0x80);
  if (end < 0) throw new HeadwaterError('corrupt', 'the state that is kept cannot be read');
  const number = data.subarray(0, end + 1).reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
  return [number, data.subarray(end + 1)];
}

module.exports = { MemoryModel };
