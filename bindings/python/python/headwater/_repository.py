"""The aggregates of one kind in a store: loaded, decided on, saved. Plain Python over `EventStore`.

What is to be asked of the store is written once, as generators that yield calls, and carried out by a thread that waits
or by an event loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from ._aggregate import AggregateType, E, Root, S, Upcasted, data_subject, upcast
from ._errors import ConflictError, InvalidError, NotFoundError
from ._model import Condition, Loaded, Position, Saved
from ._native import EventStore, NewEvent
from ._projection import reason

CONFLICT_TRIES = 16
"""How often a `transact` begins anew before its conflict is the caller's."""

_LOGGER = logging.getLogger("headwater")

_T = TypeVar("_T")
_Metadata = Mapping[str, str] | Iterable[tuple[str, str]]


class _Call(NamedTuple):
    """A method of the store, and what it is called with."""

    method: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transacted(Generic[S, E, _T]):
    """What a transaction came to: the aggregate as it is now, and what `decide` returned, None where the command was
    carried out before the call. With `is_repeat` its events were there already, and nothing was saved now.
    """

    root: Root[S, E]
    decided: _T | None
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class _Kept(Generic[S]):
    state: S
    position: Position
    snapshot_version: int


# What a thread or a loop does next: it asks the store, or waits for what another one reads.
_Steps = Generator[_Call | Future[_Kept[Any] | None], Any, _T]


class Repository(Generic[S, E]):
    """The aggregates of one kind in a store. Safe to share between threads.

    A snapshot is kept every `snapshot_every` events (0 is never), or when the kind says that one is due, where the kind
    says how, for `snapshot_ttl` (0 is for ever). The `cache` youngest states stay in memory; none is believed before
    the log was asked whether there is more.
    """

    def __init__(
        self,
        store: EventStore,
        kind: AggregateType[S, E],
        *,
        snapshot_every: int = 100,
        snapshot_ttl: float | timedelta = 0,
        cache: int = 1000,
    ) -> None:
        if snapshot_every < 0 or cache < 0:
            raise InvalidError("snapshot_every and cache must not be negative")
        self.store = store
        self.kind = kind
        self._snapshot_every = snapshot_every
        self._snapshot_ttl = snapshot_ttl
        self._cache = cache
        self._kept: OrderedDict[str, _Kept[S]] = OrderedDict()
        # Reads on their way: loads at once share one. A loop must not wait for a thread, nor a thread for a loop.
        self._reads: dict[tuple[asyncio.AbstractEventLoop | None, str], Future[_Kept[S] | None]] = {}
        self._lock = threading.Lock()

    def start(self, key: str) -> Root[S, E]:
        """An aggregate that has no event yet; a save of it is refused when it has."""
        return Root(self.kind, key)

    def load(self, key: str) -> Root[S, E]:
        """Loads an aggregate; `NotFoundError` when it has no event."""
        return self._there(self.get_or_create(key))

    async def load_async(self, key: str) -> Root[S, E]:
        """As `load`, to await."""
        return self._there(await self.get_or_create_async(key))

    def get_or_create(self, key: str) -> Root[S, E]:
        """Loads an aggregate, or starts it."""
        return self._do(self._reading(key, None))

    async def get_or_create_async(self, key: str) -> Root[S, E]:
        """As `get_or_create`, to await."""
        return await self._do_async(self._reading(key, asyncio.get_running_loop()))

    def load_as_of(
        self,
        key: str,
        *,
        as_of_version: int | None = None,
        as_of_seq: int | None = None,
        as_of_time: int | datetime | None = None,
    ) -> Root[S, E]:
        """Loads an aggregate as it was at a version, a sequence of the store or a time, of which one is given;
        `NotFoundError` when it had no event by then, or has not reached the version. It is read from the log, and not
        kept in memory. A save of it is refused when there is more behind it.
        """
        return self._do(self._reading_as_of(key, as_of_version, as_of_seq, as_of_time))

    async def load_as_of_async(
        self,
        key: str,
        *,
        as_of_version: int | None = None,
        as_of_seq: int | None = None,
        as_of_time: int | datetime | None = None,
    ) -> Root[S, E]:
        """As `load_as_of`, to await."""
        return await self._do_async(self._reading_as_of(key, as_of_version, as_of_seq, as_of_time))

    def save(
        self,
        root: Root[S, E],
        *,
        command: str = "",
        correlation: str = "",
        causation: str = "",
        metadata: _Metadata | None = None,
        condition: Condition | None = None,
    ) -> Root[S, E]:
        """Saves the events that were raised, at the position of the load, and keeps a snapshot when one is due. After
        an error, drop the root and load it again. A save that its command did before gives what the log has. That a
        snapshot could not be kept is logged, and no error: the events are saved. `metadata` goes with each event.
        """
        self._do(self._saving(root, _options(command, correlation, causation, metadata, condition)))
        return root

    async def save_async(
        self,
        root: Root[S, E],
        *,
        command: str = "",
        correlation: str = "",
        causation: str = "",
        metadata: _Metadata | None = None,
        condition: Condition | None = None,
    ) -> Root[S, E]:
        """As `save`, to await."""
        await self._do_async(self._saving(root, _options(command, correlation, causation, metadata, condition)))
        return root

    def transact(
        self,
        key: str,
        decide: Callable[[Root[S, E]], _T],
        *,
        command: str = "",
        correlation: str = "",
        causation: str = "",
        metadata: _Metadata | None = None,
        condition: Condition | None = None,
    ) -> Transacted[S, E, _T]:
        """Loads an aggregate, lets `decide` raise events on it, and saves them; again from the load, up to
        `CONFLICT_TRIES` times in all, when somebody else saved meanwhile. All tries are one command. With a condition
        there is one try.

        With a `command`, the aggregate's last 1,000 events are searched for those of the command before anything is
        decided: if they are there, it is a repeat, and `decide` is not called.
        """
        options = _options(command or str(uuid.uuid4()), correlation, causation, metadata, condition)
        for tries in range(1, CONFLICT_TRIES + 1):
            root = self.get_or_create(key)
            there = self._do(self._repeating(root, command))
            if there is not None:
                return Transacted(there, None, True)
            decided = decide(root)
            try:
                is_repeat = self._do(self._saving(root, options))
            except ConflictError:
                if tries == CONFLICT_TRIES or condition is not None:
                    raise
            else:
                return Transacted(root, decided, is_repeat)
        raise AssertionError("the last try raises or returns")

    async def transact_async(
        self,
        key: str,
        decide: Callable[[Root[S, E]], Awaitable[_T]],
        *,
        command: str = "",
        correlation: str = "",
        causation: str = "",
        metadata: _Metadata | None = None,
        condition: Condition | None = None,
    ) -> Transacted[S, E, _T]:
        """As `transact`, to await, as is what `decide` returns."""
        options = _options(command or str(uuid.uuid4()), correlation, causation, metadata, condition)
        for tries in range(1, CONFLICT_TRIES + 1):
            root = await self.get_or_create_async(key)
            there = await self._do_async(self._repeating(root, command))
            if there is not None:
                return Transacted(there, None, True)
            decided = await decide(root)
            try:
                is_repeat = await self._do_async(self._saving(root, options))
            except ConflictError:
                if tries == CONFLICT_TRIES or condition is not None:
                    raise
            else:
                return Transacted(root, decided, is_repeat)
        raise AssertionError("the last try raises or returns")

    def _there(self, root: Root[S, E]) -> Root[S, E]:
        if not root.exists:
            raise NotFoundError(f"{self.kind.name} {root.key!r} has no event")
        return root

    def _reading(self, key: str, loop: asyncio.AbstractEventLoop | None) -> _Steps[Root[S, E]]:
        kept = self._find(key)
        if kept is not None or not self._cache:
            return (yield from self._read(key, kept))
        mine: Future[_Kept[S] | None] = Future()
        with self._lock:
            reading = self._reads.setdefault((loop, key), mine)
        if reading is not mine:
            # What was under way may not have what this caller knows to be saved. One that failed is no matter here.
            return (yield from self._read(key, (yield reading)))
        try:
            root = yield from self._read(key, None)
            # Nobody is given a state that another one may change, nor data that can be forgotten.
            if not root._data_subjects:
                kept = self._find(key) or self._copied(root)
            return root
        finally:
            with self._lock:
                del self._reads[loop, key]
            mine.set_result(kept)

    def _read(self, key: str, kept: _Kept[S] | None) -> _Steps[Root[S, E]]:
        if kept is not None:
            root = self.start(key)
            last_seq = yield self._call("last_seq", key)
            root.state, root.position = self.kind.clone(kept.state), kept.position
            root._snapshot_version = kept.snapshot_version
            if last_seq == kept.position.seq:
                return root
            try:
                behind = yield self._call("load", key, behind=kept.position)
            except NotFoundError:
                # The log is not the one that it was.
                self._forget(key)
            else:
                self._fold(root, behind)
                self._keep(root)
                return root
        root = yield from self._read_log(key)
        self._keep(root)
        return root

    def _reading_as_of(
        self, key: str, version: int | None, seq: int | None, time: int | datetime | None
    ) -> _Steps[Root[S, E]]:
        root = yield from self._read_log(key, as_of_version=version, as_of_seq=seq, as_of_time=time)
        if not root.exists:
            raise NotFoundError(f"{self.kind.name} {key!r} had no event by then")
        return root

    def _read_log(self, key: str, **as_of: Any) -> _Steps[Root[S, E]]:
        """Reads an aggregate from its snapshot or its first event on."""
        root = self.start(key)
        schema = self.kind.snapshot_schema if self._snapshot_every else 0
        loaded = yield self._call("load", key, snapshot_schema=schema, **as_of)
        if loaded.snapshot is not None and self.kind.load is not None:
            try:
                root.state = self.kind.load(loaded.snapshot.data)
                root._snapshot_version = loaded.snapshot.position.version
                root._data_subjects.update(loaded.snapshot.data_subjects)
            except Exception:
                # A snapshot is a copy: one that can't be read is as good as none.
                root = self.start(key)
                loaded = yield self._call("load", key, **as_of)
        self._fold(root, loaded)
        return root

    def _fold(self, root: Root[S, E], loaded: Loaded) -> None:
        for event in loaded.events:
            if event.is_erased:
                root._apply_erased(event.event_type)
                continue
            try:
                newest = upcast(self.kind.upcasters, Upcasted(event.event_type, event.schema, event.data))
                root._apply(self.kind.codec.decode(newest))
                root._has_data_of(event.data_subject)
            except Exception as error:
                at = f"at event {event.version} of {self.kind.name} {root.key!r}, {event.event_type!r}"
                error.add_note(f"{at} of schema {event.schema}")
                raise
        root.position = loaded.position

    def _repeating(self, root: Root[S, E], command: str) -> _Steps[Root[S, E] | None]:
        """The aggregate as it is now, if the command was carried out already."""
        if not command or not root.exists:
            return None
        saved: Saved | None = yield self._call("find_command", root.key, command)
        if saved is None:
            return None
        if saved.position.version > root.position.version:
            return (yield from self._read(root.key, self._find(root.key)))
        return root

    def _saving(self, root: Root[S, E], options: dict[str, Any]) -> _Steps[bool]:
        """Saves what was raised; whether it was a repeat."""
        if not root._raised:
            return False
        events = [self._encoded(event) for event in root._raised]
        saved: Saved = yield _Call(
            "save", (self.kind.name, root.key, events), {"expected": root.position, **options}
        )
        root._raised.clear()
        if saved.is_repeat:
            # What was decided now is not what was saved then: the log says what is.
            self._forget(root.key)
            there = yield from self._read(root.key, None)
            root.state, root.position, root._snapshot_version = there.state, there.position, there._snapshot_version
            root._data_subjects = there._data_subjects
            return True
        root.position = saved.position
        yield from self._snapshotting(root)
        self._keep(root)
        return False

    def _encoded(self, event: E) -> NewEvent:
        event_type, schema, data = self.kind.codec.encode(event)
        return NewEvent(event_type, data, schema=schema, data_subject=data_subject(event))

    def _snapshotting(self, root: Root[S, E]) -> _Steps[None]:
        kind, every = self.kind, self._snapshot_every
        if not every or not kind.snapshot_schema or kind.dump is None:
            return
        behind = root.position.version - root._snapshot_version
        try:
            is_due = kind.is_snapshot_due(root.state, behind, every) if kind.is_snapshot_due else behind >= every
            if not is_due:
                return
            call = self._call("save_snapshot", root.key, root.position, kind.dump(root.state))
            call.keywords.update(schema=kind.snapshot_schema, ttl=self._snapshot_ttl)
            call.keywords.update(data_subjects=sorted(root._data_subjects))
            yield call
        except Exception as error:
            # The events are saved: the next save tries again.
            _LOGGER.warning("%s %r got no snapshot: %s", kind.name, root.key, reason(error))
            return
        root._snapshot_version = root.position.version

    def _call(self, method: str, key: str, *arguments: Any, **keywords: Any) -> _Call:
        return _Call(method, (self.kind.name, key, *arguments), keywords)

    def _do(self, steps: _Steps[_T]) -> _T:
        try:
            call = next(steps)
            while True:
                try:
                    if isinstance(call, Future):
                        answer = call.result()
                    else:
                        answer = getattr(self.store, call.method)(*call.arguments, **call.keywords)
                except Exception as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            done: _T = end.value
            return done
        finally:
            steps.close()

    async def _do_async(self, steps: _Steps[_T]) -> _T:
        try:
            call = next(steps)
            while True:
                try:
                    if isinstance(call, Future):
                        # Whoever gives up its wait does not end the read.
                        answer = await asyncio.shield(asyncio.wrap_future(call))
                    else:
                        answer = await getattr(self.store, f"{call.method}_async")(*call.arguments, **call.keywords)
                except Exception as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            done: _T = end.value
            return done
        finally:
            steps.close()

    def _find(self, key: str) -> _Kept[S] | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, root: Root[S, E]) -> None:
        # Data that can be forgotten does not stay in memory.
        if not self._cache or not root.exists or root._data_subjects:
            return
        kept = self._copied(root)
        with self._lock:
            there = self._kept.get(root.key)
            if there is None or there.position.version <= kept.position.version:
                self._kept[root.key] = kept
                self._kept.move_to_end(root.key)
            while len(self._kept) > self._cache:
                self._kept.popitem(last=False)

    def _copied(self, root: Root[S, E]) -> _Kept[S]:
        return _Kept(self.kind.clone(root.state), root.position, root._snapshot_version)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)


def _options(
    command: str, correlation: str, causation: str, metadata: _Metadata | None, condition: Condition | None
) -> dict[str, Any]:
    # What can be gone through only once is not for several tries.
    pairs = tuple(metadata.items() if isinstance(metadata, Mapping) else metadata or ())
    return {
        "command": command,
        "correlation": correlation,
        "causation": causation,
        "metadata": pairs,
        "condition": condition,
    }


Repository.__module__ = "headwater"
