// The operations of the conformance vectors on state that merges, through this door: stores and replicas by the names
// that the vectors give them.

import { Json, Replica } from 'headwater';
import { big, plain } from './conformance_values.mjs';

const KINDS = [
  'counter', 'grow_counter', 'bounded_counter', 'register', 'multi_register',
  'set', 'remove_wins_set', 'flag', 'disable_wins_flag', 'map',
];

function valueIn(value) {
  const [[type, inner]] = Object.entries(value);
  if (type === 'bytes') return Buffer.from(inner, 'base64');
  if (type === 'int') return BigInt(inner);
  return type === 'json' ? new Json(inner) : inner;
}

function valueOut(value) {
  if (value === null) return null;
  if (value instanceof Json) return { json: value.text };
  if (Buffer.isBuffer(value)) return { bytes: value.toString('base64') };
  if (typeof value === 'bigint') return { int: Number(value) };
  return typeof value === 'number' ? { float: value } : { text: value };
}

function changeIn({ key, fields = [], kind, do: op, amount, value, ttl_ms: ttlMs, to }) {
  return { path: [key, ...fields], kind, op, ttlMs, to, value: value === undefined ? big(amount) : valueIn(value) };
}

function readOut(kind, reading) {
  if (kind === 'register') return valueOut(reading);
  if (kind === 'map') return reading.map(({ field, kind: inner }) => [field, inner]);
  return Array.isArray(reading) ? reading.map(valueOut) : plain(reading);
}

const keysOut = (keys) => keys.map(({ key, kind }) => [key, kind]);
/** By name as its bytes are, then in the order of kinds. */
const inOrder = ([a, aKind], [b, bKind]) => Buffer.compare(Buffer.from(a), Buffer.from(b))
  || KINDS.indexOf(aKind) - KINDS.indexOf(bKind);

/** The operations on `engine`; `follow` names a queue once it is open. */
export function crdtOperations(engine, follow) {
  const stores = new Map();
  const replicas = new Map();
  const fragments = new Map();
  const on = (name) => replicas.get(name);
  const given = (name, hex) => (name === undefined ? Buffer.from(hex, 'hex') : fragments.get(name));

  /** The handle that the first step which names a store opened. */
  async function store(name) {
    if (!stores.has(name)) stores.set(name, await engine.openCrdt(name));
    return stores.get(name);
  }

  /** Keeps a fragment under a name, and says it in hex. */
  function kept(name, fragment) {
    if (fragment === null) return null;
    fragments.set(name, fragment);
    return fragment.toString('hex');
  }

  return {
    crdt_create: async ({ config: { name, durability, snapshot_records: snapshotRecords, ...rest } }) => {
      stores.set(name, await engine.crdt(name, { durability, snapshotRecords, ...rest }));
    },
    crdt_open: async ({ store: name }) => {
      stores.set(name, await engine.openCrdt(name));
    },
    crdts: async () => engine.crdts(),
    crdt_write: async (step) => {
      const { store: name } = step;
      const change = changeIn(step);
      const { seq, total } = await (await store(name)).write(change);
      return { seq: Number(seq), total: plain(total) };
    },
    crdt_transaction: async ({ store: name, changes }) => {
      const transaction = (await store(name)).transaction((all) => {
        for (const change of changes) all.write(changeIn(change));
      });
      return { seq: Number((await transaction).seq) };
    },
    crdt_read: async ({ store: name, key, fields = [], kind }) => {
      return readOut(kind, await (await store(name)).read([key, ...fields], kind));
    },
    crdt_contains: async ({ store: name, key, fields = [], kind, value }) => {
      return (await store(name)).contains([key, ...fields], kind, valueIn(value));
    },
    crdt_rights: async ({ store: name, key }) => plain(await (await store(name)).boundedCounter(key).rights()),
    crdt_keys: async ({ store: name, prefix }) => keysOut(await (await store(name)).keys(prefix)),
    crdt_dump: async ({ store: name, prefix }) => {
      const dumped = await (await store(name)).dump(prefix);
      return dumped.map(({ key, kind, json }) => ({ key, kind, value: json.parse() }));
    },
    crdt_watch: async ({ store: name, as, prefix }) => {
      await follow(as, (await store(name)).watch(prefix), (change) => change);
    },
    crdt_status: async ({ store: name }) => {
      const { seq, snapshotSeq, held, actors, behind } = await (await store(name)).status();
      const counts = { seq: Number(seq), snapshot_seq: Number(snapshotSeq), behind: Number(behind) };
      return { ...counts, held: held.length, actors };
    },
    crdt_merge: async ({ store: name, other }) => {
      const { keys, changed, bytes } = await (await store(name)).merge(await store(other));
      return { keys: Number(keys), changed: Number(changed), bytes: Number(bytes) };
    },
    crdt_release_held: async ({ store: name }) => (await store(name)).releaseHeld(),

    replica: async ({ as, engine: id, epoch }) => {
      replicas.set(as, new Replica(id, epoch));
    },
    replica_write: async (step) => {
      const { replica, now_ms: nowMs } = step;
      return on(replica).write(changeIn(step), nowMs);
    },
    replica_transaction: async ({ replica, now_ms: nowMs, changes }) => {
      on(replica).transaction(changes.map(changeIn), nowMs);
    },
    replica_read: async ({ replica, now_ms: nowMs, key, fields = [], kind }) => {
      return readOut(kind, on(replica).read([key, ...fields], kind, nowMs));
    },
    replica_contains: async ({ replica, now_ms: nowMs, key, fields = [], kind, value }) => {
      return on(replica).contains([key, ...fields], kind, valueIn(value), nowMs);
    },
    replica_rights: async ({ replica, key }) => plain(on(replica).rights(key)),
    replica_take_delta: async ({ replica, as }) => kept(as, on(replica).takeDelta()),
    replica_whole: async ({ replica, as }) => kept(as, on(replica).whole()),
    replica_some: async ({ replica, keys, as }) => {
      return kept(as, on(replica).some(keys.map(([key, kind]) => ({ key, kind }))));
    },
    replica_since: async ({ replica, of, as }) => kept(as, on(replica).since(on(of).context())),
    replica_context: async ({ replica }) => on(replica).context().toString('hex'),
    replica_caught_up: async ({ replica, of }) => on(replica).caughtUp(on(of).context()),
    replica_apply: async ({ replica, now_ms: nowMs, fragment, bytes }) => {
      const changed = on(replica).apply(given(fragment, bytes), nowMs);
      return changed === null ? { held: true } : { changed: keysOut(changed).sort(inOrder) };
    },
    replica_extract: async ({ replica, fragment, bytes, as }) => {
      return kept(as, on(replica).extract(given(fragment, bytes)));
    },
    replica_restore: async ({ replica, fragment, bytes }) => {
      on(replica).restore(given(fragment, bytes));
    },
    replica_stable: async ({ replica, now_ms: nowMs, peers }) => {
      return on(replica).stable(peers.map((name) => ({ actor: on(name).actor, context: on(name).context() })), nowMs);
    },
    replica_held: async ({ replica }) => on(replica).held,
    replica_release: async ({ replica, all, now_ms: nowMs }) => keysOut(on(replica).release(nowMs, { all })),
    replica_digest: async ({ replica, key, kind, now_ms: nowMs }) => {
      return on(replica).digest(key, kind, nowMs).toString(16).padStart(16, '0');
    },
  };
}
