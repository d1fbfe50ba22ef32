'use strict';
// The memory that the native half writes answers to (src/hub.rs): words first, then room for short packed bytes. It
// costs no JavaScript value on the native side, which makes a call cheap. An answer is good until the next call.

const DURABILITIES = ['fsync', 'interval', 'os', 'unknown'];

// Indices of 32-bit words; the sequence takes the first two.
const COUNT = 2;
const DUPLICATE = 3;
const DURABILITY = 4;
const TOKEN = 5;
const LEFT = 6;
const WORDS = 8;

const SHORT_BYTES = 2048;
// So few bytes are copied by hand: that beats a call into the runtime.
const FEW_BYTES = 64;

const slots = new ArrayBuffer(WORDS * 4 + SHORT_BYTES);
const longs = new BigUint64Array(slots, 0, 1);
const words = new Uint32Array(slots, 0, WORDS);
const short = Buffer.from(slots, WORDS * 4);

/** The acknowledgement that the last call left. */
function ack() {
  return {
    seq: longs[0],
    count: words[COUNT],
    duplicate: words[DUPLICATE] !== 0,
    durability: DURABILITIES[words[DURABILITY]],
  };
}

/** The token that the last call left. */
function token() {
  return words[TOKEN];
}

/** How many tokens are worth polling after the one that the last look left. */
function left() {
  return words[LEFT];
}

/** The packed bytes of an answer: a Buffer as it is, or so many bytes that the last call left, copied. */
function bytesOf(answer) {
  if (typeof answer !== 'number') return answer;
  const copy = Buffer.allocUnsafe(answer);
  if (answer > FEW_BYTES) short.copy(copy, 0, 0, answer);
  else for (let i = 0; i < answer; i++) copy[i] = short[i];
  return copy;
}

module.exports = { ack, bytesOf, left, slots, token };
