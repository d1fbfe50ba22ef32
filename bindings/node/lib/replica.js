'use strict';
// Replicas of state that merges without a store, for programs that have a carrier of their own: time and fragments are
// given to them, and nothing in here waits.

const {
  kindOf, packAll, packChange, packOneValue, pathOf, prepare, unpackNames, unpackNumber, unpackReading,
} = require('./crdt_values.js');
const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { bytes, check, flag, text, u64 } = require('./options.js');
const { hub } = require('./waits.js');

/** State of many keys that merges with that of other replicas. */
class Replica {
  #id;

  /** An empty replica of an actor; no two may ever be given the same one. */
  constructor(engine, epoch) {
    this.actor = { engine: u64('engine', engine), epoch: u64('epoch', epoch) };
    this.#id = native.replicaMake(hub, this.actor.engine, this.actor.epoch);
    own(this, this.#id, native.releaseReplica);
  }

  /** Does one operation; false if there was nothing to do. */
  write(change, nowMs) {
    return native.replicaWrite(this.#id, packChange(change), u64('nowMs', nowMs));
  }

  /** Does all of several operations or, if one of them is refused, nothing. */
  transaction(changes, nowMs) {
    if (!Array.isArray(changes)) throw invalid('changes must be an array');
    const prepared = changes.map(prepare);
    native.replicaTransaction(this.#id, packAll(prepared), prepared.length, u64('nowMs', nowMs));
  }

  /** What is at a path as a kind; what is not there reads as 0, null, empty or off. */
  read(path, kind, nowMs) {
    const [names, number] = [pathOf('path', path), kindOf('kind', kind)];
    return unpackReading(native.replicaRead(this.#id, names, number, u64('nowMs', nowMs)));
  }

  /** Whether a value is in a set. */
  contains(path, kind, value, nowMs) {
    const [names, number] = [pathOf('path', path), kindOf('kind', kind)];
    return native.replicaContains(this.#id, names, number, packOneValue(value), u64('nowMs', nowMs));
  }

  /** How much this replica may take from a bounded counter, or give of it. */
  rights(key) {
    return unpackNumber(native.replicaRights(this.#id, text('key', key)));
  }

  /** All keys with their kinds, in order; a key may hold nothing that is alive. */
  keys() {
    return unpackNames(native.replicaKeys(this.#id));
  }

  /** What was done here since the last call, as one fragment for the others; null if nothing was. */
  takeDelta() {
    return native.replicaTakeDelta(this.#id);
  }

  /** All there is, as a fragment. */
  whole() {
    return native.replicaWhole(this.#id);
  }

  /** Some keys in full, also those that are not here, as a fragment. */
  some(keys) {
    if (!Array.isArray(keys)) throw invalid('keys must be an array of { key, kind }');
    const names = keys.map(({ key }) => text('key', key));
    return native.replicaSome(this.#id, names, keys.map(({ kind }) => kindOf('kind', kind)));
  }

  /** The keys in full in which something is alive that a replica with this context has not applied. */
  since(context) {
    return native.replicaSince(this.#id, bytes('context', context));
  }

  /** The operations whose whole effect is here. */
  context() {
    return native.replicaContext(this.#id);
  }

  /** Says that all keys that a replica had when its context was this one have been applied here. */
  caughtUp(context) {
    native.replicaCaughtUp(this.#id, bytes('context', context));
  }

  /** Joins a fragment: the keys that changed, or null when it is held because its clock is too far ahead. */
  apply(fragment, nowMs) {
    const applied = native.replicaApply(this.#id, bytes('fragment', fragment), u64('nowMs', nowMs));
    return applied === null ? null : unpackNames(applied);
  }

  /** The part of a delta that is new here, to be sent on; null if all of it is known. Ask before it is applied. */
  extract(delta) {
    return native.replicaExtract(this.#id, bytes('delta', delta));
  }

  /** Joins a fragment that a replica of the same actor wrote down, and goes on behind its last operation. */
  restore(fragment) {
    native.replicaRestore(this.#id, bytes('fragment', fragment));
  }

  /** Drops what is dead and causally stable, given what each other replica had applied when it was last heard of. */
  stable(peers, nowMs) {
    if (!Array.isArray(peers)) throw invalid('peers must be an array of { actor, context }');
    const half = (actor, name) => u64(`actor: ${name}`, actor?.[name]);
    const actors = peers.flatMap(({ actor }) => [half(actor, 'engine'), half(actor, 'epoch')]);
    const contexts = peers.map(({ context }) => bytes('context', context));
    return native.replicaStable(this.#id, actors, contexts, u64('nowMs', nowMs));
  }

  /** How many fragments are held. */
  get held() {
    return native.replicaHeld(this.#id);
  }

  /** Joins the fragments that are held whose time has come, or all; returns the keys that changed. */
  release(nowMs, options = undefined) {
    const { all = false } = check('release', options, { all: flag });
    return unpackNames(native.replicaRelease(this.#id, all, u64('nowMs', nowMs)));
  }

  /** A digest of what lives in a key; 0n when nothing does. */
  digest(key, kind, nowMs) {
    return native.replicaDigest(this.#id, text('key', key), kindOf('kind', kind), u64('nowMs', nowMs));
  }
}

module.exports = { Replica };
