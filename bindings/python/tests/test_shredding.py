"""Data subjects that are forgotten, through repositories and read models."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

import headwater
from headwater import testing

events = headwater.JsonEvents["Named"]()


@events.register("named")
@dataclass(frozen=True)
class Named:
    of: str
    name: str

    @property
    def data_subject(self) -> str | None:
        return self.of or None


@dataclass
class Person:
    names: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)


def apply(state: Person, event: Named) -> None:
    state.names.append(event.name)


def apply_erased(state: Person, event_type: str) -> None:
    state.erased.append(event_type)


def dump(state: Person) -> bytes:
    return "\n".join([",".join(state.names), ",".join(state.erased)]).encode()


def load(data: bytes) -> Person:
    return Person(*([word for word in line.split(",") if word] for line in data.decode().split("\n")))


PERSON = headwater.AggregateType(
    name="person",
    start=Person,
    apply=apply,
    apply_erased=apply_erased,
    codec=events,
    snapshot_schema=1,
    dump=dump,
    load=load,
)


def name(people: headwater.Repository[Person, Named], of: str, name: str) -> None:
    people.transact("p", lambda root: root.raise_event(Named(of, name)))


def test_a_repository_folds_what_can_be_read() -> None:
    with testing.world() as world:
        store = world.engine.create_event_store("shop")
        people = headwater.Repository(store, PERSON, snapshot_every=2)
        plain = headwater.Repository(store, PERSON, snapshot_every=0, cache=0)
        for n, of in enumerate(["", "ada", "bob", ""]):
            name(people, of, str(n))
        snapshot = store.snapshot("person", "p")
        assert snapshot is not None and snapshot.data_subjects == ("ada", "bob")
        assert people.load("p").state == plain.load("p").state == Person(["0", "1", "2", "3"])
        assert store.forget("ada")
        assert store.snapshot("person", "p") is None
        assert people.load("p").state == plain.load("p").state == Person(["0", "2", "3"], ["named"])
        name(people, "ada", "4")
        assert people.load("p").state == plain.load("p").state == Person(["0", "2", "3", "4"], ["named"])


def test_events_say_whom_they_are_about_and_whether_they_are_erased() -> None:
    with testing.world() as world:
        store = world.engine.create_event_store("shop")
        about = headwater.NewEvent("named", b"Ada", data_subject="ada")
        assert about.data_subject == "ada" and headwater.NewEvent("named").data_subject is None
        store.save("person", "p", [about, headwater.NewEvent("named", b"x")])
        assert asyncio.run(_forgotten(store, "ada")) == (True, False)
        erased, other = store.load("person", "p").events
        assert (erased.data_subject, erased.is_erased, erased.data) == ("ada", True, b"")
        assert (other.data_subject, other.is_erased, other.data) == (None, False, b"x")
        with pytest.raises(headwater.InvalidError):
            store.forget("")
        with pytest.raises(TypeError):
            store.save_snapshot("person", "p", other.position, b"", schema=1, data_subjects="ada")


async def _forgotten(store: headwater.EventStore, data_subject: str) -> tuple[bool, bool]:
    return await store.forget_async(data_subject), await store.forget_async(data_subject)


def test_a_read_model_is_told_of_erased_events() -> None:
    with testing.world() as world:
        store = world.engine.create_event_store("shop")
        store.save("person", "p", [headwater.NewEvent("named", b"Ada", data_subject="ada")])
        store.forget("ada")
        seen: list[tuple[str | None, bool, bytes]] = []

        def fold(state: list[tuple[str | None, bool, bytes]], event: headwater.Event) -> None:
            state.append((event.data_subject, event.is_erased, event.data))

        model = headwater.MemoryModel(seen, fold)
        store.projection("p").catch_up(model)
        assert seen == [("ada", True, b"")]
