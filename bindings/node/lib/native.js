'use strict';
// The native half: `raw` as it is, for the hot calls that translate errors themselves, and `native`, which does it for
// all others.

const { HeadwaterError, translate } = require('./errors.js');

function load() {
  try {
    return require('../headwater.node');
  } catch (cause) {
    const what = `the native half for ${process.platform} ${process.arch} cannot be loaded`;
    const message = `${what} (in a clone, 'npm run build' makes it): ${cause.message}`;
    throw new HeadwaterError('unsupported', message, { cause });
  }
}

const raw = load();

const native = {};
for (const [name, call] of Object.entries(raw)) {
  native[name] = (...args) => {
    try {
      return call(...args);
    } catch (error) {
      throw translate(error);
    }
  };
}

module.exports = { native, raw };
