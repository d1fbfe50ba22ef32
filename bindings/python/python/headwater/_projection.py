"""Read models, and what drives them with a projection. Plain Python over `Projection`.

What is to be asked of the projection and its store is written once, as generators that yield calls, and carried out by
a thread that waits or by an event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ._errors import ClosedError, CorruptError, InvalidError
from ._model import Failure
from ._native import Event, EventStore, Projection

EVENTS_AT_ONCE = 1_000

S = TypeVar("S")
_T = TypeVar("_T")


class Taken(NamedTuple):
    """What came of taking events in: the sequence of the last one in effect, `None` when the first one failed, and the
    sequence of the first one that failed with the reason.
    """

    position: int | None
    failed: tuple[int, str] | None = None


class ReadModel(Protocol):
    """What a projection makes of events: a `MemoryModel`, a `SqliteModel`, or what a program makes itself."""

    @property
    def keeps_position(self) -> bool:
        """Whether it keeps its position itself, and the store is only told of it."""

    def begin(self, position: int, state: bytes) -> int:
        """Where it stands, given what the store keeps of it."""

    def take(self, events: list[Event]) -> Taken:
        """Takes events in, and its position with them: all of them, or those before the one that fails. Raises what is
        no event's fault; nothing is in effect then.
        """

    def skip(self, seq: int) -> None:
        """Passes by an event that is a dead letter."""

    def retake(self, event: Event) -> None:
        """Takes in an event that was a dead letter, without going back; nothing when it is none of the model's."""

    def keep(self) -> tuple[int, bytes] | None:
        """The state that the store is to keep now, and its position; never asked of one that keeps its position."""

    def settle(self) -> None:
        """What is to be done outside once events are in effect, such as sending what is in an outbox."""


class MemoryModel(Generic[S]):
    """A read model in memory. `fold(state, event)` takes an event in, and gives the new state, or `None` where it
    changed the one that it got; when it raises, it must have left that as it was.

    With `snapshot_every`, the store keeps the state every so many events, 8 MiB at the most, as `dump` makes bytes of
    it and `load` reads them; without, it begins with the first event each time.
    """

    def __init__(
        self,
        state: S,
        fold: Callable[[S, Event], S | None],
        *,
        snapshot_every: int = 0,
        dump: Callable[[S], bytes] | None = None,
        load: Callable[[bytes], S] | None = None,
    ) -> None:
        if snapshot_every and (dump is None or load is None):
            raise InvalidError("snapshots want `dump` and `load`")
        self.state = state
        self.position = 0
        self._fold = fold
        self._every, self._dump, self._load = snapshot_every, dump, load
        self._dead: set[int] = set()
        self._since_kept = 0
        self._lock = threading.Lock()

    @property
    def keeps_position(self) -> bool:
        """True without snapshots: the store is only told where it stands."""
        return not self._every

    def read(self, look: Callable[[S], _T]) -> _T:
        """Looks at the state while no event changes it."""
        with self._lock:
            return look(self.state)

    def begin(self, position: int, state: bytes) -> int:
        """Takes what the store keeps, where that is ahead of what is in memory."""
        if self._load is not None and self._every and position > self.position:
            count, rest = _take_varint(state)
            dead = set()
            for _ in range(count):
                seq, rest = _take_varint(rest)
                dead.add(seq)
            self.state, self.position, self._dead = self._load(rest), position, dead
        return self.position

    def take(self, events: list[Event]) -> Taken:
        """Takes events in, up to the first that fails."""
        done = None
        with self._lock:
            for event in events:
                try:
                    self._take(event)
                except Exception as error:
                    return Taken(done, (event.seq, reason(error)))
                done = self.position = event.seq
                self._since_kept += 1
        return Taken(done)

    def _take(self, event: Event) -> None:
        folded = self._fold(self.state, event)
        if folded is not None:
            self.state = folded

    def skip(self, seq: int) -> None:
        """Passes by an event."""
        with self._lock:
            self.position = seq
            self._dead.add(seq)

    def retake(self, event: Event) -> None:
        """Takes in an event that it passed by."""
        with self._lock:
            if event.seq in self._dead:
                self._take(event)
                self._dead.remove(event.seq)
                self._since_kept = self._every

    def keep(self) -> tuple[int, bytes] | None:
        """The state, when a snapshot is due."""
        with self._lock:
            if self._dump is None or self._since_kept < self._every:
                return None
            self._since_kept = 0
            head = b"".join(map(_varint, (len(self._dead), *sorted(self._dead))))
            return self.position, head + self._dump(self.state)

    def settle(self) -> None:
        """Nothing."""


def _varint(number: int) -> bytes:
    """A number as bytes of seven bits each, the lowest first."""
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _varint(number >> 7)


def _take_varint(data: bytes) -> tuple[int, bytes]:
    """The number that bytes begin with, and what is behind it."""
    number = 0
    for at, byte in enumerate(data):
        number |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return number, data[at + 1 :]
    raise CorruptError("the state that is kept can't be read")


def reason(error: BaseException) -> str:
    """An error as a dead letter has it."""
    return f"{type(error).__name__}: {error}"


class _Call(NamedTuple):
    """A method, and what it is called with."""

    of: Projection | EventStore
    method: str
    arguments: tuple[Any, ...]


_Steps = Generator[_Call, Any, _T]


def _do(steps: _Steps[_T]) -> _T:
    answer: Any = None
    error: Exception | None = None
    while True:
        try:
            call = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer, error = None, None
        try:
            answer = getattr(call.of, call.method)(*call.arguments)
        except Exception as raised:
            error = raised


async def _do_async(steps: _Steps[_T]) -> _T:
    answer: Any = None
    error: Exception | None = None
    while True:
        try:
            call = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer, error = None, None
        try:
            answer = await getattr(call.of, f"{call.method}_async")(*call.arguments)
        except Exception as raised:
            error = raised


def _driving(projection: Projection, model: ReadModel, *, is_endless: bool) -> _Steps[None]:
    head = yield _Call(projection, "head", ())
    kept = projection.position
    position = model.begin(kept, projection.state)
    if position != kept or model.keeps_position:
        projection.seek(position)
    model.settle()
    while is_endless or projection.position < head:
        try:
            events = yield _Call(projection, "next_batch", (EVENTS_AT_ONCE,))
        except ClosedError:
            if projection.closed:
                return
            raise
        if not events:
            continue
        taken = model.take(events)
        model.settle()
        if taken.position is not None:
            yield from _keeping(projection, model, taken.position)
        if taken.failed is not None:
            failure: Failure = yield _Call(projection, "fail", taken.failed)
            if failure.is_dead:
                model.skip(taken.failed[0])
                yield from _keeping(projection, model, taken.failed[0])
    yield _Call(projection, "flush", ())


def _keeping(projection: Projection, model: ReadModel, seq: int) -> _Steps[None]:
    if model.keeps_position:
        yield _Call(projection, "commit", (seq,))
        return
    kept = model.keep()
    if kept is None:
        projection.advance(seq)
    else:
        yield _Call(projection, "commit", kept)


def _replaying(projection: Projection, model: ReadModel) -> _Steps[int]:
    store, count = projection.store, 0
    for letter in (yield _Call(store, "dead_letters", (projection.name,))):
        event = yield _Call(store, "event_at", (letter.seq,))
        if event is not None:
            model.retake(event)
        count += yield _Call(store, "delete_dead_letter", (projection.name, letter.seq))
    yield from _keeping(projection, model, projection.position)
    return count


def run(projection: Projection, model: ReadModel) -> None:
    """Drives a read model until the projection is closed."""
    _do(_driving(projection, model, is_endless=True))


async def run_async(projection: Projection, model: ReadModel) -> None:
    """As `run`, to await."""
    await _do_async(_driving(projection, model, is_endless=True))


def catch_up(projection: Projection, model: ReadModel) -> None:
    """Drives a read model up to the last event that there is now."""
    _do(_driving(projection, model, is_endless=False))


async def catch_up_async(projection: Projection, model: ReadModel) -> None:
    """As `catch_up`, to await."""
    await _do_async(_driving(projection, model, is_endless=False))


def replay(projection: Projection, model: ReadModel) -> int:
    """Takes the dead letters in that there are; answers how many."""
    return _do(_replaying(projection, model))


async def replay_async(projection: Projection, model: ReadModel) -> int:
    """As `replay`, to await."""
    return await _do_async(_replaying(projection, model))
