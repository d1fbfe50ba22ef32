'use strict';
// What a handler of an entity knows and can do while it handles something.

const { native } = require('./native.js');
const { bytes, callback, millis, text, u64 } = require('./options.js');
const { reason } = require('./projection.js');
const { look } = require('./waits.js');

const EMPTY = new Uint8Array(0);

/** What a handler knows while it handles something; good until it has answered. */
class EntityContext {
  #server;
  #life;
  #turn;
  #item;

  constructor(server, life, turn, item) {
    this.#server = server;
    this.#life = life;
    this.#turn = turn;
    this.#item = item;
  }

  /** The kind of the entity. */
  get kind() {
    return this.#life.kind;
  }

  /** Which one it is of its kind. */
  get key() {
    return this.#life.key;
  }

  /** All entities. */
  get entities() {
    return this.#server.entities;
  }

  /** Asks another entity. One that would come back to this one is refused, as it would wait for itself. */
  request(kind, key, name, payload = EMPTY, options = undefined) {
    const { low, high } = this.#turn;
    return this.#server.ask(kind, key, name, payload, options, low, high, this.#item);
  }

  /** Tells an entity something, which may be this one. */
  notify(kind, key, name, payload = EMPTY, limits = undefined) {
    return this.entities.notify(kind, key, name, payload, limits);
  }

  /** Sets a timer, in the place of one of the same name: it comes after that time, and then every so long if not 0. */
  setTimer(name, afterMs, everyMs = 0) {
    const [after, every] = [millis('afterMs', afterMs), millis('everyMs', everyMs)];
    native.entitiesSetTimer(this.#server.id, this.#turn.low, this.#turn.high, text('name', name), after, every);
  }

  /** Takes a timer back; false if there is none of this name. */
  cancelTimer(name) {
    return native.entitiesCancelTimer(this.#server.id, this.#turn.low, this.#turn.high, text('name', name));
  }

  /** Says how many bytes the handler holds, from now on until it says otherwise or ends. */
  holds(count) {
    native.entitiesHolds(this.#server.id, this.#turn.low, this.#turn.high, u64('bytes', count));
  }

  /**
   * Does something in the background, while the handler takes messages: what it comes to arrives as a message of this
   * name, which nobody waits for. It keeps the handler alive; when that ends, its signal is aborted.
   */
  spawn(name, work) {
    text('name', name);
    callback('work', work);
    const [server, life] = [this.#server, this.#life];
    const task = native.entitiesBeginTask(server.id, this.#turn.low, this.#turn.high);
    const abort = new AbortController();
    life.tasks.add(abort);
    server.keepBusy(life);
    const end = (message, payload) => {
      if (abort.signal.aborted) return;
      life.tasks.delete(abort);
      look();
      native.entitiesEndTask(server.id, task, message, payload);
    };
    const done = async () => end(name, bytes('what a background task leaves', (await work(abort.signal)) ?? EMPTY));
    Promise.resolve().then(done).catch((error) => {
      if (abort.signal.aborted) return;
      process.emitWarning(`a background task of ${life} failed: ${reason(error)}`, 'HeadwaterWarning');
      end(undefined, EMPTY);
    });
  }
}

module.exports = { EntityContext };
