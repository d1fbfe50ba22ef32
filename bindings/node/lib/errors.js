'use strict';
// The one error class, and what the native half throws turned into it.
//
// The native half can throw a text only: 'kind US expected US actual US message', US being U+001F (src/error.rs).

const SEPARATOR = '\u001f';

/** What went wrong: `kind` and `code` are stable, the message is for people. */
class HeadwaterError extends Error {
  constructor(kind, message, details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = `ERR_HEADWATER_${kind.toUpperCase()}`;
    this.expected = details.expected;
    this.actual = details.actual;
  }
}
const NAME = { value: 'HeadwaterError', writable: true, configurable: true };
Object.defineProperty(HeadwaterError.prototype, 'name', NAME);

/** An argument that cannot be. */
function invalid(message) {
  return new HeadwaterError('invalid', message);
}

function sequence(text) {
  return text === '' ? undefined : BigInt(text);
}

/** The error that the native half meant. */
function translate(error) {
  if (error instanceof HeadwaterError) return error;
  const text = String(error?.message);
  const [kind, expected, actual, ...message] = text.split(SEPARATOR);
  if (message.length > 0) {
    const details = { expected: sequence(expected), actual: sequence(actual) };
    return new HeadwaterError(kind, message.join(SEPARATOR), details);
  }
  // Node-API or JavaScript itself refused an argument or what a method was called on, or a panic was caught.
  const panicked = !(error instanceof TypeError) && (error?.code === undefined || error.code === 'GenericFailure');
  return new HeadwaterError(panicked ? 'internal' : 'invalid', text, { cause: error });
}

module.exports = { HeadwaterError, invalid, translate };
