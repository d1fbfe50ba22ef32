"""Projections and read models."""

import asyncio
import os
import sqlite3
import threading
from pathlib import Path

import pytest

import headwater as hw


@pytest.fixture
def store(engine: hw.Engine) -> hw.EventStore:
    return engine.create_event_store("shop")


def add(store: hw.EventStore, *types: str, key: str = "7") -> None:
    store.save("order", key, [hw.NewEvent(it) for it in types])


def fold(names: list[str], event: hw.Event) -> None:
    if event.event_type == "bad":
        raise ValueError("it is bad")
    names.append(event.event_type)


def model() -> hw.MemoryModel[list[str]]:
    return hw.MemoryModel([], fold)


def quick(store: hw.EventStore) -> hw.Projection:
    return store.projection("totals", tries=2, pause=0.001)


def test_a_projection_goes_on_behind_what_was_committed(store: hw.EventStore) -> None:
    add(store, "A", "B")
    with store.projection("totals") as projection:
        assert (projection.name, projection.position, projection.lag, projection.head()) == ("totals", 0, 2, 2)
        assert [event.seq for event in projection.next_batch(9)] == [1, 2]
        with pytest.raises(hw.InvalidError):
            projection.commit(3)
        projection.advance(1)
        projection.commit(1, b"one")
        with pytest.raises(hw.TimeoutError):
            projection.next_batch(9, timeout=0.01)
    assert projection.closed
    with pytest.raises(hw.ClosedError):
        projection.next_batch(1)
    after = store.projection("totals")
    assert (after.position, after.state) == (1, b"one")
    assert [event.seq for event in after.next_batch(9)] == [2]
    with pytest.raises(hw.ClosedError):
        projection.commit(2)
    later = store.projection("totals")
    with pytest.raises(hw.ConflictError):
        after.commit(2)
    assert later.store.name == "shop"


def test_what_fails_is_tried_again_and_then_a_dead_letter(store: hw.EventStore) -> None:
    add(store, "A", "bad", "C")
    projection, names = quick(store), model()
    projection.catch_up(names)
    assert names.read(list) == ["A", "C"] and projection.lag == 0
    (letter,) = store.dead_letters("totals")
    assert (letter.seq, letter.tries, letter.error) == (2, 2, "ValueError: it is bad") and letter.time > 0
    assert store.dead_letters("totals", after=2) == []
    (status,) = store.projections()
    assert (status.name, status.position, status.lag, status.dead, status.failing) == ("totals", 3, 0, 1, None)
    with pytest.raises(ValueError, match="bad"):
        projection.replay(names)
    names._fold = lambda state, event: state.append(event.event_type)
    assert projection.replay(names) == 1 and projection.replay(names) == 0
    assert names.state == ["A", "C", "bad"]
    event = store.event_at(2)
    assert event is not None and event.event_type == "bad" and store.event_at(9) is None
    projection.next_batch_async(1).close()
    failing = store.projection("other")
    failing.next_batch(3)
    failure = failing.fail(1, "why not")
    assert failure == hw.Failure(1, 0.1, False)
    assert store.projections()[0].failing == hw.Failing(1, 1, "why not")
    assert not store.delete_dead_letter("totals", 2)
    store.delete_projection("totals")
    with pytest.raises(hw.NotFoundError):
        store.delete_projection("totals")


def test_a_state_that_the_store_keeps_goes_on_where_it_was(store: hw.EventStore) -> None:
    def counting() -> hw.MemoryModel[int]:
        return hw.MemoryModel(
            0, lambda n, _: n + 1, snapshot_every=2, dump=lambda n: str(n).encode(), load=lambda data: int(data)
        )

    add(store, "A", "B", "C")
    store.projection("count").catch_up(counting())
    add(store, "D")
    projection, count = store.projection("count"), counting()
    assert projection.position == 3 and projection.state.endswith(b"3")
    projection.catch_up(count)
    assert (count.state, count.position) == (4, 4)
    with pytest.raises(hw.InvalidError):
        hw.MemoryModel(0, lambda n, _: n, snapshot_every=2)


def test_a_rebuild_takes_the_place_of_the_live_one(store: hw.EventStore) -> None:
    add(store, "A")
    live = store.projection("totals")
    live.catch_up(model())
    live.close()
    rebuild, names = store.projection("totals", is_rebuild=True), model()
    assert not rebuild.switch()
    rebuild.catch_up(names)
    assert rebuild.switch()
    with pytest.raises(hw.MisuseError):
        store.projection("totals").switch()


def test_a_run_ends_when_it_is_closed(store: hw.EventStore) -> None:
    projection, names = store.projection("totals"), model()
    runner = threading.Thread(target=projection.run, args=(names,))
    runner.start()
    add(store, "A")
    while projection.position < 1:
        pass
    projection.close()
    runner.join(10)
    assert not runner.is_alive() and names.state == ["A"]


def test_in_a_loop(store: hw.EventStore) -> None:
    async def main() -> None:
        add(store, "A", "bad", "C")
        projection, names = quick(store), model()
        await projection.catch_up_async(names)
        assert names.state == ["A", "C"]
        assert len(await store.dead_letters_async("totals")) == 1 == len(await store.projections_async())
        names._fold = lambda state, event: state.append(event.event_type)
        assert await projection.replay_async(names) == 1
        running = asyncio.create_task(projection.run_async(names))
        add(store, "D")
        while projection.position < 4:
            await asyncio.sleep(0.001)
        projection.close()
        await running
        assert names.state == ["A", "C", "bad", "D"]
        again = store.projection("other")
        events = await again.next_batch_async(2)
        await again.commit_async(events[-1].seq)
        assert await again.head_async() == 4
        (third,) = await again.next_batch_async(1)
        assert (await again.fail_async(third.seq, "x")).tries == 1
        assert (await asyncio.gather(again.flush_async()))[0] is None
        rebuild = store.projection("other", is_rebuild=True)
        assert not await rebuild.switch_async()
        assert (await store.event_at_async(1)) is not None
        assert not await store.delete_dead_letter_async("totals", 2)
        await store.delete_projection_async("other")
        assert [status.name for status in await store.projections_async()] == ["totals"]
        with pytest.raises(hw.NotFoundError):
            await store.delete_projection_async("other")

    asyncio.run(main())


# Read models in SQLite files.


def sql_fold(connection: sqlite3.Connection, event: hw.Event) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)")
    connection.execute("INSERT INTO events VALUES (?, ?)", (event.seq, event.event_type))
    if event.event_type == "bad":
        raise ValueError("it is bad")


def rows(it: hw.SqliteModel) -> list[tuple[int, str]]:
    return it.read(lambda connection: connection.execute("SELECT seq, type FROM events ORDER BY seq").fetchall())


def test_an_event_that_fails_leaves_nothing_and_those_before_it_stay(store: hw.EventStore, tmp_path: Path) -> None:
    add(store, "A", "B", "bad", "D")
    first = hw.SqliteModel("totals", tmp_path / "read.db", sql_fold)
    quick(store).catch_up(first)
    assert rows(first) == [(1, "A"), (2, "B"), (4, "D")]
    first.close()
    store.delete_projection("totals")
    add(store, "E")
    again = hw.SqliteModel("totals", tmp_path / "read.db", sql_fold)
    quick(store).catch_up(again)
    assert rows(again)[-1] == (5, "E") and len(rows(again)) == 4


def test_a_dead_letter_is_taken_in_once(store: hw.EventStore, tmp_path: Path) -> None:
    add(store, "bad", "B")
    quick(store).catch_up(hw.SqliteModel("totals", tmp_path / "read.db", sql_fold))

    def mended(connection: sqlite3.Connection, event: hw.Event) -> None:
        connection.execute("INSERT INTO events VALUES (?, 'mended')", (event.seq,))

    it, projection = hw.SqliteModel("totals", tmp_path / "read.db", mended), quick(store)
    projection.catch_up(it)
    event = store.event_at(1)
    assert event is not None
    it.retake(event)
    assert projection.replay(it) == 1
    assert rows(it) == [(1, "mended"), (2, "B")]


def test_a_rebuild_takes_the_place_of_the_tables(store: hw.EventStore, tmp_path: Path) -> None:
    add(store, "A", "bad", "C")
    old = hw.SqliteModel("totals", tmp_path / "read.db", sql_fold)
    before = quick(store)
    before.catch_up(old)
    reader = sqlite3.connect(tmp_path / "read.db")

    def lower(connection: sqlite3.Connection, event: hw.Event) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, type TEXT)")
        connection.execute("CREATE INDEX IF NOT EXISTS by_type ON events (type)")
        connection.execute("INSERT INTO events VALUES (?, lower(?))", (event.seq, event.event_type))

    new = hw.SqliteModel("totals", tmp_path / "read.db", lower)
    live = new.rebuild(store, tries=2)
    assert rows(new) == [(1, "a"), (2, "bad"), (3, "c")]
    assert reader.execute("SELECT count(*) FROM events INDEXED BY by_type").fetchone() == (3,)
    with pytest.raises(hw.ConflictError):
        before.catch_up(old)
    with pytest.raises(hw.ConflictError):
        old.take([event for event in store.follow().next_batch(3)])
    add(store, "D")
    live.catch_up(new)
    assert rows(new)[-1] == (4, "d") and len(store.projections()) == 1
    assert os.listdir(tmp_path).count("read.db-rebuild") == 0


def test_a_message_of_the_outbox_is_sent_once(engine: hw.Engine, store: hw.EventStore, tmp_path: Path) -> None:
    mail = engine.create_stream("mail", subjects=["mail.>"])

    def sending(connection: sqlite3.Connection, event: hw.Event) -> None:
        sql = "INSERT INTO headwater_outbox (seq, stream, subject, payload) VALUES (?, 'mail', 'mail.out', ?)"
        connection.execute(sql, (event.seq, event.event_type))

    it = hw.SqliteModel("totals", tmp_path / "read.db", sending, outbox=engine)
    add(store, "A", "B")
    quick(store).catch_up(it)
    left = """INSERT INTO headwater_outbox (id, seq, stream, subject, payload, tried)
              VALUES ('c', 3, 'mail', 'mail.out', 'C', 2), ('d', 4, 'mail', 'mail.out', 'D', 2)"""
    it.read(lambda connection: connection.execute(left))
    mail.append("mail.out", b"C", headers=[("Headwater-Outbox", "c")])
    quick(store).catch_up(it)
    assert [record.payload for record in mail.read()] == [b"A", b"B", b"C", b"D"]
    it.rebuild(store)
    assert mail.info().records == 4


def test_a_disk_that_is_full_is_no_events_fault(store: hw.EventStore, tmp_path: Path) -> None:
    def full(connection: sqlite3.Connection, _: hw.Event) -> None:
        connection.execute("PRAGMA max_page_count = 1")
        connection.execute("CREATE TABLE big (x)")

    add(store, "A")
    with pytest.raises(hw.IoError):
        quick(store).catch_up(hw.SqliteModel("totals", tmp_path / "read.db", full))
    assert store.dead_letters("totals") == []
