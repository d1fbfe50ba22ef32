"""Read models in SQLite files, over the `sqlite3` of Python."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from ._errors import ConflictError, IoError
from ._model import EventFilter
from ._native import Engine, Event, EventStore, Projection, Stream
from ._projection import Taken, reason

_T = TypeVar("_T")

_HEADER = "Headwater-Outbox"
"""Which message of an outbox a record was."""

_MESSAGES_AT_ONCE = 1_000

_TABLES = """
CREATE TABLE IF NOT EXISTS headwater_projection (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  generation INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_dead_letter (name TEXT, seq INTEGER, PRIMARY KEY (name, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headwater_outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))),
  seq INTEGER NOT NULL,
  stream TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload BLOB NOT NULL DEFAULT x'',
  tried INTEGER
);
"""

_OF_THE_FILE = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    )
)
"""Errors of the file or of the machine, which no event can help."""


class _Place(NamedTuple):
    """Where a read model stands, and how often it was built anew."""

    position: int
    generation: int


class _EventFails(Exception):
    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index, self.why = index, why


class SqliteModel:
    """A read model in a SQLite file: what events make of it, its position, its dead letters and its outbox are one
    transaction, so each event is in effect once, whenever the program ends. Several projections may share a file.

    `fold(connection, event)` is called in a transaction, which it must not end; what it did is undone where it raises.
    Rows that it puts into `headwater_outbox` (`seq` of the event, `stream`, `subject`, `payload`) are sent to streams
    of the engine `outbox`, each once, when the transaction is committed.
    """

    def __init__(
        self,
        name: str,
        path: str | os.PathLike[str],
        fold: Callable[[sqlite3.Connection, Event], object],
        *,
        outbox: Engine | None = None,
    ) -> None:
        self.name = name
        self.path = os.fspath(path)
        self._fold, self._outbox = fold, outbox
        self._lock = threading.RLock()
        self._place = _Place(0, 0)
        self._connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_TABLES)

    @property
    def keeps_position(self) -> bool:
        """True: it is in the file."""
        return True

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def read(self, look: Callable[[sqlite3.Connection], _T]) -> _T:
        """Looks at the read model while no event changes it."""
        with self._lock:
            return look(self._connection)

    def begin(self, position: int, state: bytes) -> int:
        """Where the file says that it stands."""
        with self._lock:
            self._place = self._placed()
            return self._place.position

    def take(self, events: list[Event]) -> Taken:
        """Takes events in, up to the first that fails, in one transaction."""
        count, failed = len(events), None
        with self._lock:
            # What comes before a failure is undone with it, and taken in again without it.
            while count > 0:
                try:
                    with self._moving(events[count - 1].seq):
                        for index, event in enumerate(events[:count]):
                            self._take(index, event)
                    return Taken(events[count - 1].seq, failed)
                except _EventFails as fails:
                    count, failed = fails.index, (events[fails.index].seq, fails.why)
        return Taken(None, failed)

    def skip(self, seq: int) -> None:
        """Passes by an event."""
        with self._lock, self._moving(seq):
            self._connection.execute("INSERT OR IGNORE INTO headwater_dead_letter VALUES (?, ?)", (self.name, seq))

    def retake(self, event: Event) -> None:
        """Takes in an event that it passed by."""
        with self._lock, self._moving(self._place.position):
            sql = "DELETE FROM headwater_dead_letter WHERE name = ? AND seq = ?"
            if self._connection.execute(sql, (self.name, event.seq)).rowcount > 0:
                self._fold(self._connection, event)

    def keep(self) -> tuple[int, bytes] | None:
        """Nothing: the position is in the file."""
        return None

    def settle(self) -> None:
        """Sends what is in the outbox."""
        while self._outbox is not None:
            sql = "SELECT n, id, stream, subject, payload, tried FROM headwater_outbox ORDER BY n LIMIT ?"
            with self._lock:
                messages = self._connection.execute(sql, (_MESSAGES_AT_ONCE,)).fetchall()
            if not messages:
                return
            for name in dict.fromkeys(message[2] for message in messages):
                self._send(self._outbox.stream(name), [message for message in messages if message[2] == name])

    def _send(self, stream: Stream, messages: list[tuple[int, str, str, str, Any, int | None]]) -> None:
        """Sends messages, but for those that were sent before the program ended: they lie behind what was noted."""
        tried = [message[5] for message in messages if message[5] is not None]
        sent = _sent_behind(stream, min(tried)) if tried else set()
        last_seq = stream.info().last_seq
        with self._lock, self._transaction():
            sql = "UPDATE headwater_outbox SET tried = ? WHERE n = ? AND tried IS NULL"
            self._connection.executemany(sql, [(last_seq, message[0]) for message in messages])
        for _, id, _, subject, payload, _ in messages:
            if id not in sent:
                bytes_of = payload.encode() if isinstance(payload, str) else payload
                stream.append(subject, bytes_of, headers=[(_HEADER, id)], msg_id=id)
        with self._lock, self._transaction():
            gone = [(message[0],) for message in messages]
            self._connection.executemany("DELETE FROM headwater_outbox WHERE n = ?", gone)

    def rebuild(
        self, store: EventStore, filters: EventFilter | list[EventFilter] | None = None, **settings: Any
    ) -> Projection:
        """Builds it anew from the first event, in a file of its own beside this one (`-rebuild`), and then puts that
        in the place of this one's tables, in one transaction. The projection that it gives is the live one from then
        on: drive this model with it. Messages that a rebuild wrote again are not sent again.
        """
        path = f"{self.path}-rebuild"
        _remove(path)
        rebuilt = SqliteModel(self.name, path, self._fold)
        try:
            projection = store.projection(self.name, filters, is_rebuild=True, **settings)
            while True:
                projection.catch_up(rebuilt)
                if self._switch(path, projection.position) and projection.switch():
                    return projection
        finally:
            rebuilt.close()
            _remove(path)

    def _switch(self, path: str, position: int) -> bool:
        with self._lock:
            self._connection.execute("ATTACH ? AS rebuilt", (path,))
            try:
                with self._transaction():
                    return self._copy(position)
            finally:
                self._connection.execute("DETACH rebuilt")

    def _copy(self, position: int) -> bool:
        before = self._placed()
        if before.position > position:
            return False
        sql = r"""
            SELECT type, name, sql FROM rebuilt.sqlite_schema
            WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
              AND name NOT LIKE 'headwater\_%' ESCAPE '\' AND name NOT LIKE '\_headwater%' ESCAPE '\'
            ORDER BY type <> 'table', rowid
        """
        execute = self._connection.execute
        for kind, name, made in execute(sql).fetchall():
            quoted = name.replace('"', '""')
            execute(f'DROP {kind} IF EXISTS main."{quoted}"')
            execute(made)
            if kind == "table":
                execute(f'INSERT INTO main."{quoted}" SELECT * FROM rebuilt."{quoted}"')
        execute("DELETE FROM headwater_dead_letter WHERE name = ?", (self.name,))
        sql = "INSERT INTO headwater_dead_letter SELECT name, seq FROM rebuilt.headwater_dead_letter WHERE name = ?"
        execute(sql, (self.name,))
        sql = """
            INSERT INTO headwater_outbox (seq, stream, subject, payload)
            SELECT seq, stream, subject, payload FROM rebuilt.headwater_outbox WHERE seq > ? ORDER BY n
        """
        execute(sql, (before.position,))
        self._set_place(_Place(position, before.generation + 1))
        return True

    def _take(self, index: int, event: Event) -> None:
        try:
            self._fold(self._connection, event)
        except Exception as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF in _OF_THE_FILE:
                raise IoError(f"read model '{self.name}': {error}") from error
            raise _EventFails(index, reason(error)) from error

    def _placed(self) -> _Place:
        sql = "SELECT position, generation FROM headwater_projection WHERE name = ?"
        row = self._connection.execute(sql, (self.name,)).fetchone()
        return _Place(*row) if row else _Place(0, 0)

    def _set_place(self, place: _Place) -> None:
        sql = """
            INSERT INTO headwater_projection (name, position, generation) VALUES (?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET position = excluded.position, generation = excluded.generation
        """
        self._connection.execute(sql, (self.name, *place))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _moving(self, position: int) -> Iterator[None]:
        """A transaction that moves the position, if it is where the run left it."""
        after = _Place(position, self._place.generation)
        with self._transaction():
            if self._placed() != self._place:
                why = "was moved by another program that runs it, or by a rebuild"
                raise ConflictError(f"the position of projection '{self.name}' {why}")
            yield
            self._set_place(after)
        self._place = after


def _sent_behind(stream: Stream, seq: int) -> set[str]:
    """The messages that a stream has behind a sequence."""
    return {value for record in stream.read(from_seq=seq + 1) for name, value in record.headers if name == _HEADER}


def _remove(path: str) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path + end)
