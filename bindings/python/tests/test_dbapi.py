"""The DB-API 2.0 over a SQLite file: transactions, cursors, values, and errors that are PEP 249's and ours."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater import dbapi


@pytest.fixture
def database(tmp_path: Path) -> Iterator[hw.Database]:
    path = tmp_path / "app.db"
    path.touch()
    with hw.memory() as engine:
        yield engine.attach(path)


@pytest.fixture
def connection(database: hw.Database) -> Iterator[dbapi.Connection]:
    connection = database.connect()
    connection.execute("CREATE TABLE books(id INTEGER PRIMARY KEY, title TEXT UNIQUE, price)")
    yield connection
    connection.close()


def count(database: hw.Database) -> int:
    """How many rows somebody else sees."""
    connection = database.connect()
    (found,) = connection.execute("SELECT count(*) FROM books").fetchall()[0]
    connection.close()
    return int(found)


def test_the_module_is_what_the_api_asks_for() -> None:
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 1, "qmark")
    for error in (dbapi.DataError, dbapi.IntegrityError, dbapi.OperationalError, dbapi.ProgrammingError):
        assert issubclass(error, dbapi.DatabaseError) and issubclass(error, dbapi.Error) and issubclass(error, hw.Error)
    assert issubclass(dbapi.InterfaceError, dbapi.Error) and not issubclass(dbapi.InterfaceError, dbapi.DatabaseError)
    assert dbapi.Timestamp(2024, 2, 29, 12, 30, 5) == "2024-02-29 12:30:05"
    assert (dbapi.Date(2024, 2, 29), dbapi.Time(1, 2, 3), dbapi.Binary(b"x")) == ("2024-02-29", "01:02:03", b"x")
    assert len(dbapi.TimestampFromTicks(0)) == 19
    assert f"{dbapi.DateFromTicks(0)} {dbapi.TimeFromTicks(0)}" == dbapi.TimestampFromTicks(0)


def test_a_write_begins_a_transaction_that_commit_ends(database: hw.Database, connection: dbapi.Connection) -> None:
    connection.execute("SELECT 1")
    assert not connection.in_transaction
    cursor = connection.execute("  -- a comment\n /* and another */ insert INTO books(title) VALUES ('Emma')")
    assert connection.in_transaction and (cursor.rowcount, cursor.lastrowid) == (1, 1)
    assert count(database) == 0
    connection.commit()
    connection.commit()
    assert not connection.in_transaction and count(database) == 1
    connection.execute("DELETE FROM books")
    connection.rollback()
    connection.rollback()
    assert count(database) == 1
    connection.execute("REPLACE INTO books VALUES (7, 'Ivanhoe', 1)")
    connection.close()
    assert count(database) == 1


def test_a_context_commits_or_undoes(database: hw.Database, connection: dbapi.Connection) -> None:
    with connection as same:
        assert same is connection
        same.execute("INSERT INTO books(title) VALUES ('Emma')")
    assert count(database) == 1
    with pytest.raises(ZeroDivisionError), connection:
        connection.execute("INSERT INTO books(title) VALUES ('Ivanhoe')")
        raise ZeroDivisionError
    assert count(database) == 1
    connection.execute("SELECT 1")


def test_a_transaction_of_ones_own_and_autocommit(database: hw.Database, connection: dbapi.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO books(title) VALUES ('Emma')")
    connection.execute("COMMIT")
    assert count(database) == 1
    alone = database.connect(autocommit=True)
    alone.execute("INSERT INTO books(title) VALUES ('Ivanhoe')")
    assert not alone.in_transaction and count(database) == 2
    alone.execute("BEGIN")
    alone.execute("DELETE FROM books")
    alone.rollback()
    assert count(database) == 2
    alone.close()


def test_cursors_fetch(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert (cursor.description, cursor.rowcount, cursor.lastrowid, cursor.arraysize) == (None, -1, None, 1)
    rows = [(f"book {n}", n / 2) for n in range(5)]
    cursor.executemany("INSERT INTO books(title, price) VALUES (?, ?)", rows)
    assert (cursor.rowcount, cursor.description) == (5, None)
    assert cursor.execute("SELECT title, price FROM books ORDER BY id") is cursor
    assert cursor.description == (("title", *(None,) * 6), ("price", *(None,) * 6))
    assert cursor.rowcount == -1
    assert cursor.fetchone() == ("book 0", 0.0)
    assert cursor.fetchmany() == [("book 1", 0.5)]
    cursor.arraysize = 2
    assert cursor.fetchmany() == [("book 2", 1.0), ("book 3", 1.5)]
    assert cursor.fetchmany(9) == [("book 4", 2.0)]
    assert cursor.fetchone() is None and cursor.fetchall() == [] and cursor.fetchmany(2) == []
    assert [title for (title,) in connection.execute("SELECT title FROM books WHERE id < ? ORDER BY id", [3])] == [
        "book 0",
        "book 1",
    ]
    assert cursor.execute("UPDATE books SET price = 0 WHERE id > 2 RETURNING id").fetchall() == [(3,), (4,), (5,)]
    assert cursor.rowcount == 3
    assert cursor.execute("DELETE FROM books WHERE id = 99").rowcount == 0
    assert connection.executemany("DELETE FROM books WHERE id = ?", ((n,) for n in (1, 2, 99))).rowcount == 2
    cursor.setinputsizes([None])
    cursor.setoutputsize(5)
    assert cursor.connection is connection
    empty = cursor.execute("SELECT title FROM books WHERE 0")
    assert empty.description is not None and empty.fetchone() is None


VALUES = [
    None, 0, -1, 2**63 - 1, -(2**63), 2**53 + 1, 0.1, -0.0, float("inf"), 5e-324,
    "", "Zürich 🚲", "a\0b", b"", b"\0\xff",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_what_it_is(connection: dbapi.Connection, value: Any) -> None:
    connection.execute("INSERT INTO books(price) VALUES (?)", (value,))
    ((back,),) = connection.execute("SELECT price FROM books").fetchall()
    assert type(back) is type(value) and repr(back) == repr(value)


def test_values_that_are_like_others(connection: dbapi.Connection) -> None:
    row = (True, bytearray(b"x"), memoryview(b"y"))
    assert connection.execute("SELECT ?, ?, ?", row).fetchall() == [(1, b"x", b"y")]
    # SQLite has no such number.
    assert connection.execute("SELECT ?", (float("nan"),)).fetchone() == (None,)


def test_text_that_is_not_utf_8_stays_what_it_is(connection: dbapi.Connection) -> None:
    connection.execute("INSERT INTO books(title) VALUES (CAST(x'ff41c3' AS TEXT))")
    ((text,),) = connection.execute("SELECT title FROM books").fetchall()
    assert text == "\udcffA\udcc3" and text.encode("utf-8", "surrogateescape") == b"\xffA\xc3"
    row = connection.execute("SELECT hex(?1), typeof(?1), id FROM books WHERE title = ?1", (text,)).fetchone()
    assert row == ("FF41C3", "text", 1)
    with pytest.raises(dbapi.DataError, match="surrogates"):
        connection.execute("SELECT ?", ("\ud800",))


def test_errors_are_of_both_families(connection: dbapi.Connection, database: hw.Database) -> None:
    connection.execute("INSERT INTO books(title) VALUES ('Emma')")
    with pytest.raises(dbapi.IntegrityError, match="UNIQUE") as taken:
        connection.execute("INSERT INTO books(title) VALUES ('Emma')")
    assert isinstance(taken.value, hw.ConflictError) and taken.value.kind == "conflict"
    with pytest.raises(dbapi.ProgrammingError, match="nowhere") as wrong:
        connection.execute("INSERT INTO nowhere VALUES (1)")
    assert isinstance(wrong.value, hw.InvalidError) and wrong.value.kind == "invalid"
    with pytest.raises(hw.InvalidError, match="2 parameters, and 1 values"):
        connection.execute("SELECT ?, ?", (1,))
    with pytest.raises(dbapi.DataError, match="64 bits"):
        connection.execute("SELECT ?", (2**63,))
    with pytest.raises(dbapi.ProgrammingError, match="not complex"):
        connection.execute("SELECT ?", (1j,))  # type: ignore[arg-type]
    with pytest.raises(dbapi.ProgrammingError, match="not dict"):
        connection.execute("SELECT :a", {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(dbapi.ProgrammingError, match="not str"):
        connection.execute("SELECT ?", "x")
    with pytest.raises(dbapi.ProgrammingError, match="executemany"):
        connection.executemany("SELECT ?", [(1,)])
    connection.rollback()
    for cursor in (connection.cursor(), connection.execute("CREATE TABLE more(id INTEGER PRIMARY KEY)")):
        with pytest.raises(dbapi.ProgrammingError, match="there are no rows"):
            cursor.fetchone()
    cursor = connection.cursor()
    cursor.close()
    with pytest.raises(dbapi.ProgrammingError, match="the cursor is closed"):
        cursor.execute("SELECT 1")
    assert connection.OperationalError is dbapi.OperationalError
    connection.close()
    connection.close()
    with pytest.raises(dbapi.ProgrammingError, match="the connection is closed") as closed:
        connection.execute("SELECT 1")
    assert isinstance(closed.value, hw.ClosedError)
    with pytest.raises(dbapi.Error):
        connection.commit()


def test_a_writer_that_waits_too_long_is_told(connection: dbapi.Connection, database: hw.Database) -> None:
    connection.execute("BEGIN IMMEDIATE")
    other = database.connect()
    with pytest.raises(dbapi.OperationalError) as busy:
        other.execute("INSERT INTO books(title) VALUES ('Emma')")
    assert isinstance(busy.value, hw.BusyError)
    connection.rollback()
    other.execute("INSERT INTO books(title) VALUES ('Emma')")
    other.commit()
    other.close()


def test_a_statement_is_interrupted_from_another_thread(connection: dbapi.Connection) -> None:
    for_ever = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)"
    is_over = threading.Event()

    def interrupt() -> None:
        # Once may be before it begins.
        while not is_over.wait(0.005):
            connection.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(dbapi.OperationalError, match="interrupted") as raised:
        connection.execute(f"INSERT INTO books(id) {for_ever} SELECT max(i) FROM n")
    is_over.set()
    thread.join()
    assert isinstance(raised.value, hw.TimeoutError)
    assert not connection.in_transaction
    connection.interrupt()
    assert connection.execute("SELECT count(*) FROM books").fetchone() == (0,)
    connection.close()
    connection.interrupt()


def test_a_connection_goes_from_thread_to_thread_and_is_used_by_one_at_a_time(database: hw.Database) -> None:
    connection = database.connect()
    slow = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n"
    answers: list[Any] = []

    def ask() -> None:
        # The other thread may be the one that has it just now.
        while not answers:
            with contextlib.suppress(hw.MisuseError):
                answers.append(connection.execute(slow).fetchone())

    thread = threading.Thread(target=ask)
    thread.start()
    raised = None
    while thread.is_alive() and raised is None:
        try:
            connection.execute("SELECT 1")
        except hw.MisuseError as error:
            raised = error
    thread.join()
    assert answers == [(3000000,)] and isinstance(raised, dbapi.ProgrammingError)
    connection.close()
