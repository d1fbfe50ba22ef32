'use strict';
// The engine: a directory of streams, or one in memory; how one is opened, shared, copied and checked.

const { fileURLToPath } = require('node:url');
const { Bucket } = require('./bucket.js');
const { CrdtStore } = require('./crdt.js');
const { Database, databaseRequest, statusOf } = require('./database.js');
const { Entities, entitiesRequest } = require('./entities.js');
const { invalid } = require('./errors.js');
const { EventStore } = require('./events.js');
const { own } = require('./handle.js');
const { CONNECT, HubStates, connectOptions, linkRequest } = require('./hub.js');
const { meshRequest } = require('./mesh.js');
const { native } = require('./native.js');
const { ObjectStore } = require('./objects.js');
const {
  LIMITS, PROGRESS, check, flag, max: atLeastOne, millis, text, texts, u32, u64,
} = require('./options.js');
const { Reader } = require('./pack.js');
const { Points } = require('./points.js');
const { Presence, presenceRequest } = require('./presence.js');
const { Stream } = require('./stream.js');
const { streamRequest } = require('./stream_config.js');
const { begin, hub, same, settle } = require('./waits.js');

const OPEN = { readOnly: flag, create: flag, cacheBytes: u64, node: text };
const BUCKET = {
  bucket: text, description: text, history: u32, ttlMs: millis, maxBytes: u64, maxValueSize: u32, durability: text,
};
const OBJECT_STORE = {
  bucket: text, description: text, ttlMs: millis, maxBytes: u64, durability: text, compression: text,
};
const CRDT = { durability: text, snapshotRecords: u64, ...LIMITS };
const EVENTS = { name: text, durability: text, maxBytes: u64 };
const POINTS = { name: text, durability: text, maxAgeMs: millis, maxPointsPerSeries: u64 };

const LOG_LINES = 1024;

function dirOf(dir) {
  return text('dir', dir instanceof URL ? fileURLToPath(dir) : dir);
}

function readMetric(reader) {
  const name = reader.text();
  const value = reader.f64();
  const counter = reader.u32() !== 0;
  return { name, labels: Object.fromEntries(reader.list((r) => [r.text(), r.text()])), value, counter };
}

function readLine(reader) {
  return { time: reader.u64(), level: reader.text(), message: reader.text() };
}

class Engine {
  #id;
  #key;

  constructor(id, key = undefined) {
    this.#id = id;
    this.#key = key;
    own(this, id, native.releaseEngine);
    const { dir, id: drawn, epoch, isThroughNode } = native.engineDescribe(id);
    this.dir = dir ?? null;
    this.id = drawn;
    this.epoch = epoch;
    this.isThroughNode = isThroughNode;
  }

  /** A key under which other workers of this process may `attach`, until the engine is closed. */
  share() {
    this.#key ??= native.engineShare(this.#id);
    return this.#key;
  }

  /** Syncs and closes everything; waits fail with kind 'closed'. Closing twice is nothing. */
  async close(limits = undefined) {
    const checked = begin('close', limits);
    await settle(native.engineClose(this.#id, this.#key), Boolean, checked);
  }

  /** As `close`, and blocks this thread until it is done. */
  closeSync() {
    native.engineCloseSync(this.#id, this.#key);
  }

  /** Makes a stream; the same configuration again returns the one there, another one is a conflict. */
  async createStream(config, limits = undefined) {
    const checked = begin('createStream', limits);
    const call = native.engineCreateStream(this.#id, streamRequest('stream', config));
    return settle(call, (id) => new Stream(id), checked);
  }

  /** Changes a stream to this configuration; what is left out goes back to its default, but `hub` stays as it is. */
  async updateStream(config, limits = undefined) {
    const checked = begin('updateStream', limits);
    const call = native.engineUpdateStream(this.#id, streamRequest('stream', config));
    return settle(call, (id) => new Stream(id), checked);
  }

  /** The stream of this name. */
  async stream(name) {
    return settle(native.engineStream(this.#id, text('name', name)), (id) => new Stream(id));
  }

  /** Removes a stream and everything in it. */
  async deleteStream(name, limits = undefined) {
    const checked = begin('deleteStream', limits);
    await settle(native.engineDeleteStream(this.#id, text('name', name)), Boolean, checked);
  }

  /** All streams, by name: what each is and holds. */
  async streams() {
    return settle(native.engineStreams(this.#id), same);
  }

  /** Makes a bucket, or returns the one there. */
  async createBucket(config, limits = undefined) {
    const checked = begin('createBucket', limits);
    const call = native.engineCreateBucket(this.#id, check('bucket', config, BUCKET));
    return settle(call, (id) => new Bucket(id), checked);
  }

  /** The bucket of this name. */
  async bucket(name) {
    return settle(native.engineBucket(this.#id, text('name', name)), (id) => new Bucket(id));
  }

  /** Removes a bucket. */
  async deleteBucket(name, limits = undefined) {
    const checked = begin('deleteBucket', limits);
    await settle(native.engineDeleteBucket(this.#id, text('name', name)), Boolean, checked);
  }

  /** All buckets, by name. */
  async buckets() {
    return settle(native.engineBuckets(this.#id), same);
  }

  /** Makes an object store, or returns the one there. */
  async createObjectStore(config, limits = undefined) {
    const checked = begin('createObjectStore', limits);
    const call = native.engineCreateObjectStore(this.#id, check('object store', config, OBJECT_STORE));
    return settle(call, (id) => new ObjectStore(id), checked);
  }

  /** The object store of this name. */
  async objectStore(name) {
    return settle(native.engineObjectStore(this.#id, text('name', name)), (id) => new ObjectStore(id));
  }

  /** Removes an object store. */
  async deleteObjectStore(name, limits = undefined) {
    const checked = begin('deleteObjectStore', limits);
    await settle(native.engineDeleteObjectStore(this.#id, text('name', name)), Boolean, checked);
  }

  /** All object stores, by name. */
  async objectStores() {
    return settle(native.engineObjectStores(this.#id), same);
  }

  /** Opens a point store, and makes it if it is not there. */
  async createPoints(config, limits = undefined) {
    const checked = begin('createPoints', limits);
    const call = native.pointsCreate(this.#id, check('points', config, POINTS));
    return settle(call, (id) => new Points(id), checked);
  }

  /** Opens a point store that is there. */
  async points(name) {
    return settle(native.pointsOpen(this.#id, text('name', name)), (id) => new Points(id));
  }

  /** Opens an event store, and makes it if it is not there; another configuration than it has is a conflict. */
  async createEventStore(config = undefined, limits = undefined) {
    const checked = begin('createEventStore', limits);
    const call = native.engineCreateEventStore(this.#id, check('event store', config, EVENTS));
    return settle(call, (id) => new EventStore(id), checked);
  }

  /** The event store of this name. */
  async eventStore(name = 'events') {
    return settle(native.engineEventStore(this.#id, text('name', name)), (id) => new EventStore(id));
  }

  /** All event stores, by name. */
  async eventStores() {
    return settle(native.engineEventStores(this.#id), same);
  }

  /** Removes an event store with everything in it. */
  async deleteEventStore(name, limits = undefined) {
    const checked = begin('deleteEventStore', limits);
    await settle(native.engineDeleteEventStore(this.#id, text('name', name)), Boolean, checked);
  }

  /** Opens a store of state that merges, and makes it if it is not there. */
  async crdt(name, options = undefined) {
    const { timeoutMs, signal, ...config } = begin('crdt', options, CRDT);
    const call = native.crdtCreate(this.#id, { name: text('name', name), ...config });
    return settle(call, (id) => new CrdtStore(id), { timeoutMs, signal });
  }

  /** Opens a store of state that merges that is there. */
  async openCrdt(name, limits = undefined) {
    const checked = begin('openCrdt', limits);
    return settle(native.crdtOpen(this.#id, text('name', name)), (id) => new CrdtStore(id), checked);
  }

  /** All stores of state that merges, by name. */
  async crdts() {
    return settle(native.engineCrdts(this.#id), same);
  }

  /** Where the connection to the hub stands. */
  hubState() {
    return native.engineHubState(this.#id);
  }

  /** Follows where the connection to the hub stands: the state now, then whenever it changes. */
  hubStates() {
    return new HubStates(native.engineWatchHub(this.#id));
  }

  /** Joins a stream of this engine to one of `other`, usually a hub, until this is closed or the link removed. */
  async addLink(config, other, limits = undefined) {
    const checked = begin('addLink', limits);
    if (!(other instanceof Engine)) throw invalid('other must be an Engine');
    await settle(native.engineAddLink(this.#id, other.#id, linkRequest(config)), Boolean, checked);
  }

  /** Ends a link; what was carried stays, and where it stood is kept for the next one of its name. */
  async removeLink(name) {
    await settle(native.engineRemoveLink(this.#id, text('name', name)), Boolean);
  }

  /** Where each link stands, by name. */
  links() {
    return native.engineLinks(this.#id).map(({ lastError = null, ...link }) => ({ ...link, lastError }));
  }

  /** Joins a mesh, and is part of it until it leaves or is closed; it does not wait for any other node. */
  async joinMesh(config, limits = undefined) {
    const checked = begin('joinMesh', limits);
    await settle(native.engineJoinMesh(this.#id, meshRequest(config)), Boolean, checked);
  }

  /** Says good-bye to the other nodes of the mesh, which tell it from one that does not answer. */
  async leaveMesh(limits = undefined) {
    const checked = begin('leaveMesh', limits);
    await settle(native.engineLeaveMesh(this.#id), Boolean, checked);
  }

  /** Who is in the mesh that it is part of, through a node too, and how far its stores are; null if in none. */
  async mesh(limits = undefined) {
    const checked = begin('mesh', limits);
    return settle(native.engineMesh(this.#id), same, checked);
  }

  /** Opens a presence store, and makes its stream if it is not there; all handles of a process share one. */
  async presence(config = undefined, limits = undefined) {
    const checked = begin('presence', limits);
    return settle(native.enginePresence(this.#id, presenceRequest(config)), (id) => new Presence(id), checked);
  }

  /** The names of all presence stores, in order. */
  async presences() {
    return settle(native.enginePresences(this.#id), same);
  }

  /** Begins to keep live entities, alone, as a node of a cluster, or as one that asks those of a cluster. */
  async entities(config = undefined, limits = undefined) {
    const checked = begin('entities', limits);
    return settle(native.engineEntities(this.#id, entitiesRequest(config)), (id) => new Entities(id), checked);
  }

  /** Makes a SQLite file replicate, or finds it doing so, and works on it until this is closed or it is detached. */
  async attach(config, limits = undefined) {
    const checked = begin('attach', limits);
    const call = native.engineAttachDatabase(this.#id, databaseRequest(config));
    return settle(call, (id) => new Database(id), checked);
  }

  /** The attached file of this name. */
  async database(name, limits = undefined) {
    const checked = begin('database', limits);
    return settle(native.engineDatabase(this.#id, text('name', name)), (id) => new Database(id), checked);
  }

  /** How each attached file stands, by name. */
  async databases(limits = undefined) {
    const checked = begin('databases', limits);
    return settle(native.engineDatabases(this.#id), (all) => all.map(statusOf), checked);
  }

  /** Copies the live directory, consistent by stream; returns the bytes copied. */
  async backup(to, options = undefined) {
    const limits = begin('backup', options, PROGRESS);
    return settle(native.engineBackup(this.#id, dirOf(to)), BigInt, limits);
  }

  /** What it has done and holds, now. */
  metrics() {
    return new Reader(native.engineMetrics(this.#id)).list(readMetric);
  }

  /** Takes up to `max` lines from the log queue; older lines than its 1,024 have given way. */
  logs(max = LOG_LINES) {
    return this.#lines(native.engineLogs(this.#id, atLeastOne('max', max)));
  }

  /** Waits until there is at least one line in the log queue, then takes up to `max`. */
  async nextLogs(max = LOG_LINES, limits = undefined) {
    const count = atLeastOne('max', max);
    const checked = begin('nextLogs', limits);
    // The decoder holds on to this engine, so that it cannot be collected under its own wait.
    const decode = (packed) => this.#lines(packed);
    return settle(native.engineNextLogs(this.#id, count), decode, checked);
  }

  #lines(packed) {
    return new Reader(packed).list(readLine);
  }
}
if (Symbol.asyncDispose) {
  Engine.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

/** Opens a directory, and makes it if it is not there. */
async function open(dir, options = undefined) {
  const { timeoutMs, signal, ...how } = begin('open', options, { ...OPEN, ...LIMITS });
  return settle(native.engineOpen(hub, dirOf(dir), how), (id) => new Engine(id), { timeoutMs, signal });
}

/** As `open`, and blocks this thread until it is done. */
function openSync(dir, options = undefined) {
  return new Engine(native.engineOpenSync(hub, dirOf(dir), check('open', options, OPEN)));
}

/** Opens what a configuration file says: its directory, its streams made or changed, its links and mesh at work. */
async function openConfig(path, options = undefined) {
  const limits = begin('openConfig', options, LIMITS);
  return settle(native.engineOpenConfig(hub, dirOf(path)), (id) => new Engine(id), limits);
}

/** Connects to a hub: any NATS server or cluster with JetStream, at one address or several. */
async function connect(options) {
  const { timeoutMs, signal, ...how } = begin('connect', connectOptions(options), CONNECT);
  return settle(native.engineConnect(hub, how), (id) => new Engine(id), { timeoutMs, signal });
}

/** An engine in memory, gone at close. */
function memory() {
  return new Engine(native.engineMemory(hub));
}

/** An engine in memory whose time stands at `now`, and the function that moves it and does what is due by then. */
function memoryAt(now) {
  const clock = native.clockMake(hub, now);
  const id = native.clockEngine(clock);
  const advance = (byMs) => native.clockAdvance(clock, id, millis('byMs', byMs));
  const engine = new Engine(id);
  own(engine, clock, native.releaseClock);
  return { engine, advance };
}

/** An engine in a temporary directory, removed at close. */
function temporary() {
  return new Engine(native.engineTemporary(hub));
}

/** The engine that another worker of this process shared under this key. Closing it closes it for all. */
function attach(key) {
  return new Engine(native.engineAttach(hub, u64('key', key)), key);
}

/** Copies a backup to a new directory, checking every byte; returns the bytes copied. */
async function restore(from, to, options = undefined) {
  const limits = begin('restore', options, PROGRESS);
  return settle(native.restore(hub, dirOf(from), dirOf(to)), BigInt, limits);
}

/** Checks every byte of a directory without changing it; damage is in the report, not an error. */
async function verify(dir, options = undefined) {
  const limits = begin('verify', options, PROGRESS);
  return settle(native.verify(hub, dirOf(dir)), same, limits);
}

module.exports = {
  Engine,
  attach,
  connect,
  memory,
  memoryAt,
  open,
  openConfig,
  openSync,
  restore,
  temporary,
  verify,
};
