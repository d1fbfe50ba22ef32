"""What can go wrong: one class for each kind of error, the same kinds in every language."""

from __future__ import annotations

import builtins
from typing import Final


class Error(Exception):
    """The base of everything that Headwater raises; the message names what was wrong and where."""

    kind: str = "internal"
    """The stable name of the kind."""

    expected: int | None
    """For a conflict over sequences: the one expected."""

    actual: int | None
    """For a conflict over sequences: the one that is there."""

    def __init__(self, message: str, expected: int | None = None, actual: int | None = None) -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class InvalidError(Error):
    """The call itself is wrong: fix the argument that the message names. Nothing was changed."""

    kind = "invalid"


class NotFoundError(Error):
    """The named stream, record, consumer, key or directory is not there."""

    kind = "not_found"


class ConflictError(Error):
    """A condition did not hold, or a name is taken: reload, decide again, retry. Nothing was changed."""

    kind = "conflict"


class LimitError(Error):
    """A configured limit refused it, or the disk is full: make room or raise the limit, then retry."""

    kind = "limit"


class TimeoutError(Error, builtins.TimeoutError):
    """The deadline passed: the work may still complete; waiting again is safe."""

    kind = "timeout"


class ClosedError(Error):
    """The handle, stream or engine is closed, or was carried over a `fork()`: open a new one."""

    kind = "closed"


class BusyError(Error):
    """Another process owns the directory: close it there, or open read-only. Or no node has an entity: ask again."""

    kind = "busy"


class IoError(Error):
    """The operating system refused: see the message. A stream whose sync failed stays so until it is reopened."""

    kind = "io"


class CorruptError(Error):
    """Bytes on disk are damaged: the message names file, offset and what is missing. Restore from a backup."""

    kind = "corrupt"


class UnsupportedError(Error):
    """This engine, build or format version cannot do it; it never does something weaker instead."""

    kind = "unsupported"


class MisuseError(Error):
    """A handle for one caller at a time was used by two, or an awaitable was awaited twice."""

    kind = "misuse"


class InternalError(Error):
    """A bug in Headwater: report it, and reopen the engine."""

    kind = "internal"


BY_KIND: Final[dict[str, type[Error]]] = {
    error.kind: error
    for error in (
        InvalidError,
        NotFoundError,
        ConflictError,
        LimitError,
        TimeoutError,
        ClosedError,
        BusyError,
        IoError,
        CorruptError,
        UnsupportedError,
        MisuseError,
        InternalError,
    )
}

for _error in (Error, *BY_KIND.values()):
    _error.__module__ = "headwater"
