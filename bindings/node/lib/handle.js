'use strict';
// Native handles are numbers; this gives one back when the object that wraps it is collected.

const collected = new FinalizationRegistry(({ release, id }) => release(id));

/** Lets `release` have the number `id` once `object` is gone. */
function own(object, id, release) {
  collected.register(object, { release, id });
}

module.exports = { own };
