"""The operations of the conformance vectors on state that merges: see tests/conformance/README.md."""

import base64
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import headwater as hw

Arguments = dict[str, Any]

KINDS = [
    "counter", "grow_counter", "bounded_counter", "register", "multi_register",
    "set", "remove_wins_set", "flag", "disable_wins_flag", "map",
]  # fmt: skip
VALUES_IN: dict[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "int": int,
    "float": float,
    "text": str,
    "json": hw.Json,
}


def value_in(value: Arguments) -> Any:
    ((kind, inner),) = value.items()
    return VALUES_IN[kind](inner)


def value_out(value: Any) -> Arguments | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    kinds = {hw.Json: "json", str: "text", float: "float", int: "int"}
    return {kinds[type(value)]: str(value) if isinstance(value, str) else value}


def path_of(key: str, fields: Iterable[str] = ()) -> list[str]:
    return [key, *fields]


def change_of(
    key: str,
    kind: Any,
    do: str,
    fields: Iterable[str] = (),
    ttl_ms: int | None = None,
    to: Arguments | None = None,
    **rest: Any,
) -> hw.Change:
    """The change that a step describes; what is left over is a `TypeError`."""
    actor = None if to is None else hw.Actor(**to)
    ttl = None if ttl_ms is None else timedelta(milliseconds=ttl_ms)
    given = [value_in(rest.pop("value"))] if "value" in rest else []
    given += [rest.pop("amount")] if "amount" in rest else []
    return hw.Change(path_of(key, fields), kind, do, *given, ttl=ttl, to=actor, **rest)


def read_out(kind: str, reading: Any) -> Any:
    match kind:
        case "register":
            return value_out(reading)
        case "multi_register" | "set" | "remove_wins_set":
            return [value_out(value) for value in reading]
        case "map":
            return [list(field) for field in reading]
        case _:
            return reading


def keys_out(keys: Iterable[tuple[str, str]]) -> Any:
    return [list(key) for key in keys]


def in_order(key: tuple[str, str]) -> tuple[str, int]:
    """By name, then in the order of kinds."""
    return key[0], KINDS.index(key[1])


class CrdtSteps:
    """Stores and replicas, by the names that the vectors give them."""

    engine: hw.Engine
    named: dict[str, Any]

    def __init__(self) -> None:
        self.stores: dict[str, hw.CrdtStore] = {}
        self.replicas: dict[str, hw.Replica] = {}
        self.fragments: dict[str, bytes] = {}

    def store(self, name: str) -> hw.CrdtStore:
        """The handle that the first step which names a store opened."""
        if name not in self.stores:
            self.stores[name] = self.engine.open_crdt(name)
        return self.stores[name]

    def crdt_create(self, config: Arguments) -> Any:
        config = dict(config)
        name = config.pop("name")
        self.stores[name] = self.engine.crdt(name, **config)

    def crdt_open(self, store: str) -> Any:
        self.stores[store] = self.engine.open_crdt(store)

    def crdts(self) -> Any:
        return self.engine.crdts()

    def crdt_write(self, store: str, **change: Any) -> Any:
        return self.store(store).write(change_of(**change))._asdict()

    def crdt_transaction(self, store: str, changes: list[Arguments]) -> Any:
        with self.store(store).transaction() as transaction:
            for change in changes:
                transaction.write(change_of(**change))
        return {"seq": transaction.seq}

    def crdt_read(self, store: str, key: str, kind: Any, fields: Iterable[str] = ()) -> Any:
        return read_out(kind, self.store(store).read(path_of(key, fields), kind))

    def crdt_contains(self, store: str, key: str, kind: Any, value: Arguments, fields: Iterable[str] = ()) -> Any:
        return self.store(store).contains(path_of(key, fields), kind, value_in(value))

    def crdt_rights(self, store: str, key: str) -> Any:
        return self.store(store).bounded_counter(key).rights

    def crdt_keys(self, store: str, prefix: str = "") -> Any:
        return keys_out(self.store(store).keys(prefix))

    def crdt_dump(self, store: str, prefix: str = "") -> Any:
        dumped = self.store(store).dump(prefix)
        return [{"key": one.key, "kind": one.kind, "value": one.json.parse()} for one in dumped]

    def crdt_watch(self, store: str, prefix: str = "", **step: Any) -> Any:
        name = step.pop("as")
        self.named[name] = self.store(store).watch(prefix, **step)

    def crdt_status(self, store: str) -> Any:
        status = self.store(store).status()
        counts = {"seq": status.seq, "snapshot_seq": status.snapshot_seq}
        counts |= {"actors": status.actors, "behind": status.behind}
        return counts | {"held": len(status.held)}

    def crdt_merge(self, store: str, other: str) -> Any:
        return self.store(store).merge(self.store(other))._asdict()

    def crdt_release_held(self, store: str) -> Any:
        return self.store(store).release_held()

    def replica(self, engine: int, epoch: int, **step: Any) -> Any:
        name = step.pop("as")
        self.replicas[name] = hw.Replica(engine, epoch, **step)

    def replica_write(self, replica: str, now_ms: int, **change: Any) -> Any:
        return self.replicas[replica].write(change_of(**change), now_ms)

    def replica_transaction(self, replica: str, now_ms: int, changes: list[Arguments]) -> Any:
        return self.replicas[replica].transaction([change_of(**change) for change in changes], now_ms)

    def replica_read(self, replica: str, now_ms: int, key: str, kind: Any, fields: Iterable[str] = ()) -> Any:
        return read_out(kind, self.replicas[replica].read(path_of(key, fields), kind, now_ms))

    def replica_contains(
        self, replica: str, now_ms: int, key: str, kind: Any, value: Arguments, fields: Iterable[str] = ()
    ) -> Any:
        return self.replicas[replica].contains(path_of(key, fields), kind, value_in(value), now_ms)

    def replica_rights(self, replica: str, key: str) -> Any:
        return self.replicas[replica].rights(key)

    def kept(self, name: str, fragment: bytes | None) -> Any:
        """Keeps a fragment under a name, and says it in hex."""
        if fragment is None:
            return None
        self.fragments[name] = fragment
        return fragment.hex()

    def replica_take_delta(self, replica: str, **step: Any) -> Any:
        return self.kept(step.pop("as"), self.replicas[replica].take_delta(**step))

    def replica_whole(self, replica: str, **step: Any) -> Any:
        return self.kept(step.pop("as"), self.replicas[replica].whole(**step))

    def replica_some(self, replica: str, keys: list[list[Any]], **step: Any) -> Any:
        pairs = [(key, kind) for key, kind in keys]
        return self.kept(step.pop("as"), self.replicas[replica].some(pairs, **step))

    def replica_since(self, replica: str, of: str, **step: Any) -> Any:
        context = self.replicas[of].context()
        return self.kept(step.pop("as"), self.replicas[replica].since(context, **step))

    def replica_context(self, replica: str) -> Any:
        return self.replicas[replica].context().hex()

    def replica_caught_up(self, replica: str, of: str) -> Any:
        return self.replicas[replica].caught_up(self.replicas[of].context())

    def replica_apply(
        self, replica: str, now_ms: int, fragment: str | None = None, bytes: str | None = None
    ) -> Any:
        changed = self.replicas[replica].apply(self.given(fragment, bytes), now_ms)
        return {"held": True} if changed is None else {"changed": keys_out(sorted(changed, key=in_order))}

    def given(self, fragment: str | None, hexed: str | None) -> bytes | bytearray:
        """The fragment that a step names, or states in hex."""
        return self.fragments[fragment] if fragment is not None else bytearray.fromhex(hexed or "")

    def replica_extract(
        self, replica: str, fragment: str | None = None, bytes: str | None = None, **step: Any
    ) -> Any:
        name = step.pop("as")
        return self.kept(name, self.replicas[replica].extract(self.given(fragment, bytes), **step))

    def replica_restore(self, replica: str, fragment: str | None = None, bytes: str | None = None) -> Any:
        return self.replicas[replica].restore(self.given(fragment, bytes))

    def replica_stable(self, replica: str, now_ms: int, peers: list[str]) -> Any:
        others = [self.replicas[name] for name in peers]
        return self.replicas[replica].stable([(one.actor, one.context()) for one in others], now_ms)._asdict()

    def replica_held(self, replica: str) -> Any:
        return self.replicas[replica].held

    def replica_release(self, replica: str, now_ms: int, all: bool = False) -> Any:
        return keys_out(self.replicas[replica].release(now_ms, all=all))

    def replica_digest(self, replica: str, key: str, kind: Any, now_ms: int) -> Any:
        return f"{self.replicas[replica].digest(key, kind, now_ms):016x}"
