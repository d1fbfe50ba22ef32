// The operations of the conformance vectors on event stores, through this door.

import { big, bytesIn, bytesOut, configIn, fields, ms, plain } from './conformance_values.mjs';

function eventIn(step) {
  const { event_type: eventType, schema, metadata, time } = step;
  return { eventType, schema, metadata, time: big(time), data: bytesIn(step, 'data') };
}

function eventOut(event) {
  const names = ['aggregate', 'key', 'event_type', 'version', 'seq', 'schema', 'time', 'command', 'correlation'];
  return { ...fields(event, ...names, 'causation', 'metadata'), ...bytesOut('data', event.data) };
}

function placeOut({ version, seq }) {
  return { version: plain(version), seq: plain(seq) };
}

function snapshotOut(snapshot) {
  if (snapshot === null) return null;
  return { ...placeOut(snapshot.position), schema: snapshot.schema, ...bytesOut('data', snapshot.data) };
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
    events_last_seq: async ({ store, aggregate, key }) => plain(await (await open(store)).lastSeq(aggregate, key)),
    events_snapshot: async ({ store, aggregate, key }) => {
      return snapshotOut(await (await open(store)).snapshot(aggregate, key));
    },
    events_save_snapshot: async (step) => {
      const { store, aggregate, key, version, seq, schema = 1, ttl } = step;
      const snapshot = { position: { version, seq }, schema, data: bytesIn(step, 'data'), ttlMs: ms(ttl) };
      return (await open(store)).saveSnapshot(aggregate, key, snapshot);
    },
    events_list: async ({ store, aggregate, key, after, max }) => {
      const { aggregates, next } = await (await open(store)).list({ aggregate, key, after, max });
      return { aggregates: aggregates.map(infoOut), next: plain(next) };
    },
    events_follow: async ({ store, as, filters, after }) => {
      await follow(as, (await open(store)).follow({ filters, after }), eventOut);
    },
  };
}
