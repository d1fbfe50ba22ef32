"""The operations of the conformance vectors, spoken in Python: see tests/conformance/README.md."""

import io
import time
from collections.abc import Callable, Iterable
from typing import Any

from conformance_crdt import CrdtSteps
from conformance_database import DatabaseSteps, cell_out
from conformance_entities import EntitySteps
from conformance_events import EventSteps, event_told
from conformance_presence import PresenceSteps, event_of
from conformance_values import data, told_bytes

import headwater as hw

Arguments = dict[str, Any]
DURATIONS = {"sync_interval", "max_age", "duplicate_window", "ack_wait", "ttl"}


def seconds(nanos: int) -> float:
    return nanos / 1_000_000_000


def settings(config: Arguments) -> Arguments:
    """Fields of a configuration as keyword arguments, durations in seconds."""
    config = {name: seconds(value) if name in DURATIONS else value for name, value in config.items()}
    if "backoff" in config:
        config["backoff"] = [seconds(wait) for wait in config["backoff"]]
    return config


def told(result: Any) -> Any:
    """A result as the vectors write it."""
    match result:
        case hw.Record():
            headers = {"headers": [list(header) for header in result.headers]}
            return fields(result, "seq subject event_time delivered") | headers | told_bytes("payload", result.payload)
        case hw.Ack():
            return fields(result, "seq count duplicate durability")
        case hw.Entry():
            return fields(result, "key revision operation") | told_bytes("value", result.value)
        case hw.Point():
            value = {"value": told_value(result.value)}
            return fields(result, "node kind key time tombstone origin") | value
        case hw.Row():
            return {"series": result.series, "start": result.start, "values": list(result.values)}
        case hw.ObjectInfo():
            link = None if result.link is None else {"bucket": result.link.bucket, "name": result.link.name}
            headers = {"headers": [list(header) for header in result.headers]}
            return fields(result, OBJECT) | headers | {"link": link}
        case hw.Event():
            return event_told(result)
        case hw.RowChange():
            return {"table": result.table, "key": [cell_out(value) for value in result.key], "kind": result.kind}
        case hw.Changed():
            return result._asdict()
        case hw.PresenceSnapshot() | hw.PresenceChange() | hw.PresenceCounts() | hw.PresenceView():
            return event_of(result)
        case list() | tuple() | hw.Reader():
            return [told(item) for item in result]
        case _:
            return result


def told_value(value: Any) -> Arguments:
    kinds = {hw.Json: "json", str: "text", float: "float", int: "int"}
    return {kinds[type(value)]: str(value) if isinstance(value, str) else value}


def fields(result: Any, names: str) -> Arguments:
    """Named attributes of a result; durations come back as nanoseconds."""
    values = {name: getattr(result, name) for name in names.split()}
    for name in DURATIONS & values.keys():
        values[name] = round(values[name] * 1_000_000_000)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


OBJECT = "name description metadata bucket size chunks max_chunk_size digest deleted"
STREAM = (
    "name subjects description durability sync_interval max_age max_msgs max_bytes max_msgs_per_subject max_msg_size "
    "discard discard_new_per_subject duplicate_window allow_rollup deny_delete deny_purge compression segment_bytes"
)


def append_arguments(step: Arguments) -> Arguments:
    arguments = dict(step)
    payload = data(arguments, "payload")
    if "ttl" in arguments:
        arguments["ttl"] = seconds(arguments["ttl"])
    return arguments | {"payload": payload}


def point(fields: Arguments) -> hw.Point:
    ((kind, value),) = fields["value"].items()
    fields = {**fields, "value": {"json": hw.Json, "float": float}.get(kind, lambda same: same)(value)}
    return hw.Point(**fields)


class Runner(CrdtSteps, DatabaseSteps, EntitySteps, EventSteps, PresenceSteps):
    """One engine and what the vectors have named."""

    def __init__(self, engine: hw.Engine) -> None:
        CrdtSteps.__init__(self)
        DatabaseSteps.__init__(self)
        EntitySteps.__init__(self)
        PresenceSteps.__init__(self)
        self.engine = engine
        self.named: dict[str, Any] = {}

    def run(self, step: Arguments) -> Any:
        """Does a step; its arguments are taken one by one, and one that is left over is a `TypeError`."""
        step = {name: value for name, value in step.items() if name not in ("expect", "error", "within", "eventually")}
        operation: Callable[..., Any] = getattr(self, step.pop("op"))
        return told(operation(**step))

    def source(self, step: Arguments) -> Any:
        if "entities" in step:
            return self.entities_of[step.pop("entities")]
        if "consumer" in step:
            return self.engine.stream(step.pop("stream")).consumer(step.pop("consumer"))
        return self.named[step.pop("subscription", None) or step.pop("projection", None) or step.pop("watcher")]

    def create_stream(self, config: Arguments) -> Any:
        return fields(self.engine.create_stream(**settings(config)).config, STREAM)

    def update_stream(self, config: Arguments) -> Any:
        return fields(self.engine.update_stream(**settings(config)).config, STREAM)

    def delete_stream(self, stream: str) -> Any:
        return self.engine.delete_stream(stream)

    def streams(self) -> Any:
        return [info.config.name for info in self.engine.streams()]

    def stream_info(self, stream: str) -> Any:
        return fields(self.engine.stream(stream).info(), "records bytes subjects first_seq last_seq deleted consumers")

    def append(self, stream: str, **step: Any) -> Any:
        return self.engine.stream(stream).append(**append_arguments(step))

    def append_batch(self, stream: str, records: list[Arguments], repeat: int = 1) -> Any:
        items = [hw.Append(**append_arguments(record)) for record in records]
        return self.engine.stream(stream).append_batch(items * repeat)

    def get(self, stream: str, seq: int) -> Any:
        return self.engine.stream(stream).get(seq)

    def last(self, stream: str, filter: str) -> Any:
        return self.engine.stream(stream).last(filter)

    def last_many(self, stream: str, filters: list[str] | None = None, after: int = 0, max: int = 1000) -> Any:
        return self.engine.stream(stream).last_many(filters, after=after, max_records=max)

    def last_seq(self, stream: str, filter: str) -> Any:
        return self.engine.stream(stream).last_seq(filter)

    def subjects(self, stream: str, filter: str, after: str = "", max: int = 1000) -> Any:
        found = self.engine.stream(stream).subjects(filter, after=after, max_subjects=max)
        return [[subject, count] for subject, count in found.items()]

    def read(self, stream: str, from_seq: int | None = None, **step: Any) -> Any:
        if "event_range" in step:
            step["event_range"] = tuple(step["event_range"])
        return self.engine.stream(stream).read(from_seq=from_seq, **step)

    def delete(self, stream: str, seq: int) -> Any:
        return self.engine.stream(stream).delete(seq)

    def purge(self, stream: str, **step: Any) -> Any:
        return self.engine.stream(stream).purge(**step)

    def sync(self, stream: str) -> Any:
        return self.engine.stream(stream).sync()

    def subscribe(self, stream: str, **step: Any) -> Any:
        name = step.pop("as")
        self.named[name] = self.engine.stream(stream).subscribe(**step)

    def create_consumer(self, stream: str, config: Arguments) -> Any:
        self.engine.stream(stream).create_consumer(**settings(config))

    def delete_consumer(self, stream: str, consumer: str) -> Any:
        return self.engine.stream(stream).delete_consumer(consumer)

    def consumers(self, stream: str) -> Any:
        return [info.config.name for info in self.engine.stream(stream).consumers()]

    def consumer_info(self, stream: str, consumer: str) -> Any:
        info = self.engine.stream(stream).consumer(consumer).info()
        return fields(info, "delivered_seq ack_floor num_ack_pending num_redelivered num_pending num_dead")

    def ack(self, stream: str, consumer: str, seqs: list[int]) -> Any:
        return self.engine.stream(stream).consumer(consumer).ack(*seqs)

    def nak(self, stream: str, consumer: str, seq: int, delay: int = 0) -> Any:
        return self.engine.stream(stream).consumer(consumer).nak(seq, seconds(delay))

    def in_progress(self, stream: str, consumer: str, seq: int) -> Any:
        return self.engine.stream(stream).consumer(consumer).in_progress(seq)

    def term(self, stream: str, consumer: str, seq: int) -> Any:
        return self.engine.stream(stream).consumer(consumer).term(seq)

    def take(self, count: int, timeout_ms: int = 5000, **step: Any) -> Any:
        source, items = self.source(step), list[Any]()
        assert not step, f"unknown arguments {step}"
        deadline = time.monotonic() + timeout_ms / 1000
        while len(items) < count:
            items += source.next_batch(count - len(items), max(0.0, deadline - time.monotonic()))
        return items

    def try_next(self, max: int = 100, **step: Any) -> Any:
        source = self.source(step)
        assert not step, f"unknown arguments {step}"
        return source.try_next(max)

    def missed(self, **step: Any) -> Any:
        source = self.source(step)
        assert not step, f"unknown arguments {step}"
        return source.missed

    def next_logs(self, max: int = 100, timeout_ms: int = 5000) -> Any:
        return [fields(line, "level message") for line in self.engine.next_logs(max, timeout_ms / 1000)]

    def close_engine(self) -> Any:
        return self.engine.close()

    def close(self, **step: Any) -> Any:
        return self.source(step).close()

    def end_all(self) -> None:
        """Closes and removes what the vector made."""
        self.end()
        self.end_presences()
        self.end_entities()

    def create_bucket(self, config: Arguments) -> Any:
        config = settings(config)
        self.engine.create_bucket(config.pop("bucket"), **config)

    def delete_bucket(self, bucket: str) -> Any:
        return self.engine.delete_bucket(bucket)

    def buckets(self) -> Any:
        return self.engine.buckets()

    def bucket_status(self, bucket: str) -> Any:
        return fields(self.engine.bucket(bucket).status(), "values bytes")

    def bucket_put(self, bucket: str, key: str, **step: Any) -> Any:
        return self.engine.bucket(bucket).put(key, data(step, "value"), **step)

    def bucket_create(self, bucket: str, key: str, ttl: int | None = None, **step: Any) -> Any:
        lives = None if ttl is None else seconds(ttl)
        return self.engine.bucket(bucket).create(key, data(step, "value"), ttl=lives, **step)

    def bucket_update(self, bucket: str, key: str, revision: int, **step: Any) -> Any:
        return self.engine.bucket(bucket).update(key, data(step, "value"), revision, **step)

    def bucket_delete(self, bucket: str, key: str, revision: int | None = None) -> Any:
        return self.engine.bucket(bucket).delete(key, revision=revision)

    def bucket_purge(self, bucket: str, key: str, revision: int | None = None) -> Any:
        return self.engine.bucket(bucket).purge(key, revision=revision)

    def bucket_get(self, bucket: str, key: str) -> Any:
        return self.engine.bucket(bucket).get(key)

    def bucket_get_revision(self, bucket: str, key: str, revision: int) -> Any:
        return self.engine.bucket(bucket).get(key, revision=revision)

    def bucket_history(self, bucket: str, key: str) -> Any:
        return self.engine.bucket(bucket).history(key)

    def bucket_keys(self, bucket: str, filter: str = ">") -> Any:
        return self.engine.bucket(bucket).keys(filter)

    def bucket_watch(self, bucket: str, **step: Any) -> Any:
        name = step.pop("as")
        self.named[name] = self.engine.bucket(bucket).watch(**step)

    def create_object_store(self, config: Arguments) -> Any:
        config = settings(config)
        self.engine.create_object_store(config.pop("bucket"), **config)

    def delete_object_store(self, store: str) -> Any:
        return self.engine.delete_object_store(store)

    def object_stores(self) -> Any:
        return self.engine.object_stores()

    def object_store_status(self, store: str) -> Any:
        status = self.engine.object_store(store).status()
        return fields(status.config, "description ttl max_bytes") | {"bytes": status.bytes}

    def object_put(self, store: str, name: str, **step: Any) -> Any:
        return self.engine.object_store(store).put(name, data(step, "payload"), **step)

    def object_get(self, store: str, name: str) -> Any:
        with self.engine.object_store(store).get(name) as reader:
            return told_bytes("payload", reader.read()) | {"object": told(reader.info)}

    def object_info(self, store: str, name: str) -> Any:
        return self.engine.object_store(store).info(name)

    def object_list(self, store: str) -> Any:
        return self.engine.object_store(store).list()

    def object_update(self, store: str, name: str, **step: Any) -> Any:
        self.engine.object_store(store).update(name, **step)

    def object_link(self, store: str, name: str, bucket: str, target: str) -> Any:
        self.engine.object_store(store).add_link(name, bucket, target or None)

    def object_delete(self, store: str, name: str) -> Any:
        return self.engine.object_store(store).delete(name)

    def object_watch(self, store: str, **step: Any) -> Any:
        name = step.pop("as")
        self.named[name] = self.engine.object_store(store).watch(**step)

    def create_points(self, config: Arguments) -> Any:
        self.engine.create_points(**settings(config))

    def points_write(self, points: str, list: Iterable[Arguments]) -> Any:
        return self.engine.points(points).write(point(fields) for fields in list)

    def points_latest(self, points: str, filter: str, deleted: bool = False) -> Any:
        return self.engine.points(points).latest(filter, deleted=deleted)

    def points_range(self, points: str, filter: str, after: int = 0, max: int = 1000, **span: Any) -> Any:
        start, end = span.pop("from", None), span.pop("to", None)
        store = self.engine.points(points)
        found, following = store.range(filter, start=start, end=end, after=after, max_points=max, **span)
        return {"points": told(found), "next": following}

    def points_query(self, points: str, filters: Any, aggregates: Any, every: int = 0, **span: Any) -> Any:
        start, end = span.pop("from", None), span.pop("to", None)
        store = self.engine.points(points)
        return store.query(filters, aggregates, start=start, end=end, every=seconds(every), **span)

    def points_import(self, points: str, format: str, text: str, **step: Any) -> Any:
        store, file = self.engine.points(points), io.BytesIO(text.encode())
        report = {"csv": store.import_csv, "jsonl": store.import_jsonl}[format](file, **step)
        rejected = {"rejected": [list(line) for line in report.rejected]}
        return fields(report, "lines points resumed rejected_count") | rejected

    def points_export(self, points: str, format: str, filter: str = ">", **span: Any) -> Any:
        start, end = span.pop("from", None), span.pop("to", None)
        store, file = self.engine.points(points), io.BytesIO()
        export = {"csv": store.export_csv, "jsonl": store.export_jsonl}[format]
        count = export(file, filter, start=start, end=end, **span)
        return {"text": file.getvalue().decode(), "count": count}

    def points_watch(self, points: str, filter: str, **step: Any) -> Any:
        self.named[step.pop("as")] = self.engine.points(points).watch(filter)

    def encode_token(self, text: str) -> Any:
        return hw.subject.encode_token(text)

    def decode_token(self, token: str) -> Any:
        return hw.subject.decode_token(token)

    def sleep(self, ms: int) -> Any:
        time.sleep(ms / 1000)
