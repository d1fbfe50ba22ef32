'use strict';
// Live entities: one handler for each kind and key, alive while it is wanted. src/entities.rs is the other side, and
// entity_server.js drives the handlers.

const { Server } = require('./entity_server.js');
const { HeadwaterError, translate } = require('./errors.js');
const { own } = require('./handle.js');
const { native, raw } = require('./native.js');
const { LIMITS, bytes, check, flag, max: atLeastOne, millis, text, timeout, u32, u64 } = require('./options.js');
const { Reader } = require('./pack.js');
const { bytesOf } = require('./slots.js');
const { begin, look, park, settle } = require('./waits.js');

const ENTITIES = {
  shards: u32,
  mailbox: u32,
  active: u32,
  memory: u64,
  idleMs: millis,
  leaseMs: millis,
  attempts: u32,
  tasks: u32,
  cluster: text,
  node: text,
  weight: u32,
  ttlMs: millis,
  isClient: flag,
  mesh: flag,
};
const REQUEST = { ...LIMITS, timeoutMs: patience };
const SHARDS = 256;
const WAIT_MS_MAX = 2 ** 31 - 1;
const EMPTY = new Uint8Array(0);
const NONE = {};
/** The place of an item for a request that is made for none. */
const NO_ITEM = -1;

/** How long an answer is waited for, which the entity is told: without end is as long as a wait may last. */
function patience(what, value) {
  return timeout(what, value) ?? WAIT_MS_MAX;
}

/** What entities are told, checked. */
function entitiesRequest(config) {
  return check('entities', config, ENTITIES);
}

function readInfo(reader) {
  return {
    kind: reader.text(),
    key: reader.text(),
    shard: reader.u32(),
    node: reader.text() || null,
    state: reader.text(),
    waiting: reader.f64(),
  };
}

function readNode(reader) {
  return { name: reader.text(), isAlive: reader.u32() !== 0, weight: reader.u32(), shards: reader.f64() };
}

/** Where an entity is, as the native half says it. */
function placeOf({ node = null, shard, epoch = null }) {
  return { node, shard, epoch, isHere: epoch !== null };
}

/** Live entities on this node: asked by anyone, handled by whoever serves. */
class Entities {
  #id;
  #isServed = false;
  // Decoders hold on to this object, so that it cannot be collected under its own waits.
  #answer = (answer) => this.#bytes(answer);

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseEntities);
  }

  /** How many handlers are alive on this node. */
  get active() {
    return native.entitiesActive(this.#id);
  }

  /** Asks an entity, and waits for its answer. */
  request(kind, key, name, payload = EMPTY, options = undefined) {
    return this.#ask(kind, key, name, payload, options, 0, 0, NO_ITEM);
  }

  /** Tells an entity something, and does not wait for it: done when the message is in its mailbox. */
  async notify(kind, key, name, payload = EMPTY, limits = undefined) {
    const checked = begin('notify', limits);
    const data = bytes('payload', payload);
    text('kind', kind);
    text('key', key);
    text('name', name);
    look();
    const call = native.entitiesNotify(this.#id, kind, key, name, data);
    await settle(call, (done) => this.#isDone(done), checked);
  }

  /** Handles entities of these classes, by their static `kind`, until they are closed. */
  async serve(...types) {
    const ask = (kind, key, name, payload, options, low, high, item) => (
      this.#ask(kind, key, name, payload, options, low, high, item)
    );
    const server = new Server(types, this.#id, this, ask);
    if (this.#isServed) throw new HeadwaterError('misuse', 'these entities are served already');
    this.#isServed = true;
    await server.run();
  }

  /** Which entities of a kind are there on all nodes, or of all kinds when it is empty: by kind and key. */
  async list(kind = '', limits = undefined) {
    const checked = begin('list', limits);
    const read = (packed) => new Reader(this.#bytes(packed)).list(readInfo);
    return settle(native.entitiesList(this.#id, text('kind', kind)), read, checked);
  }

  /** The nodes of the cluster, by name; none without a cluster. */
  nodes() {
    return new Reader(native.entitiesNodes(this.#id)).list(readNode);
  }

  /** Where an entity is. */
  where(kind, key) {
    return placeOf(native.entitiesWhere(this.#id, text('kind', kind), text('key', key)));
  }

  /** For tests: hands out nothing of an entity until `step` or `resume`. */
  pause(kind, key) {
    native.entitiesPause(this.#id, text('kind', kind), text('key', key));
  }

  /** For tests: hands out one item of an entity that is paused. */
  step(kind, key) {
    native.entitiesStep(this.#id, text('kind', kind), text('key', key));
  }

  /** For tests: ends a pause. */
  resume(kind, key) {
    native.entitiesResume(this.#id, text('kind', kind), text('key', key));
  }

  /**
   * Leaves the cluster in good order: what waits is done, its handlers stop, and its shards go to the others. Then it
   * is closed.
   */
  async leave(limits = undefined) {
    const checked = begin('leave', limits);
    await settle(native.entitiesLeave(this.#id), (done) => this.#isDone(done), checked);
  }

  /** Ends it: whoever waits gets kind 'closed', and what handlers still do comes to nothing. Twice is nothing. */
  async close() {
    native.entitiesClose(this.#id);
  }

  #ask(kind, key, name, payload, options, low, high, item) {
    try {
      const data = bytes('payload', payload);
      const { timeoutMs, signal } = options === undefined ? NONE : begin('request', options, REQUEST);
      text('kind', kind);
      text('key', key);
      text('name', name);
      look();
      const answer = raw.entitiesRequest(this.#id, kind, key, name, data, timeoutMs, low, high, item);
      if (answer !== undefined) return Promise.resolve(bytesOf(answer));
      return park(this.#answer, signal === undefined ? undefined : { signal });
    } catch (error) {
      return Promise.reject(translate(error));
    }
  }

  #bytes(answer) {
    return bytesOf(answer);
  }

  #isDone(done) {
    return Boolean(done);
  }
}

if (Symbol.asyncDispose) {
  Entities.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

/** The shard of an entity where keys are spread over so many of them. */
function shardOf(kind, key, shards = SHARDS) {
  return native.shardOf(text('kind', kind), text('key', key), atLeastOne('shards', shards));
}

/** The name of the node that a shard belongs on; null where no node has a weight. */
function shardOwner(shard, nodes) {
  const checked = [...nodes].map((node) => check('node', node, { name: text, weight: u32 }));
  const [names, weights] = [checked.map(({ name }) => name), checked.map(({ weight = 1 }) => weight)];
  return native.shardOwner(u32('shard', shard), names.map((name) => text('name', name)), weights);
}

module.exports = { Entities, REQUEST, entitiesRequest, placeOf, readInfo, readNode, shardOf, shardOwner };
