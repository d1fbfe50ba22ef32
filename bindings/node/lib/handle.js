'use strict';
// Native handles are numbers; this gives one back when the object that wraps it is collected.

const { invalid } = require('./errors.js');

const collected = new FinalizationRegistry(({ release, id }) => release(id));

/** Lets `release` have the number `id` once `object` is gone. */
function own(object, id, release) {
  if (typeof id !== 'number') {
    const { name } = object.constructor;
    throw invalid(`a ${name} is not made with new: open(), connect() and the methods of an engine give it`);
  }
  collected.register(object, { release, id });
}

module.exports = { own };
