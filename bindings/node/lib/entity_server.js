'use strict';
// What drives handlers of entities: turns are taken many at once, their items handled in order, and what they came to
// is told together, once nothing more can be done without waiting. src/entity_turn.rs is the other side.
//
// No handler is called from within a look at what is ready: each runs in the asynchronous context of `serve`.

const { EntityContext } = require('./entity_context.js');
const { HeadwaterError, invalid } = require('./errors.js');
const { native, raw } = require('./native.js');
const { bytes, text } = require('./options.js');
const { Reader, Writer } = require('./pack.js');
const { reason } = require('./projection.js');
const { look, settle } = require('./waits.js');

/** Few, as the lease of a turn begins when it is taken. */
const TURNS_AT_ONCE = 64;
/** So many items are told at once at the most. */
const TOLD_MAX = 256;

const START = 0;
const MESSAGE = 1;
const TIMER = 2;
const STOP = 3;

const ANSWERED = 0;
const REFUSED = 1;
const BROKE = 2;

const EMPTY = new Uint8Array(0);

/** A message to an entity. */
class EntityMessage {
  constructor(name, payload, wantsReply, attempt) {
    this.name = name;
    this.payload = payload;
    this.wantsReply = wantsReply;
    this.attempt = attempt;
  }
}

function readItem(reader) {
  const what = reader.u32();
  if (what === MESSAGE) {
    const [name, payload] = [reader.text(), reader.bytes()];
    return { what, message: new EntityMessage(name, payload, reader.u32() !== 0, reader.u32()) };
  }
  return { what, name: what === TIMER ? reader.text() : '' };
}

function readTurn(reader) {
  return {
    kind: reader.text(),
    key: reader.text(),
    low: reader.u32(),
    high: reader.u32(),
    activation: reader.f64(),
    items: reader.list(readItem),
  };
}

/** The classes by their kinds. */
function byKind(types) {
  const kinds = new Map();
  for (const type of types) {
    if (typeof type !== 'function') throw invalid('serve wants classes of handlers');
    const kind = text(`${type.name}: static kind`, type.kind);
    if (typeof type.prototype?.handle !== 'function') throw invalid(`${type.name} has no method 'handle'`);
    if (kinds.has(kind)) throw invalid(`the kind '${kind}' has two classes`);
    kinds.set(kind, type);
  }
  return kinds;
}

/** What a method came to whose answer nobody asked for: nothing, or an error of ours. */
function unasked(done) {
  if (typeof done?.then === 'function') return Promise.resolve(done).then(unasked);
  return done instanceof HeadwaterError ? done : undefined;
}

/** A handler while it is alive, and what it does in the background. */
class Life {
  handler = undefined;
  isOver = false;
  tasks = new Set();

  constructor(kind, key) {
    this.kind = kind;
    this.key = key;
  }

  toString() {
    return `${this.kind} '${this.key}'`;
  }

  /** It is not wanted any more: what it does in the background is let go. */
  end() {
    this.isOver = true;
    for (const task of this.tasks) task.abort();
    this.tasks.clear();
  }
}

/** Who handles entities of some kinds. */
class Server {
  #types;
  /** Handlers that are alive and have no turn, by activation: one that never answers is nobody's. */
  #lives = new Map();
  /** Those that have done something in the background, by entity. */
  #busy = new Map();
  #told = new Writer(4 << 10);
  #tellers = [];

  /** `ask` requests something for an item of a turn. */
  constructor(types, id, entities, ask) {
    this.#types = byKind(types);
    this.id = id;
    this.entities = entities;
    this.ask = ask;
  }

  /** Handles entities until they are closed. */
  async run() {
    // The decoder holds on to the entities, so that they cannot be collected while they are served.
    const read = (packed) => this.entities && new Reader(packed).list(readTurn);
    try {
      for (;;) {
        const turns = await settle(native.entitiesNext(this.id, TURNS_AT_ONCE), read);
        // In order as they are taken, and each up to where it waits for something.
        for (const turn of turns) this.#begin(turn);
      }
    } catch (error) {
      if (error.kind !== 'closed') throw error;
    } finally {
      for (const life of this.#busy.values()) life.end();
      this.#busy.clear();
      this.#lives.clear();
    }
  }

  /** Remembers one that has something in the background, which is to be let go when it is begun anew. */
  keepBusy(life) {
    this.#busy.set(`${life.kind}\0${life.key}`, life);
  }

  #begin(turn) {
    const life = this.#lives.get(turn.activation) ?? new Life(turn.kind, turn.key);
    this.#lives.delete(turn.activation);
    this.#goOn(turn, life, 0);
  }

  /** Handles the items of a turn from this place on, up to one that has to be waited for. */
  #goOn(turn, life, from) {
    for (let place = from; place < turn.items.length && !life.isOver; place++) {
      let answer;
      try {
        answer = this.#handle(turn, life, place);
      } catch (error) {
        this.#fail(turn, life, place, error);
        continue;
      }
      if (typeof answer?.then === 'function') {
        const goOn = () => this.#goOn(turn, life, place + 1);
        Promise.resolve(answer).then(
          (value) => {
            this.#answer(turn, life, place, value);
            goOn();
          },
          (error) => {
            this.#fail(turn, life, place, error);
            goOn();
          },
        );
        return;
      }
      this.#answer(turn, life, place, answer);
    }
    if (!life.isOver) this.#lives.set(turn.activation, life);
  }

  #handle(turn, life, place) {
    const { what, message, name } = turn.items[place];
    const context = new EntityContext(this, life, turn, place);
    if (what === START) return this.#start(life, context);
    const { handler } = life;
    if (handler === undefined) throw new HeadwaterError('internal', `the handler of ${life} is gone`);
    if (what === MESSAGE) return handler.handle(message, context);
    return unasked(what === TIMER ? handler.timer?.(name, context) : handler.stop?.(context));
  }

  #start(life, context) {
    const Type = this.#types.get(life.kind);
    if (Type === undefined) {
      throw new HeadwaterError('unsupported', `no entity of kind '${life.kind}' is handled here`);
    }
    // One that was here before lost its lease, and nobody waits for what it still does.
    if (this.#busy.size > 0) this.#letGo(this.#busy.get(`${life.kind}\0${life.key}`));
    life.handler = new Type();
    return unasked(life.handler.start?.(context));
  }

  #letGo(life) {
    if (life === undefined) return;
    life.end();
    const name = `${life.kind}\0${life.key}`;
    if (this.#busy.get(name) === life) this.#busy.delete(name);
  }

  #answer(turn, life, place, answer) {
    if (life.isOver) return;
    if (answer instanceof HeadwaterError) {
      this.#fail(turn, life, place, answer);
      return;
    }
    let payload = EMPTY;
    if (answer !== undefined) {
      try {
        payload = bytes('what a handler answers', answer);
      } catch (error) {
        this.#fail(turn, life, place, error);
        return;
      }
    }
    const told = this.#tell(turn, life, place, ANSWERED);
    told.u32(payload.length);
    told.raw(payload);
    if (turn.items[place].what === STOP) this.#letGo(life);
  }

  /** An error of ours goes to whoever asked; any other one breaks the handler, and one that has none is over. */
  #fail(turn, life, place, error) {
    if (life.isOver) return;
    const isOurs = error instanceof HeadwaterError;
    const told = this.#tell(turn, life, place, isOurs ? REFUSED : BROKE);
    if (isOurs) {
      told.text(error.kind);
      told.text(error.message.toWellFormed());
    } else {
      told.text(`the handler of ${life} threw ${reason(error)}`.toWellFormed());
    }
    const { what } = turn.items[place];
    if (!isOurs || what === START || what === STOP) this.#letGo(life);
  }

  /** Begins to say what an item came to. It is told when nothing more can be done without waiting. */
  #tell(turn, life, place, how) {
    if (this.#tellers.length === TOLD_MAX) {
      look();
      this.#flush();
    }
    if (this.#tellers.length === 0) look(() => this.#flush());
    this.#tellers.push(life);
    const told = this.#told;
    told.u32(turn.low);
    told.u32(turn.high);
    told.u32(place);
    told.u32(how);
    return told;
  }

  /** Tells what there is to tell; a look has to follow. */
  #flush() {
    const tellers = this.#tellers;
    if (tellers.length === 0) return;
    this.#tellers = [];
    const { buffer } = this.#told;
    this.#told.reset();
    // Closed meanwhile, all of them are over: the loop hears of it too.
    const over = this.#complete(buffer, tellers.length);
    if (over === undefined || over === null) return;
    for (const place of over) {
      const life = tellers[place];
      this.#letGo(life);
      this.#drop(life);
    }
  }

  #complete(buffer, count) {
    try {
      return raw.entitiesComplete(this.id, buffer, count);
    } catch {
      return Array.from({ length: count }, (_, place) => place);
    }
  }

  /** Forgets one whose lease was over when its turn ended. */
  #drop(life) {
    for (const [activation, kept] of this.#lives) if (kept === life) this.#lives.delete(activation);
  }
}

module.exports = { Server };
