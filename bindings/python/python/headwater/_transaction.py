"""Transactions: several changes of a store that are one record, or nothing when the block that says them raises.

The handles in here only write down what shall be done: nothing is known of it before the end of the block.
"""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from ._errors import MisuseError
from ._model import Actor, CrdtKind, CrdtValueIn
from ._native import Change, CrdtStore

_Seconds = float | timedelta


class _Noted:
    """A place in a store, as a kind, in a transaction."""

    __slots__ = ("_kind", "_path", "_transaction")

    def __init__(self, transaction: Transaction, path: tuple[str, ...], kind: CrdtKind) -> None:
        self._transaction = transaction
        self._path = path
        self._kind = kind

    def _note(self, op: str, *value: Any, ttl: _Seconds | None = None, to: Actor | None = None) -> None:
        self._transaction.write(Change(self._path, self._kind, op, *value, ttl=ttl, to=to))

    def clear(self) -> None:
        """Removes all that is there."""
        self._note("clear")


class NotedCounter(_Noted):
    """A counter in a transaction."""

    __slots__ = ()

    def incr(self, amount: int = 1) -> None:
        """Adds."""
        self._note("add", amount)

    def decr(self, amount: int = 1) -> None:
        """Takes away."""
        self._note("add", -amount)


class NotedBoundedCounter(NotedCounter):
    """A bounded counter in a transaction."""

    __slots__ = ()

    def give(self, to: Actor, amount: int) -> None:
        """Gives rights to another actor."""
        self._note("give", amount, to=to)


class NotedRegister(_Noted):
    """A register in a transaction."""

    __slots__ = ()

    def set(self, value: CrdtValueIn, *, ttl: _Seconds | None = None) -> None:
        """Writes a value."""
        self._note("write", value, ttl=ttl)


class NotedSet(_Noted):
    """A set in a transaction."""

    __slots__ = ()

    def add(self, value: CrdtValueIn, *, ttl: _Seconds | None = None) -> None:
        """Adds a value."""
        self._note("insert", value, ttl=ttl)

    def remove(self, value: CrdtValueIn) -> None:
        """Removes a value."""
        self._note("remove", value)


class NotedFlag(_Noted):
    """A flag in a transaction."""

    __slots__ = ()

    def enable(self, *, ttl: _Seconds | None = None) -> None:
        """Turns it on."""
        self._note("enable", ttl=ttl)

    def disable(self) -> None:
        """Turns it off."""
        self._note("disable")


class _Names:
    """What gives handles by name: a transaction its keys, a map its fields."""

    __slots__ = ()

    def _at(self, name: str, kind: CrdtKind) -> tuple[Transaction, tuple[str, ...], CrdtKind]:
        raise NotImplementedError

    def counter(self, name: str) -> NotedCounter:
        """A number that is added to and taken from."""
        return NotedCounter(*self._at(name, "counter"))

    def grow_counter(self, name: str) -> NotedCounter:
        """A number that only grows."""
        return NotedCounter(*self._at(name, "grow_counter"))

    def register(self, name: str) -> NotedRegister:
        """One value: the last writer wins."""
        return NotedRegister(*self._at(name, "register"))

    def multi_register(self, name: str) -> NotedRegister:
        """One value, or all that were written concurrently."""
        return NotedRegister(*self._at(name, "multi_register"))

    def set(self, name: str) -> NotedSet:
        """Values: what is added and removed concurrently is there."""
        return NotedSet(*self._at(name, "set"))

    def remove_wins_set(self, name: str) -> NotedSet:
        """Values: what is added and removed concurrently is not there."""
        return NotedSet(*self._at(name, "remove_wins_set"))

    def flag(self, name: str) -> NotedFlag:
        """On or off: what is enabled and disabled concurrently is on."""
        return NotedFlag(*self._at(name, "flag"))

    def disable_wins_flag(self, name: str) -> NotedFlag:
        """On or off: what is enabled and disabled concurrently is off."""
        return NotedFlag(*self._at(name, "disable_wins_flag"))

    def map(self, name: str) -> NotedMap:
        """Fields by name."""
        return NotedMap(*self._at(name, "map"))


class NotedMap(_Noted, _Names):
    """A map in a transaction."""

    __slots__ = ()

    def _at(self, name: str, kind: CrdtKind) -> tuple[Transaction, tuple[str, ...], CrdtKind]:
        return self._transaction, (*self._path, name), kind


class Transaction(_Names):
    """Several changes that are one record, which every replica takes in as a whole."""

    __slots__ = ("_changes", "_store", "_timeout", "seq")

    seq: int
    """The record, once the block has ended; 0 if there was nothing to do."""

    def __init__(self, store: CrdtStore, timeout: _Seconds | None = None) -> None:
        self._store = store
        self._timeout = timeout
        self._changes: list[Change] | None = []
        self.seq = 0

    def _at(self, name: str, kind: CrdtKind) -> tuple[Transaction, tuple[str, ...], CrdtKind]:
        return self, (name,), kind

    def bounded_counter(self, name: str) -> NotedBoundedCounter:
        """A number that never falls below 0, whatever is concurrent."""
        return NotedBoundedCounter(*self._at(name, "bounded_counter"))

    def write(self, change: Change) -> None:
        """Adds a change."""
        if self._changes is None:
            raise MisuseError("the block of the transaction has ended")
        self._changes.append(change)

    def _end(self) -> list[Change]:
        changes, self._changes = self._changes, None
        if changes is None:
            raise MisuseError("the block of the transaction has ended")
        return changes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        changes = self._end()
        if kind is None:
            self.seq = self._store._transact(changes, self._timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        changes = self._end()
        if kind is None:
            self.seq = await self._store._transact_async(changes)


Transaction.__module__ = "headwater"
