'use strict';
// Waiting: tokens that the native half gave out for what is not done yet, and the promises that hang on them.
//
// One signal from any engine thread makes `drain` look at all tokens that are ready, so 10,000 waits cost no thread.
// While somebody waits the event loop stays alive; when nobody does, nothing here keeps it.

const { listen, unlisten } = require('./aborts.js');
const { HeadwaterError, translate } = require('./errors.js');
const { raw } = require('./native.js');
const { LIMITS, check } = require('./options.js');
const { left, slots, token: leftToken } = require('./slots.js');

// So many looks go by without a turn of the event loop, whose timers and sockets are not to wait for ever.
const LOOKS_MAX = 1000;

const waiting = new Map();
const before = [];
let isLooking = false;
let looks = 0;
const hub = raw.setup(slots, drain);

/** The promise of an answer that is there already, or of one that will be. */
function settle(answer, decode, limits = undefined) {
  return answer === undefined ? park(decode, limits) : Promise.resolve(decode(answer));
}

/** The number of a handle that is there already, or the promise of one that a hub has to give. */
function opened(answer) {
  return answer === undefined ? park(same, undefined) : answer;
}

/** The value of a promise of ours, awaited no longer than the limits allow. */
function within(promise, { timeoutMs, signal } = {}) {
  if (timeoutMs === undefined && signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const wait = { timer: undefined, signal: undefined, abort: undefined };
    const end = (how, value) => {
      unbound(wait);
      how(value);
    };
    promise.then((value) => end(resolve, value), (error) => end(reject, error));
    if (timeoutMs !== undefined) {
      const late = () => end(reject, new HeadwaterError('timeout', `not done within ${timeoutMs} ms`));
      wait.timer = setTimeout(late, timeoutMs);
    }
    if (signal !== undefined) {
      wait.signal = signal;
      wait.abort = () => end(reject, aborted(signal));
      listen(signal, wait.abort);
    }
  });
}

/** What decodes an answer that needs no decoding. */
function same(answer) {
  return answer;
}

class Wait {
  timer = undefined;
  signal = undefined;
  abort = undefined;
  onProgress = undefined;
  /** Why long work was told to stop, and whether its listener threw that. */
  error = undefined;
  threw = false;

  constructor(resolve, reject, decode) {
    this.resolve = resolve;
    this.reject = reject;
    this.decode = decode;
  }
}

/** The promise of the answer whose token the last call left in the slots. */
function park(decode, limits) {
  const token = leftToken();
  return new Promise((resolve, reject) => {
    const wait = new Wait(resolve, reject, decode);
    waiting.set(token, wait);
    if (waiting.size === 1) raw.hold(hub, true);
    if (limits !== undefined) bound(token, wait, limits);
  });
}

function bound(token, wait, { timeoutMs, signal, onProgress }) {
  wait.onProgress = onProgress;
  if (timeoutMs !== undefined) {
    const late = () => giveUp(token, wait, new HeadwaterError('timeout', `not done within ${timeoutMs} ms`));
    if (timeoutMs === 0) {
      // A look, not a wait: the answer if it is there.
      advance(raw.poll, token);
      if (waiting.get(token) === wait) late();
      return;
    }
    wait.timer = setTimeout(late, timeoutMs);
  }
  if (signal !== undefined) {
    wait.signal = signal;
    wait.abort = () => giveUp(token, wait, aborted(signal));
    listen(signal, wait.abort);
  }
}

/** The error of a wait that its signal ended: of kind 'timeout' as everywhere, and named as Node names it. */
function aborted(signal) {
  const error = new HeadwaterError('timeout', 'the wait was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  return error;
}

function unbound(wait) {
  clearTimeout(wait.timer);
  if (wait.signal !== undefined) unlisten(wait.signal, wait.abort);
  wait.signal = undefined;
  wait.onProgress = undefined;
}

function leave(token, wait) {
  waiting.delete(token);
  if (waiting.size === 0) raw.hold(hub, false);
  unbound(wait);
}

/** Ends a wait with this error: at once, or when the long work behind it has stopped. */
function giveUp(token, wait, error) {
  wait.error = error;
  if (raw.cancel(hub, token)) {
    unbound(wait);
    return;
  }
  leave(token, wait);
  wait.reject(error);
}

function drain() {
  do advance(raw.pollNext); while (left() > 0);
}

/**
 * Looks at what is ready, once all that can be done without waiting is done, and does `work` before. Whoever makes a
 * call that rings no bell has to ask for it, which costs less than the bell: the event loop need not turn.
 */
function look(work = undefined) {
  if (work !== undefined) before.push(work);
  if (isLooking) return;
  isLooking = true;
  looks += 1;
  if (looks < LOOKS_MAX) {
    process.nextTick(looked);
  } else {
    looks = 0;
    setImmediate(looked);
  }
}

function looked() {
  isLooking = false;
  for (const work of before.splice(0)) work();
  drain();
}

/** Polls a token, or the next one that is worth it, and ends its wait if the answer is there. */
function advance(poll, asked = undefined) {
  let answer;
  let failure;
  try {
    answer = poll(hub, asked);
  } catch (error) {
    failure = error;
  }
  const token = leftToken();
  const wait = waiting.get(token);
  if (wait === undefined) return;
  const { onProgress } = wait;
  if (failure === undefined && answer === undefined) {
    if (onProgress !== undefined) report(token, wait);
    return;
  }
  let value;
  try {
    // Decoded at once: what is in the slots stays there only until the next call.
    if (failure === undefined) value = wait.decode(answer);
  } catch (error) {
    failure = error;
  }
  leave(token, wait);
  if (failure !== undefined) {
    wait.reject(wait.error ?? translate(failure));
    return;
  }
  if (wait.threw) {
    wait.reject(wait.error);
    return;
  }
  try {
    // Read after the answer, so that the last of the progress is heard too.
    if (onProgress !== undefined) onProgress(...raw.progress(hub));
    wait.resolve(value);
  } catch (error) {
    wait.reject(error);
  }
}

/** Tells how far the work is; what the listener throws stops it. */
function report(token, wait) {
  try {
    wait.onProgress(...raw.progress(hub, token));
  } catch (error) {
    wait.threw = true;
    giveUp(token, wait, error);
  }
}

/** The checked options of a call that may wait; one whose signal is aborted already does not begin. */
function begin(what, options, fields = LIMITS) {
  const checked = check(what, options, fields);
  if (checked.signal?.aborted) throw aborted(checked.signal);
  return checked;
}

module.exports = { begin, hub, look, opened, park, same, settle, within };
