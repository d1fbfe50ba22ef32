'use strict';
// A cluster over a mesh, asked by one who is neither in the cluster nor in the mesh: through one of its nodes, without
// an engine. src/entities_client.rs is the other side.

const { REQUEST, placeOf, readInfo, readNode } = require('./entities.js');
const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { LIMITS, bytes, text } = require('./options.js');
const { Reader } = require('./pack.js');
const { bytesOf } = require('./slots.js');
const { begin, hub, settle } = require('./waits.js');

const CONNECT = { ca: text, cert: text, key: text, serverName: text, cluster: text, ...LIMITS };
const EMPTY = new Uint8Array(0);

function idOf(kind, key) {
  return [text('kind', kind), text('key', key)];
}

/** One who asks the entities of a cluster through one of its nodes. */
class EntitiesClient {
  #id;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseEntitiesClient);
  }

  /** Calls the node at `grpcs://host:port`, and finds out which cluster it is in where none is named. */
  static async connect(url, options = undefined) {
    const { timeoutMs, signal, ...request } = begin('connect', options, CONNECT);
    for (const name of ['ca', 'cert', 'key']) {
      if (request[name] === undefined) throw invalid(`connect: ${name} is missing`);
    }
    const call = native.entitiesClientConnect(hub, { url: text('url', url), ...request });
    return settle(call, (id) => new EntitiesClient(id), { timeoutMs, signal });
  }

  /** Asks an entity, and waits for its answer. */
  async request(kind, key, name, payload = EMPTY, options = undefined) {
    const { timeoutMs, signal } = begin('request', options, REQUEST);
    const message = [...idOf(kind, key), text('name', name), bytes('payload', payload)];
    return this.#settle(native.entitiesClientRequest(this.#id, ...message, timeoutMs), bytesOf, { signal });
  }

  /** Tells an entity something, and does not wait for it: done when the message is in its mailbox. */
  async notify(kind, key, name, payload = EMPTY, limits = undefined) {
    const checked = begin('notify', limits);
    const message = [...idOf(kind, key), text('name', name), bytes('payload', payload)];
    await this.#settle(native.entitiesClientNotify(this.#id, ...message), Boolean, checked);
  }

  /** Which entities of a kind are there on all nodes, or of all kinds when it is empty: by kind and key. */
  async list(kind = '', limits = undefined) {
    const checked = begin('list', limits);
    const read = (packed) => new Reader(packed).list(readInfo);
    return this.#settle(native.entitiesClientList(this.#id, text('kind', kind)), read, checked);
  }

  /** The nodes of the cluster, by name, as the one that is called knows them. */
  async nodes(limits = undefined) {
    const checked = begin('nodes', limits);
    const read = (packed) => new Reader(packed).list(readNode);
    return this.#settle(native.entitiesClientNodes(this.#id), read, checked);
  }

  /** Where an entity is, as the node that is called knows it: never here, and without an epoch. */
  async where(kind, key, limits = undefined) {
    const checked = begin('where', limits);
    return this.#settle(native.entitiesClientWhere(this.#id, ...idOf(kind, key)), placeOf, checked);
  }

  /** Ends the connection: whoever waits gets kind 'closed'. Twice is nothing. */
  async close() {
    native.entitiesClientClose(this.#id);
  }

  #settle(call, decode, limits) {
    // The decoder holds on to this object: were it collected under its own waits, they would end with the connection.
    return settle(call, (answer) => this && decode(answer), limits);
  }
}

if (Symbol.asyncDispose) {
  EntitiesClient.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

module.exports = { EntitiesClient };
