'use strict';
// One listener for each AbortSignal, however many waits it ends: a signal may be shared by thousands of them, and Node
// warns of a leak at eleven listeners.

const watched = new WeakMap();

/** Calls `abort` when the signal is aborted. */
function listen(signal, abort) {
  let watch = watched.get(signal);
  if (watch === undefined) {
    const aborts = new Set();
    watch = { aborts, run: () => aborts.forEach((each) => each()) };
    watched.set(signal, watch);
    signal.addEventListener('abort', watch.run, { once: true });
  }
  watch.aborts.add(abort);
}

/** Takes `abort` back. */
function unlisten(signal, abort) {
  const watch = watched.get(signal);
  watch.aborts.delete(abort);
  if (watch.aborts.size === 0) {
    watched.delete(signal);
    signal.removeEventListener('abort', watch.run);
  }
}

module.exports = { listen, unlisten };
