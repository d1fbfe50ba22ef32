"""What is said of a save goes with each of its events, of stores and of repositories."""

import asyncio

import pytest
from tallies import TALLY, Added, Tally

import headwater as hw

PLACED = hw.NewEvent("placed", metadata={"by": "ann"})
SHIPPED = hw.NewEvent("shipped")


@pytest.fixture
def store(engine: hw.Engine) -> hw.EventStore:
    return engine.create_event_store("shop")


def said(store: hw.EventStore, kind: str) -> list[tuple[tuple[str, str], ...]]:
    return [event.metadata for event in store.load(kind, "a").events]


def test_what_a_save_says_goes_behind_what_each_event_says(store: hw.EventStore) -> None:
    async def later() -> None:
        await store.save_async("order", "a", PLACED, metadata=[("tenant", "t-2"), ("user", "bob")])

    store.save("order", "a", [PLACED, SHIPPED], metadata={"tenant": "t-1"})
    asyncio.run(later())
    store.save("order", "a", PLACED, metadata=None)
    assert said(store, "order") == [
        (("by", "ann"), ("tenant", "t-1")),
        (("tenant", "t-1"),),
        (("by", "ann"), ("tenant", "t-2"), ("user", "bob")),
        (("by", "ann"),),
    ]


def test_names_that_are_taken_are_refused(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY)
    for name in ("Headwater-Tenant", "nats-msg-id"):
        with pytest.raises(hw.InvalidError, match="a save: metadata may not be named"):
            store.save("order", "a", PLACED, metadata={name: "1"})
        with pytest.raises(hw.InvalidError, match="a save: metadata may not be named"):
            tallies.transact("a", lambda root: root.raise_event(Added(1)), metadata={name: "1"})
    for wrong in (7, [7], {"tenant": 1}):
        with pytest.raises(TypeError):
            store.save("order", "a", PLACED, metadata=wrong)  # type: ignore[arg-type]
    assert store.stream.info().records == 0


def test_it_goes_with_saves_of_a_repository(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY)
    root = tallies.start("a")
    root.raise_event(Added(1))
    root.raise_event(Added(2))
    tallies.save(root, metadata={"by": "save"})

    async def later() -> None:
        root = await tallies.load_async("a")
        root.raise_event(Added(3))
        await tallies.save_async(root, metadata={"by": "save_async"})

    asyncio.run(later())
    tallies.transact("a", lambda root: root.raise_event(Added(4)))
    by = [(("by", name),) for name in ("save", "save", "save_async")]
    assert said(store, "tally") == [*by, ()]


def test_it_goes_with_every_try_of_a_transaction(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY)
    tries = list[int]()

    def decide(root: hw.Root[Tally, Added]) -> None:
        tries.append(root.position.version)
        if len(tries) % 2 == 1:
            # Somebody is faster.
            store.save("tally", "a", hw.NewEvent("added", b'{"amount":1}'))
        root.raise_event(Added(2))

    async def decide_async(root: hw.Root[Tally, Added]) -> None:
        decide(root)

    # What can be gone through only once goes with each try all the same.
    tallies.transact("a", decide, metadata=iter([("by", "transact")]))
    asyncio.run(tallies.transact_async("a", decide_async, metadata=iter([("by", "transact_async")])))
    assert tries == [0, 1, 2, 3]
    assert said(store, "tally") == [(), (("by", "transact"),), (), (("by", "transact_async"),)]
