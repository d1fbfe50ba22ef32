"""SQLite files of two nodes in one process: how they stand, what is compared, snapshots, and what is refused."""

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import headwater as hw
from node import serving

BOOKS = "CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT)"


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Waits for what comes about by itself."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come to be in 20 s"
        time.sleep(0.005)


def elsewhere(path: Path, sql: str) -> None:
    """Does a statement in another process, which knows nothing of Headwater."""
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.close()"
    subprocess.run([sys.executable, "-c", program, path, sql], check=True)


def titles(database: hw.Database) -> list[str]:
    with closing(database.connect()) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM books ORDER BY id")]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[hw.Database, hw.Database]]:
    """Two files that replicate over a hub, and the engines open as long as the test goes on."""
    with hw.memory() as hub, hw.memory() as a, hw.memory() as b:
        databases = []
        for name, engine in (("a", a), ("b", b)):
            path = tmp_path / f"{name}.db"
            elsewhere(path, BOOKS)
            store = tmp_path / "snapshots"
            database = engine.attach(path, name="app", node_id=f"shop-{name}", snapshot_store=store)
            (stream,) = database.stream_names
            engine.add_link("hub", hub, stream=stream, remote=stream, create={})
            databases.append(database)
        yield databases[0], databases[1]


def test_what_any_program_writes_arrives(nodes: tuple[hw.Database, hw.Database]) -> None:
    a, b = nodes
    assert (a.name, a.path.name, a.stream_names) == ("app", "a.db", ["REPLICA_app"])
    elsewhere(a.path, "INSERT INTO books VALUES (1, 'Emma')")
    with closing(b.connect()) as connection, connection:
        connection.execute("INSERT INTO books VALUES (2, ?)", ("Ivanhoe",))
    a.sync(timeout=10)
    b.sync(timeout=10)
    until("both rows at both", lambda: titles(a) == titles(b) == ["Emma", "Ivanhoe"])
    status = a.status(timeout=5)
    assert isinstance(status, hw.DatabaseStatus) and status.path == a.path
    assert (status.state, status.tables, status.refused, status.job) == ("running", ("books",), (), None)
    assert (status.pending, status.unsent, status.held, status.missing, status.faults) == (0, 0, 0, 0, 0)
    assert status.published > 0 and status.applied > 0 and status.last_error == ""
    assert len(status.node) == 16 and status.node_id == "shop-a"


def test_what_is_joined_is_watched(nodes: tuple[hw.Database, hw.Database]) -> None:
    a, b = nodes
    with b.watch() as watcher:
        assert watcher.try_next(10) == []
        elsewhere(a.path, "INSERT INTO books VALUES (1, 'Emma')")
        change = watcher.next(timeout=20)
        assert (change.table, change.key, change.kind) == ("books", (1,), "insert")
        assert change.node == a.status().node
        assert abs(change.time_ms / 1000 - time.time()) < 60
        elsewhere(a.path, "UPDATE books SET title = 'Ivanhoe'; DELETE FROM books; INSERT INTO books VALUES (2, 'Kim')")
        seen = iter(watcher)
        assert {next(seen).kind, next(seen).kind} == {"delete", "insert"}
        assert watcher.missed == 0

        async def last() -> hw.RowChange:
            elsewhere(a.path, "DELETE FROM books")
            async for change in watcher:
                return change
            raise AssertionError("it ended")

        assert asyncio.run(last()).key == (2,)
    with pytest.raises(hw.ClosedError):
        watcher.next()


def test_nodes_are_compared_and_snapshots_made_and_joined(nodes: tuple[hw.Database, hw.Database]) -> None:
    a, b = nodes
    elsewhere(a.path, "INSERT INTO books VALUES (1, 'Emma')")
    until("the row", lambda: titles(b) == ["Emma"])
    until("equal nodes", lambda: a.check(timeout=10).is_equal)
    report = a.check(repair=True)
    assert [(node.node_id, node.compared, node.schema) for node in report.nodes] == [("shop-b", "equal", ())]
    assert (report.dangling, report.repaired) == ({}, False)
    (schema,) = a.schema(timeout=5)
    assert schema.table == "books" and schema.is_same and list(schema.forms.values()) == [("shop-a", "shop-b")]
    elsewhere(b.path, "ALTER TABLE books ADD COLUMN isbn TEXT")
    until("two forms", lambda: not a.schema()[0].is_same)
    assert a.snapshots() == []
    made = a.snapshot(timeout=10)
    assert a.snapshots(timeout=5) == [made] and made.node_id == "shop-a" and made.created_ms > 1_600_000_000_000
    assert made.bytes >= 4096 and made.stored_bytes > 0
    assert b.restore(timeout=10) == b.restore(made.id) == made
    with pytest.raises(hw.NotFoundError):
        b.restore("none")


def test_a_file_waits_goes_on_and_is_let_go(nodes: tuple[hw.Database, hw.Database], tmp_path: Path) -> None:
    a, _ = nodes
    a.pause()
    assert a.status().state == "paused"
    with pytest.raises(hw.ConflictError, match="paused"):
        a.sync()
    a.resume()
    assert a.release() == 0
    a.detach()
    with pytest.raises(hw.NotFoundError):
        a.status()
    elsewhere(a.path, "CREATE TABLE trace AS SELECT count(*) FROM sqlite_schema WHERE name LIKE '%headwater%'")


def test_asyncio_asks_the_same(nodes: tuple[hw.Database, hw.Database]) -> None:
    async def ask(database: hw.Database) -> None:
        await database.sync_async()
        assert (await database.status_async()).state == "running"
        await database.pause_async()
        assert (await database.status_async()).state == "paused"
        await database.resume_async()
        made = await database.snapshot_async()
        assert await database.snapshots_async() == [made] == [await database.restore_async()]
        assert await database.restore_async(made.id) == made
        assert [schema.table for schema in await database.schema_async()] == ["books"]
        assert not (await database.check_async(repair=True)).repaired
        assert await database.release_async() == 0
        await database.detach_async()
        with pytest.raises(hw.NotFoundError):
            await database.status_async()

    asyncio.run(ask(nodes[0]))


def test_databases_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    elsewhere(path, BOOKS)
    with hw.open(tmp_path / "data") as engine:
        assert engine.attach(path, publish=False, include="books", per_row=["books"]).name == "books"
    with hw.open(tmp_path / "data") as engine:
        assert [status.name for status in engine.databases(timeout=5)] == ["books"]
        assert engine.database("books").path == path
        assert engine.attach(path, publish=False, include="books", per_row=["books"]).name == "books"
        with pytest.raises(hw.ConflictError, match="another include, per_row, publish: it is worked on"):
            engine.attach(path)
        with pytest.raises(hw.NotFoundError):
            engine.database("other")

        async def listed() -> list[str]:
            return [status.name for status in await engine.databases_async()]

        assert asyncio.run(listed()) == ["books"]


def test_a_configuration_that_cannot_be_is_refused(engine: hw.Engine, tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with pytest.raises(hw.NotFoundError, match=r"app\.db"):
        engine.attach(path)
    elsewhere(path, BOOKS)
    with pytest.raises(hw.InvalidError, match="'no good'"):
        engine.attach(path, name="no good")
    with pytest.raises(hw.InvalidError, match="durability"):
        engine.attach(path, log_durability="never")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'nme'"):
        engine.attach(path, nme="app")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="include"):
        engine.attach(path, include=7)  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="snapshot_keep"):
        engine.attach(path, snapshot_keep=-1)
    assert engine.databases() == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nothing tells which files are open")
def test_a_file_that_sqlite3_has_open_is_refused(engine: hw.Engine, tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    elsewhere(path, BOOKS)
    other = sqlite3.connect(path)
    other.execute("SELECT * FROM books")
    with pytest.raises(hw.ConflictError, match="two copies of SQLite"):
        engine.attach(path)
    configuration = tmp_path / "a.toml"
    configuration.write_text('dir = "data"\n[replica]\ndb_path = "app.db"\n')
    with pytest.raises(hw.ConflictError, match=r"\[replica\].*two copies of SQLite"):
        hw.open_config(configuration)
    other.close()
    hw.open_config(configuration).close()
    database = engine.attach(path)
    with closing(database.connect()) as connection:
        connection.execute("SELECT 1")
        assert engine.attach(path).name == "app"


def test_a_relative_path_is_this_process_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    elsewhere(here / "app.db", BOOKS)
    hw.open(tmp_path / "data").close()
    with serving(tmp_path / "data"), hw.open(tmp_path / "data") as engine:
        monkeypatch.chdir(here)
        assert engine.attach("app.db").path == here / "app.db"


def test_a_handle_keeps_its_engine_open(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    elsewhere(path, BOOKS)
    database = hw.memory().attach(path)
    gc.collect()
    assert database.status().state == "running"


def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    elsewhere(path, BOOKS)
    with hw.memory() as engine:
        database = engine.attach(path)
    with pytest.raises(hw.ClosedError):
        database.status()
    with pytest.raises(hw.ClosedError):
        engine.attach(path)
