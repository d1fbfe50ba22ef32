"""The Python database API 2.0 (PEP 249) over a SQLite file that replicates.

    database = engine.attach("app.db")
    with database.connect() as connection:
        connection.execute("INSERT INTO books(title) VALUES (?)", ("Emma",))
        for row in connection.execute("SELECT id, title FROM books"):
            print(row)

A connection is for one thread at a time, and is of this library's own copy of SQLite. It begins a transaction before
INSERT, UPDATE, DELETE and REPLACE where none is open, as `sqlite3` does, and `commit` ends it; other statements do what
they say, `BEGIN` among them.

Values are None, int of 64 bits, float, str and bytes, and each comes back as what it is. Text that is not UTF-8 comes
as str whose bad bytes are lone surrogates ("surrogateescape", PEP 383), and goes back in as the same bytes. SQLite has
no dates: `Date`, `Time` and `Timestamp` make text of ISO 8601.
"""

from __future__ import annotations

import datetime as _datetime
import time as _time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Self

from . import _errors

if TYPE_CHECKING:
    from . import _native

apilevel: Final = "2.0"
threadsafety: Final = 1
paramstyle: Final = "qmark"

_Value = None | int | float | str | bytes | bytearray | memoryview
_Row = tuple[Any, ...]
_Column = tuple[str, None, None, None, None, None, None]


class Warning(Exception):
    """Something of importance that is no error; none is raised now."""


class Error(_errors.Error):
    """The base of the errors here, each of which is a `headwater.Error` of its kind too."""


class InterfaceError(Error):
    """The interface was used in a way that it is not made for."""

    kind = "misuse"


class DatabaseError(Error):
    """Something is wrong with the database."""


class DataError(DatabaseError):
    """A value can't be one of SQLite's, as an integer of more than 64 bits."""

    kind = "invalid"


class OperationalError(DatabaseError):
    """The database can't do it now: it is locked, gone, full, or an answer is too large."""


class IntegrityError(DatabaseError, _errors.ConflictError):
    """A constraint refuses it."""


class InternalError(DatabaseError, _errors.InternalError):
    """A bug: report it."""


class ProgrammingError(DatabaseError):
    """The statement, its values or the order of calls is wrong."""

    kind = "invalid"


class NotSupportedError(DatabaseError, _errors.UnsupportedError):
    """The database or this interface can't do it at all."""


_FAMILIES: Final[tuple[tuple[type[DatabaseError], tuple[type[_errors.Error], ...]], ...]] = (
    (ProgrammingError, (_errors.InvalidError, _errors.ClosedError, _errors.MisuseError)),
    (DatabaseError, (_errors.CorruptError,)),
    (
        OperationalError,
        (_errors.BusyError, _errors.IoError, _errors.LimitError, _errors.NotFoundError, _errors.TimeoutError),
    ),
)
# Whatever is caught catches: `ProgrammingError` and `headwater.InvalidError` are both what a wrong statement raises.
_BY_KIND: Final[dict[str, type[DatabaseError]]] = {
    ours.kind: type(family.__name__, (family, ours), {"__module__": __name__, "kind": ours.kind})
    for family, kinds in _FAMILIES
    for ours in kinds
} | {"conflict": IntegrityError, "internal": InternalError, "unsupported": NotSupportedError}


def _raise(error: Exception) -> NoReturn:
    """Raises what an error of the engine, or of a value, is here."""
    if isinstance(error, _errors.Error):
        raise _BY_KIND.get(error.kind, DatabaseError)(str(error), error.expected, error.actual) from error
    if isinstance(error, TypeError):
        raise _BY_KIND["invalid"](str(error)) from error
    raise DataError(str(error)) from error


_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def _verb(sql: str) -> str:
    """The first word of a statement, in capitals."""
    rest = sql.lstrip()
    while rest.startswith(("--", "/*")):
        end = "\n" if rest.startswith("--") else "*/"
        rest = rest.partition(end)[2].lstrip()
    letters = 0
    while letters < len(rest) and rest[letters].isalpha():
        letters += 1
    return rest[:letters].upper()


class Connection:
    """A connection, from `Database.connect`. As a context it commits, or undoes what an error left; it stays open."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    autocommit: bool
    """Whether each statement stands for itself: no transaction is begun but by `BEGIN`."""

    def __init__(self, connection: _native.Connection, autocommit: bool = False) -> None:
        self._connection = connection
        self.autocommit = autocommit

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        try:
            return self._connection.in_transaction
        except _errors.Error as error:
            _raise(error)

    def cursor(self) -> Cursor:
        """A cursor; all of a connection are in the same transaction."""
        return Cursor(self)

    def execute(self, sql: str, parameters: Sequence[_Value] = (), /) -> Cursor:
        """Runs a statement with a cursor of its own."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[_Value]], /) -> Cursor:
        """Runs a statement for each of several sets of values, with a cursor of its own."""
        return self.cursor().executemany(sql, parameters)

    def commit(self) -> None:
        """Ends the transaction: what was done in it stays, and replicates. Nothing if none is open."""
        if self.in_transaction:
            self._run("COMMIT", ())

    def rollback(self) -> None:
        """Undoes the transaction. Nothing if none is open."""
        if self.in_transaction:
            self._run("ROLLBACK", ())

    def interrupt(self) -> None:
        """Ends the statement that another thread runs here: that raises OperationalError, and what it was to change is
        undone with its transaction. Nothing if none runs."""
        try:
            self._connection.interrupt()
        except _errors.Error as error:
            _raise(error)

    def close(self) -> None:
        """Ends it; what is not committed is undone. Closing twice is nothing."""
        try:
            self._connection.close()
        except _errors.Error as error:
            _raise(error)

    def _run(self, sql: str, parameters: Sequence[_Value]) -> tuple[tuple[str, ...], list[_Row], int, int]:
        if isinstance(parameters, (str, bytes)) or not isinstance(parameters, Sequence):
            _raise(TypeError(f"values are a sequence, one for each ?, and not {type(parameters).__name__}"))
        try:
            return self._connection.execute(sql, parameters)
        except (_errors.Error, TypeError, OverflowError, UnicodeError) as error:
            _raise(error)

    def _begin(self) -> None:
        if not self.autocommit and not self.in_transaction:
            self._run("BEGIN", ())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> Literal[False]:
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return False


class Cursor:
    """Runs statements and holds what they found."""

    arraysize: int = 1
    """How many rows `fetchmany` takes when it is not told."""

    description: tuple[_Column, ...] | None
    """Of each column of the last statement its name, and six times None; None when it finds no rows."""

    rowcount: int
    """How many rows the last INSERT, UPDATE, DELETE or REPLACE changed; -1 after anything else."""

    lastrowid: int | None
    """The rowid of the last row that `execute` inserted; None before that."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description = None
        self.rowcount = -1
        self.lastrowid = None
        self._rows: Iterator[_Row] | None = None
        self._is_closed = False

    def execute(self, sql: str, parameters: Sequence[_Value] = (), /) -> Self:
        """Runs one statement, with a value for each `?`."""
        verb = self._prepare(sql)
        if verb in _WRITES:
            self.connection._begin()
        columns, rows, changes, rowid = self.connection._run(sql, parameters)
        self.description = tuple((name, None, None, None, None, None, None) for name in columns) or None
        self._rows = iter(rows) if columns else None
        if verb in _WRITES:
            self.rowcount = changes
        if verb in ("INSERT", "REPLACE"):
            self.lastrowid = rowid
        return self

    def executemany(self, sql: str, parameters: Iterable[Sequence[_Value]], /) -> Self:
        """Runs an INSERT, UPDATE, DELETE or REPLACE for each of several sets of values. Rows it finds are dropped."""
        if self._prepare(sql) not in _WRITES:
            raise _BY_KIND["invalid"]("executemany() runs INSERT, UPDATE, DELETE and REPLACE")
        self.connection._begin()
        self.rowcount = 0
        for values in parameters:
            self.rowcount += self.connection._run(sql, values)[2]
        return self

    def fetchone(self) -> _Row | None:
        """The next row; None after the last."""
        return next(self._found(), None)

    def fetchmany(self, size: int | None = None) -> list[_Row]:
        """The next rows, `arraysize` when it is not told; fewer at the end."""
        rows = self._found()
        wanted = self.arraysize if size is None else size
        return [row for _, row in zip(range(wanted), rows, strict=False)]

    def fetchall(self) -> list[_Row]:
        """All rows that are left."""
        return list(self._found())

    def close(self) -> None:
        """Ends it; the connection stays open."""
        self._is_closed = True
        self._rows = None

    def setinputsizes(self, sizes: Sequence[Any], /) -> None:
        """Nothing: values say themselves how large they are."""

    def setoutputsize(self, size: int, column: int | None = None, /) -> None:
        """Nothing: values come whole."""

    def __iter__(self) -> Iterator[_Row]:
        return self

    def __next__(self) -> _Row:
        return next(self._found())

    def _prepare(self, sql: str) -> str:
        self._check()
        self.description, self.rowcount, self._rows = None, -1, None
        return _verb(sql)

    def _check(self) -> None:
        if self._is_closed:
            raise _BY_KIND["closed"]("the cursor is closed")

    def _found(self) -> Iterator[_Row]:
        self._check()
        if self._rows is None:
            raise _BY_KIND["invalid"]("there are no rows: the last statement finds none, or there was none")
        return self._rows


def Date(year: int, month: int, day: int) -> str:
    """A date, as text."""
    return _datetime.date(year, month, day).isoformat()


def Time(hour: int, minute: int, second: int) -> str:
    """A time of day, as text."""
    return _datetime.time(hour, minute, second).isoformat()


def Timestamp(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str:
    """A date and a time of day, as text that SQLite's date functions read."""
    return _datetime.datetime(year, month, day, hour, minute, second).isoformat(" ")


def DateFromTicks(ticks: float) -> str:
    """The local date of so many seconds since the epoch."""
    return Date(*_time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> str:
    """The local time of day of so many seconds since the epoch."""
    return Time(*_time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> str:
    """The local date and time of so many seconds since the epoch."""
    return Timestamp(*_time.localtime(ticks)[:6])


Binary = bytes


class _Type:
    """What a column's type code would compare with: SQLite types values and not columns, so all codes are None."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"headwater.dbapi.{self._name}"


STRING: Final = _Type("STRING")
BINARY: Final = _Type("BINARY")
NUMBER: Final = _Type("NUMBER")
DATETIME: Final = _Type("DATETIME")
ROWID: Final = _Type("ROWID")

__all__ = [
    "BINARY",
    "Binary",
    "Connection",
    "Cursor",
    "DATETIME",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NUMBER",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "ROWID",
    "STRING",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "paramstyle",
    "threadsafety",
]
