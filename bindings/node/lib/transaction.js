'use strict';
// Transactions: several changes of a store that are one record, or nothing when the function that says them throws.
//
// The handles in here only write down what shall be done: a change is checked when it is said, and done at the end.

const { FIELD_KINDS, KINDS, givesHandles, prepare } = require('./crdt_values.js');
const { HeadwaterError } = require('./errors.js');
const { check, i64, millis } = require('./options.js');

const WITH_TTL = { ttlMs: millis };

/** A place in a store, as a kind, in a transaction. */
class Noted {
  constructor(transaction, path, kind) {
    this.transaction = transaction;
    this.path = path;
    this.kind = kind;
  }

  clear() {
    note(this, 'clear', {});
  }
}

function note({ transaction, path, kind }, op, given) {
  transaction.write({ path, kind, op, ...given });
}

class NotedCounter extends Noted {
  incr(amount = 1) {
    note(this, 'add', { value: amount });
  }

  decr(amount = 1) {
    note(this, 'add', { value: -i64('amount', amount) });
  }
}

class NotedBoundedCounter extends NotedCounter {
  give(to, amount) {
    note(this, 'give', { value: amount, to });
  }
}

class NotedRegister extends Noted {
  set(value, options = undefined) {
    note(this, 'write', { value, ...check('set', options, WITH_TTL) });
  }
}

class NotedSet extends Noted {
  add(value, options = undefined) {
    note(this, 'insert', { value, ...check('add', options, WITH_TTL) });
  }

  remove(value) {
    note(this, 'remove', { value });
  }
}

class NotedFlag extends Noted {
  enable(options = undefined) {
    note(this, 'enable', check('enable', options, WITH_TTL));
  }

  disable() {
    note(this, 'disable', {});
  }
}

class NotedMap extends Noted {}

const CLASSES = {
  counter: NotedCounter,
  grow_counter: NotedCounter,
  bounded_counter: NotedBoundedCounter,
  register: NotedRegister,
  multi_register: NotedRegister,
  set: NotedSet,
  remove_wins_set: NotedSet,
  flag: NotedFlag,
  disable_wins_flag: NotedFlag,
  map: NotedMap,
};

/** What the function of a transaction is given. */
class Transaction {
  #changes = [];

  /** Adds a change. */
  write(change) {
    if (this.#changes === undefined) throw new HeadwaterError('misuse', 'the function of the transaction has ended');
    this.#changes.push(prepare(change));
  }

  /** The changes; none are taken from then on. */
  end() {
    const changes = this.#changes;
    this.#changes = undefined;
    return changes;
  }
}

givesHandles(Transaction, KINDS, (transaction, name, kind) => new CLASSES[kind](transaction, [name], kind));
givesHandles(NotedMap, FIELD_KINDS, (map, name, kind) => new CLASSES[kind](map.transaction, [...map.path, name], kind));

module.exports = { Transaction };
