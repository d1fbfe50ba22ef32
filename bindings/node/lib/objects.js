'use strict';
// Object stores: files of any size on a stream, in NATS's own layout.

const { Readable } = require('node:stream');
const { fileURLToPath } = require('node:url');
const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { LIMITS, PROGRESS, bytes, check, flag, text, u64 } = require('./options.js');
const { headerList } = require('./records.js');
const { bytesOf } = require('./slots.js');
const { Follower, ask } = require('./source.js');
const { Stream } = require('./stream.js');
const { begin, opened, same, settle } = require('./waits.js');

const OBJECT = { description: text, headers: headerList, metadata: metadataList };
const PUT = { ...OBJECT, maxChunkSize: u64 };
const UPDATE = { ...OBJECT, name: text, ...LIMITS };
const WATCH = { updatesOnly: flag, ignoreDeletes: flag };

const CALLS = {
  next: 'objectWatcherNext', tryNext: 'objectWatcherTryNext',
  close: 'objectWatcherClose', release: 'releaseObjectWatcher',
};
const BATCH = 256;

function metadataList(what, value) {
  if (typeof value !== 'object' || value === null) throw invalid(`${what} must be an object of strings`);
  return Object.entries(value).map(([name, item]) => [text(`${what}: name`, name), text(`${what}: ${name}`, item)]);
}

/** What is known of an object. */
function infoOf({ linkBucket, linkName, ...info }) {
  const link = linkBucket === undefined || linkBucket === null ? null : { bucket: linkBucket, name: linkName ?? null };
  return { ...info, metadata: Object.fromEntries(info.metadata), link };
}

function pathOf(path) {
  return text('path', path instanceof URL ? fileURLToPath(path) : path);
}

/** Follows the objects of a store. */
class ObjectWatcher extends Follower {
  constructor(id) {
    super(id, CALLS, (infos) => infos.map(infoOf), BATCH);
  }

  /** Whether everything that was there when the watch began has been taken. */
  get caughtUp() {
    return ask(this, 'objectWatcherCaughtUp', false);
  }

  /** How many records limits removed before this watcher came to read them. */
  get missed() {
    return ask(this, 'objectWatcherMissed', 0n);
  }
}

/** An object that is put in pieces, one after another. */
class ObjectWriter {
  #id;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseObjectWriter);
  }

  /** Takes the next bytes, all of them; wait for it before the next call, so that memory stays bounded. */
  async write(data) {
    await settle(native.objectWriterWrite(this.#id, bytes('data', data)), Boolean);
  }

  /** Commits the object, in place of the one that had its name; returns what is known of it. */
  async finish() {
    return settle(native.objectWriterFinish(this.#id), infoOf);
  }

  /** Gives up a put that was not finished, and leaves nothing of it. After `finish` it is nothing. */
  async abort() {
    await settle(native.objectWriterAbort(this.#id), Boolean);
  }
}

/** An object that is read: iterate its bytes, or take them all. */
class ObjectReader {
  #id;

  constructor(id, info) {
    this.#id = id;
    own(this, id, native.releaseObjectReader);
    /** What is known of the object: of the one that a link leads to. */
    this.info = info;
  }

  /** The next bytes, or null at the end. The last ones come only when size, chunks and digest hold. */
  async next() {
    // The decoder holds on to this object, so that it cannot be collected under its own wait.
    return settle(native.objectReaderNext(this.#id), (piece) => (this.#id, piece === null ? null : bytesOf(piece)));
  }

  /** All bytes that are left, in memory. */
  async bytes() {
    const pieces = [];
    for await (const piece of this) pieces.push(piece);
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  /** All that is left as UTF-8 text. */
  async text() {
    return (await this.bytes()).toString();
  }

  /** What is left as a stream of Node. */
  stream() {
    return Readable.from(this, { objectMode: false });
  }

  /** Ends the reading. */
  close() {
    native.objectReaderClose(this.#id);
  }

  async* [Symbol.asyncIterator]() {
    for (let piece = await this.next(); piece !== null; piece = await this.next()) yield piece;
  }
}

class ObjectStore {
  #id;
  #name;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releaseObjectStore);
    this.#name = native.objectStoreName(id);
  }

  /** Its name. */
  get name() {
    return this.#name;
  }

  /** The stream that it is a view of. */
  get stream() {
    return new Stream(native.objectStoreStream(this.#id));
  }

  /** What it holds. */
  async status() {
    return settle(native.objectStoreStatus(this.#id), same);
  }

  /** Puts bytes, text, a stream or any iterable of them as an object, in place of the one that had the name. */
  async put(name, source, options = undefined) {
    const pieces = typeof source === 'string' || source instanceof Uint8Array ? [source] : source;
    if (typeof (pieces?.[Symbol.asyncIterator] ?? pieces?.[Symbol.iterator]) !== 'function') {
      throw invalid('source must be a Uint8Array, a string, a stream or an iterable of them');
    }
    const writer = await this.writer(name, options);
    try {
      for await (const piece of pieces) await writer.write(piece);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return writer.finish();
  }

  /** Puts the file at a path or a URL as an object. */
  async putFile(name, path, options = undefined) {
    const { onProgress, timeoutMs, signal, ...request } = begin('putFile', options, { ...PUT, ...PROGRESS });
    const call = native.objectPutFile(this.#id, text('name', name), pathOf(path), request);
    return settle(call, infoOf, { onProgress, timeoutMs, signal });
  }

  /** Begins to put an object whose bytes come in pieces; it is there when the writer has finished. */
  async writer(name, options = undefined) {
    const call = native.objectWriter(this.#id, text('name', name), check('object', options, PUT));
    return settle(call, (id) => new ObjectWriter(id));
  }

  /** Opens an object to read it. A link is followed, to other stores too. */
  async get(name) {
    const id = await settle(native.objectReader(this.#id, text('name', name)), same);
    return new ObjectReader(id, await settle(native.objectReaderInfo(id), infoOf));
  }

  /** Writes an object to a path or a URL of a file; returns what is known of it. */
  async getFile(name, path, options = undefined) {
    const limits = begin('getFile', options, PROGRESS);
    return settle(native.objectGetFile(this.#id, text('name', name), pathOf(path)), infoOf, limits);
  }

  /** What is known of an object, or null. A link is not followed. */
  async info(name) {
    return settle(native.objectInfo(this.#id, text('name', name)), (info) => (info === null ? null : infoOf(info)));
  }

  /** The objects that are there, links too, by name. */
  async list() {
    return settle(native.objectList(this.#id), (infos) => infos.map(infoOf));
  }

  /** Changes what is said of an object, or its name; its bytes stay. */
  async update(name, changes) {
    const { timeoutMs, signal, ...request } = begin('update', changes, UPDATE);
    return settle(native.objectUpdate(this.#id, text('name', name), request), infoOf, { timeoutMs, signal });
  }

  /** Makes `name` a link to the object `target` of the store `bucket`, or without it to the store as a whole. */
  async addLink(name, bucket, target = undefined) {
    const leadsTo = target === undefined || target === null ? undefined : text('target', target);
    return settle(native.objectAddLink(this.#id, text('name', name), text('bucket', bucket), leadsTo), infoOf);
  }

  /** Deletes an object, or a link and not what it leads to. */
  async delete(name, limits = undefined) {
    const checked = begin('delete', limits);
    await settle(native.objectDelete(this.#id, text('name', name)), Boolean, checked);
  }

  /** What is there, then what changes. On a hub it opens in the background. */
  watch(options = undefined) {
    const { updatesOnly = false, ignoreDeletes = false } = check('watch', options, WATCH);
    return new ObjectWatcher(opened(native.objectWatch(this.#id, updatesOnly, ignoreDeletes)));
  }
}

module.exports = { ObjectReader, ObjectStore, ObjectWatcher, ObjectWriter };
