'use strict';
// What can be taken from and waited for: the common part of subscriptions, consumers and watchers.

const { own } = require('./handle.js');
const { native } = require('./native.js');
const { check, max: atLeastOne, signal } = require('./options.js');
const { begin, settle, within } = require('./waits.js');

const NEXT_MAX = 256;

/** What the native call says of a source, or `otherwise` while a hub has not opened it. */
let ask;
/** Done when a source is open. */
let opening;
/** Closes a source, or sees to that as soon as it is open. */
let end;

/** A queue of items: take what is there, wait for what comes, or iterate. */
class Source {
  #id;
  #calls;
  #decode;
  #batch;
  #ahead = [];
  /** While a hub has not opened it; and whether it was closed before that, or why it could not be. */
  #opening = undefined;
  #closed = false;
  #failed = undefined;

  static {
    ask = (source, call, otherwise) => (source.#id === undefined ? otherwise : native[call](source.#id));
    opening = (source) => source.#opening;
    end = (source) => {
      source.#closed = true;
      ask(source, source.#calls.close);
    };
  }

  /**
   * `id` is a number, or the promise of one; `calls` names the native functions; `batch` is how many items an
   * iteration takes at once.
   */
  constructor(id, calls, decode, batch) {
    this.#calls = calls;
    this.#decode = decode;
    this.#batch = batch;
    if (!(id instanceof Promise)) {
      this.#open(id);
      return;
    }
    this.#opening = id.then((number) => this.#open(number), (error) => {
      this.#failed = error;
      throw error;
    });
    // Whoever takes from it hears of it; that nobody does is no fault.
    this.#opening.catch(() => {});
  }

  #open(id) {
    own(this, id, native[this.#calls.release]);
    this.#id = id;
    this.#opening = undefined;
    if (this.#closed) native[this.#calls.close](id);
  }

  /** Waits until there is at least one item, then takes up to `max`. */
  async next(max = NEXT_MAX, limits = undefined) {
    const count = atLeastOne('max', max);
    const checked = begin('next', limits);
    if (this.#ahead.length > 0) return this.#ahead.splice(0, count);
    if (this.#id === undefined) await within(this.#opening, checked);
    // The decoder holds on to this object, so that it cannot be collected under its own wait.
    return settle(native[this.#calls.next](this.#id, count), (packed) => this.#decode(packed, this), checked);
  }

  /** Takes up to `max` items that are there now, perhaps none. */
  tryNext(max = NEXT_MAX) {
    const count = atLeastOne('max', max);
    if (this.#failed !== undefined) throw this.#failed;
    const items = this.#ahead.splice(0, count);
    if (items.length === count || this.#id === undefined) return items;
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

/** A source of its own making, which ends by being closed. */
class Follower extends Source {
  /** Done when it is open: at once on a directory; on a hub, what is appended from then on is sure to come. */
  async ready(limits = undefined) {
    const checked = begin('ready', limits);
    await within(Promise.resolve(opening(this)), checked);
  }

  /** Ends it: waits fail with kind 'closed', loops end. */
  close() {
    end(this);
  }
}

module.exports = { Follower, Source, ask };
