"""Handles of state that merges, in the shape of the language's own types: plain Python over `write` and `read`.

A handle is a name and owns nothing: making one does nothing, and two of one key are the same.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Iterator, Set
from datetime import timedelta
from typing import Any

from ._model import Actor, CrdtKind, CrdtValue, CrdtValueIn
from ._native import Change, CrdtStore
from ._transaction import Transaction

__all__ = [
    "BoundedCounter",
    "Counter",
    "Flag",
    "GrowCounter",
    "MergeMap",
    "MergeSet",
    "MultiRegister",
    "Register",
    "Transaction",
]

_Seconds = float | timedelta
_Begun = Coroutine[Any, Any, None]
_Counting = Coroutine[Any, Any, int]


class _Handle:
    """A place in a store, as a kind."""

    __slots__ = ("kind", "path", "store")

    def __init__(self, store: CrdtStore, path: tuple[str, ...], kind: CrdtKind) -> None:
        self.store = store
        self.path = path
        self.kind: CrdtKind = kind

    def __repr__(self) -> str:
        return f"<{self.kind} {'/'.join(self.path)}>"

    def _change(self, op: str, *value: Any, ttl: _Seconds | None = None, to: Actor | None = None) -> Change:
        return Change(self.path, self.kind, op, *value, ttl=ttl, to=to)

    def _read(self) -> Any:
        return self.store.read(self.path, self.kind)


class _Clearable(_Handle):
    __slots__ = ()

    def clear(self, *, timeout: _Seconds | None = None) -> None:
        """Removes all that is there; what is done concurrently stays."""
        self.store.write(self._change("clear"), timeout=timeout)

    def clear_async(self) -> _Begun:
        """As `clear`: begins now, and is awaited."""
        return self.store._begin(self._change("clear"))


class _Number(_Handle):
    __slots__ = ()

    @property
    def value(self) -> int:
        """What it is now."""
        number: int = self._read()
        return number

    def incr(self, amount: int = 1, *, timeout: _Seconds | None = None) -> int:
        """Adds, and returns what it is then."""
        return self._count(self._change("add", amount), timeout)

    def incr_async(self, amount: int = 1) -> _Counting:
        """As `incr`: begins now, and is awaited for what it is then."""
        return self.store._begin_count(self._change("add", amount))

    def _count(self, change: Change, timeout: _Seconds | None) -> int:
        total = self.store.write(change, timeout=timeout).total
        assert total is not None, "a counter has a total"
        return total


class _Countdown(_Number):
    __slots__ = ()

    def decr(self, amount: int = 1, *, timeout: _Seconds | None = None) -> int:
        """Takes away, and returns what it is then."""
        return self._count(self._change("add", -amount), timeout)

    def decr_async(self, amount: int = 1) -> _Counting:
        """As `decr`: begins now, and is awaited for what it is then."""
        return self.store._begin_count(self._change("add", -amount))


class GrowCounter(_Number, _Clearable):
    """A number that only grows."""

    __slots__ = ()


class Counter(_Countdown, _Clearable):
    """A number that is added to and taken from."""

    __slots__ = ()


class BoundedCounter(_Countdown):
    """A number that never falls below 0, whatever is concurrent: a handle takes only what it has the rights to."""

    __slots__ = ()

    @property
    def rights(self) -> int:
        """How much this handle of the store may take, or give."""
        return self.store.rights(self.path[0])

    def give(self, to: Actor, amount: int, *, timeout: _Seconds | None = None) -> None:
        """Gives rights to another actor: the `actor` of another handle."""
        self.store.write(self._change("give", amount, to=to), timeout=timeout)

    def give_async(self, to: Actor, amount: int) -> _Begun:
        """As `give`: begins now, and is awaited."""
        return self.store._begin(self._change("give", amount, to=to))


class _Written(_Clearable):
    __slots__ = ()

    def set(self, value: CrdtValueIn, *, ttl: _Seconds | None = None, timeout: _Seconds | None = None) -> None:
        """Writes a value, which lives for `ttl` when that is given."""
        self.store.write(self._change("write", value, ttl=ttl), timeout=timeout)

    def set_async(self, value: CrdtValueIn, *, ttl: _Seconds | None = None) -> _Begun:
        """As `set`: begins now, and is awaited."""
        return self.store._begin(self._change("write", value, ttl=ttl))


class Register(_Written):
    """One value: the last writer wins."""

    __slots__ = ()

    @property
    def value(self) -> CrdtValue | None:
        """What was written last; None if nothing was, it was removed or has expired."""
        value: CrdtValue | None = self._read()
        return value


class MultiRegister(_Written):
    """One value, or all that were written concurrently."""

    __slots__ = ()

    @property
    def values(self) -> list[CrdtValue]:
        """What was written concurrently, the latest first; a write that has seen them replaces all of them."""
        values: list[CrdtValue] = self._read()
        return values


class MergeSet(_Clearable, Set[CrdtValue]):
    """A set of values, in order by type, then by what they are."""

    __slots__ = ()

    def add(self, value: CrdtValueIn, *, ttl: _Seconds | None = None, timeout: _Seconds | None = None) -> None:
        """Adds a value, which lives for `ttl` when that is given."""
        self.store.write(self._change("insert", value, ttl=ttl), timeout=timeout)

    def add_async(self, value: CrdtValueIn, *, ttl: _Seconds | None = None) -> _Begun:
        """As `add`: begins now, and is awaited."""
        return self.store._begin(self._change("insert", value, ttl=ttl))

    def remove(self, value: CrdtValueIn, *, timeout: _Seconds | None = None) -> None:
        """Removes a value; that it is not there is no error."""
        self.store.write(self._change("remove", value), timeout=timeout)

    def remove_async(self, value: CrdtValueIn) -> _Begun:
        """As `remove`: begins now, and is awaited."""
        return self.store._begin(self._change("remove", value))

    def __contains__(self, value: object) -> bool:
        return self.store.contains(self.path, self.kind, value)

    def __iter__(self) -> Iterator[CrdtValue]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)

    @classmethod
    def _from_iterable(cls, values: Iterable[Any]) -> set[Any]:
        """What `&`, `|` and the like give: a set of the language."""
        return set(values)


class Flag(_Clearable):
    """On or off."""

    __slots__ = ()

    @property
    def is_on(self) -> bool:
        """Whether it is on, as `bool()` says too."""
        is_on: bool = self._read()
        return is_on

    def __bool__(self) -> bool:
        return self.is_on

    def enable(self, *, ttl: _Seconds | None = None, timeout: _Seconds | None = None) -> None:
        """Turns it on, for `ttl` when that is given."""
        self.store.write(self._change("enable", ttl=ttl), timeout=timeout)

    def enable_async(self, *, ttl: _Seconds | None = None) -> _Begun:
        """As `enable`: begins now, and is awaited."""
        return self.store._begin(self._change("enable", ttl=ttl))

    def disable(self, *, timeout: _Seconds | None = None) -> None:
        """Turns it off."""
        self.store.write(self._change("disable"), timeout=timeout)

    def disable_async(self) -> _Begun:
        """As `disable`: begins now, and is awaited."""
        return self.store._begin(self._change("disable"))


class MergeMap(_Clearable):
    """Fields by name and kind. A field is there while anything in it is alive; clearing it removes it."""

    __slots__ = ()

    def fields(self) -> list[tuple[str, CrdtKind]]:
        """The fields that are there, with their kinds."""
        fields: list[tuple[str, CrdtKind]] = self._read()
        return fields

    def __iter__(self) -> Iterator[str]:
        """The names of the fields that are there, each once."""
        return iter(dict(self.fields()))

    def __contains__(self, field: object) -> bool:
        return field in dict(self.fields())

    def __len__(self) -> int:
        return len(dict(self.fields()))

    def counter(self, field: str) -> Counter:
        """A number that is added to and taken from."""
        return Counter(self.store, (*self.path, field), "counter")

    def grow_counter(self, field: str) -> GrowCounter:
        """A number that only grows."""
        return GrowCounter(self.store, (*self.path, field), "grow_counter")

    def register(self, field: str) -> Register:
        """One value: the last writer wins."""
        return Register(self.store, (*self.path, field), "register")

    def multi_register(self, field: str) -> MultiRegister:
        """One value, or all that were written concurrently."""
        return MultiRegister(self.store, (*self.path, field), "multi_register")

    def set(self, field: str) -> MergeSet:
        """Values: what is added and removed concurrently is there."""
        return MergeSet(self.store, (*self.path, field), "set")

    def remove_wins_set(self, field: str) -> MergeSet:
        """Values: what is added and removed concurrently is not there."""
        return MergeSet(self.store, (*self.path, field), "remove_wins_set")

    def flag(self, field: str) -> Flag:
        """On or off: what is enabled and disabled concurrently is on."""
        return Flag(self.store, (*self.path, field), "flag")

    def disable_wins_flag(self, field: str) -> Flag:
        """On or off: what is enabled and disabled concurrently is off."""
        return Flag(self.store, (*self.path, field), "disable_wins_flag")

    def map(self, field: str) -> MergeMap:
        """Fields in a field."""
        return MergeMap(self.store, (*self.path, field), "map")


for _class in (BoundedCounter, Counter, Flag, GrowCounter, MergeMap, MergeSet, MultiRegister, Register):
    _class.__module__ = "headwater"
