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
    names = "aggregate key event_type version seq schema time command correlation causation data_subject is_erased"
    told: Arguments = {name: getattr(event, name) for name in names.split()}
    return told | {"metadata": [list(pair) for pair in event.metadata]} | told_bytes("data", event.data)


def snapshot_told(snapshot: hw.Snapshot | None) -> Arguments | None:
    if snapshot is None:
        return None
    told = {"schema": snapshot.schema, "data_subjects": list(snapshot.data_subjects)}
    return snapshot.position._asdict() | told | told_bytes("data", snapshot.data)


def condition_of(filter: Arguments) -> hw.Condition:
    filter = dict(filter)
    last_seq = filter.pop("last_seq")
    return hw.Condition(hw.EventFilter(**filter), last_seq)


def filters_of(filters: list[Arguments] | None) -> list[hw.EventFilter]:
    return [hw.EventFilter(**filter) for filter in filters or []]


def failing_told(failing: hw.Failing | hw.DeadLetter | None) -> Arguments | None:
    return None if failing is None else {name: getattr(failing, name) for name in ("seq", "tries", "error")}


def status_told(status: hw.ProjectionStatus) -> Arguments:
    told: Arguments = {name: getattr(status, name) for name in "name is_rebuild position lag is_running dead".split()}
    filters = [{"aggregate": filter.aggregate, "key": filter.key} for filter in status.filters]
    return told | {"failing": failing_told(status.failing), "filters": filters}


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

    def events_find_command(self, store: str, aggregate: str, key: str, command: str) -> Any:
        found = self.engine.event_store(store).find_command(aggregate, key, command)
        return None if found is None else found.position._asdict() | {"is_repeat": found.is_repeat}

    def events_archive(self, store: str, aggregate: str, key: str, up_to: int = 0) -> Any:
        return self.engine.event_store(store).archive(aggregate, key, up_to=up_to)._asdict()

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
        data_subjects: tuple[str, ...] = (),
        **step: Any,
    ) -> Any:
        position, content = hw.Position(version, seq), data(step, "data")
        assert not step, f"unknown arguments {step}"
        kept = self.engine.event_store(store)
        options: Arguments = {"schema": schema, "ttl": ttl / 1_000_000_000, "data_subjects": data_subjects}
        return kept.save_snapshot(aggregate, key, position, content, **options)

    def events_forget(self, store: str, data_subject: str) -> Any:
        return self.engine.event_store(store).forget(data_subject)

    def events_list(self, store: str, max: int = 1000, **step: Any) -> Any:
        found, following = self.engine.event_store(store).list(max_aggregates=max, **step)
        aggregates = [
            {"aggregate": info.aggregate, "key": info.key, "event_type": info.event_type} | info.position._asdict()
            for info in found
        ]
        return {"aggregates": aggregates, "next": following}

    def events_follow(self, store: str, filters: list[Arguments] | None = None, after: int = 0, **step: Any) -> Any:
        self.named[step.pop("as")] = self.engine.event_store(store).follow(filters_of(filters), after=after)
        assert not step, f"unknown arguments {step}"

    def projection(self, store: str, name: str, filters: list[Arguments] | None = None, **step: Any) -> Any:
        opened_as = step.pop("as")
        pauses = {pause: step.pop(f"{pause}_ms") / 1000 for pause in ("pause", "pause_max") if f"{pause}_ms" in step}
        opened = self.engine.event_store(store).projection(name, filters_of(filters), **pauses, **step)
        self.named[opened_as] = opened
        return {"position": opened.position} | told_bytes("state", opened.state)

    def projection_seek(self, projection: str, seq: int) -> Any:
        self.named[projection].seek(seq)

    def projection_advance(self, projection: str, seq: int) -> Any:
        self.named[projection].advance(seq)

    def projection_commit(self, projection: str, seq: int, **step: Any) -> Any:
        state = data(step, "state")
        assert not step, f"unknown arguments {step}"
        self.named[projection].commit(seq, state)

    def projection_flush(self, projection: str) -> Any:
        self.named[projection].flush()

    def projection_fail(self, projection: str, seq: int, why: str) -> Any:
        failure = self.named[projection].fail(seq, why)
        return {"tries": failure.tries, "pause_ms": round(failure.pause * 1000), "is_dead": failure.is_dead}

    def projection_position(self, projection: str) -> Any:
        return self.named[projection].position

    def projection_lag(self, projection: str) -> Any:
        return self.named[projection].lag

    def projection_head(self, projection: str) -> Any:
        return self.named[projection].head()

    def projection_switch(self, projection: str) -> Any:
        return self.named[projection].switch()

    def projections(self, store: str) -> Any:
        return [status_told(status) for status in self.engine.event_store(store).projections()]

    def delete_projection(self, store: str, name: str) -> Any:
        self.engine.event_store(store).delete_projection(name)

    def dead_letters(self, store: str, name: str, after: int = 0, max: int = 1000) -> Any:
        letters = self.engine.event_store(store).dead_letters(name, after=after, max_letters=max)
        return [failing_told(letter) for letter in letters]

    def delete_dead_letter(self, store: str, name: str, seq: int) -> Any:
        return self.engine.event_store(store).delete_dead_letter(name, seq)

    def event_at(self, store: str, seq: int) -> Any:
        return self.engine.event_store(store).event_at(seq)
