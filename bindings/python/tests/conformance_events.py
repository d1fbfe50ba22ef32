"""The operations of the conformance vectors on event stores: see tests/conformance/README.md."""

from typing import Any

from conformance_values import data, told_bytes

import headwater as hw

Arguments = dict[str, Any]


def new_event(arguments: Arguments) -> hw.NewEvent:
    arguments = dict(arguments)
    content = data(arguments, "data")
    return hw.NewEvent(arguments.pop("event_type"), content, **arguments)


def event_told(event: hw.Event) -> Arguments:
    names = "aggregate key event_type version seq schema time command correlation causation"
    told: Arguments = {name: getattr(event, name) for name in names.split()}
    return told | {"metadata": [list(pair) for pair in event.metadata]} | told_bytes("data", event.data)


def snapshot_told(snapshot: hw.Snapshot | None) -> Arguments | None:
    if snapshot is None:
        return None
    return snapshot.position._asdict() | {"schema": snapshot.schema} | told_bytes("data", snapshot.data)


def condition_of(filter: Arguments) -> hw.Condition:
    filter = dict(filter)
    last_seq = filter.pop("last_seq")
    return hw.Condition(hw.EventFilter(**filter), last_seq)


class EventSteps:
    """Operations on the event stores of a runner's engine."""

    engine: hw.Engine
    named: dict[str, Any]

    def create_event_store(self, config: Arguments) -> Any:
        self.engine.create_event_store(**config)

    def delete_event_store(self, store: str) -> Any:
        self.engine.delete_event_store(store)

    def event_stores(self) -> Any:
        return self.engine.event_stores()

    def events_save(self, store: str, aggregate: str, key: str, events: list[Arguments], **options: Any) -> Any:
        expected, condition = options.get("expected"), options.get("condition")
        if isinstance(expected, dict):
            options["expected"] = hw.Position(**expected)
        if condition is not None:
            options["condition"] = condition_of(condition)
        given = [new_event(event) for event in events]
        saved = self.engine.event_store(store).save(aggregate, key, given, **options)
        return saved.position._asdict() | {"is_repeat": saved.is_repeat}

    def events_load(self, store: str, aggregate: str, key: str, **options: Any) -> Any:
        if "behind" in options:
            options["behind"] = hw.Position(**options["behind"])
        loaded = self.engine.event_store(store).load(aggregate, key, **options)
        events = [event_told(event) for event in loaded.events]
        return loaded.position._asdict() | {"snapshot": snapshot_told(loaded.snapshot), "events": events}

    def events_last_seq(self, store: str, aggregate: str, key: str) -> Any:
        return self.engine.event_store(store).last_seq(aggregate, key)

    def events_snapshot(self, store: str, aggregate: str, key: str) -> Any:
        return snapshot_told(self.engine.event_store(store).snapshot(aggregate, key))

    def events_save_snapshot(
        self,
        store: str,
        aggregate: str,
        key: str,
        version: int,
        seq: int,
        schema: int = 1,
        ttl: int = 0,
        **step: Any,
    ) -> Any:
        position, content = hw.Position(version, seq), data(step, "data")
        assert not step, f"unknown arguments {step}"
        kept = self.engine.event_store(store)
        return kept.save_snapshot(aggregate, key, position, content, schema=schema, ttl=ttl / 1_000_000_000)

    def events_list(self, store: str, max: int = 1000, **step: Any) -> Any:
        found, following = self.engine.event_store(store).list(max_aggregates=max, **step)
        aggregates = [
            {"aggregate": info.aggregate, "key": info.key, "event_type": info.event_type} | info.position._asdict()
            for info in found
        ]
        return {"aggregates": aggregates, "next": following}

    def events_follow(self, store: str, filters: list[Arguments] | None = None, after: int = 0, **step: Any) -> Any:
        given = [hw.EventFilter(**filter) for filter in filters or []]
        self.named[step.pop("as")] = self.engine.event_store(store).follow(given, after=after)
        assert not step, f"unknown arguments {step}"
