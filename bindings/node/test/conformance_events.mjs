// The operations of the conformance vectors on event stores, through this door.

import { big, bytesIn, bytesOut, configIn, fields, ms, plain } from './conformance_values.mjs';

function eventIn(step) {
  const { event_type: eventType, schema, metadata, time, data_subject: dataSubject } = step;
  return { eventType, schema, metadata, time: big(time), dataSubject, data: bytesIn(step, 'data') };
}

function eventOut(event) {
  const names = ['aggregate', 'key', 'event_type', 'version', 'seq', 'schema', 'time', 'command', 'correlation'];
  const more = ['causation', 'metadata', 'data_subject', 'is_erased'];
  return { ...fields(event, ...names, ...more), ...bytesOut('data', event.data) };
}

function placeOut({ version, seq }) {
  return { version: plain(version), seq: plain(seq) };
}

function snapshotOut(snapshot) {
  if (snapshot === null) return null;
  const told = fields(snapshot, 'schema', 'data_subjects');
  return { ...placeOut(snapshot.position), ...told, ...bytesOut('data', snapshot.data) };
}

function infoOut({ position, ...info }) {
  return { ...fields(info, 'aggregate', 'key', 'event_type'), ...placeOut(position) };
}

function conditionIn(condition) {
  if (condition === undefined) return undefined;
  const { last_seq: lastSeq, ...filter } = condition;
  return { filter, lastSeq };
}

/** The operations on the event stores of an engine. */
export function eventOperations(engine, follow) {
  const open = (name) => engine.eventStore(name);
  return {
    create_event_store: async ({ config }) => {
      await engine.createEventStore(configIn(config));
    },
    delete_event_store: async ({ store }) => engine.deleteEventStore(store),
    event_stores: async () => engine.eventStores(),
    events_save: async ({
      store, aggregate, key, events, expected, command, correlation, causation, condition,
    }) => {
      const options = { expected, command, correlation, causation, condition: conditionIn(condition) };
      const { position, isRepeat } = await (await open(store)).save(aggregate, key, events.map(eventIn), options);
      return { ...placeOut(position), is_repeat: isRepeat };
    },
    events_load: async ({
      store, aggregate, key, as_of_version: asOfVersion, as_of_seq: asOfSeq, snapshot_schema: snapshotSchema, behind,
    }) => {
      const loaded = await (await open(store)).load(aggregate, key, { asOfVersion, asOfSeq, snapshotSchema, behind });
      const { position, snapshot, events } = loaded;
      return { ...placeOut(position), snapshot: snapshotOut(snapshot), events: events.map(eventOut) };
    },
    events_find_command: async ({ store, aggregate, key, command }) => {
      const found = await (await open(store)).findCommand(aggregate, key, command);
      return found && { ...placeOut(found.position), is_repeat: found.isRepeat };
    },
    events_archive: async ({ store, aggregate, key, up_to: upTo = 0 }) => {
      const archived = await (await open(store)).archive(aggregate, key, { upTo });
      return { events: plain(archived.events), up_to: plain(archived.upTo), held_back_by: archived.heldBackBy };
    },
    events_last_seq: async ({ store, aggregate, key }) => plain(await (await open(store)).lastSeq(aggregate, key)),
    events_snapshot: async ({ store, aggregate, key }) => {
      return snapshotOut(await (await open(store)).snapshot(aggregate, key));
    },
    events_save_snapshot: async (step) => {
      const { store, aggregate, key, version, seq, schema = 1, ttl, data_subjects: dataSubjects } = step;
      const content = { data: bytesIn(step, 'data'), ttlMs: ms(ttl), dataSubjects };
      return (await open(store)).saveSnapshot(aggregate, key, { position: { version, seq }, schema, ...content });
    },
    events_forget: async ({ store, data_subject: dataSubject }) => (await open(store)).forget(dataSubject),
    events_list: async ({ store, aggregate, key, after, max }) => {
      const { aggregates, next } = await (await open(store)).list({ aggregate, key, after, max });
      return { aggregates: aggregates.map(infoOut), next: plain(next) };
    },
    events_follow: async ({ store, as, filters, after }) => {
      await follow(as, (await open(store)).follow({ filters, after }), eventOut);
    },
  };
}

function failingOut(failing) {
  return failing === null ? null : fields(failing, 'seq', 'tries', 'error');
}

function statusOut({ failing, filters, ...status }) {
  const names = ['name', 'is_rebuild', 'position', 'lag', 'is_running', 'dead'];
  return { ...fields(status, ...names), failing: failingOut(failing), filters };
}

/** The operations on projections of the event stores of an engine; those that are open are among the sources. */
export function projectionOperations(engine, sources) {
  const open = (name) => engine.eventStore(name);
  const opened = (name) => sources.get(name)[0];
  return {
    projection: async ({
      store, name, as, filters, is_rebuild: isRebuild, tries, pause_ms: pauseMs, pause_max_ms: pauseMaxMs,
    }) => {
      const options = { filters, isRebuild, tries, pauseMs, pauseMaxMs };
      const projection = await (await open(store)).projection(name, options);
      sources.set(as, [projection, eventOut]);
      return { position: plain(projection.position), ...bytesOut('state', projection.state) };
    },
    projection_seek: async ({ projection, seq }) => opened(projection).seek(seq),
    projection_advance: async ({ projection, seq }) => opened(projection).advance(seq),
    projection_commit: async (step) => {
      const { projection, seq } = step;
      await opened(projection).commit(seq, bytesIn(step, 'state'));
    },
    projection_flush: async ({ projection }) => opened(projection).flush(),
    projection_fail: async ({ projection, seq, why }) => {
      return fields(await opened(projection).fail(seq, why), 'tries', 'pause_ms', 'is_dead');
    },
    projection_position: async ({ projection }) => plain(opened(projection).position),
    projection_lag: async ({ projection }) => plain(opened(projection).lag),
    projection_head: async ({ projection }) => plain(await opened(projection).head()),
    projection_switch: async ({ projection }) => opened(projection).switch(),
    projections: async ({ store }) => (await (await open(store)).projections()).map(statusOut),
    delete_projection: async ({ store, name }) => (await open(store)).deleteProjection(name),
    dead_letters: async ({ store, name, after, max }) => {
      return (await (await open(store)).deadLetters(name, { after, max })).map(failingOut);
    },
    delete_dead_letter: async ({ store, name, seq }) => (await open(store)).deleteDeadLetter(name, seq),
    event_at: async ({ store, seq }) => {
      const event = await (await open(store)).eventAt(seq);
      return event === null ? null : eventOut(event);
    },
  };
}
