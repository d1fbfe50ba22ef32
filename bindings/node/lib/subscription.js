'use strict';
// The subscription: history, then live, with no gap and no duplicate at the seam.

const { native } = require('./native.js');
const { unpackBatch } = require('./records.js');
const { Source } = require('./source.js');

const CALLS = { next: 'subscriptionNext', tryNext: 'subscriptionTryNext', release: 'releaseSubscription' };
const BATCH = 256;

class Subscription extends Source {
  #id;

  constructor(id) {
    super(id, CALLS, (packed) => unpackBatch(packed).records, BATCH);
    this.#id = id;
  }

  /** How many records limits removed before this subscription came to read them. */
  get missed() {
    return native.subscriptionMissed(this.#id);
  }

  /** The sequence that comes next at the earliest. */
  get position() {
    return native.subscriptionPosition(this.#id);
  }

  /** How many sequences the stream is ahead. */
  get lag() {
    return native.subscriptionLag(this.#id);
  }

  /** Ends it: waits fail with kind 'closed', loops end. */
  close() {
    native.subscriptionClose(this.#id);
  }
}

module.exports = { Subscription };
