'use strict';
// The subscription: history, then live, with no gap and no duplicate at the seam.

const { native } = require('./native.js');
const { unpackBatch } = require('./records.js');
const { Follower, ask } = require('./source.js');

const CALLS = {
  next: 'subscriptionNext', tryNext: 'subscriptionTryNext',
  close: 'subscriptionClose', release: 'releaseSubscription',
};
const BATCH = 256;

class Subscription extends Follower {
  constructor(id) {
    super(id, CALLS, (packed) => unpackBatch(packed).records, BATCH);
  }

  /** How many records limits removed before this subscription came to read them. */
  get missed() {
    return ask(this, 'subscriptionMissed', 0n);
  }

  /** The sequence that comes next at the earliest. */
  get position() {
    return ask(this, 'subscriptionPosition', 0n);
  }

  /** How many sequences the stream is ahead. */
  get lag() {
    return ask(this, 'subscriptionLag', 0n);
  }
}

module.exports = { Subscription };
