'use strict';
// Aggregates in the program's own types: what one kind of them is, and what was raised on one of them.

const { HeadwaterError, invalid } = require('./errors.js');
const { bytes, callback, check, text, u32 } = require('./options.js');

const KIND = {
  name: text,
  start: callback,
  apply: callback,
  applyErased: callback,
  dataSubject: callback,
  encode: callback,
  decode: callback,
  snapshotSchema: u32,
  dump: callback,
  load: callback,
  isSnapshotDue: callback,
  clone: callback,
  upcasters: (what, value) => value,
};
const SHAPE = { eventType: text, schema: u32, data: bytes };

/** The newest shape of an event; invalid when the steps lead back. */
function upcast(upcasters, event) {
  const first = event.eventType;
  const steps = Object.values(upcasters).reduce((count, schemas) => count + Object.keys(schemas).length, 0);
  for (let taken = 0; taken <= steps; taken++) {
    const step = Object.hasOwn(upcasters, event.eventType) ? upcasters[event.eventType][event.schema] : undefined;
    if (step === undefined) return event;
    const { data, ...shape } = check(`the upcaster of event '${event.eventType}'`, step(event), SHAPE);
    event = { ...shape, data: Buffer.from(data) };
  }
  throw invalid(`the upcasters of event '${first}' lead back to where they began`);
}

function encodeJson({ type, schema = 1, ...rest }) {
  return { eventType: type, schema, data: JSON.stringify(rest) };
}

function decodeJson({ eventType, schema, data }) {
  const event = { type: eventType, ...JSON.parse(data.toString()) };
  return schema === 1 ? event : { ...event, schema };
}

/**
 * What aggregates of one kind are: their state is what their events made of it.
 *
 * `name` stays, whatever becomes of the program. `start()` makes the state of one without an event, and
 * `apply(state, event)` changes it by an event that happened, or returns another one, and cannot refuse. Events are
 * objects with a `type`, and a `schema` where it is not 1, in JSON, unless `encode(event)` and
 * `decode({ eventType, schema, data })` say otherwise. With `snapshotSchema`, the version of the shape of a state in
 * snapshots, those are kept, in JSON unless `dump` and `load` say otherwise. `isSnapshotDue(state, behind, every)`,
 * asked after each save, is whether a snapshot is due, `behind` events after the last one; without it, when `behind`
 * has reached `every`, the `snapshotEvery` of the repository. `clone` copies a state. `dataSubject(event)` is the
 * person or thing that the data of an event is about, if that shall be forgotten on request; then
 * `applyErased(state, eventType)` is called in place of `apply`, where it is given.
 * `upcasters[eventType][schema]` is a step from one shape of an event to a newer one.
 */
class AggregateType {
  constructor(kind) {
    const checked = check('aggregate type', kind, KIND);
    for (const name of ['name', 'start', 'apply']) {
      if (checked[name] === undefined) throw invalid(`aggregate type: ${name} is missing`);
    }
    Object.assign(this, {
      applyErased: () => undefined,
      dataSubject: () => undefined,
      encode: encodeJson,
      decode: decodeJson,
      snapshotSchema: 0,
      dump: JSON.stringify,
      load: (data) => JSON.parse(data.toString()),
      isSnapshotDue: (state, behind, every) => behind >= every,
      clone: structuredClone,
      upcasters: {},
      ...checked,
    });
    Object.freeze(this);
  }
}

/** What a repository and tests do with a root, and nobody else. */
let inner;

/** One aggregate as it was loaded, and what was raised on it since. It is its owner's alone. */
class Root {
  #kind;
  #raised = [];
  #snapshotVersion = 0n;
  /** Those that the state has data of. */
  #dataSubjects = new Set();

  static {
    inner = {
      apply: (root, event) => root.#apply(event),
      fold: (root, events) => root.#fold(events),
      /** Its state is that of memory or of a snapshot, and nothing is raised on it. */
      become: (root, { state, position, snapshotVersion, dataSubjects }) => {
        Object.assign(root, { state, position });
        root.#raised = [];
        root.#snapshotVersion = snapshotVersion;
        root.#dataSubjects = new Set(dataSubjects);
      },
      /** What was raised is saved. */
      settle: (root, position) => {
        root.#raised = [];
        root.position = position;
      },
      /** What `become` takes: the very state, no copy. */
      parts: (root) => ({
        state: root.state,
        position: root.position,
        snapshotVersion: root.#snapshotVersion,
        dataSubjects: root.#dataSubjects,
      }),
    };
  }

  constructor(kind, key) {
    this.#kind = kind;
    this.key = key;
    this.state = kind.start();
    this.position = { version: 0n, seq: 0n };
  }

  /** Whether it has an event that was saved. */
  get exists() {
    return this.position.version > 0n;
  }

  /** The events that are to be saved, in order. */
  get raised() {
    return [...this.#raised];
  }

  /** Applies an event, to be saved by the next save. */
  raise(event) {
    this.#apply(event);
    this.#hasDataOf(this.#kind.dataSubject(event));
    this.#raised.push(event);
  }

  #apply(event) {
    this.#take(this.#kind.apply(this.state, event));
  }

  #take(state) {
    if (state !== undefined) this.state = state;
  }

  #hasDataOf(dataSubject) {
    if (dataSubject !== undefined && dataSubject !== null) this.#dataSubjects.add(dataSubject);
  }

  #fold(events) {
    for (const saved of events) {
      if (saved instanceof HeadwaterError) throw saved;
      const { version, eventType, schema, data, dataSubject, isErased } = saved;
      try {
        if (isErased) {
          this.#take(this.#kind.applyErased(this.state, eventType));
          continue;
        }
        this.#apply(this.#kind.decode(upcast(this.#kind.upcasters, { eventType, schema, data })));
        this.#hasDataOf(dataSubject);
      } catch (cause) {
        const at = `event ${version} of ${this.#kind.name} '${this.key}', '${eventType}' of schema ${schema}`;
        throw new HeadwaterError(cause.kind ?? 'invalid', `${at}: ${cause.message}`, { cause });
      }
    }
  }
}

module.exports = { AggregateType, Root, inner, upcast };
