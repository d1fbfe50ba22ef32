"""Repositories: when a snapshot is due, what becomes of one that could not be kept, and aggregates as they were."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tallies import APPLIED, TALLY, Added, Tally

import headwater as hw
from headwater import testing

SNAPSHOT_BYTES_MAX = 8 << 20
Tallies = hw.Repository[Tally, Added]


def add(tallies: Tallies, amount: int) -> hw.Root[Tally, Added]:
    return tallies.transact("a", lambda root: root.raise_event(Added(amount))).root


@pytest.fixture
def store(engine: hw.Engine) -> hw.EventStore:
    return engine.create_event_store("shop")


@pytest.mark.parametrize("cache", [0, 10])
def test_a_kind_says_itself_when_a_snapshot_is_due(store: hw.EventStore, cache: int) -> None:
    asked: list[tuple[int, int, int]] = []

    def is_due(state: Tally, behind: int, every: int) -> bool:
        asked.append((state.total, behind, every))
        return state.total % 10 == 0

    tallies = hw.Repository(store, replace(TALLY, is_snapshot_due=is_due), snapshot_every=2, cache=cache)
    kept = []
    for amount in (1, 2, 3, 4, 5):
        add(tallies, amount)
        snapshot = store.snapshot("tally", "a")
        kept.append(snapshot and (snapshot.position.version, snapshot.data))
    assert kept == [None, None, None, (4, b"10"), (4, b"10")]
    assert asked == [(1, 1, 2), (3, 2, 2), (6, 3, 2), (10, 4, 2), (15, 1, 2)]
    # Several events of one save are asked about once, and a save of nothing is none.
    root = tallies.load("a")
    root.raise_event(Added(1))
    root.raise_event(Added(1))
    tallies.save(tallies.save(root))
    assert asked[5:] == [(17, 3, 2)]


@pytest.mark.parametrize(("every", "schema"), [(0, 1), (1, 0)])
def test_a_kind_is_not_asked_when_snapshots_are_off(store: hw.EventStore, every: int, schema: int) -> None:
    asked: list[int] = []

    def is_due(state: Tally, behind: int, every: int) -> bool:
        asked.append(behind)
        return True

    kind = replace(TALLY, snapshot_schema=schema, is_snapshot_due=is_due)
    assert add(hw.Repository(store, kind, snapshot_every=every), 1).position.version == 1
    assert not asked and store.snapshot("tally", "a") is None


def test_a_kind_is_asked_by_saves_to_await_too(store: hw.EventStore) -> None:
    kind = replace(TALLY, is_snapshot_due=lambda state, behind, every: behind == 1 and every == 5)
    tallies = hw.Repository(store, kind, snapshot_every=5)
    root = tallies.start("a")
    root.raise_event(Added(1))
    asyncio.run(tallies.save_async(root))
    snapshot = store.snapshot("tally", "a")
    assert snapshot is not None and snapshot.position == root.position


def test_an_aggregate_is_loaded_as_it_was() -> None:
    with testing.world() as world:
        store = world.engine.create_event_store("shop")
        tallies = hw.Repository(store, TALLY, snapshot_every=0)
        for amount in (1, 2, 4):
            world.advance(10)
            add(tallies, amount)
            store.save("other", "a", hw.NewEvent("added"))
        second = store.load("tally", "a").events[1].saved

        def both(**as_of: Any) -> tuple[int, hw.Position]:
            now, later = tallies.load_as_of("a", **as_of), asyncio.run(tallies.load_as_of_async("a", **as_of))
            assert (now.state, now.position) == (later.state, later.position) and not now.raised
            return now.state.total, now.position

        assert both(as_of_version=1) == (1, (1, 1))
        # The last event at or before a sequence.
        assert both(as_of_seq=4) == both(as_of_seq=3) == both(as_of_version=2) == (3, (2, 3))
        assert both(as_of_seq=99) == both(as_of_version=3) == (7, (3, 5))
        assert both(as_of_time=second) == (3, (2, 3)) and both(as_of_time=second - 1) == (1, (1, 1))
        moment = datetime.fromtimestamp(testing.START // 10**9, UTC)
        assert both(as_of_time=moment + timedelta(seconds=25)) == (3, (2, 3))
        assert both(as_of_time=moment + timedelta(seconds=15)) == (1, (1, 1))


def test_an_aggregate_that_had_no_event_by_then_is_not_found(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY)
    store.save("other", "a", hw.NewEvent("added"))
    add(tallies, 1)
    first = store.load("tally", "a").events[0].saved
    for as_of in ({"as_of_seq": 1}, {"as_of_time": first - 1}, {"as_of_version": 0}):
        with pytest.raises(hw.NotFoundError, match="tally 'a' had no event by then"):
            tallies.load_as_of("a", **as_of)
        with pytest.raises(hw.NotFoundError, match="tally 'a' had no event by then"):
            asyncio.run(tallies.load_as_of_async("a", **as_of))
    with pytest.raises(hw.NotFoundError):
        tallies.load_as_of("a", as_of_version=2)
    with pytest.raises(hw.NotFoundError):
        tallies.load_as_of("b", as_of_seq=9)
    with pytest.raises(hw.InvalidError, match="exclude each other"):
        tallies.load_as_of("a", as_of_version=1, as_of_seq=2)


def test_a_load_as_of_begins_with_a_snapshot_that_fits(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY, snapshot_every=3)
    for amount in (1, 2, 3, 4, 5):
        add(tallies, amount)

    def read(repository: Tallies, version: int) -> tuple[int, list[int]]:
        APPLIED.clear()
        return repository.load_as_of("a", as_of_version=version).state.total, APPLIED[:]

    assert read(tallies, 4) == (10, [4])
    assert read(tallies, 3) == (6, [])
    assert read(tallies, 2) == (3, [1, 2])
    assert read(hw.Repository(store, TALLY, snapshot_every=0), 4) == (10, [1, 2, 3, 4])
    # One that can't be read is as good as none, and what lies behind the version stays out.
    torn = store.load("tally", "a", as_of_version=4).position
    assert store.save_snapshot("tally", "a", torn, b"not a number", schema=1)
    assert read(tallies, 4) == (10, [1, 2, 3, 4])


def test_a_load_as_of_has_nothing_to_do_with_the_cache(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY, snapshot_every=0)
    for amount in (1, 2, 3):
        add(hw.Repository(store, TALLY, snapshot_every=0), amount)

    def read(load: Callable[[], hw.Root[Tally, Added]]) -> tuple[int, list[int]]:
        APPLIED.clear()
        return load().state.total, APPLIED[:]

    # Nothing is kept: a load reads all that there is.
    assert read(lambda: tallies.load_as_of("a", as_of_version=2)) == (3, [1, 2])
    assert read(lambda: tallies.load_as_of("a", as_of_version=3)) == (6, [1, 2, 3])
    assert read(lambda: tallies.load("a")) == (6, [1, 2, 3])
    # Nothing is taken, nor is what is kept put back.
    assert read(lambda: tallies.load_as_of("a", as_of_version=3)) == (6, [1, 2, 3])
    assert read(lambda: tallies.load_as_of("a", as_of_version=1)) == (1, [1])
    assert read(lambda: tallies.load("a")) == (6, [])
    add(hw.Repository(store, TALLY, snapshot_every=0), 4)
    assert read(lambda: tallies.load_as_of("a", as_of_version=4)) == (10, [1, 2, 3, 4])
    assert read(lambda: tallies.load("a")) == (10, [4])
    assert read(lambda: tallies.load("a")) == (10, [])


def test_an_aggregate_as_it_was_is_saved_only_when_nothing_is_behind_it(store: hw.EventStore) -> None:
    tallies = hw.Repository(store, TALLY)
    for amount in (1, 2):
        add(tallies, amount)

    async def load_and_save(**as_of: Any) -> hw.Root[Tally, Added]:
        root = await tallies.load_as_of_async("a", **as_of)
        root.raise_event(Added(4))
        return await tallies.save_async(root)

    old = tallies.load_as_of("a", as_of_version=1)
    old.raise_event(Added(4))
    with pytest.raises(hw.ConflictError):
        tallies.save(old)
    with pytest.raises(hw.ConflictError):
        asyncio.run(load_and_save(as_of_seq=1))
    assert tallies.load("a").state == Tally(3)
    # A sequence that the store has not reached is of now.
    assert asyncio.run(load_and_save(as_of_seq=99)).position.version == 3
    assert tallies.load("a").state == Tally(7)


def fail(state: Tally, *_: int) -> Any:
    raise ValueError("no room")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"dump": fail}, "ValueError: no room"),
        ({"is_snapshot_due": fail}, "ValueError: no room"),
        ({"dump": lambda state: "text"}, "TypeError: "),
        ({"dump": lambda state: bytes(SNAPSHOT_BYTES_MAX + 1)}, ""),
    ],
)
def test_a_snapshot_that_could_not_be_kept_is_said(
    store: hw.EventStore, caplog: pytest.LogCaptureFixture, wrong: dict[str, Any], why: str
) -> None:
    tallies = hw.Repository(store, replace(TALLY, **wrong), snapshot_every=2)
    assert add(tallies, 1).state == Tally(1)
    caplog.clear()
    root = add(tallies, 2)
    said(caplog, why)
    assert (root.state, root.position.version, root.raised) == (Tally(3), 2, ())
    # The next save tries again.
    root.raise_event(Added(4))
    asyncio.run(tallies.save_async(root))
    said(caplog, why)
    assert store.snapshot("tally", "a") is None and tallies.load("a").state == Tally(7)
    add(hw.Repository(store, TALLY, snapshot_every=2), 1)
    snapshot = store.snapshot("tally", "a")
    assert snapshot is not None and snapshot.data == b"8" and not caplog.records


def test_a_snapshot_that_has_no_bucket_is_said(
    engine: hw.Engine, store: hw.EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    tallies = hw.Repository(store, TALLY, snapshot_every=1, cache=0)
    engine.delete_bucket("EVENTS_shop")
    assert add(tallies, 1).position.version == 1
    said(caplog, "")
    assert tallies.load("a").state == tallies.load_as_of("a", as_of_version=1).state == Tally(1)


def said(caplog: pytest.LogCaptureFixture, why: str) -> None:
    """One warning, and it says why."""
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("headwater", logging.WARNING)
    assert record.getMessage().startswith(f"tally 'a' got no snapshot: {why}")
    caplog.clear()
