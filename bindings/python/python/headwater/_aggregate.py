"""Aggregates in the program's own types: what one kind of them is, how its events are written down, and what was raised
on one of them.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ._errors import InvalidError, UnsupportedError
from ._model import Position

S = TypeVar("S")
E = TypeVar("E")


class Upcasted(NamedTuple):
    """An event by type, schema and data, as an upcaster makes it."""

    event_type: str
    schema: int
    data: bytes


# Steps from a type and a schema of events to a later one, or to another type; what is saved stays as it is.
Upcasters = Mapping[tuple[str, int], Callable[[Upcasted], Upcasted]]


def upcast(upcasters: Upcasters, event: Upcasted) -> Upcasted:
    """The newest shape of an event; `InvalidError` when the steps lead back."""
    first = event.event_type
    for _ in range(len(upcasters) + 1):
        step = upcasters.get((event.event_type, event.schema))
        if step is None:
            return event
        event = step(event)
    raise InvalidError(f"the upcasters of event {first!r} lead back to where they began")


class EventCodec(Protocol[E]):
    """Turns events into names and bytes, and back. An event with an attribute `data_subject` that is no `None` is about
    that person or thing, 1 to 128 bytes: its data can be forgotten on request, by `EventStore.forget`.
    """

    def encode(self, event: E, /) -> Upcasted:
        """The type, the schema and the data of an event."""

    def decode(self, event: Upcasted, /) -> E:
        """The event that was saved so."""


class JsonEvents(Generic[E]):
    """Events as JSON, each class of the program under the type and schema that it was registered with. What `register`
    is not told is done as for dataclasses whose fields have JSON.
    """

    def __init__(self) -> None:
        self._by_class: dict[type, tuple[str, int, Callable[[Any], Any]]] = {}
        self._by_name: dict[tuple[str, int], Callable[[Any], E]] = {}

    def register(
        self,
        event_type: str,
        schema: int = 1,
        *,
        dump: Callable[[Any], Any] | None = None,
        load: Callable[[Any], E] | None = None,
    ) -> Callable[[type[E]], type[E]]:
        """Decorates a class of events. `dump` makes what JSON has of one, and `load` one of that."""

        def remember(cls: type[E]) -> type[E]:
            if (event_type, schema) in self._by_name or cls in self._by_class:
                raise InvalidError(f"event {event_type!r} of schema {schema} or {cls.__name__} is registered")
            self._by_class[cls] = (event_type, schema, dump or _fields)
            self._by_name[event_type, schema] = load or (lambda fields: cls(**fields))
            return cls

        return remember

    def encode(self, event: E, /) -> Upcasted:
        """The type, the schema and the data of an event."""
        known = self._by_class.get(type(event))
        if known is None:
            raise InvalidError(f"{type(event).__name__} is not registered as an event")
        event_type, schema, dump = known
        return Upcasted(event_type, schema, json.dumps(dump(event), separators=(",", ":")).encode())

    def decode(self, event: Upcasted, /) -> E:
        """The event that was saved so; `UnsupportedError` for a type or a schema that is not registered."""
        load = self._by_name.get((event.event_type, event.schema))
        if load is None:
            raise UnsupportedError(f"event {event.event_type!r} of schema {event.schema} is not known")
        return load(json.loads(event.data))


def _fields(event: Any) -> dict[str, Any]:
    return dataclasses.asdict(event)


@dataclass(frozen=True, kw_only=True)
class AggregateType(Generic[S, E]):
    """What aggregates of one kind are: their state is what their events made of it.

    `name` stays, whatever becomes of the program. `start` makes the state of one without an event; `apply` changes a
    state by an event that happened, and cannot refuse, or returns another state. With `snapshot_schema`, the version
    of the shape of a state in snapshots, `dump` makes bytes of a state and `load` a state of them.
    `is_snapshot_due(state, behind, every)`, asked after each save, is whether a snapshot is due, `behind` events after
    the last one; without it, when `behind` has reached `every`, the `snapshot_every` of the repository. `clone` copies
    a state, as one that is kept in memory is nobody's; one that has data of a data subject is not kept there.
    `apply_erased` takes in, in place of `apply`, that an event of this type happened whose data is gone, as its data
    subject was forgotten; without it, such an event changes nothing.
    """

    name: str
    start: Callable[[], S]
    apply: Callable[[S, E], S | None]
    codec: EventCodec[E]
    snapshot_schema: int = 0
    dump: Callable[[S], bytes] | None = None
    load: Callable[[bytes], S] | None = None
    is_snapshot_due: Callable[[S, int, int], bool] | None = None
    clone: Callable[[S], S] = copy.deepcopy
    upcasters: Upcasters = field(default_factory=dict)
    apply_erased: Callable[[S, str], S | None] | None = None

    def __post_init__(self) -> None:
        if self.snapshot_schema and (self.dump is None or self.load is None):
            raise InvalidError("snapshots need dump and load beside snapshot_schema")


class Root(Generic[S, E]):
    """One aggregate as it was loaded, and what was raised on it since. It is its owner's alone."""

    __slots__ = ("_data_subjects", "_raised", "_snapshot_version", "key", "kind", "position", "state")

    def __init__(self, kind: AggregateType[S, E], key: str) -> None:
        self.kind = kind
        self.key = key
        self.state: S = kind.start()
        self.position = Position()
        self._raised: list[E] = []
        self._snapshot_version = 0
        self._data_subjects: set[str] = set()

    @property
    def exists(self) -> bool:
        """Whether it has an event that was saved."""
        return self.position.version > 0

    @property
    def raised(self) -> tuple[E, ...]:
        """The events that are to be saved, in order."""
        return tuple(self._raised)

    def raise_event(self, event: E) -> None:
        """Applies an event, to be saved by the next save."""
        self._apply(event)
        self._has_data_of(data_subject(event))
        self._raised.append(event)

    def _apply(self, event: E) -> None:
        state = self.kind.apply(self.state, event)
        if state is not None:
            self.state = state

    def _apply_erased(self, event_type: str) -> None:
        state = self.kind.apply_erased(self.state, event_type) if self.kind.apply_erased else None
        if state is not None:
            self.state = state

    def _has_data_of(self, name: str | None) -> None:
        if name is not None:
            self._data_subjects.add(name)


def data_subject(event: object) -> str | None:
    """The person or thing that an event is about, if it says so."""
    name: str | None = getattr(event, "data_subject", None)
    return name


for _name in (AggregateType, EventCodec, JsonEvents, Root, Upcasted):
    _name.__module__ = "headwater"
