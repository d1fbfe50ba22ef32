'use strict';
// What can be taken from and waited for: the common part of subscriptions, consumers and watchers.

const { own } = require('./handle.js');
const { native } = require('./native.js');
const { check, max: atLeastOne, signal } = require('./options.js');
const { begin, settle } = require('./waits.js');

const NEXT_MAX = 256;

/** A queue of items: take what is there, wait for what comes, or iterate. */
class Source {
  #id;
  #calls;
  #decode;
  #batch;
  #ahead = [];

  /** `calls` names the native functions; `batch` is how many items an iteration takes at once. */
  constructor(id, calls, decode, batch) {
    this.#id = id;
    this.#calls = calls;
    this.#decode = decode;
    this.#batch = batch;
    own(this, id, native[calls.release]);
  }

  /** Waits until there is at least one item, then takes up to `max`. */
  async next(max = NEXT_MAX, limits = undefined) {
    const count = atLeastOne('max', max);
    const checked = begin('next', limits);
    if (this.#ahead.length > 0) return this.#ahead.splice(0, count);
    // The decoder holds on to this object, so that it cannot be collected under its own wait.
    return settle(native[this.#calls.next](this.#id, count), (packed) => this.#decode(packed, this), checked);
  }

  /** Takes up to `max` items that are there now, perhaps none. */
  tryNext(max = NEXT_MAX) {
    const count = atLeastOne('max', max);
    const items = this.#ahead.splice(0, count);
    if (items.length === count) return items;
    return items.concat(this.#decode(native[this.#calls.tryNext](this.#id, count - items.length), this));
  }

  /**
   * The items one by one, until this or its engine is closed. Items that were taken ahead and not reached when the
   * loop is left stay here, for `next`, `tryNext` and the next loop.
   */
  async* items(options = undefined) {
    const { batch = this.#batch, signal: stop } = check('items', options, { batch: atLeastOne, signal });
    for (;;) {
      if (this.#ahead.length === 0) {
        try {
          this.#ahead = await this.next(batch, { signal: stop });
        } catch (error) {
          if (error.kind === 'closed') return;
          throw error;
        }
      }
      const items = this.#ahead;
      this.#ahead = [];
      let at = 0;
      try {
        while (at < items.length) yield items[at++];
      } finally {
        if (at < items.length) this.#ahead = items.slice(at).concat(this.#ahead);
      }
    }
  }

  [Symbol.asyncIterator]() {
    return this.items();
  }
}

module.exports = { Source };
