"""Configurations and reports, as plain values. Durations are seconds, times nanoseconds since the epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from ._native import Event

# Unions of one name each, because stubtest takes a literal of several names for a difference.
Durability = Literal["fsync"] | Literal["interval"] | Literal["os"] | Literal["unknown"]
Discard = Literal["old"] | Literal["new"]
Compression = Literal["none"] | Literal["zstd"]
DeliverPolicy = (
    Literal["all"]
    | Literal["last"]
    | Literal["new"]
    | Literal["by_start_sequence"]
    | Literal["by_start_time"]
    | Literal["last_per_subject"]
)
AckPolicy = Literal["explicit"] | Literal["all"] | Literal["none"]
Storage = Literal["file"] | Literal["memory"]
Operation = Literal["put"] | Literal["delete"] | Literal["purge"]
HubPhase = Literal["connecting"] | Literal["connected"] | Literal["reconnecting"] | Literal["closed"]
LinkDirection = Literal["both"] | Literal["push"] | Literal["pull"]
EntityState = (
    Literal["idle"] | Literal["ready"] | Literal["running"] | Literal["resting"] | Literal["paused"]
)
MemberState = Literal["alive"] | Literal["suspect"] | Literal["down"] | Literal["left"]
DatabaseState = Literal["stopped"] | Literal["running"] | Literal["paused"] | Literal["failed"]
PresenceName = Literal["online"] | Literal["away"] | Literal["busy"] | Literal["unknown"] | Literal["offline"]
PresenceNodeState = Literal["up"] | Literal["silent"] | Literal["closed"]
PresenceChangeKind = Literal["joined"] | Literal["updated"] | Literal["left"]
Compared = Literal["equal"] | Literal["differs"] | Literal["apart"] | Literal["silent"]
MeshPreset = Literal["lan"] | Literal["wan"] | Literal["seed"]
LinkState = Literal["starting"] | Literal["running"] | Literal["waiting"] | Literal["stopped"]


CrdtKind = (
    Literal["counter"]
    | Literal["grow_counter"]
    | Literal["bounded_counter"]
    | Literal["register"]
    | Literal["multi_register"]
    | Literal["set"]
    | Literal["remove_wins_set"]
    | Literal["flag"]
    | Literal["disable_wins_flag"]
    | Literal["map"]
)


class Json(str):
    """A JSON document as text, the value of a point, of a register, or in a set."""

    __slots__ = ()

    def parse(self) -> Any:
        """What the document says."""
        return json.loads(self)


# A value of state that merges, as it comes out and goes in.
CrdtValue = bytes | int | float | str | Json
CrdtValueIn = CrdtValue | bytearray | memoryview | dict[str, Any] | list[Any] | bool | None


class Actor(NamedTuple):
    """Who makes operations: an engine in one of its epochs."""

    engine: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.engine:016x}-{self.epoch:016x}"


class Collected(NamedTuple):
    """What a replica forgot: dead rows of counters and expired dots, and keys in which stable removals were done away
    with by an operation that goes to the others.
    """

    dropped: int
    operations: int


class Changed(NamedTuple):
    """A key that changed, or may have: what it reads as now is in the store."""

    key: str
    kind: CrdtKind


class Written(NamedTuple):
    """What became of a write: its record, 0 if there was nothing to do, and of a counter what it is then."""

    seq: int
    total: int | None


class Merged(NamedTuple):
    """What a merge of another store did: how many keys were compared, 0 where it had seen nothing that is not here; how
    many of them changed or know more now; and the bytes that the log got for it.
    """

    keys: int
    changed: int
    bytes: int


class Dumped(NamedTuple):
    """What is in a key, as JSON: see docs/crdt.md for the form of each kind."""

    key: str
    kind: CrdtKind
    json: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectTransform:
    """How a subject becomes another: those that the filter `source` takes, with `{{wildcard(1)}}` and the like."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSource:
    """A stream that another one takes records from: all, or those from a sequence or commit time on that `filter`
    takes. `transforms` say how subjects change on the way, in place of a filter; `domain` is where it is.
    """

    name: str
    start_seq: int = 0
    start_time: int | datetime = 0
    filter: str = ""
    transforms: tuple[SubjectTransform, ...] = ()
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubConfig:
    """What only a hub has of a stream: on how many servers it is, 1 to 5, which ones, and what it takes from others.
    A mirror is a copy of another stream and takes no subjects of its own.
    """

    replicas: int = 1
    storage: Storage = "file"
    placement_cluster: str = ""
    placement_tags: tuple[str, ...] = ()
    sources: tuple[StreamSource, ...] = ()
    mirror: StreamSource | None = None
    subject_transform: SubjectTransform | None = None
    allow_direct: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """What a stream takes, how long it keeps it, and what its acknowledgements mean. A limit of 0 is no limit."""

    name: str
    subjects: tuple[str, ...]
    description: str
    durability: Durability
    sync_interval: float
    max_age: float
    max_msgs: int
    max_bytes: int
    max_msgs_per_subject: int
    max_msg_size: int
    discard: Discard
    discard_new_per_subject: bool
    duplicate_window: float
    allow_rollup: bool
    deny_delete: bool
    deny_purge: bool
    compression: Compression
    segment_bytes: int
    hub: HubConfig | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """What a stream is and holds."""

    config: StreamConfig
    created: int
    records: int
    bytes: int
    disk_bytes: int
    subjects: int
    first_seq: int
    first_time: int
    last_seq: int
    last_time: int
    deleted: int
    consumers: int
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerConfig:
    """A durable position in a stream, with JetStream's names and defaults."""

    name: str
    description: str
    filter_subjects: tuple[str, ...]
    deliver_policy: DeliverPolicy
    start_seq: int | None
    start_time: int | None
    ack_policy: AckPolicy
    ack_wait: float
    max_deliver: int
    backoff: tuple[float, ...]
    max_ack_pending: int
    dead_letter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerInfo:
    """Where a consumer stands."""

    config: ConsumerConfig
    delivered_seq: int
    ack_floor: int
    num_ack_pending: int
    num_redelivered: int
    num_pending: int
    num_dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketConfig:
    """What a bucket keeps."""

    name: str
    description: str
    history: int
    ttl: float
    max_bytes: int
    max_value_size: int
    durability: Durability


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketStatus:
    """What a bucket holds: revisions and bytes kept, delete markers included."""

    config: BucketConfig
    values: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectConfig:
    """What an object store keeps."""

    name: str
    description: str
    ttl: float
    max_bytes: int
    durability: Durability
    compression: Compression


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStatus:
    """What an object store holds: bytes of all chunks and of the records about objects."""

    config: ObjectConfig
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLink:
    """What a link leads to; without a name it is the store as a whole."""

    bucket: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What is known of an object. `digest` is `SHA-256=` and base64; only a watcher sees one that is `deleted`."""

    name: str
    description: str
    headers: tuple[tuple[str, str], ...]
    metadata: dict[str, str]
    bucket: str
    nuid: str
    size: int
    chunks: int
    max_chunk_size: int
    modified: int
    digest: str
    deleted: bool
    link: ObjectLink | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did; `rejected` has line number and reason of the first 1,000 lines that were refused."""

    lines: int
    points: int
    resumed: int
    rejected: tuple[tuple[int, str], ...]
    rejected_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a check of a directory found: torn tails that an open would cut, and damage."""

    streams: int
    segments: int
    records: int
    bytes: int
    torn: tuple[str, ...]
    damage: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measured value, in Prometheus's terms; a counter only grows."""

    name: str
    labels: dict[str, str]
    value: float
    counter: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of the engine's log; `level` is `error`, `warn`, `info` or `debug`."""

    time: int
    level: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubState:
    """Where the connection to a hub stands; the server is the one that it was connected to last.

    `lag_records` is how many sequences of either side the links of this process to it have still to look at, as of this
    answer. It changes with every record, so nobody who follows the state is woken for it.
    """

    phase: HubPhase
    server_name: str
    server_version: str
    api_level: int
    last_error: str
    reconnects: int
    lag_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """Where a link stands; counts are since the engine was opened, lags are in sequences still to be looked at."""

    name: str
    stream: str
    remote: str
    direction: LinkDirection
    state: LinkState
    pushed: int
    pulled: int
    known: int
    missed: int
    skipped: int
    lag_push: int
    lag_pull: int
    resets: int
    failures: int
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStore:
    """A store as it is shared with one node: operations that the node is known to have and this one lacks, records of
    this node's log that the other has not acknowledged, and how often keys had to be compared.
    """

    store: str
    behind: int
    unacked: int
    repairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A node of a mesh: `engine` is the id of its engine, `since` when its state began, nanoseconds since the epoch,
    and `stores` are those that both have; of the node itself, all it has.
    """

    name: str
    engine: int
    address: str
    state: MemberState
    since: int
    connected: bool
    stores: tuple[MemberStore, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshStatus:
    """A mesh, as one of its nodes sees it: that node and the others; connections refused before their handshake was
    done; packets not understood or not taken in; bytes of packets; what went wrong last, empty when nothing did; and by
    how much the node lengthens its time limits, as it is slow itself, 0 to 8.
    """

    own: Member
    members: tuple[Member, ...]
    refused: int
    faults: int
    sent_bytes: int
    received_bytes: int
    last_error: str
    local_health: int


class RefusedTable(NamedTuple):
    """A table that does not replicate, and why."""

    table: str
    reason: str


class RowChange(NamedTuple):
    """A row that a write of another node changed here, or that a constraint showed or hid: its table, the values of its
    key, and what was done to it; what it is now is in the file. `node` is in whose name the write is, 16 hex digits,
    `stamp` its hybrid time and `time_ms` when that was, in milliseconds since the epoch.
    """

    table: str
    key: tuple[int | float | str | bytes, ...]
    kind: Literal["insert", "update", "delete"]
    node: str
    stamp: int
    time_ms: int


class JobStatus(NamedTuple):
    """Work that takes a while: `what` is `copy`, `upload`, `fetch` or `join`; done and in all are bytes, or rows of a
    join.
    """

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """How a SQLite file that replicates stands.

    `node` is in whose name its units are now, 16 hex digits; it is another one after a crash, and for a copy.
    `left_out` are columns that are left out of tables that replicate, as `table.column`. `pending` are writes that were
    captured and are in no unit yet, `unsent` units that are not in the log yet. Since it was opened, units were
    `published` and `applied`, the latter with so many `changes` of rows. `conflicts` are rows that are kept and not
    shown, as another one that won has their UNIQUE value or they break a constraint; `parked` bundles of changes that
    wait for a table or column; `held` units that wait as their clock is too far ahead; `missing` units that were made
    and did not come. `lag_ms` is how old the newest write of another node is that is in the file, 0 when nothing waits
    to be read, `idle_ms` how long nothing was sent and nothing joined. `faults` are records of the log that could not
    be understood.
    """

    name: str
    path: Path
    node_id: str
    node: str
    state: DatabaseState
    tables: tuple[str, ...]
    refused: tuple[RefusedTable, ...]
    left_out: tuple[str, ...]
    pending: int
    unsent: int
    published: int
    applied: int
    changes: int
    conflicts: int
    parked: int
    held: int
    missing: int
    lag_records: int
    lag_ms: int
    idle_ms: int
    job: JobStatus | None
    faults: int
    last_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedNode:
    """Another node, compared with this one: the tables that differ with how many of their 64 ranges of keys, and those
    whose schema is another one there. `apart` are nodes of which one has units that the other has not yet; `silent` is
    one that did not answer.
    """

    node_id: str
    compared: Compared
    differing: dict[str, int]
    schema: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a comparison of nodes found: the other nodes, rows here whose foreign keys name nothing, by table, and
    whether rows were given to repair what differed.
    """

    nodes: tuple[ComparedNode, ...]
    dangling: dict[str, int]
    repaired: bool

    @property
    def is_equal(self) -> bool:
        """Whether every node answered and has the same rows."""
        return all(node.compared == "equal" for node in self.nodes)


class SchemaOf(NamedTuple):
    """A table, in lower case, and the nodes that have each form of it, by SHA-256 of the schema; those that have no
    such table are under the empty text.
    """

    table: str
    forms: dict[str, tuple[str, ...]]

    @property
    def is_same(self) -> bool:
        """Whether all nodes have the same."""
        return len(self.forms) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInfo:
    """A snapshot: its id, in the order of time; who made it and when, in milliseconds since the epoch; bytes of the
    file and bytes that it takes where it is kept.
    """

    id: str
    node_id: str
    created_ms: int
    bytes: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrdtStatus:
    """How a handle of a store stands: the last sequence of the log that it took in and that its newest snapshot covers,
    of how many actors it has operations, how many operations are known to have been made that are not here, and of each
    record that is held, as its clock is too far ahead, what operations it has: actor, first and last.
    """

    seq: int
    snapshot_seq: int
    actors: int
    behind: int
    held: tuple[tuple[tuple[Actor, int, int], ...], ...]


class Position(NamedTuple):
    """Where an aggregate stands: the version and the sequence of its last event, both 0 when it has none."""

    version: int = 0
    seq: int = 0


class Saved(NamedTuple):
    """What a save came to. With `is_repeat` the events were there, saved before by the same command."""

    position: Position
    is_repeat: bool
    durability: Durability


class Archived(NamedTuple):
    """What archiving came to: how many events left the store now, the version of the last one that was moved, now or
    before (0 when none was), and the projection that has not taken in yet what else was to go.
    """

    events: int
    up_to: int
    held_back_by: str | None


class AggregateInfo(NamedTuple):
    """An aggregate by its last event, and when that was saved."""

    aggregate: str
    key: str
    position: Position
    event_type: str
    saved: int


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which aggregates: one, all of a kind, all of a key, or all."""

    aggregate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """That nothing was saved in the aggregates that the filter takes since its last event was `last_seq`, 0 for none.
    The aggregate that is saved has to be among them.
    """

    filter: EventFilter
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A state of an aggregate as of a position, whose data has a schema, when it was saved, and the data subjects that
    it has data of.
    """

    position: Position
    schema: int
    saved: int
    data: bytes
    data_subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was loaded of an aggregate: where it stands by the last event that was loaded, the snapshot that the events
    begin behind, if not with the first, and the events.
    """

    position: Position
    snapshot: Snapshot | None
    events: tuple[Event, ...]

    @property
    def exists(self) -> bool:
        """Whether the aggregate had an event by then."""
        return self.position.version > 0


class Failure(NamedTuple):
    """What comes of a failure: how often the event was tried, and for how many seconds nothing is given out; or it is a
    dead letter, to be passed by, and that to be committed.
    """

    tries: int
    pause: float
    is_dead: bool


class Failing(NamedTuple):
    """An event that a projection could not take in: how often it was tried, and why it failed the last time."""

    seq: int
    tries: int
    error: str


class DeadLetter(NamedTuple):
    """An event that a projection gave up, and when, in nanoseconds since the epoch."""

    seq: int
    tries: int
    error: str
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionStatus:
    """Where a projection stands: the sequence of the last event in effect, how many events, of any aggregate, the store
    has behind that (0 if none of them is for it), what it fails at, and how many events it gave up. `updated`, in
    nanoseconds since the epoch, is when it said so, about once a second where the read model keeps its position itself.
    """

    name: str
    is_rebuild: bool
    position: int
    lag: int
    is_running: bool
    failing: Failing | None
    dead: int
    updated: int
    filters: tuple[EventFilter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceSession:
    """One session of a user: what it said, and what it counts as. `ttl` is how many seconds a sign of life lets it
    live; a held one, which lives as long as its handle, has none.
    """

    id: str
    status: PresenceName
    message: str | None
    device: str | None
    meta: Any
    since_ms: int
    active_ms: int
    ttl: float | None

    @property
    def held(self) -> bool:
        """Whether it lives as long as its handle."""
        return self.ttl is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceUser:
    """A user as all nodes together say. Times are milliseconds since the epoch, 0 is never; `message` is of the session
    that counts most; others are to be told of one who is `invisible` that it is offline.
    """

    space: str
    user: str
    status: PresenceName
    message: str | None
    last_seen_ms: int
    changed_ms: int
    position: int
    invisible: bool
    chosen: bool
    sessions: tuple[PresenceSession, ...]


class PresenceReading(NamedTuple):
    """Users; as of `as_of_ms`, as other nodes can't be heard since then where it is `stale`."""

    users: tuple[PresenceUser, ...]
    as_of_ms: int
    stale: bool


class PresenceCounts(NamedTuple):
    """How many are in a space: users who are not offline, their sessions, and users by status."""

    users: int
    sessions: int
    online: int
    away: int
    busy: int
    unknown: int


class PresenceLease(NamedTuple):
    """Until when a session lives unless it is heard of; 0 for a held one. `ttl` is in seconds."""

    expires_ms: int
    ttl: float


class PresenceNode(NamedTuple):
    """A node that shares a store, and when it said something last."""

    name: str
    state: PresenceNodeState
    heard_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceStatus:
    """How a presence store stands. `answered` are the sessions that this node answers for, `refused` the records of
    others that could not be read; this node is the first of `nodes`.
    """

    name: str
    node: str
    answered: int
    stale: bool
    as_of_ms: int
    position: int
    refused: int
    last_error: str
    nodes: tuple[PresenceNode, ...]


class PresenceSnapshot(NamedTuple):
    """Who is there now: what a watcher is told first, and again where nobody took what changed."""

    position: int
    users: tuple[PresenceUser, ...]


class PresenceChange(NamedTuple):
    """One change: of a session or, without one, of the user as a whole. `was` is the status of the user before."""

    kind: PresenceChangeKind
    position: int
    session: str | None
    was: PresenceName
    user: PresenceUser


class PresenceView(NamedTuple):
    """Other nodes can't be heard any more, or can again."""

    stale: bool
    as_of_ms: int


PresenceEvent = PresenceSnapshot | PresenceChange | PresenceCounts | PresenceView


class Message(NamedTuple):
    """A message to an entity: what is asked or told, in the encoding of whoever sent it, whether somebody waits for the
    answer, and how often it was handed out, from 1 on.
    """

    name: str
    payload: bytes = b""
    wants_reply: bool = True
    attempt: int = 1


class EntityInfo(NamedTuple):
    """An entity as a list shows it: its node, `None` without a cluster, what it does, and how many messages wait."""

    kind: str
    key: str
    shard: int
    node: str | None
    state: EntityState
    waiting: int


class EntityPlace(NamedTuple):
    """Where an entity is. `node` is `None` where it is on none, and without a cluster. `epoch` is that in which this
    node has its shard, higher than that of any node before it, 0 without a cluster; `None` when it has not, or may not
    be sure of it.
    """

    node: str | None
    shard: int
    epoch: int | None

    @property
    def is_here(self) -> bool:
        """Whether this node has it, and may be sure of that."""
        return self.epoch is not None


class ClusterNode(NamedTuple):
    """A node of a cluster: whether it was heard of lately, how many shards it gets beside the others, and how many it
    has.
    """

    name: str
    is_alive: bool
    weight: int
    shards: int
