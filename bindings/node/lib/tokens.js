'use strict';
// Any text as one subject token, and back: the same encoding behind every door.

const { native } = require('./native.js');
const { text } = require('./options.js');

/** Turns any text into one subject token, reversibly. */
function encodeToken(key) {
  return native.tokenEncode(text('text', key));
}

/** The text that `encodeToken` turned into this token; anything that it would not have written is refused. */
function decodeToken(token) {
  return native.tokenDecode(text('token', token));
}

module.exports = { decodeToken, encodeToken };
