// The types of the package. Sequences, revisions, counts of records and times are bigints; durations are milliseconds.

/** A 64-bit number going in: a bigint, or a number that is a safe integer. Negative or lossy ones are refused. */
export type Integer = bigint | number;
/** A time going in: nanoseconds since the Unix epoch, or a Date. Times coming out are bigints of nanoseconds. */
export type Time = bigint | Date;
/** Bytes going in: a Buffer is a Uint8Array; a string goes in as UTF-8. */
export type Bytes = Uint8Array | string;

/**
 * What an acknowledgement promises. `fsync`: on disk, it survives a power cut. `interval`: written and synced every
 * `syncIntervalMs`, a crash may lose that much. `os`: it survives a crash of the process, not of the machine.
 */
export type Durability = 'fsync' | 'interval' | 'os' | 'unknown';

/** The kinds of errors, the same in every language; what to do about each is in docs/errors.md. */
export type ErrorKind =
  | 'invalid' | 'not_found' | 'conflict' | 'limit' | 'timeout' | 'closed'
  | 'busy' | 'io' | 'corrupt' | 'unsupported' | 'misuse' | 'internal';

/** What went wrong. Match on `code` or `kind`, never on the message. */
export class HeadwaterError extends Error {
  /** `ERR_HEADWATER_` and the kind in capitals, such as `ERR_HEADWATER_CONFLICT`. */
  readonly code: `ERR_HEADWATER_${Uppercase<ErrorKind>}`;
  readonly kind: ErrorKind;
  /** For a conflict over sequences: the one expected. */
  readonly expected: bigint | undefined;
  /** For a conflict over sequences: the one that is there. */
  readonly actual: bigint | undefined;
  /** An error of this kind, such as a handler of an entity refuses with. */
  constructor(kind: ErrorKind, message: string, details?: { cause?: unknown; expected?: bigint; actual?: bigint });
}

/** How long a wait may last. Past either bound it fails with kind `timeout`; the work may still complete. */
export interface Limits {
  /** At most 2^31-1; Infinity is without end, as is leaving it out. */
  timeoutMs?: number;
  /** An aborted wait has the name `AbortError`, and the signal's reason as its cause. */
  signal?: AbortSignal;
}

/**
 * Limits of long work, and a function that hears how far it is, a few times a second and at the end. Past a bound, or
 * when that function throws, the work itself is stopped, and the promise is rejected once it has: a copy leaves nothing
 * at its target, an import stays as far as it came and goes on there when it is run again, an export leaves a file of
 * whole lines. Work that was faster than that is done, and resolves.
 */
export interface ProgressLimits extends Limits {
  /** Bytes done and in all; 0 in all where that is not known. If it throws, the work fails with that. */
  onProgress?: (done: number, total: number) => void;
}

export interface OpenOptions {
  /** Opens without a lock, follows the files of the process that writes, and refuses every change. */
  readOnly?: boolean;
  /** Makes the directory if it is not there: true unless said otherwise. */
  create?: boolean;
  /**
   * The most bytes of segment files that are kept in memory to read single records from, over all streams: 16 MiB
   * unless it is set, and 0 for none. It is taken as it fills.
   */
  cacheBytes?: number | bigint;
  /**
   * Whether a directory that a node (`headwater serve`) has open is reached through it: where there is one unless said
   * otherwise, never, or only so.
   */
  node?: 'auto' | 'never' | 'only';
}

/** Opens a directory, and makes it if it is not there. */
export function open(dir: string | URL, options?: OpenOptions & Limits): Promise<Engine>;
/** As `open`, and blocks this thread until it is done. */
export function openSync(dir: string | URL, options?: OpenOptions): Engine;
/**
 * Opens what a configuration file says (`headwater.toml`): its directory, its streams made or changed, its links at
 * work, its part in a mesh begun. `${VARIABLE}` in it is of this process's environment. Neither the hub nor other nodes
 * are waited for.
 */
export function openConfig(path: string | URL, options?: Limits): Promise<Engine>;
/** An engine in memory, gone at close. */
export function memory(): Engine;
/**
 * Connects to a hub: any NATS server or cluster with JetStream, at one address or several. Every operation works there
 * as in a directory; what the server is too old for is refused with kind `unsupported`.
 */
export function connect(options: string | string[] | HubOptions & Limits): Promise<Engine>;
/** An engine in a temporary directory, removed at close. */
export function temporary(): Engine;
/** The engine that another worker of this process shared under this key. Closing it closes it for all. */
export function attach(key: bigint): Engine;
/** Copies a backup to a new directory, checking every byte; returns the bytes copied. */
export function restore(from: string | URL, to: string | URL, options?: ProgressLimits): Promise<bigint>;
/** Checks every byte of a directory without changing it; damage is in the report, not an error. */
export function verify(dir: string | URL, options?: ProgressLimits): Promise<VerifyReport>;
/** Turns any text into one subject token, reversibly, the same behind every door. */
export function encodeToken(text: string): string;
/** The text that `encodeToken` turned into this token; anything that it would not have written is refused. */
export function decodeToken(token: string): string;
/** The version of the package. */
export const version: string;

/** How a hub is reached. Only one of `token`, `user`, `nkeySeed` and `credentialsFile` may be given. */
export interface HubOptions {
  /** `nats://host:port` or `tls://host:port`; one is enough where the others are announced. */
  urls: string | string[];
  /** What the connection is called in the server's monitoring; `headwater` by default. */
  name?: string;
  token?: string;
  /** With `password`. */
  user?: string;
  password?: string;
  /** The seed of an nkey, `SU…`. */
  nkeySeed?: string;
  /** A file with a user's JWT and seed, as `nsc` writes it. */
  credentialsFile?: string;
  /** Certificates of the authorities that the server's is checked against, in PEM; the system's when left out. */
  caFile?: string;
  /** Our certificate, in PEM, with `keyFile`. */
  certFile?: string;
  keyFile?: string;
  /** Refuses a server that does not speak TLS. */
  requireTls?: boolean;
  /** Begins with TLS, before the server says anything; the server has to be set so. */
  tlsFirst?: boolean;
  /** The JetStream domain; not together with `apiPrefix`. */
  domain?: string;
  /** Where JetStream's API is, instead of `$JS.API`. */
  apiPrefix?: string;
  /** How long an answer may take; 5,000 by default. Later is kind `timeout`. */
  requestTimeoutMs?: number;
  /** How long a connection may take to come about; 5,000 by default. */
  connectTimeoutMs?: number;
  /** The shortest wait between two attempts to reconnect; 50 by default. */
  reconnectDelayMinMs?: number;
  /** The longest; the waits double up to it. 2,000 by default. */
  reconnectDelayMaxMs?: number;
  /** Appends that may be on their way at once, up to 32,768; 4,096 by default. */
  window?: number;
  /**
   * On how many servers a stream is kept that is made over this connection and says nothing of a hub, such as those of
   * buckets, event stores and entities: up to 5; 1 by default. One that is there stays as it is.
   */
  replicas?: number;
  /** No server has to answer now: the engine is there at once, connecting, and tries until one does. */
  retryOnInitialConnect?: boolean;
}

/** Where the connection to a hub stands; the server is the one that it was connected to last. */
export interface HubState {
  phase: 'connecting' | 'connected' | 'reconnecting' | 'closed';
  serverName: string;
  serverVersion: string;
  /** The level of JetStream's API; 0 before 2.11. */
  apiLevel: number;
  /** Why it is not connected, or what the server complained of since it is; empty when nothing went wrong since. */
  lastError: string;
  /** How often it came back after it was lost. */
  reconnects: bigint;
  /**
   * Sequences of either side that the links of this process to it have still to look at, as of this answer. It changes
   * with every record, so nobody who follows the state is woken for it.
   */
  lagRecords: bigint;
}

/** A local stream joined to another one. */
export interface LinkConfig {
  /** Positions are kept under it. */
  name: string;
  /** The local stream. */
  stream: string;
  /** The stream on the other side. */
  remote: string;
  /** Which way records go; `both` by default. */
  direction?: 'both' | 'push' | 'pull';
  /** Only records whose local subject one of these takes; all when left out. */
  filters?: string | string[];
  /** Subjects under a local prefix are subjects under another one there: whole tokens, by the local ones. */
  map?: { [local: string]: string };
  /** What is carried first after a time apart: every record, or the newest of each subject. `history` by default. */
  catchUp?: 'history' | 'latest';
  /** What is done when the other stream was made anew; `resend` by default. */
  onReset?: 'resend' | 'continue' | 'stop';
  /** Nobody else appends to the other stream, so records are pushed one by one. */
  exclusive?: boolean;
  /**
   * What the stream on the other side is made as when it is not there; without it none is made. Its subjects may be
   * left out: those of the local stream then, as they are there, and what positions of many pushers need.
   */
  create?: Partial<StreamConfig>;
}

/** Where a link stands; counts are since the engine was opened, lags are sequences still to be looked at. */
export interface LinkStatus {
  name: string;
  stream: string;
  remote: string;
  direction: 'both' | 'push' | 'pull';
  state: 'starting' | 'running' | 'waiting' | 'stopped';
  pushed: bigint;
  pulled: bigint;
  /** Records that came or went and were there already. */
  known: bigint;
  /** Records that limits removed before they were carried: a gap. */
  missed: bigint;
  /** Records passed over for newer ones of their subjects. */
  skipped: bigint;
  lagPush: bigint;
  lagPull: bigint;
  /** How often the other stream was another one than before. */
  resets: bigint;
  failures: bigint;
  lastError: string | null;
}

/** A node of a mesh: peers whose stores of state that merges are kept in step without a hub. */
export interface MeshConfig {
  /** What people call this node; its address when not given. */
  name?: string;
  /** Where it listens, host:port; port 0 is a free one. */
  bind: string;
  /** Where others reach it, host:port; `bind` when not given. */
  advertise?: string;
  /** Nodes to join by, host:port with a name or an address; they are called until each is connected. */
  seeds?: string | string[];
  /** The file with the certificate of the authority that signed those of all nodes, in PEM. */
  ca: string;
  /** The file with this node's certificate, in PEM. */
  cert: string;
  /** The file with its key, in PEM. */
  key: string;
  /** The name that the certificates of nodes have; the host that is called when not given. */
  serverName?: string;
  /** The stores that this node keeps in step; all there are, here and elsewhere, when there is none. */
  stores?: string | string[];
  /** How fast it beats: `lan` when not given. */
  preset?: 'lan' | 'wan' | 'seed';
  /** How long the others wait for a node that is away before they forget what was removed: 30 days when not given. */
  horizonMs?: number;
}

/** A mesh, as one of its nodes sees it. */
export interface MeshStatus {
  /** This node. */
  own: Member;
  /** The others, by name and id. */
  members: Member[];
  /** Connections that were refused before their handshake was done. */
  refused: bigint;
  /** Packets that were not understood or not taken in. */
  faults: bigint;
  sentBytes: bigint;
  receivedBytes: bigint;
  /** What went wrong last; empty when nothing did. */
  lastError: string;
  /** By how much this node lengthens its time limits, as it is slow itself: 0 to 8. */
  localHealth: number;
}

/** One node of a mesh. */
export interface Member {
  name: string;
  /** The id of its engine. */
  engine: bigint;
  /** Where it is reached, host:port. */
  address: string;
  state: 'alive' | 'suspect' | 'down' | 'left';
  /** Since when it stands so, nanoseconds since the epoch. */
  since: bigint;
  /** Whether there is a connection to it. */
  connected: boolean;
  /** The stores that both have; of this node itself, all it has. */
  stores: MemberStore[];
}

/** One store as it is shared with one node. */
export interface MemberStore {
  store: string;
  /** Operations that the node is known to have and this one lacks. */
  behind: bigint;
  /** Records of this node's log that the other has not acknowledged. */
  unacked: bigint;
  /** How often keys had to be compared to learn what was missing. */
  repairs: bigint;
}

/** A SQLite file that replicates. What is left out is the default. */
export interface DatabaseConfig {
  /** The SQLite file, which is there. */
  path: string;
  /**
   * What the nodes call it, the same at all of them: letters, digits, `-` and `_`. The file's name up to its first dot
   * when not given.
   */
  name?: string;
  /** What people call this node; the id of its engine when not given. */
  nodeId?: string;
  /** Whether what is written here goes to others: true unless said otherwise. */
  publish?: boolean;
  /** Whether what others write comes here: true unless said otherwise. */
  replicate?: boolean;
  /** Tables to replicate, without regard to case; all when there is none. */
  include?: string | string[];
  /** Tables to leave out, without regard to case. */
  exclude?: string | string[];
  /** Tables of whose rows one write wins whole. */
  perRow?: string | string[];
  /**
   * Columns to leave out, as `table.column` without regard to case, where `*` stands for any characters: what is in
   * them stays here and is never written by others, and a row made elsewhere has the column's default.
   */
  excludeColumns?: string | string[];
  /** The most rows that one unit takes in: 4,096 when not given. */
  scanMaxChanges?: number;
  /** How often the file is looked at: 5 ms when not given. */
  pollingIntervalMs?: number;
  /** How often a sweep over the clocks of all rows begins: a minute when not given. */
  cleanupIntervalMs?: number;
  /** The most records that the log keeps; all when not given. */
  logMaxEntries?: Integer;
  /** What an acknowledgement of the log promises; `fsync` when not given. */
  logDurability?: Durability;
  /**
   * How many streams the log is, at most 64, the same at all nodes: 1 when not given. With more than one, what was
   * written together comes apart. The first is `REPLICA_<name>`, the others `REPLICA_<name>:2` and so on.
   */
  logShards?: number;
  /** Whether units are compressed: true unless said otherwise. */
  logCompress?: boolean;
  /** Where snapshots are kept: a directory that all nodes have, or `nats`. Without it none are made by themselves. */
  snapshotStore?: string;
  /** How often one is made, by one node of all. */
  snapshotIntervalMs?: number;
  /** One is made when the log grew by so many records since the last. */
  snapshotLogEntries?: Integer;
  /** How many are kept: 3 when not given. */
  snapshotKeep?: number;
}

/** How a SQLite file that replicates stands. */
export interface DatabaseStatus {
  name: string;
  path: string;
  /** What people call this node. */
  nodeId: string;
  /** In whose name its units are now, 16 hex digits. It is another one after a crash, and for a copy. */
  node: string;
  /** `stopped`: nobody works on it. `failed`: `lastError` says why, and it is tried again. */
  state: 'stopped' | 'running' | 'paused' | 'failed';
  /** The tables that replicate. */
  tables: string[];
  /** Those that do not, and why. */
  refused: { table: string; reason: string }[];
  /** The columns that are left out of tables that replicate, as `table.column`. */
  leftOut: string[];
  /** Writes that were captured and are in no unit yet. */
  pending: bigint;
  /** Units that are not in the log yet. */
  unsent: bigint;
  /** Units that were sent since it was opened. */
  published: bigint;
  /** Units of others that were joined since it was opened, and the changes of rows in them. */
  applied: bigint;
  changes: bigint;
  /** Rows that are kept and not shown, as another that won has their UNIQUE value or they break a constraint. */
  conflicts: bigint;
  /** Bundles of changes that wait for a table or column. */
  parked: bigint;
  /** Units that wait, as their clock is too far ahead. */
  held: bigint;
  /** Units of others that were made and did not come: a snapshot, or whoever has them, is needed. */
  missing: bigint;
  /** Records of the log that were not read yet. */
  lagRecords: bigint;
  /** How old the newest write of another node is that is in the file; 0 when nothing waits to be read. */
  lagMs: number;
  /** How long nothing was sent and nothing joined. */
  idleMs: number;
  /** A snapshot that is being made or joined: how far of how much, in bytes, or in rows of a join. */
  job: { what: string; done: bigint; total: bigint } | null;
  /** Records of the log that could not be understood. */
  faults: bigint;
  /** What went wrong last; empty when nothing did. */
  lastError: string;
}

/** What a comparison of nodes found. */
export interface CheckReport {
  /** The other nodes, by what people call them. */
  nodes: ComparedNode[];
  /** Rows here whose foreign keys name nothing, by table. */
  dangling: Record<string, bigint>;
  /** Whether rows were given to repair what differed. */
  repaired: boolean;
  /** Whether every node answered and has the same rows. */
  isEqual: boolean;
}

/** Another node, compared with this one. */
export interface ComparedNode {
  nodeId: string;
  /** `apart`: one of the two has units that the other has not yet. `silent`: it did not answer. */
  compared: 'equal' | 'differs' | 'apart' | 'silent';
  /** The tables that differ, and of each how many of its 64 ranges of keys. */
  differing: Record<string, number>;
  /** The tables whose schema is another one there, or is not known there or here. */
  schema: string[];
}

/** A table, and who has which form of it. */
export interface SchemaOf {
  /** In lower case. */
  table: string;
  /** The nodes, by SHA-256 of the schema that they have; those that have no such table are under the empty text. */
  forms: Record<string, string[]>;
  /** Whether all nodes have the same. */
  isSame: boolean;
}

/** A snapshot. */
export interface SnapshotInfo {
  /** Its name: names are in the order of time. */
  id: string;
  /** What people call the node that made it. */
  nodeId: string;
  /** When, milliseconds since the epoch. */
  createdMs: number;
  /** Bytes of the file, and those that it takes where it is kept. */
  bytes: bigint;
  storedBytes: bigint;
}

/** A SQLite file that replicates: what any program writes to it goes to all nodes. */
export class Database {
  private constructor();
  /** What the nodes call it. */
  readonly name: string;
  /** The file. */
  readonly path: string;
  /** The streams that are its log: one for each shard, so one unless `logShards` said more. */
  readonly streamNames: string[];
  /** A connection to the file, with this library's copy of SQLite. */
  connect(limits?: Limits): Promise<Connection>;
  /** How it stands. */
  status(limits?: Limits): Promise<DatabaseStatus>;
  /**
   * Takes in all that was written here before the call and puts it into the log, and joins all that the log has of
   * others. A conflict while it is paused.
   */
  sync(limits?: Limits): Promise<void>;
  /** Leaves the file alone until `resume`, across restarts too. What is written is captured and waits. */
  pause(limits?: Limits): Promise<void>;
  /** Goes on. */
  resume(limits?: Limits): Promise<void>;
  /** Lets in what is held, as the clock of the node that wrote it is too far ahead; returns how many units. */
  release(limits?: Limits): Promise<bigint>;
  /**
   * Ends replication, and takes every trace of it out of the file. The log stays; what is not sent yet is lost to
   * others, which `sync` before prevents.
   */
  detach(limits?: Limits): Promise<void>;
  /**
   * Compares this node with all others, which work on. With `repair`, all nodes give the rows of what differs, join
   * them, and are compared again.
   */
  check(options?: { repair?: boolean } & Limits): Promise<CheckReport>;
  /** Who has which schema, table by table. */
  schema(limits?: Limits): Promise<SchemaOf[]>;
  /** Follows what is joined from now on. What is joined before the watcher is `ready` may not come. */
  watch(): ChangeWatcher;
  /** Makes a snapshot where `snapshotStore` says; it is consistent, and writers go on meanwhile. */
  snapshot(limits?: Limits): Promise<SnapshotInfo>;
  /** The snapshots that there are, the newest first. */
  snapshots(limits?: Limits): Promise<SnapshotInfo[]>;
  /**
   * Joins the newest snapshot with the file, or the one of this id. What was written here is kept as far as nothing
   * newer is in it, and the application goes on meanwhile.
   */
  restore(id?: string | null, limits?: Limits): Promise<SnapshotInfo>;
}

/** Text of SQLite's that is not UTF-8: its bytes, which go back in as that text. */
export class RawText {
  constructor(bytes: Uint8Array);
  readonly bytes: Uint8Array;
  /** The text as far as it is UTF-8, with U+FFFD for the rest. */
  toString(): string;
}

/** A value that comes out of a SQLite file: integers that are not safe as a number are bigints. */
export type SqlValue = null | number | bigint | string | Buffer | RawText;
/**
 * A value that goes into one. A number that is a safe integer goes in as an integer, and any other as a real, -0 among
 * them; `cast(? as real)` makes a real of a whole number. A boolean is 1 or 0.
 */
export type SqlValueIn = null | number | bigint | boolean | string | Uint8Array | RawText;

/** What a statement did and found. */
export interface SqlAnswer {
  /** The names of the columns; none for a statement that finds no rows. */
  columns: string[];
  /** The rows, each with a value for each column. */
  rows: SqlValue[][];
  /** Rows that it inserted, updated or deleted. */
  changes: number;
  /** The rowid of the last row that this connection inserted. */
  lastInsertRowid: number | bigint;
}

/** A row that a write of another node changed here, or that a constraint showed or hid. */
export interface RowChange {
  table: string;
  /** The values of its key; what the row is now is in the file. */
  key: SqlValue[];
  kind: 'insert' | 'update' | 'delete';
  /** In whose name the write is, 16 hex digits; this node's own where what was written here shows a row or hides it. */
  node: string;
  /** The hybrid time of the write. */
  stamp: bigint;
  /** When that was, in milliseconds since the epoch by the clock of its node. */
  timeMs: number;
}

/** Follows what is joined into a SQLite file: one that is slow misses some, and says how many. */
export class ChangeWatcher extends Follower<RowChange> {
  /** How many changes this watcher was too slow for: the last 4,096, of at most 4 MiB, are kept. */
  readonly missed: bigint;
}

/**
 * A connection to a SQLite file. What is asked of it is done in that order, on a thread of its own. `BEGIN`, `COMMIT`
 * and `ROLLBACK` are statements; without them each statement stands for itself.
 *
 * ```js
 * const database = await engine.attach({ path: 'app.db' });
 * const connection = await database.connect();
 * await connection.execute('insert into books(title) values (?)', ['Emma']);
 * const { rows } = await connection.execute('select id, title from books');
 * await connection.close();
 * ```
 */
export class Connection implements AsyncDisposable {
  private constructor();
  /**
   * Runs one statement, with a value for each `?`. A constraint that refuses it is a conflict; a lock that another has
   * for more than 5 s is kind `busy`; an answer of more than 256 MiB is kind `limit`. A wait that is given up
   * interrupts the statement: what it was to change is undone with its transaction, unless it was about to end.
   */
  execute(sql: string, values?: SqlValueIn[], limits?: Limits): Promise<SqlAnswer>;
  /** Whether a transaction is open after what was done last. */
  readonly isInTransaction: boolean;
  /** Ends it after all that was asked before; what is not committed is undone. Closing twice is nothing. */
  close(limits?: Limits): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A directory of streams, or one in memory.
 *
 * ```js
 * import { open } from 'headwater';
 * const engine = await open('data');
 * const orders = await engine.createStream({ name: 'orders', subjects: ['orders.>'] });
 * const { seq } = await orders.append('orders.eu.1', '{"n":1}');
 * await engine.close();
 * ```
 */
export class Engine implements AsyncDisposable {
  private constructor();
  /** Where it is; null in memory. */
  readonly dir: string | null;
  /** 64 random bits drawn when the directory was made. */
  readonly id: bigint;
  /** 64 random bits drawn at this open for writing; 0 when read-only. */
  readonly epoch: bigint;
  /** Whether it works through the node that has its directory open; when that goes away, every call is closed. */
  readonly isThroughNode: boolean;
  /** A key under which other workers of this process may `attach`, until the engine is closed. */
  share(): bigint;
  /** Syncs and closes everything; waits fail with kind `closed`. Closing twice is nothing. */
  close(limits?: Limits): Promise<void>;
  /** As `close`, and blocks this thread until it is done. */
  closeSync(): void;
  /** Makes a stream; the same configuration again returns the one there, another one is a conflict. */
  createStream(config: StreamConfig, limits?: Limits): Promise<Stream>;
  /** Changes a stream to this configuration; what is left out goes back to its default, but `hub` stays as it is. */
  updateStream(config: StreamConfig, limits?: Limits): Promise<Stream>;
  /** The stream of this name. */
  stream(name: string): Promise<Stream>;
  /** Removes a stream and everything in it. */
  deleteStream(name: string, limits?: Limits): Promise<void>;
  /** All streams, by name: what each is and holds. */
  streams(): Promise<StreamInfo[]>;
  /** Makes a bucket, or returns the one there. */
  createBucket(config: BucketConfig, limits?: Limits): Promise<Bucket>;
  /** The bucket of this name. */
  bucket(name: string): Promise<Bucket>;
  /** Removes a bucket. */
  deleteBucket(name: string, limits?: Limits): Promise<void>;
  /** All buckets, by name. */
  buckets(): Promise<string[]>;
  /** Makes an object store, or returns the one there. */
  createObjectStore(config: ObjectStoreConfig, limits?: Limits): Promise<ObjectStore>;
  /** The object store of this name. */
  objectStore(name: string): Promise<ObjectStore>;
  /** Removes an object store. */
  deleteObjectStore(name: string, limits?: Limits): Promise<void>;
  /** All object stores, by name. */
  objectStores(): Promise<string[]>;
  /** Opens a point store, and makes it if it is not there. */
  createPoints(config: PointsConfig, limits?: Limits): Promise<Points>;
  /** Opens a point store that is there. */
  points(name: string): Promise<Points>;
  /** Opens an event store, and makes it if it is not there; another configuration than it has is a conflict. */
  createEventStore(config?: EventsConfig, limits?: Limits): Promise<EventStore>;
  /** The event store of this name, `events` when not given. */
  eventStore(name?: string): Promise<EventStore>;
  /** All event stores, by name. */
  eventStores(): Promise<string[]>;
  /** Removes an event store with everything in it. */
  deleteEventStore(name: string, limits?: Limits): Promise<void>;
  /**
   * Opens a store of state that merges, and makes it if it is not there; another durability than it has is a conflict.
   * It reads the newest snapshot and the log behind it.
   */
  crdt(name: string, options?: CrdtOptions & Limits): Promise<CrdtStore>;
  /** Opens a store of state that merges that is there. */
  openCrdt(name: string, limits?: Limits): Promise<CrdtStore>;
  /** All stores of state that merges, by name. */
  crdts(): Promise<string[]>;
  /**
   * Opens a presence store, and makes its stream if it is not there; all handles of a process share one. A conflict
   * when it is open with another configuration.
   */
  presence(config?: PresenceConfig, limits?: Limits): Promise<Presence>;
  /** The names of all presence stores, in order. */
  presences(): Promise<string[]>;
  /** Where the connection to the hub stands. */
  hubState(): HubState;
  /** Follows where the connection to the hub stands: the state now, then whenever it changes. */
  hubStates(): HubStates;
  /** Joins a stream of this engine to one of `other`, usually a hub, until this is closed or the link removed. */
  addLink(config: LinkConfig, other: Engine, limits?: Limits): Promise<void>;
  /** Ends a link; what was carried stays, and where it stood is kept for the next one of its name. */
  removeLink(name: string): Promise<void>;
  /** Where each link stands, by name. */
  links(): LinkStatus[];
  /**
   * Joins a mesh, and is part of it until it leaves or is closed; it does not wait for any other node. Stores of state
   * that merges are from then on the same at all nodes, and every write stays local.
   */
  joinMesh(config: MeshConfig, limits?: Limits): Promise<void>;
  /**
   * Says good-bye to the other nodes of the mesh, which tell it from one that does not answer; 5 s at the most. Nothing
   * if it is part of none.
   */
  leaveMesh(limits?: Limits): Promise<void>;
  /** Who is in the mesh that it is part of, through a node too, and how far its stores are; null if it is in none. */
  mesh(limits?: Limits): Promise<MeshStatus | null>;
  /**
   * Begins to keep live entities: alone, as a node of a cluster, whose bucket is made if it is not there, or as a
   * client that asks those of a cluster. A cluster is `unsupported` on an engine without requests from node to node.
   */
  entities(config?: EntitiesConfig, limits?: Limits): Promise<Entities>;
  /**
   * Makes a SQLite file replicate, or finds it doing so, and works on it until the engine is closed or the file
   * detached; what any program writes to it is captured from now on. Its log is stream `REPLICA_<name>`: a link of it
   * to a hub joins nodes. A file that this process has open by other means is a conflict: two copies of SQLite in one
   * process must not open one file.
   */
  attach(config: DatabaseConfig, limits?: Limits): Promise<Database>;
  /** The attached file of this name. */
  database(name: string, limits?: Limits): Promise<Database>;
  /** How each attached file stands, by name. */
  databases(limits?: Limits): Promise<DatabaseStatus[]>;
  /** Copies the live directory, consistent by stream; returns the bytes copied. */
  backup(to: string | URL, options?: ProgressLimits): Promise<bigint>;
  /** What it has done and holds, now. */
  metrics(): Metric[];
  /** Takes up to `max` lines from the log queue; older lines than its 1,024 have given way. */
  logs(max?: number): LogLine[];
  /**
   * Waits until there is at least one line in the log queue, then takes up to `max` (1,024); each line goes to one
   * taker. Once the engine is closed and its last line taken, it fails with kind `closed`.
   */
  nextLogs(max?: number, limits?: Limits): Promise<LogLine[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A measured value, in Prometheus's terms. */
export interface Metric {
  name: string;
  labels: Record<string, string>;
  value: number;
  /** Whether it only grows. */
  counter: boolean;
}

/** One line of the engine's log. */
export interface LogLine {
  time: bigint;
  level: 'error' | 'warn' | 'info' | 'debug';
  message: string;
}

/** What a check of a directory found. */
export interface VerifyReport {
  streams: bigint;
  segments: bigint;
  records: bigint;
  bytes: bigint;
  /** Torn tails that an open would cut: a sentence each. */
  torn: string[];
  /** Damage: a sentence each, naming file, offset and missing sequences. */
  damage: string[];
}

/** What a stream takes, how long it keeps it, and what its acknowledgements mean. A limit of 0 is no limit. */
export interface StreamConfig {
  /** No white space, `.`, `*`, `>`, `/` or `\`. */
  name: string;
  /** The filters of the subjects that it takes; its own name when empty. */
  subjects?: string | string[];
  description?: string;
  durability?: Durability;
  /** With `interval`: at most this much time is lost; 1 to 3,600,000, 100 by default. */
  syncIntervalMs?: number;
  /** Records older than this go. */
  maxAgeMs?: number;
  maxMsgs?: Integer;
  /** The most bytes of subjects, headers and payloads. */
  maxBytes?: Integer;
  /** The most records of one subject; older ones of it go. */
  maxMsgsPerSubject?: Integer;
  /** The largest payload, in bytes; 0 is the engine's own bound of 8 MiB. */
  maxMsgSize?: number;
  /** What gives at `maxMsgs` and `maxBytes`: the oldest records, or the append. */
  discard?: 'old' | 'new';
  /** With `discard: 'new'`: refuse at `maxMsgsPerSubject` too. */
  discardNewPerSubject?: boolean;
  /** How long message ids are remembered; two minutes by default. */
  duplicateWindowMs?: number;
  /** Whether an append may carry a rollup. */
  allowRollup?: boolean;
  /** Whether deleting single records is refused. */
  denyDelete?: boolean;
  /** Whether purging is refused. */
  denyPurge?: boolean;
  /** How sealed segments are stored. */
  compression?: 'none' | 'zstd';
  /** The size at which a segment is sealed, in bytes, 64 KiB to 1 GiB. */
  segmentBytes?: Integer;
  /** What only a hub has; a local engine refuses it. Left out, an update leaves it as it is. */
  hub?: HubConfig;
}

/** What only a hub has of a stream: how many servers keep it and which, and what it takes from other streams. */
export interface HubConfig {
  /** On how many servers, 1 to 5; 1 by default. */
  replicas?: number;
  /** Where they keep it; `file` by default. */
  storage?: 'file' | 'memory';
  /** The cluster that it has to be in. */
  placementCluster?: string;
  /** Tags that its servers have to have. */
  placementTags?: string | string[];
  /** Streams that it takes records from, beside its own subjects. */
  sources?: StreamSource[];
  /** The stream that it is a copy of; it takes no subjects of its own then. */
  mirror?: StreamSource;
  /** How subjects change as records come in. */
  subjectTransform?: SubjectTransform;
  /** Whether any replica answers single reads of other tools; true by default. */
  allowDirect?: boolean;
}

/** A stream that another one takes records from. */
export interface StreamSource {
  name: string;
  /** From this sequence on; 0 is from the first. */
  startSeq?: Integer;
  /** From this commit time on; 0 is from the first. */
  startTime?: Time;
  /** Only the subjects that this takes. Not together with `transforms`. */
  filter?: string;
  /** How subjects change on the way. */
  transforms?: SubjectTransform[];
  /** The JetStream domain that it is in; this one when left out. */
  domain?: string;
}

/** How a subject becomes another. */
export interface SubjectTransform {
  /** The filter of the subjects that change. */
  source: string;
  /** What they become, with `{{wildcard(1)}}` and the like. */
  destination: string;
}

/** A configuration with its defaults filled in; `hub` is there on a hub alone. */
export type FullStreamConfig = Required<Omit<StreamConfig, 'hub'>> & Pick<StreamConfig, 'hub'>;

/** What a stream is and holds. */
export interface StreamInfo {
  config: FullStreamConfig;
  created: bigint;
  records: bigint;
  /** Bytes of subjects, headers and payloads kept. */
  bytes: bigint;
  diskBytes: bigint;
  /** How many subjects have a record. */
  subjects: bigint;
  /** One past the last when no record is kept. */
  firstSeq: bigint;
  firstTime: bigint;
  lastSeq: bigint;
  lastTime: bigint;
  /** How many records between the first and the last are gone. */
  deleted: bigint;
  consumers: bigint;
  segments: bigint;
}

/** The conditions and properties of an append. */
export interface AppendOptions {
  /** Names and values, in order; a name may repeat. Names that begin with `Nats-` are refused. */
  headers?: Iterable<[name: string, value: string]> | Record<string, string>;
  /** When it happened, as its source says. */
  eventTime?: Time;
  /** How long it stays: whole seconds, at least one. */
  ttlMs?: number;
  /** A second append with this id within the stream's `duplicateWindowMs` is acknowledged as a duplicate. */
  msgId?: string;
  /** The stream's last sequence must be this one. */
  expectLastSeq?: Integer;
  /** The last sequence of `expectFilter` (or of the own subject) must be this one; 0 means that there is none. */
  expectSubjectLastSeq?: Integer;
  /** The subject or wildcard filter that `expectSubjectLastSeq` speaks of. */
  expectFilter?: string;
  /** Replaces earlier records; the stream must `allowRollup`. */
  rollup?: 'none' | 'subject' | 'all';
}

/** One record of a batch. */
export interface BatchRecord extends AppendOptions {
  subject: string;
  payload?: Bytes;
}

/** What an append came to. */
export interface Ack {
  /** The sequence of the record; of the last one for a batch; of the first one appended for a duplicate. */
  seq: bigint;
  /** How many records were appended; 0 for a duplicate. */
  count: number;
  duplicate: boolean;
  /** What the acknowledgement promises. */
  durability: Durability;
}

/** A record as it lies in a stream. */
export class Record_ {
  protected constructor();
  readonly seq: bigint;
  readonly subject: string;
  /** When it was committed; never decreasing along a stream. */
  readonly time: bigint;
  /** When it happened, as its source says. */
  readonly eventTime: bigint | null;
  readonly headers: Array<[name: string, value: string]>;
  /** A view of the memory that the batch was read into: keeping it keeps the batch. */
  readonly payload: Buffer;
  /** How often a consumer has delivered it, this time included; 0 when it was read without one. */
  readonly delivered: number;
  /** The payload as UTF-8 text. */
  text(): string;
  /** The payload, parsed as JSON. */
  json(): unknown;
  /** The first value of a header, letter case included. */
  header(name: string): string | undefined;
}
export { Record_ as Record };

/** Which records to read. */
export interface ReadOptions {
  /** Only records that one of these takes; all when left out. */
  filters?: string | string[];
  /** Where to begin; the first record (backward: the last one) when left out. */
  fromSeq?: Integer;
  /** Begins at the first record committed at or after this time (backward: the last one at or before it). */
  fromTime?: Time;
  /** No record committed at or after this time (backward: before it). */
  until?: Time;
  /** Only records whose event time (commit time where it has none) is this or later. */
  eventFrom?: Time;
  /** Only records whose event time is before this. */
  eventTo?: Time;
  /** Newest first. */
  backward?: boolean;
  /** 1,000 when left out. */
  maxRecords?: number;
  /** At least one record comes; 8 MiB when left out. */
  maxBytes?: number;
}

/** Where a subscription or a consumer begins, by JetStream's names. */
export interface Deliver {
  deliverPolicy?: 'all' | 'last' | 'new' | 'by_start_sequence' | 'by_start_time' | 'last_per_subject';
  /** With `by_start_sequence`, which it implies. */
  startSeq?: Integer;
  /** With `by_start_time`, which it implies. */
  startTime?: Time;
}

export interface SubscribeOptions extends Deliver {
  /** Only records that one of these takes; all when left out. */
  filters?: string | string[];
}

/** What to purge; everything when nothing is said. */
export interface PurgeOptions extends Limits {
  filter?: string;
  /** Only records before this sequence. */
  beforeSeq?: Integer;
  /** Keep this many of the newest (of each subject when filtered). */
  keep?: Integer;
}

/** A durable, subject-addressed, sequenced log. Methods that end in `Sync` block this thread until they are done. */
export class Stream {
  private constructor();
  readonly name: string;
  /** Its configuration now. */
  readonly config: FullStreamConfig;
  info(): Promise<StreamInfo>;
  /** Appends one record; done when the stream's durability is reached. */
  append(subject: string, payload: Bytes, options?: AppendOptions & Limits): Promise<Ack>;
  appendSync(subject: string, payload: Bytes, options?: AppendOptions & Limits): Ack;
  /** Appends up to 1,000 records, all or nothing, across a crash too. */
  appendBatch(records: BatchRecord[], limits?: Limits): Promise<Ack>;
  appendBatchSync(records: BatchRecord[], limits?: { timeoutMs?: number }): Ack;
  /** The record with this sequence, or null. */
  get(seq: Integer): Promise<Record_ | null>;
  getSync(seq: Integer): Record_ | null;
  /** The newest record of a subject, or of all that a wildcard filter takes; or null. */
  last(filter: string): Promise<Record_ | null>;
  lastSync(filter: string): Record_ | null;
  /** The newest record of every subject that the filters take, by sequence, at most `max` (1,000) after `after`. */
  lastMany(filters: string | string[], options?: { after?: Integer; max?: number }): Promise<Record_[]>;
  lastManySync(filters: string | string[], options?: { after?: Integer; max?: number }): Record_[];
  /** The last sequence among all subjects that the filter takes; 0n when there is none. */
  lastSeq(filter: string): Promise<bigint>;
  /** The subjects that have a record, in order, each with how many, at most `max` (1,000) after the subject `after`. */
  subjects(
    filter?: string,
    options?: { after?: string; max?: number },
  ): Promise<Array<{ subject: string; count: bigint }>>;
  /** Reads records; go on from the last one's sequence for more. */
  read(options?: ReadOptions): Promise<Record_[]>;
  readSync(options?: ReadOptions): Record_[];
  /** History, then live, with no gap and no duplicate at the seam. */
  subscribe(options?: SubscribeOptions): Subscription;
  /** Makes a durable consumer; the same configuration again returns the one there, another one is a conflict. */
  createConsumer(config: ConsumerConfig): Promise<Consumer>;
  /** The consumer of this name. */
  consumer(name: string): Promise<Consumer>;
  deleteConsumer(name: string): Promise<void>;
  /** All consumers, by name: where each stands. */
  consumers(): Promise<ConsumerInfo[]>;
  /** Removes one record; false when it was not there. */
  delete(seq: Integer, limits?: Limits): Promise<boolean>;
  /** Removes records and gives back their space; returns how many. */
  purge(options?: PurgeOptions): Promise<bigint>;
  /** Done when everything appended so far is on disk. */
  sync(limits?: Limits): Promise<void>;
}

/** A queue of items: take what is there, wait for what comes, or iterate. Each item goes to one taker. */
declare class Source<T> implements AsyncIterable<T> {
  protected constructor();
  /** Waits until there is at least one item, then takes up to `max` (256). */
  next(max?: number, limits?: Limits): Promise<T[]>;
  /** Takes up to `max` (256) items that are there now, perhaps none. */
  tryNext(max?: number): T[];
  /**
   * The items one by one, until this or its engine is closed; `batch` is how many are taken at once. Items that were
   * taken and not reached when the loop is left stay here for the next one.
   */
  items(options?: { batch?: number; signal?: AbortSignal }): AsyncGenerator<T, void, void>;
  [Symbol.asyncIterator](): AsyncGenerator<T, void, void>;
}

/** What opens at once on a directory, and in the background on a hub; it ends by being closed. */
declare class Follower<T> extends Source<T> {
  /** Done when it is open: on a hub, what is appended from then on is sure to come. */
  ready(limits?: Limits): Promise<void>;
  /** Ends it: waits fail with kind `closed`, loops end. */
  close(): void;
}

/** A place in a stream that moves as records are taken. */
export class Subscription extends Follower<Record_> {
  /**
   * How many records limits removed before this subscription came to read them: how far it fell behind. A subscription
   * to all that has read nothing yet begins at what is kept, and has missed nothing.
   */
  readonly missed: bigint;
  /** The sequence that comes next at the earliest. */
  readonly position: bigint;
  /** How many sequences the stream is ahead. */
  readonly lag: bigint;
}

/** The states of a connection to a hub, as they come. What is over before it is taken is passed over. */
export class HubStates extends Follower<HubState> {
  protected constructor();
}

/** A durable position in a stream, with JetStream's names and defaults. */
export interface ConsumerConfig extends Deliver {
  name: string;
  description?: string;
  /** Only records that one of these takes; all when left out. */
  filterSubjects?: string | string[];
  /** Which records need an acknowledgement. */
  ackPolicy?: 'explicit' | 'all' | 'none';
  /** How long a delivered record may stay unacknowledged before it is delivered again; 30 s by default. */
  ackWaitMs?: number;
  /** How often a record is delivered at the most; 0 is without end. */
  maxDeliver?: number;
  /** Instead of `ackWaitMs`: the wait after the first, second, … delivery; the last one repeats. */
  backoffMs?: number[];
  /** The most records that may be delivered and unacknowledged; 0 is without end, 1,000 by default. */
  maxAckPending?: number;
  /** The stream that takes records past `maxDeliver`; `<stream>_DLQ` when left out. */
  deadLetter?: string;
}

/** Where a consumer stands. */
export interface ConsumerInfo {
  config: ConsumerConfig;
  /** The last sequence that was delivered for the first time. */
  deliveredSeq: bigint;
  /** Everything up to this sequence is done. */
  ackFloor: bigint;
  numAckPending: bigint;
  numRedelivered: bigint;
  /** Not delivered yet. */
  numPending: bigint;
  /** Moved to the dead-letter stream. */
  numDead: bigint;
}

/** A record that a consumer delivered, to be acknowledged through it. */
export class Message extends Record_ {
  /** Done with it; false when it was not pending any more. */
  ack(): boolean;
  /** As `ack`, and done when that is on disk. */
  ackDurable(limits?: Limits): Promise<boolean>;
  /** Not done: deliver it again after `delayMs`. */
  nak(options?: { delayMs?: number }): void;
  /** Still at it: the ack wait starts anew. */
  inProgress(): void;
  /** Never deliver it again. */
  term(): void;
}

/** A durable consumer. Iterating takes one record at a time unless `items({ batch })` says otherwise. */
export class Consumer extends Source<Message> {
  readonly name: string;
  info(): Promise<ConsumerInfo>;
  /** Done with these sequences; returns how many of them were pending. */
  ack(seqs: Integer | Integer[]): number;
  /** As `ack`, and done when that is on disk. */
  ackDurable(seqs: Integer | Integer[], limits?: Limits): Promise<number>;
  /** Not done: deliver it again after `delayMs`. */
  nak(seq: Integer, options?: { delayMs?: number }): void;
  /** Still at it: the ack wait starts anew. */
  inProgress(seq: Integer): void;
  /** Never deliver it again; it does not go to the dead-letter stream. */
  term(seq: Integer): void;
}

/** What a bucket keeps. */
export interface BucketConfig {
  /** Letters, digits, `-` and `_`. */
  bucket: string;
  description?: string;
  /** How many values of a key are kept, 1 to 64. */
  history?: number;
  /** Values older than this go; 0 is never. */
  ttlMs?: number;
  maxBytes?: Integer;
  /** The largest value, in bytes; 0 is 8 MiB. */
  maxValueSize?: number;
  durability?: Durability;
}

/** What a bucket holds. */
export interface BucketStatus {
  config: Required<BucketConfig>;
  /** Revisions kept, delete markers included. */
  values: bigint;
  bytes: bigint;
}

/** One revision of a key. */
export class Entry {
  private constructor();
  readonly key: string;
  /** Empty when deleted. A view of the memory that it was read into. */
  readonly value: Buffer;
  readonly revision: bigint;
  readonly time: bigint;
  readonly operation: 'put' | 'delete' | 'purge';
  /** The value as UTF-8 text. */
  text(): string;
  /** The value, parsed as JSON. */
  json(): unknown;
}

export interface WatchOptions {
  /** Key filters with `*` and `>`; all keys when left out. */
  filters?: string | string[];
  /** Every kept revision first, not only the newest. */
  includeHistory?: boolean;
  /** Only what changes from now on. */
  updatesOnly?: boolean;
  /** Leave deletes out. */
  ignoreDeletes?: boolean;
}

/** A key-value view of a stream, in JetStream's own layout (`KV_<bucket>`, `$KV.<bucket>.<key>`). */
export class Bucket {
  private constructor();
  readonly name: string;
  /** The stream that it is a view of. */
  readonly stream: Stream;
  status(): Promise<BucketStatus>;
  /** Sets a key; returns the revision. */
  put(key: string, value: Bytes, limits?: Limits): Promise<bigint>;
  /** Sets a key that has no value, for `ttlMs` when given; a conflict when it has one. */
  create(key: string, value: Bytes, options?: { ttlMs?: number } & Limits): Promise<bigint>;
  /** Sets a key whose last revision is this one; a conflict when it is not. */
  update(key: string, value: Bytes, revision: Integer, limits?: Limits): Promise<bigint>;
  /** Deletes a key and keeps its history, if its last revision is `revision` (when given). */
  delete(key: string, options?: { revision?: Integer } & Limits): Promise<bigint>;
  /** Deletes a key with its history, if its last revision is `revision` (when given). */
  purge(key: string, options?: { revision?: Integer } & Limits): Promise<bigint>;
  /** The newest revision of a key that has a value, or null. */
  get(key: string): Promise<Entry | null>;
  /** That revision of a key, or null. */
  getRevision(key: string, revision: Integer): Promise<Entry | null>;
  /** The kept revisions of a key, oldest first, deletes included. */
  history(key: string): Promise<Entry[]>;
  /** The keys that have a value, in order, that the filter takes. */
  keys(filter?: string): Promise<string[]>;
  /** What is there, then what changes. */
  watch(options?: WatchOptions): Watcher;
}

/** Follows the changes of a bucket. */
export class Watcher extends Follower<Entry> {
  /** Whether everything that was there when the watch began has been taken. */
  readonly caughtUp: boolean;
  /**
   * How many revisions limits removed before this watcher came to read them: how far it fell behind. One with
   * `includeHistory` that has read nothing yet begins at what is kept, and has missed nothing.
   */
  readonly missed: bigint;
}

/** What an object store keeps. */
export interface ObjectStoreConfig {
  /** Letters, digits, `-` and `_`. */
  bucket: string;
  description?: string;
  /** Objects put longer ago than this go; 0 is never. */
  ttlMs?: number;
  /** The most bytes of all chunks and of the records about them; 0 is no limit. A full store takes no put. */
  maxBytes?: Integer;
  durability?: Durability;
  /** How sealed segments are stored. */
  compression?: 'none' | 'zstd';
}

/** What an object store holds. */
export interface ObjectStoreStatus {
  config: Required<ObjectStoreConfig>;
  /** Bytes of all chunks and of the records about objects. */
  bytes: bigint;
}

/** What is said of an object, besides its name. */
export interface ObjectOptions {
  description?: string;
  /** Names and values; a name may repeat in pairs. */
  headers?: Iterable<[string, string]> | Record<string, string>;
  metadata?: Record<string, string>;
  /** The most bytes of a chunk, up to the stream's largest payload; 128 KiB by default. */
  maxChunkSize?: Integer;
}

/** What an update changes; what is left out stays. */
export interface ObjectUpdate extends Limits {
  /** Another name, which no object has. */
  name?: string;
  description?: string;
  headers?: Iterable<[string, string]> | Record<string, string>;
  metadata?: Record<string, string>;
}

/** What a link leads to; without a name it is the store as a whole. */
export interface ObjectLink {
  bucket: string;
  name: string | null;
}

/** What is known of an object. */
export interface ObjectInfo {
  name: string;
  description: string;
  /** By name; the values of one name in order. */
  headers: [string, string][];
  metadata: Record<string, string>;
  /** The object store that it is in. */
  bucket: string;
  /** The id that its chunks are stored under: another one after every put. */
  nuid: string;
  /** How many bytes; 0 for a link. */
  size: bigint;
  chunks: bigint;
  /** 0 where that was not said. */
  maxChunkSize: bigint;
  /** When it was put or changed last, in nanoseconds since the epoch. */
  modified: bigint;
  /** `SHA-256=` and the digest of its bytes in base64; empty for a link. */
  digest: string;
  /** Only a watcher sees a deleted one. */
  deleted: boolean;
  link: ObjectLink | null;
}

/** What an object is made of: bytes, text, a stream, or an iterable of bytes and texts. */
export type ObjectSource = Bytes | AsyncIterable<Bytes> | Iterable<Bytes>;

/** Files of any size on a stream, in NATS's own layout (`OBJ_<bucket>`, `$O.<bucket>.C.>`, `$O.<bucket>.M.>`). */
export class ObjectStore {
  private constructor();
  readonly name: string;
  /** The stream that it is a view of. */
  readonly stream: Stream;
  status(): Promise<ObjectStoreStatus>;
  /** Puts an object in place of the one that had the name. One that breaks off leaves nothing of it. */
  put(name: string, source: ObjectSource, options?: ObjectOptions): Promise<ObjectInfo>;
  /** Puts the file at a path or a URL as an object. */
  putFile(name: string, path: string | URL, options?: ObjectOptions & ProgressLimits): Promise<ObjectInfo>;
  /** Begins to put an object whose bytes come in pieces; it is there when the writer has finished. */
  writer(name: string, options?: ObjectOptions): Promise<ObjectWriter>;
  /** Opens an object to read it. A link is followed, to other stores too. */
  get(name: string): Promise<ObjectReader>;
  /** Writes an object to a path or a URL of a file; returns what is known of it. */
  getFile(name: string, path: string | URL, options?: ProgressLimits): Promise<ObjectInfo>;
  /** What is known of an object, or null. A link is not followed. */
  info(name: string): Promise<ObjectInfo | null>;
  /** The objects that are there, links too, by name. */
  list(): Promise<ObjectInfo[]>;
  /** Changes what is said of an object, or its name; its bytes stay. */
  update(name: string, changes: ObjectUpdate): Promise<ObjectInfo>;
  /** Makes `name` a link to the object `target` of the store `bucket`, or without it to the store as a whole. */
  addLink(name: string, bucket: string, target?: string | null): Promise<ObjectInfo>;
  /** Deletes an object, or a link and not what it leads to. */
  delete(name: string, limits?: Limits): Promise<void>;
  /** What is there, then what changes. */
  watch(options?: { updatesOnly?: boolean; ignoreDeletes?: boolean }): ObjectWatcher;
}

/** An object that is put in pieces, one after another. */
export class ObjectWriter {
  private constructor();
  /** Takes the next bytes, all of them; wait for it before the next call. */
  write(data: Bytes): Promise<void>;
  /** Commits the object, in place of the one that had its name. */
  finish(): Promise<ObjectInfo>;
  /** Gives up a put that was not finished, and leaves nothing of it. */
  abort(): Promise<void>;
}

/** An object that is read: iterate its bytes, or take them all. */
export class ObjectReader implements AsyncIterable<Buffer> {
  private constructor();
  /** What is known of the object: of the one that a link leads to. */
  readonly info: ObjectInfo;
  /** The next bytes, or null at the end. The last ones come only when size, chunks and digest hold. */
  next(): Promise<Buffer | null>;
  /** All bytes that are left, in memory. */
  bytes(): Promise<Buffer>;
  /** All that is left as UTF-8 text. */
  text(): Promise<string>;
  /** What is left as a stream of Node. */
  stream(): NodeJS.ReadableStream;
  /** Ends the reading. */
  close(): void;
  [Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void>;
}

/** Follows the objects of a store. */
export class ObjectWatcher extends Follower<ObjectInfo> {
  /** Whether everything that was there when the watch began has been taken. */
  readonly caughtUp: boolean;
  /** How many records limits removed before this watcher came to read them. */
  readonly missed: bigint;
}

/** What a point store keeps. */
export interface PointsConfig {
  name: string;
  durability?: Durability;
  /** Points committed longer ago than this go; 0 is never. */
  maxAgeMs?: number;
  /** The most points kept of a series; 0 is no limit. */
  maxPointsPerSeries?: Integer;
}

export type ValueType = 'float' | 'int' | 'text' | 'json';

/**
 * A point going in. A number is a float, a bigint an int, a string text and anything else JSON, unless `valueType` says
 * otherwise.
 */
export interface PointInput {
  /** Whose it is, such as a device. */
  node: string;
  /** What it is, such as `temperature`. */
  kind: string;
  /** Which one of its kind; empty when there is one. */
  key?: string;
  /** When it was so. */
  time: Time;
  value?: unknown;
  valueType?: ValueType;
  /** A JSON document letter by letter, instead of `value`. */
  json?: string;
  /** Only ever counts up; odd is deleted. */
  tombstone?: number;
  /** The instance that wrote it; the engine's id in hex when left out. */
  origin?: string;
}

/** One typed value of one series at one time. */
export interface Point {
  node: string;
  kind: string;
  key: string;
  time: bigint;
  /** A number for a float, a bigint for an int, a string for text, the parsed document for JSON. */
  value: unknown;
  valueType: ValueType;
  /** With JSON: the document, letter by letter. */
  json?: string;
  tombstone: number;
  origin: string;
}

export interface PointsQuery<A extends string = string> extends Limits {
  /** Series filters: `seattle.temperature`, `seattle.*`, `>`. */
  filters?: string | string[];
  from?: Time;
  /** Before this time. */
  to?: Time;
  /** The width of a bucket, aligned to the epoch in UTC; one bucket for everything when left out. */
  everyMs?: number;
  /**
   * `count`, `min`, `max`, `mean`, `sum`, `first`, `last`, and percentiles as `p50` or `p99.9`: exact for up to 1,024
   * numbers in a bucket, beyond that within 0.4 % as long as they span no more than 32 powers of two; the error doubles
   * each time that this span does.
   */
  aggregates: A | A[];
}

/** One bucket of one series, with a field for each aggregate: null where no number is there. */
export type PointsRow<A extends string = string> = { series: string; start: bigint }
  & { [aggregate in A]: number | null };

export interface ImportOptions extends ProgressLimits {
  /** The column or field that holds the time: RFC 3339, or a number of seconds since the epoch. */
  time: string;
  /** The node of all points. */
  node?: string;
  /** The column or field that holds the node. */
  nodeColumn?: string;
  /** Only these as kinds; all others when left out. */
  columns?: string | string[];
}

/** What an import did. */
export interface ImportReport {
  lines: bigint;
  points: bigint;
  /** Lines passed over because an earlier run of the same import wrote them. */
  resumed: bigint;
  /** The first 1,000 lines that were refused. */
  rejected: Array<{ line: number; reason: string }>;
  rejectedCount: bigint;
}

export interface ExportOptions extends ProgressLimits {
  /** A series filter; everything when left out. */
  filter?: string;
  from?: Time;
  to?: Time;
}

/** A point store and time series over one stream. */
export class Points {
  private constructor();
  /** The stream below. */
  readonly stream: Stream;
  /**
   * Writes a point, or up to 1,000 of them, all or nothing. Of two with the same time, tombstone and origin the first
   * stays the winning one: to correct a value, write it with a greater tombstone or another origin.
   */
  write(points: PointInput | PointInput[], limits?: Limits): Promise<Ack>;
  /** The winning point of each series that the filter takes; deleted ones only when asked for. */
  latest(filter?: string, options?: { deleted?: boolean }): Promise<Point[]>;
  /** Points by event time, at most `max` (1,000), and `next` to go on from as `after`. */
  range(
    filter?: string,
    options?: { from?: Time; to?: Time; after?: Integer; max?: number },
  ): Promise<{ points: Point[]; next: bigint }>;
  /** Aggregates in buckets: rows by series, then start. */
  query<const A extends string>(options: PointsQuery<A>): Promise<Array<PointsRow<A>>>;
  /** Imports CSV with a header line, from a path, a URL of a file, or bytes. Running it again resumes it. */
  importCsv(source: string | URL | Uint8Array, options: ImportOptions): Promise<ImportReport>;
  /** Imports JSON lines, from a path, a URL of a file, or bytes. */
  importJsonl(source: string | URL | Uint8Array, options: ImportOptions): Promise<ImportReport>;
  /** Exports points as CSV to a path or a URL of a file; returns how many. */
  exportCsv(target: string | URL, options?: ExportOptions): Promise<bigint>;
  /** Exports points as JSON lines to a path or a URL of a file; returns how many. */
  exportJsonl(target: string | URL, options?: ExportOptions): Promise<bigint>;
  /** The winning point of each series first, then every new one. */
  watch(filter?: string): PointWatcher;
}

/** Follows points as they come. */
export class PointWatcher extends Follower<Point> {
  /** How many records limits removed before this watcher came to read them. */
  readonly missed: bigint;
}

/** What a store of state that merges is told. */
export interface CrdtOptions {
  /** What an acknowledgement promises. */
  durability?: Durability;
  /** A snapshot is written every so many records, or as many as there are keys if that is more; 100,000 by default. */
  snapshotRecords?: Integer;
}

/** What a key or a field of a map is; docs/crdt.md has the merge rule of each. */
export type CrdtKind =
  | 'counter' | 'grow_counter' | 'bounded_counter' | 'register' | 'multi_register'
  | 'set' | 'remove_wins_set' | 'flag' | 'disable_wins_flag' | 'map';

/** Who makes operations: an engine in one of its epochs. */
export interface Actor {
  engine: bigint;
  epoch: bigint;
}

/** A JSON document as text: what an object, an array, a boolean or null is as a value of state that merges. */
export class Json {
  constructor(document: string);
  readonly text: string;
  /** What the document says. */
  parse(): unknown;
  toString(): string;
}

/** A value coming out. It is equal, bit for bit, to the one that it was made of when it goes in again. */
export type CrdtValue = Buffer | bigint | number | string | Json;

/** A value going in: a number is a float, a bigint an int of 64 bits, and what has no type of its own is JSON. */
export type CrdtValueInput = Uint8Array | bigint | number | string | Json | boolean | null | object;

/** One operation on one state. The typed handles make these. */
export interface CrdtChange {
  /** A key, or a key and the fields of maps that lead to the state. */
  path: string | string[];
  kind: CrdtKind;
  op: 'add' | 'give' | 'write' | 'insert' | 'remove' | 'enable' | 'disable' | 'clear';
  /** Of `add` and `give` the amount, of `write`, `insert` and `remove` the value. */
  value?: CrdtValueInput;
  /** How long it lives, of `write`, `insert` and `enable`; for ever when left out. */
  ttlMs?: number;
  /** To whom rights are given. */
  to?: { engine: Integer; epoch: Integer };
}

/** What became of a write. */
export interface CrdtWritten {
  /** Its record in the log; 0n if there was nothing to do. */
  seq: bigint;
  /** What one operation on a counter made of it. */
  total: bigint | null;
}

/** A key that changed, or is there. */
export interface CrdtKey {
  key: string;
  kind: CrdtKind;
}

/** What a merge did. */
export interface Merged {
  /** Keys that were compared; 0n where the other store had seen nothing that this one has not. */
  keys: bigint;
  /** Of those, the keys that changed here or know more now. */
  changed: bigint;
  /** Bytes that the log got for it. */
  bytes: bigint;
}

/** How a handle of a store stands. */
export interface CrdtStatus {
  /** The last sequence of the log that was taken in. */
  seq: bigint;
  /** The last sequence that the newest snapshot known here covers; 0n is none. */
  snapshotSeq: bigint;
  /** Actors of whose operations some are here. */
  actors: number;
  /** Operations that are known to have been made and are not here: on their way, held, or lost to a limit. */
  behind: bigint;
  /** Of each record that is held, as its clock is too far ahead: the operations that it has. */
  held: Array<Array<{ actor: Actor; first: bigint; last: bigint }>>;
}

/** A place in a store, as a kind. Making one does nothing, and two of one key are the same. */
declare class Handle {
  protected constructor();
  /** The key, and the fields of maps that lead to it. */
  readonly path: string[];
  readonly kind: CrdtKind;
}

declare class Clearable extends Handle {
  /** Removes all that is there; what is done concurrently stays. */
  clear(limits?: Limits): Promise<void>;
}

/** A number that is added to and taken from. */
export class Counter extends Clearable {
  /** What it is now. */
  value(): Promise<bigint>;
  /** Adds, 1 when left out, and returns what it is then. */
  incr(amount?: Integer, limits?: Limits): Promise<bigint>;
  /** Takes away, 1 when left out, and returns what it is then. */
  decr(amount?: Integer, limits?: Limits): Promise<bigint>;
}

/** A number that only grows. */
export class GrowCounter extends Clearable {
  /** What it is now. */
  value(): Promise<bigint>;
  /** Adds, 1 when left out, and returns what it is then. */
  incr(amount?: Integer, limits?: Limits): Promise<bigint>;
}

/** A number that never falls below 0, whatever is concurrent: a handle takes only what it has the rights to. */
export class BoundedCounter extends Handle {
  /** What it is now. */
  value(): Promise<bigint>;
  /** How much this handle of the store may take, or give. */
  rights(): Promise<bigint>;
  /** Adds, 1 when left out, and returns what it is then. */
  incr(amount?: Integer, limits?: Limits): Promise<bigint>;
  /** Takes away, 1 when left out, and returns what it is then; a conflict without the rights. */
  decr(amount?: Integer, limits?: Limits): Promise<bigint>;
  /** Gives rights to another actor: the `actor` of another handle of the store. */
  give(to: { engine: Integer; epoch: Integer }, amount: Integer, limits?: Limits): Promise<void>;
}

/** One value: the last writer wins. */
export class Register extends Clearable {
  /** What was written last; null if nothing was, it was removed or has expired. */
  value(): Promise<CrdtValue | null>;
  /** Writes a value, which lives for `ttlMs` when that is given. */
  set(value: CrdtValueInput, options?: { ttlMs?: number } & Limits): Promise<void>;
}

/** One value, or all that were written concurrently. */
export class MultiRegister extends Clearable {
  /** What was written concurrently, the latest first. */
  values(): Promise<CrdtValue[]>;
  /** Writes a value in place of those that were seen; it lives for `ttlMs` when that is given. */
  set(value: CrdtValueInput, options?: { ttlMs?: number } & Limits): Promise<void>;
}

/** A set of values. Iterating gives what is in it when the loop begins. */
export class MergeSet extends Clearable implements AsyncIterable<CrdtValue> {
  /** Whether a value is in it. */
  has(value: CrdtValueInput): Promise<boolean>;
  /** What is in it, in order by type, then by what they are. */
  values(): Promise<CrdtValue[]>;
  /** Adds a value, which lives for `ttlMs` when that is given. */
  add(value: CrdtValueInput, options?: { ttlMs?: number } & Limits): Promise<void>;
  /** Removes a value; that it is not there is no error. */
  remove(value: CrdtValueInput, limits?: Limits): Promise<void>;
  [Symbol.asyncIterator](): AsyncGenerator<CrdtValue, void, void>;
}

/** On or off. */
export class Flag extends Clearable {
  /** Whether it is on. */
  isOn(): Promise<boolean>;
  /** Turns it on, for `ttlMs` when that is given. */
  enable(options?: { ttlMs?: number } & Limits): Promise<void>;
  /** Turns it off. */
  disable(limits?: Limits): Promise<void>;
}

/** A field of a map. */
export interface CrdtField {
  field: string;
  kind: CrdtKind;
}

/**
 * Fields by name and kind. A field is there while anything in it is alive; clearing it removes it. Iterating gives the
 * fields that are there when the loop begins.
 */
export class MergeMap extends Clearable implements AsyncIterable<CrdtField> {
  /** The fields that are there, with their kinds. */
  fields(): Promise<CrdtField[]>;
  /** A number that is added to and taken from. */
  counter(field: string): Counter;
  /** A number that only grows. */
  growCounter(field: string): GrowCounter;
  /** One value: the last writer wins. */
  register(field: string): Register;
  /** One value, or all that were written concurrently. */
  multiRegister(field: string): MultiRegister;
  /** Values: what is added and removed concurrently is there. */
  set(field: string): MergeSet;
  /** Values: what is added and removed concurrently is not there. */
  removeWinsSet(field: string): MergeSet;
  /** On or off: what is enabled and disabled concurrently is on. */
  flag(field: string): Flag;
  /** On or off: what is enabled and disabled concurrently is off. */
  disableWinsFlag(field: string): Flag;
  /** Fields in a field. */
  map(field: string): MergeMap;
  [Symbol.asyncIterator](): AsyncGenerator<CrdtField, void, void>;
}

/** A counter in a transaction. What is said here is done at the end. */
export interface NotedCounter {
  incr(amount?: Integer): void;
  decr(amount?: Integer): void;
  clear(): void;
}

/** A bounded counter in a transaction. */
export interface NotedBoundedCounter {
  incr(amount?: Integer): void;
  decr(amount?: Integer): void;
  give(to: { engine: Integer; epoch: Integer }, amount: Integer): void;
}

/** A register in a transaction. */
export interface NotedRegister {
  set(value: CrdtValueInput, options?: { ttlMs?: number }): void;
  clear(): void;
}

/** A set in a transaction. */
export interface NotedSet {
  add(value: CrdtValueInput, options?: { ttlMs?: number }): void;
  remove(value: CrdtValueInput): void;
  clear(): void;
}

/** A flag in a transaction. */
export interface NotedFlag {
  enable(options?: { ttlMs?: number }): void;
  disable(): void;
  clear(): void;
}

/** What a transaction gives by key, and a map in it by field. */
export interface NotedFields {
  counter(name: string): NotedCounter;
  growCounter(name: string): NotedCounter;
  register(name: string): NotedRegister;
  multiRegister(name: string): NotedRegister;
  set(name: string): NotedSet;
  removeWinsSet(name: string): NotedSet;
  flag(name: string): NotedFlag;
  disableWinsFlag(name: string): NotedFlag;
  map(name: string): NotedFields & { clear(): void };
}

/** What the function of a transaction is given. */
export interface Transaction extends NotedFields {
  boundedCounter(name: string): NotedBoundedCounter;
  /** Adds a change. */
  write(change: CrdtChange): void;
}

/**
 * State that merges, kept in a stream. Stores that are opened apart, in this process or another, see each other's
 * writes; those that links join become equal.
 */
export class CrdtStore implements AsyncDisposable {
  private constructor();
  readonly name: string;
  /** The log. */
  readonly stream: Stream;
  /** Whose operations this handle makes: what others give rights to. */
  readonly actor: Actor;
  /** A number that is added to and taken from. */
  counter(key: string): Counter;
  /** A number that only grows. */
  growCounter(key: string): GrowCounter;
  /** A number that never falls below 0, whatever is concurrent. */
  boundedCounter(key: string): BoundedCounter;
  /** One value: the last writer wins. */
  register(key: string): Register;
  /** One value, or all that were written concurrently. */
  multiRegister(key: string): MultiRegister;
  /** Values: what is added and removed concurrently is there. */
  set(key: string): MergeSet;
  /** Values: what is added and removed concurrently is not there. */
  removeWinsSet(key: string): MergeSet;
  /** On or off: what is enabled and disabled concurrently is on. */
  flag(key: string): Flag;
  /** On or off: what is enabled and disabled concurrently is off. */
  disableWinsFlag(key: string): Flag;
  /** Fields, each of any kind but a bounded counter. */
  map(key: string): MergeMap;
  /** Does one operation, which is read at once; done when the durability of the stream is reached. */
  write(change: CrdtChange, limits?: Limits): Promise<CrdtWritten>;
  /** Does all that `work` says in one record, or nothing if it throws or one of them is refused. */
  transaction(work: (transaction: Transaction) => unknown, limits?: Limits): Promise<{ seq: bigint }>;
  /** What is at a path as a kind; what is not there reads as 0n, null, empty or off. */
  read(path: string | string[], kind: CrdtKind): Promise<unknown>;
  /** Whether a value is in a set. */
  contains(path: string | string[], kind: CrdtKind, value: CrdtValueInput): Promise<boolean>;
  /** How much this handle may take from a bounded counter, or give of it. */
  rights(key: string): Promise<bigint>;
  /** The keys in which something is alive whose names begin with `prefix`, by name and kind. */
  keys(prefix?: string): Promise<CrdtKey[]>;
  /** The same with what they read as, in JSON, at one moment; docs/crdt.md has the form of each kind. */
  dump(prefix?: string): Promise<Array<CrdtKey & { json: Json }>>;
  status(): Promise<CrdtStatus>;
  /** Lets in what is held because its clock is too far ahead; returns how many records there were. */
  releaseHeld(): Promise<number>;
  /**
   * Takes in all that another store has and this one has not: a backup's, a hub's, another node's. Both may be written
   * meanwhile. A merge that failed did no harm, and another one goes on.
   */
  merge(other: CrdtStore, options?: ProgressLimits): Promise<Merged>;
  /** Writes a snapshot now, which writes do by themselves when it is due; returns the sequence that it covers. */
  snapshot(limits?: Limits): Promise<bigint>;
  /** Follows the keys whose names begin with `prefix`: what is written from now on, here and by others. */
  watch(prefix?: string): CrdtWatcher;
  /** Ends the handle, after a snapshot if that spares the next one much. */
  close(limits?: Limits): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Follows the keys of a store: which changed. One that is slow hears of a key once for many changes. */
export class CrdtWatcher extends Follower<CrdtKey> {
  /** How many records were purged before this watcher came to read them: any key may have changed then. */
  readonly missed: bigint;
}

/** What a replica forgot. */
export interface Collected {
  /** Dead rows of counters and expired dots. */
  dropped: number;
  /** Keys in which stable removals were done away with, by an operation that goes to the others. */
  operations: number;
}

/**
 * State that merges without a store, for programs that have a carrier of their own: time, in milliseconds since the
 * epoch, and fragments are given to it, and all of it is done in the call.
 */
export class Replica {
  /** An empty replica of an actor; no two may ever be given the same one. */
  constructor(engine: Integer, epoch: Integer);
  readonly actor: Actor;
  /** Does one operation; false if there was nothing to do. */
  write(change: CrdtChange, nowMs: Integer): boolean;
  /** Does all of several operations or, if one of them is refused, nothing. */
  transaction(changes: CrdtChange[], nowMs: Integer): void;
  /** What is at a path as a kind; what is not there reads as 0n, null, empty or off. */
  read(path: string | string[], kind: CrdtKind, nowMs: Integer): unknown;
  /** Whether a value is in a set. */
  contains(path: string | string[], kind: CrdtKind, value: CrdtValueInput, nowMs: Integer): boolean;
  /** How much this replica may take from a bounded counter, or give of it. */
  rights(key: string): bigint;
  /** All keys, by name and kind; one may hold nothing that is alive. */
  keys(): CrdtKey[];
  /** What was done here since the last call, as one fragment for the others; null if nothing was. */
  takeDelta(): Buffer | null;
  /** All there is, as a fragment. */
  whole(): Buffer;
  /** Some keys in full, also those that are not here, as a fragment. */
  some(keys: CrdtKey[]): Buffer;
  /** The keys in full in which something is alive that a replica with this context has not applied. */
  since(context: Uint8Array): Buffer;
  /** The operations whose whole effect is here. */
  context(): Buffer;
  /** Says that all keys that a replica had when its context was this one have been applied here. */
  caughtUp(context: Uint8Array): void;
  /** Joins a fragment, which may come late and twice: the keys that changed, or null when it is held. */
  apply(fragment: Uint8Array, nowMs: Integer): CrdtKey[] | null;
  /** The part of a delta that is new here, to be sent on; null if all of it is known. Ask before it is applied. */
  extract(delta: Uint8Array): Buffer | null;
  /**
   * Joins a fragment that a replica of the same actor wrote down, whatever its stamps, the actor's own operations
   * included, and goes on behind the last of them. That replica must not go on too.
   */
  restore(fragment: Uint8Array): void;
  /**
   * Drops what is dead and causally stable, given what each other replica there is had applied when it was last heard
   * of; with no others, all that is dead. Nothing that is read changes.
   */
  stable(peers: { actor: Actor; context: Uint8Array }[], nowMs: Integer): Collected;
  /** How many fragments are held, as their clocks are too far ahead. */
  readonly held: number;
  /** Joins the fragments that are held whose time has come, or all; returns the keys that changed. */
  release(nowMs: Integer, options?: { all?: boolean }): CrdtKey[];
  /** A digest of what lives in a key; 0n when nothing does. */
  digest(key: string, kind: CrdtKind, nowMs: Integer): bigint;
}

export interface TestEnvironmentOptions {
  /** In a temporary directory instead of memory. */
  onDisk?: boolean;
  /** Time stands here, and moves with `advance` only; in memory. Deadlines of waits stay real time. */
  clockAt?: Time;
  streams?: StreamConfig[];
  buckets?: BucketConfig[];
  points?: PointsConfig[];
}

/** An engine that leaves nothing behind, with what a test wants in it, each under its name. */
export interface TestEnvironment extends AsyncDisposable {
  engine: Engine;
  streams: Record<string, Stream>;
  buckets: Record<string, Bucket>;
  points: Record<string, Points>;
  /** With `clockAt`: moves time forward and does what is due by then: redeliveries, expiries, interval syncs. */
  advance(byMs: number): void;
  /** Takes all of it away. */
  close(): Promise<void>;
}

/** A test environment in one call. */
export function testEnvironment(options?: TestEnvironmentOptions): Promise<TestEnvironment>;

/** What an event store is made with. */
export interface EventsConfig {
  /** Its name: letters, digits, `-` and `_`, 64 at most; `events`. Its stream is `EVENTS_<name>`. */
  name?: string;
  /** What an acknowledgement promises; `fsync`. */
  durability?: Durability;
  /** The most bytes of events, after which saving is refused; 0 is no limit. */
  maxBytes?: Integer;
}

/** Where an aggregate stands: the version and the sequence of its last event, both 0n when it has none. */
export interface Position {
  version: bigint;
  seq: bigint;
}

/** Which aggregates: one, all of a kind, all of a key, or all. */
export interface EventFilter {
  aggregate?: string;
  key?: string;
}

/** An event to save. */
export interface NewEvent {
  /** What happened: a name that stays, whatever becomes of the program; 1 to 128 bytes. */
  eventType: string;
  /** 8 MiB at the most. */
  data?: Bytes;
  /** The version of the shape of its data, from 1; 1. */
  schema?: number;
  /** Names and values that go with it, in order. */
  metadata?: Iterable<[string, string]> | { [name: string]: string };
  /** When it happened; when it is saved, if it is not said. */
  time?: Time;
  /**
   * The person or thing that the data is about, 1 to 128 bytes: the data is encrypted with a key of it, and reads as
   * erased once `forget` was told so.
   */
  dataSubject?: string;
}

/** What a save expects, and what goes with it. */
export interface SaveOptions extends Limits {
  /** What the aggregate must have: whatever, no event, one at least, so many, or what a load or a save said; `any`. */
  expected?: 'any' | 'none' | 'exists' | Integer | Position;
  /** The id of the command that is carried out, by which a repeated save is recognised; 128 bytes at the most. */
  command?: string;
  /** What the events belong together with. */
  correlation?: string;
  /** What the events are a consequence of. */
  causation?: string;
  /** Names and values that go with every event of the save, in order, behind its own. */
  metadata?: Iterable<[string, string]> | { [name: string]: string };
  /**
   * That nothing was saved in the aggregates that the filter takes since their last event was `lastSeq`, 0 for none.
   * The aggregate that is saved has to be among them.
   */
  condition?: { filter: EventFilter; lastSeq: Integer };
}

/** What a save came to. With `isRepeat` the events were there, saved before by the same command. */
export interface Saved {
  position: Position;
  isRepeat: boolean;
  durability: Durability;
}

/** What archiving came to. */
export interface Archived {
  /** How many events left the store now. */
  events: bigint;
  /** The version of the last event that was moved, now or before; 0n when none was. */
  upTo: bigint;
  /** The projection that has not taken in yet what else was to go. */
  heldBackBy: string | null;
}

/** What a load is told. */
export interface LoadOptions extends Limits {
  /** Up to this version, which has to be there; 0 is before the first event. */
  asOfVersion?: Integer;
  /** Up to the last event at or before this sequence of the store. */
  asOfSeq?: Integer;
  /** Up to the last event that was saved at or before this time. */
  asOfTime?: Time;
  /** Begins with a snapshot of this schema, if there is one. */
  snapshotSchema?: number;
  /** Begins behind this position, whose state the caller has. */
  behind?: Position;
}

/** A state of an aggregate as of a position, and when it was saved. */
export interface Snapshot {
  position: Position;
  schema: number;
  saved: bigint;
  data: Buffer;
  /** Those that the state has data of, in order. */
  dataSubjects: string[];
}

/** What was loaded: where the aggregate stands by the last event that was, version 0n if it had none. */
export interface Loaded {
  position: Position;
  snapshot: Snapshot | null;
  events: Event[];
}

/** An aggregate by its last event, and when that was saved. */
export interface AggregateInfo {
  aggregate: string;
  key: string;
  position: Position;
  eventType: string;
  saved: bigint;
}

/** An event that was saved. Its data is a view of the memory that it was read into. */
export class Event {
  private constructor();
  /** The kind of its aggregate, and which one of that kind. */
  aggregate: string;
  key: string;
  eventType: string;
  /** Its place among the events of its aggregate, from 1n. */
  version: bigint;
  /** Its place in the store. */
  seq: bigint;
  /** The version of the shape of its data, from 1. */
  schema: number;
  /** When it was saved, and when it happened. */
  saved: bigint;
  time: bigint;
  command: string | null;
  correlation: string | null;
  causation: string | null;
  metadata: Array<[string, string]>;
  data: Buffer;
  /** The person or thing that the data is about. */
  dataSubject: string | null;
  /** Whether the data is gone, as its data subject was forgotten: then it is empty. */
  isErased: boolean;
  /** Where its aggregate stands by it. */
  readonly position: Position;
  /** The data as UTF-8 text. */
  text(): string;
  /** The data, parsed as JSON. */
  json(): any;
}

/** Aggregates and their events, over one stream. */
export class EventStore {
  private constructor();
  /** Its name. */
  readonly name: string;
  /** The stream below. */
  readonly stream: Stream;
  /** The sequence of the last event of an aggregate; 0n when it has none. */
  lastSeq(aggregate: string, key: string, limits?: Limits): Promise<bigint>;
  /**
   * Saves an event, or up to 1,000 of one aggregate, all or nothing. An aggregate that is not as expected is a
   * conflict, with both numbers. With a `command`, a save that is repeated is recognised where it is refused among the
   * aggregate's last 1,000 events, saves nothing, and answers as then.
   */
  save(aggregate: string, key: string, events: NewEvent | NewEvent[], options?: SaveOptions): Promise<Saved>;
  /**
   * What a save of this command came to, if it is among the aggregate's last 1,000 events; else null. For whoever is to
   * carry a command out that may be carried out already, and has loaded what it left.
   */
  findCommand(aggregate: string, key: string, command: string, limits?: Limits): Promise<Saved | null>;
  /**
   * Moves the events of an aggregate that lie before its snapshot into the archive of the store: those up to version
   * `upTo`, or all of them. The event that the snapshot ends with stays, and so do those that a projection has not
   * taken in yet. Loads, projections and feeds that begin before them read them from there. Without a snapshot it is
   * `not_found`. A call that was cut short is made again.
   */
  archive(aggregate: string, key: string, options?: { upTo?: Integer } & Limits): Promise<Archived>;
  /**
   * Loads an aggregate: a snapshot, if there is one of the schema that is asked for, and the events behind it. A
   * version that it has not reached is `not_found`; events that are missing are `corrupt`.
   */
  load(aggregate: string, key: string, options?: LoadOptions): Promise<Loaded>;
  /** The snapshot of an aggregate; null when there is none that can be read. */
  snapshot(aggregate: string, key: string, limits?: Limits): Promise<Snapshot | null>;
  /**
   * Keeps a snapshot of an aggregate; false when there is one of the same version or a newer one, and when one of the
   * data subjects that it has data of was forgotten (those of the events that it was made of, but for erased ones).
   */
  saveSnapshot(
    aggregate: string,
    key: string,
    snapshot: { position: Position; schema: number; data?: Bytes; ttlMs?: number; dataSubjects?: string[] },
    limits?: Limits,
  ): Promise<boolean>;
  /**
   * Forgets a data subject: its key is gone, and its bytes are taken from where they were kept. Events about it read as
   * erased from then on, and snapshots that have some of its data are passed over. Whether there was a key. Copies that
   * were made before, such as backups, are not reached.
   */
  forget(dataSubject: string, limits?: Limits): Promise<boolean>;
  /**
   * Aggregates whose last event lies behind `after`, the one first that was saved longest ago, `max` at the most
   * (1,000); `next` is what to give as `after` for the next page, null at the end.
   */
  list(
    options?: EventFilter & { after?: Integer; max?: number } & Limits,
  ): Promise<{ aggregates: AggregateInfo[]; next: bigint | null }>;
  /** Opens a projection, which goes on behind what was committed; from then on, whoever had it open is refused. */
  projection(name: string, options?: ProjectionConfig & Limits): Promise<Projection>;
  /** All projections that were opened, by name. */
  projections(limits?: Limits): Promise<ProjectionStatus[]>;
  /** Forgets a projection, its rebuild and its dead letters; whoever runs it is refused from then on. */
  deleteProjection(name: string, limits?: Limits): Promise<void>;
  /** Dead letters of a projection whose events lie behind `after`, `max` at the most (1,000). */
  deadLetters(projection: string, options?: { after?: Integer; max?: number } & Limits): Promise<DeadLetter[]>;
  /** Removes the dead letter of the event at `seq`; false when there is none. */
  deleteDeadLetter(projection: string, seq: Integer, limits?: Limits): Promise<boolean>;
  /** The event at a sequence of the store; null when there is none. */
  eventAt(seq: Integer, limits?: Limits): Promise<Event | null>;
  /** Follows the events of the aggregates that one of the filters takes: those that are there, then those that come. */
  follow(options?: { filters?: EventFilter | EventFilter[]; after?: Integer }): EventFeed;
}

/**
 * A place in an event store that moves as events are taken. A record that is no event is an error in its place: what
 * takes it fails, and the next is behind it.
 */
export class EventFeed extends Follower<Event> {
  next(max?: number, limits?: Limits): Promise<Event[]>;
  tryNext(max?: number): Event[];
  /** How many events, of any aggregate, were saved behind what was taken: 0n is live. */
  readonly lag: bigint;
}

/** What a projection is opened with. */
export interface ProjectionConfig {
  /** Only events of aggregates that one of these takes; all when not given. */
  filters?: EventFilter | EventFilter[];
  /** Whether it is built anew, beside the live one of this name. */
  isRebuild?: boolean;
  /** How often an event is tried before it is a dead letter (10); without end, when 0. */
  tries?: number;
  /** The pause after the first failure of an event in milliseconds (100); it doubles with each one. */
  pauseMs?: number;
  /** The longest pause in milliseconds (30,000). */
  pauseMaxMs?: number;
}

/** An event that a projection could not take in: how often it was tried, and why it failed the last time. */
export interface Failing {
  seq: bigint;
  tries: number;
  error: string;
}

/** An event that a projection gave up, and when, in nanoseconds since the epoch. */
export interface DeadLetter extends Failing {
  time: bigint;
}

/** What comes of a failure: nothing is given out for a pause, or the event is a dead letter, to be passed by. */
export interface Failure {
  tries: number;
  pauseMs: number;
  isDead: boolean;
}

/** Where a projection stands. */
export interface ProjectionStatus {
  name: string;
  isRebuild: boolean;
  /** The sequence of the last event in effect. */
  position: bigint;
  /** How many events, of any aggregate, the store has behind that; 0n if none of them is for it. */
  lag: bigint;
  isRunning: boolean;
  failing: Failing | null;
  /** How many events it gave up. */
  dead: bigint;
  /** When it said so, in nanoseconds since the epoch. */
  updated: bigint;
  filters: EventFilter[];
}

/** What came of taking events in: the last one in effect, and the first one that failed. */
export interface Taken {
  position: bigint | null;
  failed: { seq: bigint; why: string } | null;
}

/** What a projection makes of events: a `MemoryModel`, a `SqliteModel`, or what a program makes itself. */
export interface ReadModel {
  /** Whether it keeps its position itself, and the store is only told of it. */
  readonly keepsPosition: boolean;
  /** Where it stands, given what the store keeps of it. */
  begin(position: bigint, state: Buffer): bigint | Promise<bigint>;
  /**
   * Takes events in, and its position with them: all of them, or those before the one that fails. Throws what is no
   * event's fault; nothing is in effect then.
   */
  take(events: Event[]): Taken | Promise<Taken>;
  /** Passes by an event that is a dead letter. */
  skip(seq: bigint): void | Promise<void>;
  /** Takes in an event that was a dead letter, without going back; nothing when it is none of the model's. */
  retake(event: Event): void | Promise<void>;
  /** The state that the store is to keep now, and its position; never asked of one that keeps its position. */
  keep(): { position: bigint; state: Bytes } | null | Promise<{ position: bigint; state: Bytes } | null>;
  /** What is to be done outside once events are in effect, such as sending what is in an outbox. */
  settle(): void | Promise<void>;
}

/** A projection that is open: it follows a store from where it stood. */
export class Projection {
  private constructor();
  readonly name: string;
  /** The store that it follows. */
  readonly store: EventStore;
  /** The sequence of the last event in effect; 0n is none. */
  readonly position: bigint;
  /** The state that was committed last; empty when none was. */
  readonly state: Buffer;
  /** How many events, of any aggregate, the store has behind what is in effect: 0n is live. */
  readonly lag: bigint;
  readonly closed: boolean;
  /** Says where the read model stands, which keeps its position itself: commits then only tell the store. */
  seek(position: Integer): void;
  /**
   * Up to `max` events (1,000), when there is one and no pause; none where a record that is no event was passed by. A
   * wait that is given up loses no event.
   */
  next(max?: number, limits?: Limits): Promise<Event[]>;
  /** Says that all events up to `seq` are in effect, in the memory of a program that commits later. */
  advance(seq: Integer): void;
  /** Says that all events up to `seq` are in effect. `state` is kept with it where the store keeps the position. */
  commit(seq: Integer, state?: Bytes): Promise<void>;
  /** Tells the store now what it would be told within a second. */
  flush(): Promise<void>;
  /**
   * Says that an event, and with it what was given out behind it, is not in effect, and why: it is given out again
   * after a pause, or is a dead letter from now on.
   */
  fail(seq: Integer, why: string): Promise<Failure>;
  /** The sequence of the last event for it that there is now; 0n when there is none. */
  head(): Promise<bigint>;
  /** Makes what was built anew the live projection of this name; false, and nothing is done, where it is behind. */
  switch(): Promise<boolean>;
  /** Drives a read model until the projection is closed. */
  run(model: ReadModel): Promise<void>;
  /** Drives a read model up to the last event that there is now. */
  catchUp(model: ReadModel): Promise<void>;
  /** Takes the dead letters in that there are; answers how many. */
  replay(model: ReadModel): Promise<number>;
  /** Ends it, and tells the store where it stands: waits fail with 'closed'. */
  close(): Promise<void>;
}

/** A read model in memory. */
export class MemoryModel<S> implements ReadModel {
  constructor(options: {
    state: S;
    /** Takes an event in: the new state, or nothing where it changed the one that it got. */
    fold: (state: S, event: Event) => S | void;
    /** The store keeps the state every so many events, 8 MiB at the most; never, when 0. */
    snapshotEvery?: number;
    /** The state as bytes and back; JSON unless they are given. */
    dump?: (state: S) => Buffer;
    load?: (data: Buffer) => S;
  });
  state: S;
  position: bigint;
  readonly keepsPosition: boolean;
  begin(position: bigint, state: Buffer): bigint;
  take(events: Event[]): Taken;
  skip(seq: bigint): void;
  retake(event: Event): void;
  keep(): { position: bigint; state: Buffer } | null;
  settle(): void;
}

/** What a `SqliteModel` needs of a SQLite database, as `node:sqlite` and `better-sqlite3` have it. */
export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): {
    run(...values: any[]): { changes: number | bigint };
    get(...values: any[]): any;
    all(...values: any[]): any[];
  };
  close(): void;
}

/**
 * A read model in a SQLite file: what events make of it, its position, its dead letters and its outbox are one
 * transaction, so each event is in effect once, whenever the program ends.
 */
export class SqliteModel<D extends SqliteDatabase> implements ReadModel {
  constructor(options: {
    /** The projection's name. */
    name: string;
    path: string;
    /** Opens the file with the SQLite that the program has. */
    open: (path: string) => D;
    /** Takes an event in, in a transaction that it must not end; what it did is undone where it throws. */
    fold: (database: D, event: Event) => void;
    /** Of which engine the streams are that rows of `headwater_outbox` are sent to. */
    outbox?: Engine;
  });
  readonly name: string;
  readonly path: string;
  readonly database: D;
  readonly keepsPosition: boolean;
  begin(): bigint;
  take(events: Event[]): Taken;
  skip(seq: bigint): void;
  retake(event: Event): void;
  keep(): null;
  settle(): Promise<void>;
  /**
   * Builds it anew from the first event in a file beside this one, and then puts that in the place of this one's
   * tables, in one transaction. The projection that it gives is the live one from then on: drive this model with it.
   */
  rebuild(store: EventStore, options?: ProjectionConfig): Promise<Projection>;
  /** Closes the file. */
  close(): void;
}

/** An event by type, schema and data, as codecs and upcasters have it. */
export interface EventShape {
  eventType: string;
  schema: number;
  data: Buffer;
}

/** Steps from a type and a schema of events to a later one, or to another type. */
export type Upcasters = { [eventType: string]: { [schema: number]: (event: EventShape) => EventShape } };

/** The newest shape of an event; `invalid` when the steps lead back. */
export function upcast(upcasters: Upcasters, event: EventShape): EventShape;

/** What aggregates of one kind are. */
export interface AggregateTypeOptions<S, E> {
  /** The name of the kind, which stays, whatever becomes of the program. */
  name: string;
  /** The state of one without an event. */
  start: () => S;
  /** Changes a state by an event that happened, or returns another state; it cannot refuse. */
  apply: (state: S, event: E) => S | void;
  /**
   * Takes in, in place of `apply`, that an event of this type happened whose data is gone, as its data subject was
   * forgotten; nothing, when it is not given.
   */
  applyErased?: (state: S, eventType: string) => S | void;
  /** The person or thing that the data of an event is about, if that shall be forgotten on request. */
  dataSubject?: (event: E) => string | null | undefined;
  /** Events are objects with a `type`, and a `schema` where it is not 1, in JSON, unless these say otherwise. */
  encode?: (event: E) => { eventType: string; schema?: number; data: Bytes };
  decode?: (event: EventShape) => E;
  /** The version of the shape of a state in snapshots; none are kept when 0. */
  snapshotSchema?: number;
  /** JSON, unless these say otherwise. */
  dump?: (state: S) => Bytes;
  load?: (data: Buffer) => S;
  /**
   * Whether a snapshot is due, `behind` events after the last one; without it, when `behind` has reached `every`, the
   * `snapshotEvery` of the repository. It is asked after each save.
   */
  isSnapshotDue?: (state: S, behind: bigint, every: bigint) => boolean;
  /** Copies a state, as one that is kept in memory is nobody's; `structuredClone`. */
  clone?: (state: S) => S;
  upcasters?: Upcasters;
}

/** What aggregates of one kind are, checked. */
export class AggregateType<S, E> {
  constructor(kind: AggregateTypeOptions<S, E>);
}

/** One aggregate as it was loaded, and what was raised on it since. It is its owner's alone. */
export class Root<S, E> {
  private constructor();
  key: string;
  /** What its events made of it. */
  state: S;
  /** Where it stands by the last event that was loaded or saved. */
  position: Position;
  /** Whether it has an event that was saved. */
  readonly exists: boolean;
  /** The events that are to be saved, in order. */
  readonly raised: E[];
  /** Applies an event, to be saved by the next save. */
  raise(event: E): void;
}

/** The aggregates of one kind in a store. */
export class Repository<S, E> {
  /**
   * A snapshot is kept every `snapshotEvery` events (100; 0 is never), or when the kind says that one is due, where it
   * has a schema of them, for `snapshotTtlMs` (0 is for ever). The `cache` youngest states (1,000) stay in memory; none
   * is believed before the log was asked whether there is more.
   */
  constructor(
    store: EventStore,
    kind: AggregateType<S, E> | AggregateTypeOptions<S, E>,
    options?: { snapshotEvery?: number; snapshotTtlMs?: number; cache?: number },
  );
  /** An aggregate that has no event yet; a save of it is refused when it has. */
  start(key: string): Root<S, E>;
  /** Loads an aggregate; `not_found` when it has no event. Loads at once of one share a read. */
  load(key: string): Promise<Root<S, E>>;
  /** Loads an aggregate, or starts it. */
  getOrCreate(key: string): Promise<Root<S, E>>;
  /**
   * Loads an aggregate as it was at a version, a sequence of the store or a time, of which one is given; `not_found`
   * when it had no event by then, or has not reached the version. It is read from the log, and not kept in memory. A
   * save of it is refused when there is more behind it.
   */
  loadAsOf(key: string, asOf: Pick<LoadOptions, 'asOfVersion' | 'asOfSeq' | 'asOfTime'>): Promise<Root<S, E>>;
  /**
   * Saves the events that were raised, at the position of the load, and keeps a snapshot when one is due. After an
   * error, drop the root and load it again. A save that its command did before gives what the log has. That a snapshot
   * could not be kept is a warning of the process (`HeadwaterWarning`), and no error: the events are saved.
   */
  save(root: Root<S, E>, options?: Omit<SaveOptions, 'expected'>): Promise<Root<S, E>>;
  /**
   * Loads an aggregate, lets `decide` raise events on it, and saves them; again from the load, up to 16 times in all,
   * when somebody else saved meanwhile. All tries are one command. With a condition there is one try.
   *
   * With a `command`, the aggregate's last 1,000 events are searched for those of the command before anything is
   * decided: if they are there, it is a repeat, and `decide` is not called.
   */
  transact<T>(
    key: string,
    decide: (root: Root<S, E>) => T | Promise<T>,
    options?: Omit<SaveOptions, 'expected'>,
  ): Promise<Transacted<S, E, T>>;
}

/** What a transaction came to. */
export interface Transacted<S, E, T> {
  /** The aggregate as it is now. */
  root: Root<S, E>;
  /** What `decide` returned; undefined where the command was carried out before the call. */
  decided: T | undefined;
  /** The events of the command were there already, and nothing was saved now. */
  isRepeat: boolean;
}

/** A test of a decision of an aggregate, which needs no engine. */
export interface Decision<S, E> {
  /** Decides. */
  when(decide: (root: Root<S, E>) => unknown): this;
  /** Expects that these events, and no others, were raised in this order, and no error. */
  expect(...events: E[]): this;
  /** Expects that the decision was refused, with an error that `assert.throws` would take; any when not given. */
  expectError(expected?: RegExp | Function | object | Error): this;
  /** Looks at the state that came of it. */
  expectState(look: (state: S) => void): this;
}

/** An aggregate of a kind to which these events happened. */
export function given<S, E>(
  kind: AggregateType<S, E> | AggregateTypeOptions<S, E>,
  ...events: E[]
): Decision<S, E>;

/** A presence store. What is left out takes its default. */
export interface PresenceConfig {
  /** Its name: letters, digits, `-` and `_`; `presence`. Its stream is `PRESENCE_<name>`. */
  name?: string;
  /** Who this node is among those that share the store; the id of the engine. On a hub it must be given. */
  node?: string;
  /** What an acknowledgement promises; `interval`, as who is there says so again. */
  durability?: Durability;
  /** How long a leased session lives after a sign of life, unless it says otherwise: 1 s to 24 h; 75 s. */
  ttlMs?: number;
  /** How often clients are told to give a sign of life; 25 s. */
  heartbeatMs?: number;
  /** How long a session whose deadline passed, or whose node is gone, may come back before it is over; 15 s. */
  graceMs?: number;
  /** After how long without activity who is online is away; 5 min, and 0 is never. */
  idleMs?: number;
  /** How long it is known when a user was last there; 90 days, and 0 is for ever. */
  keepMs?: number;
  /** How often this node says that it is at work while it answers for sessions; 10 s. */
  beatMs?: number;
  /** After how long without a word another node's sessions are unknown, longer than `beatMs`; 30 s. */
  silenceMs?: number;
  /** How many users who are not there are kept in memory, others are read from the log; 100,000. */
  coldUsers?: number;
  /** How many changes are kept for watchers that come back; 8,192. */
  history?: number;
  /** Above how many users those who follow a whole space are told counts and not changes; 0 is never. */
  announceMax?: bigint | number;
  /** How often they are told counts; 10 s. */
  countsEveryMs?: number;
}

/** Whether somebody is there. `unknown` is told, and never set: nothing is heard of the node that answers. */
export type PresenceName = 'online' | 'away' | 'busy' | 'unknown' | 'offline';

/** What of a held session changes; the rest is as it was. */
export interface SessionUpdate {
  /** `offline` ends it. */
  status?: 'online' | 'away' | 'busy' | 'offline';
  /** What it says besides, up to 1,024 bytes; none when empty. */
  message?: string;
  /** The kind of device, up to 64 bytes; none when empty. */
  device?: string;
  /** What JSON has, up to 4,096 bytes of it. */
  meta?: unknown;
  /** After how long without activity online is away; the store's own, and 0 is never. */
  idleMs?: number;
}

/** What a held session is to be. */
export interface SessionHold extends SessionUpdate {
  /** Its name, up to 128 bytes; `default`. */
  session?: string;
}

/** What a leased session is to be. It is set as a whole: what is left out is not there. */
export interface SessionSet extends SessionHold {
  /** How long it lives after a sign of life, 1 s to 24 h; the store's own. */
  ttlMs?: number;
}

/** One session of a user. */
export interface PresenceSession {
  id: string;
  /** What it counts as. */
  status: PresenceName;
  message: string | null;
  device: string | null;
  meta: any;
  /** When it began, milliseconds since the epoch. */
  sinceMs: number | null;
  /** How long each sign of life lets it live; null for one that is held. */
  ttlMs: number | null;
}

/** A user as all nodes together say. Times are milliseconds since the epoch, null is never. */
export interface PresenceUser {
  space: string;
  user: string;
  /** What the user chose, or the highest of the live sessions. */
  status: PresenceName;
  /** What the session says that counts most. */
  message: string | null;
  lastSeenMs: number | null;
  /** When the status changed. */
  changedMs: number | null;
  /** Others are to be told that the user is offline. */
  invisible: boolean;
  /** The status was chosen, and not merged. */
  chosen: boolean;
  sessions: PresenceSession[];
}

/** Users, as of now, or as of when other nodes were heard last where it is stale. */
export interface PresenceReading {
  users: PresenceUser[];
  asOfMs: number;
  stale: boolean;
}

/** How many are in a space, as others are told. */
export interface PresenceCounts {
  /** Users who are not offline. */
  users: number;
  /** Their sessions. */
  sessions: number;
  online: number;
  away: number;
  busy: number;
  unknown: number;
}

/** How a presence store stands. */
export interface PresenceStatus {
  name: string;
  /** Who this node is in it. */
  node: string;
  /** Sessions that this node answers for. */
  answered: number;
  stale: boolean;
  asOfMs: number;
  /** The position of the last change. */
  position: number;
  /** Records of others that could not be read. */
  refused: number;
  /** Why the last of them could not, or the log did not take the last record; empty is well. */
  lastError: string;
  /** Every node that was heard of, this one first. */
  nodes: { name: string; state: 'up' | 'silent' | 'closed'; heardMs: number | null }[];
}

/** What a watcher is told. A snapshot comes first, and again where nobody took what changed. */
export type PresenceEvent =
  | { type: 'snapshot'; position: number; users: PresenceUser[] }
  | {
      type: 'joined' | 'updated' | 'left';
      position: number;
      /** The session; null when it is about the user as a whole. */
      session: string | null;
      /** The status of the user before. */
      was: PresenceName;
      /** The user after it. */
      user: PresenceUser;
    }
  | { type: 'counts'; counts: PresenceCounts }
  | { type: 'view'; stale: boolean; asOfMs: number };

/**
 * Who is here: sessions of users in spaces. The last handle to go, of the store, of its sessions and of its watchers,
 * ends it.
 *
 * ```js
 * const presence = await engine.presence();
 * const session = await presence.hold('office', 'ada', { status: 'busy' });
 * for await (const event of presence.watch('office')) console.log(event.type);
 * await session.leave();
 * ```
 */
export class Presence {
  private constructor();
  /** Its name. */
  readonly name: string;
  /**
   * Sets a leased session as a whole: it lives until its time to live has passed without a sign of life, of which this
   * is one. A limit for the 65th session of a user.
   */
  set(space: string, user: string, session?: SessionSet, limits?: Limits): Promise<PresenceUser>;
  /** A session that lives until it is left, and dies with the process at the latest. */
  hold(space: string, user: string, session?: SessionHold, limits?: Limits): Promise<HeldSession>;
  /** A sign of life of a leased session; `active` says that somebody did something there. */
  heartbeat(
    space: string,
    user: string,
    session?: string,
    options?: { active?: boolean } & Limits,
  ): Promise<{ expiresMs: number; ttlMs: number }>;
  /** Ends a session, whichever node answers for it; one that is not there is nothing. */
  leave(space: string, user: string, session?: string, limits?: Limits): Promise<PresenceUser>;
  /**
   * Chooses a status for a user who is there, whatever the sessions say, for a time or until it is changed; null is
   * what the sessions say.
   */
  choose(
    space: string,
    user: string,
    status: 'online' | 'away' | 'busy' | null,
    howLongMs?: number,
    limits?: Limits,
  ): Promise<PresenceUser>;
  /** Hides a user, who is offline for others then, or shows it again. */
  hide(space: string, user: string, on?: boolean, limits?: Limits): Promise<PresenceUser>;
  /** A user as it is; who may not know of one who is `invisible` is to be told that it is offline. */
  get(space: string, user: string, limits?: Limits): Promise<PresenceUser>;
  /** Users by name, 1,000 at the most, in the order of the question. */
  getMany(space: string, users: string | string[], limits?: Limits): Promise<PresenceReading>;
  /** All of a space who are not offline for others, by name. */
  list(space: string, limits?: Limits): Promise<PresenceReading>;
  /** How many are in a space: kept, and not counted. */
  counts(space: string, limits?: Limits): Promise<PresenceCounts>;
  /** All spaces that were heard of, by name, with how many are in them. */
  spaces(limits?: Limits): Promise<Map<string, PresenceCounts>>;
  /** Ends the sessions of a space, a user, a node, or of all that are named; returns how many. */
  purge(options?: { space?: string; user?: string; node?: string } & Limits): Promise<number>;
  /**
   * Follows users: who is there, then what changes. Without `users` it is all of the space; with `after`, the position
   * of an event, it goes on behind that one; `reveal` tells of those who are invisible as they are.
   */
  watch(
    space: string,
    options?: { users?: string | string[]; after?: bigint | number; reveal?: boolean },
  ): PresenceWatcher;
  /** How it stands. */
  status(limits?: Limits): Promise<PresenceStatus>;
  /** Ends it in good order for all handles of this process: what it holds is over. Through a node it is nothing. */
  close(limits?: Limits): Promise<void>;
}

/** A session that a program holds: it is there until it is left, and no process that dies leaves it behind. */
export class HeldSession implements AsyncDisposable {
  private constructor();
  readonly space: string;
  readonly user: string;
  /** Its name. */
  readonly id: string;
  /** Changes what is named, and leaves the rest as it is. */
  update(session: SessionUpdate, limits?: Limits): Promise<PresenceUser>;
  /** Somebody did something there. */
  active(limits?: Limits): Promise<void>;
  /** Ends it; twice is nothing. */
  leave(limits?: Limits): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Follows users of a presence store: one that is slow is told anew who is there. */
export class PresenceWatcher extends Follower<PresenceEvent> {}

/** How entities live; each field has the default that is told. */
export interface EntitiesConfig {
  /** The most messages that wait for one entity: 1,024. */
  mailbox?: number;
  /** The most handlers that are alive, 100,000; beyond, the one that was asked longest ago stops. */
  active?: number;
  /**
   * The most bytes that handlers say they hold, by `context.holds`: 0, no limit; beyond, idle ones stop, the one first
   * that was asked longest ago.
   */
  memory?: Integer;
  /** How long a handler lives that nobody asks: two minutes. */
  idleMs?: number;
  /** How long a handler may take for one item: 30 s. */
  leaseMs?: number;
  /** How often a message is handed out that nobody waits for, until it is given up: 3. */
  attempts?: number;
  /** The most background tasks of one handler that are under way at once: 16. */
  tasks?: number;
  /** The shards that keys are spread over, 256: the same on all nodes, for ever. */
  shards?: number;
  /** The cluster that they are shared in: 1 to 64 letters, digits, `-` and `_`. None when left out. */
  cluster?: string;
  /** The name of this node in it, alike, which no other has; not for a client. */
  node?: string;
  /** How many shards it gets beside the others, up to 100: 1. */
  weight?: number;
  /** After how long of silence the others take its shards, at least 1,000: 10 s. */
  ttlMs?: number;
  /** Whether it asks the entities of the cluster only, and is no node of it. */
  isClient?: boolean;
  /** Whether its nodes meet over the mesh that the engine has joined, and not on its hub or in its directory. */
  mesh?: boolean;
}

/** A message to an entity. */
export interface EntityMessage {
  /** What is asked or told. */
  readonly name: string;
  /** In the encoding of whoever sent it: a view of the memory that it was taken with. */
  readonly payload: Buffer;
  /** Whether somebody waits for the answer. */
  readonly wantsReply: boolean;
  /** How often it was handed out, from 1 on. */
  readonly attempt: number;
}

/** What a handler answers; nothing is no bytes, and an error of ours is as one that is thrown. */
export type EntityAnswer = Bytes | HeadwaterError | void;

/**
 * A handler: what is alive of an entity while it is wanted. It is told one thing after another. A `HeadwaterError`
 * that a method throws goes to whoever asked, and the handler lives on; any other error breaks it, whoever asked gets
 * kind `internal`, and it is begun anew.
 */
export interface EntityHandler {
  /** Makes it ready, say of its events. */
  start?(context: EntityContext): unknown;
  /** Handles a message; the answer goes to whoever asked. */
  handle(message: EntityMessage, context: EntityContext): EntityAnswer | PromiseLike<EntityAnswer>;
  /** A time has come that was set with `context.setTimer`. */
  timer?(name: string, context: EntityContext): unknown;
  /** It is not wanted any more. */
  stop?(context: EntityContext): unknown;
}

/** A class of handlers, of which one is made for each entity that is wanted. */
export interface EntityClass {
  new (): EntityHandler;
  /** The name of its kind, 1 to 128 bytes, which stays whatever becomes of the program. */
  readonly kind: string;
}

/** What a handler knows while it handles something. It is good until that is answered; after that it is `misuse`. */
export class EntityContext {
  private constructor();
  /** The kind of the entity. */
  readonly kind: string;
  /** Which one it is of its kind. */
  readonly key: string;
  /** All entities, as for what goes on in the background. */
  readonly entities: Entities;
  /** Asks another entity. One that would come back to this one is `invalid`, as it would wait for itself. */
  request(kind: string, key: string, name: string, payload?: Bytes, options?: Limits): Promise<Buffer>;
  /** Tells an entity something, which may be this one. */
  notify(kind: string, key: string, name: string, payload?: Bytes, limits?: Limits): Promise<void>;
  /**
   * Sets a timer, in the place of one of the same name: it comes after that time, and then every so long, or once when
   * that is 0. It ends with its handler.
   */
  setTimer(name: string, afterMs: number, everyMs?: number): void;
  /** Takes a timer back; false if there is none of this name. */
  cancelTimer(name: string): boolean;
  /**
   * Says how many bytes the handler holds, from now on until it says otherwise or ends: what `memory` of the
   * configuration limits.
   */
  holds(bytes: Integer): void;
  /**
   * Does something in the background, while the handler takes messages: what it comes to arrives as a message of this
   * name, which nobody waits for. It keeps the handler alive; when that ends, its signal is aborted and it comes to
   * nothing. One that fails is a warning of the process, and no message comes. A limit when as many are under way as
   * may be.
   */
  spawn(name: string, work: (signal: AbortSignal) => Bytes | void | PromiseLike<Bytes | void>): void;
}

/** An entity as a list shows it. */
export interface EntityInfo {
  kind: string;
  key: string;
  shard: number;
  /** Its node; null without a cluster. */
  node: string | null;
  /** `resting`: its handler broke, and is begun anew after a pause. */
  state: 'idle' | 'ready' | 'running' | 'resting' | 'paused';
  /** How many messages wait. */
  waiting: number;
}

/** A node of a cluster, as another one sees it. */
export interface ClusterNode {
  name: string;
  /** Whether it was heard of lately. */
  isAlive: boolean;
  /** How many shards it gets beside the others. */
  weight: number;
  /** How many it has. */
  shards: number;
}

/** Where an entity is. */
export interface EntityPlace {
  /** Its node; null while it is on none, and without a cluster. */
  node: string | null;
  shard: number;
  /**
   * The epoch in which this node has its shard, higher than that of any node before it: 0 without a cluster, null where
   * it has not, or may not be sure of it.
   */
  epoch: bigint | null;
  isHere: boolean;
}

/**
 * Live entities on this node: one handler for each kind and key, alive while it is wanted (docs/entities.md).
 *
 * ```js
 * const entities = await engine.entities();
 * const serving = entities.serve(Account);
 * const answer = await entities.request('account', 'acc-1', 'deposit', '5');
 * await entities.close();
 * await serving;
 * ```
 */
export class Entities implements AsyncDisposable {
  private constructor();
  /** How many handlers are alive on this node. */
  readonly active: number;
  /**
   * Asks an entity, and waits for its answer: 30 s when `timeoutMs` is not given. It fails with what its handler
   * refuses, and with `timeout` when it does not answer in time, `limit` when too many messages wait for it, `invalid`
   * for a request that would wait for itself, and `internal` when its handler breaks. An aborted one gives up the wait
   * and not the message.
   */
  request(kind: string, key: string, name: string, payload?: Bytes, options?: Limits): Promise<Buffer>;
  /** Tells an entity something, and does not wait for it: done when it is in its mailbox, here or on its node. */
  notify(kind: string, key: string, name: string, payload?: Bytes, limits?: Limits): Promise<void>;
  /**
   * Handles entities of these classes, many at once, until they are closed; for any other kind, whoever asks gets
   * `unsupported`. It can be asked for once.
   */
  serve(...types: EntityClass[]): Promise<void>;
  /**
   * Which entities of a kind are there on all nodes, or of all kinds when it is empty: by kind and key, the first of
   * each node as far as 512 KiB of its list reach. A node that does not answer has none to show.
   */
  list(kind?: string, limits?: Limits): Promise<EntityInfo[]>;
  /** The nodes of the cluster, by name; none without a cluster. */
  nodes(): ClusterNode[];
  /** Where an entity is. */
  where(kind: string, key: string): EntityPlace;
  /** For tests: hands out nothing of an entity until `step` or `resume`. */
  pause(kind: string, key: string): void;
  /** For tests: hands out one item of an entity that is paused. */
  step(kind: string, key: string): void;
  /** For tests: ends a pause. */
  resume(kind: string, key: string): void;
  /**
   * Leaves the cluster in good order: what waits is done, its handlers stop, and its shards go to the others. Then it
   * is closed. Without a cluster it only closes.
   */
  leave(limits?: Limits): Promise<void>;
  /** Ends it: whoever waits gets `closed`, and what handlers still do comes to nothing. Closing twice is nothing. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a node of a mesh is proved, and which of its clusters is asked. */
export interface EntitiesClientOptions extends Limits {
  /** The file with the certificate of the authority that signed those of all nodes, in PEM. */
  ca: string;
  /** The file with a certificate of that authority, in PEM. */
  cert: string;
  /** The file with its key, in PEM. */
  key: string;
  /** The name that the certificate of the node has; the host that is called when not given. */
  serverName?: string;
  /** The cluster; the only one there when not given. */
  cluster?: string;
}

/**
 * One who asks the entities of a cluster over a mesh through one of its nodes, and is neither in the cluster nor in the
 * mesh. It needs no engine.
 *
 * ```js
 * const client = await EntitiesClient.connect('grpcs://10.0.0.1:7401', { ca, cert, key });
 * const answer = await client.request('account', 'acc-1', 'deposit', '5');
 * await client.close();
 * ```
 */
export class EntitiesClient implements AsyncDisposable {
  private constructor();
  /**
   * Calls the node at `grpcs://host:port`, where it listens for the mesh, and finds out which cluster it is in where
   * none is named. It fails with `invalid` for what is no such address or certificate, and where there are several
   * clusters, with their names; with `not_found` when nobody is there, or the node is in no cluster.
   */
  static connect(url: string, options: EntitiesClientOptions): Promise<EntitiesClient>;
  /**
   * Asks an entity, and waits for its answer: 30 s when `timeoutMs` is not given. It fails as that of `Entities` does,
   * and with `not_found` when the node is not there, or not in the cluster.
   */
  request(kind: string, key: string, name: string, payload?: Bytes, options?: Limits): Promise<Buffer>;
  /** Tells an entity something, and does not wait for it: done when it is in its mailbox. */
  notify(kind: string, key: string, name: string, payload?: Bytes, limits?: Limits): Promise<void>;
  /**
   * Which entities of a kind are there on all nodes, or of all kinds when it is empty: by kind and key, the first of
   * each node as far as 512 KiB of its list reach, and of all as far as 4 MiB do.
   */
  list(kind?: string, limits?: Limits): Promise<EntityInfo[]>;
  /** The nodes of the cluster, by name, as the one that is called knows them. */
  nodes(limits?: Limits): Promise<ClusterNode[]>;
  /** Where an entity is, as the node that is called knows it: never here, and without an epoch. */
  where(kind: string, key: string, limits?: Limits): Promise<EntityPlace>;
  /** Ends the connection: whoever waits gets `closed`. Closing twice is nothing. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The shard of an entity where keys are spread over so many of them: 256 when not given. */
export function shardOf(kind: string, key: string, shards?: number): number;
/** The name of the node that a shard belongs on, each of a weight of 1 when not given; null where none has a weight. */
export function shardOwner(shard: number, nodes: Iterable<{ name: string; weight?: number }>): string | null;
