"""For tests: a world in one call, an engine in memory whose time moves only when the test moves it; and decisions of
aggregates, which need no engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final, Generic, Self

from ._aggregate import AggregateType, E, Root, S
from ._model import Position
from ._native import Engine, ManualClock, memory

START: Final = 1_700_000_000_000_000_000
"""When a test world begins, in nanoseconds since the epoch."""


class World:
    """An engine and the clock that drives it."""

    engine: Final[Engine]
    clock: Final[ManualClock]

    def __init__(self, engine: Engine, clock: ManualClock) -> None:
        self.engine = engine
        self.clock = clock

    def advance(self, by: float | timedelta) -> None:
        """Moves time forward and does what is due by then: redeliveries, expiries, interval syncs."""
        self.clock.advance(by)
        self.engine.step()


@contextlib.contextmanager
def world(*, start: int = START, seed: int = 0) -> Iterator[World]:
    """A fresh engine in memory with a clock that stands at `start`; gone afterwards."""
    clock = ManualClock(start, seed)
    with memory(clock=clock) as engine:
        yield World(engine, clock)


class Decision(Generic[S, E]):
    """A test of a decision: given what happened, when something is decided, then that happens."""

    def __init__(self, root: Root[S, E]) -> None:
        self.root = root
        self.error: Exception | None = None

    def when(self, decide: Callable[[Root[S, E]], object]) -> Self:
        """Decides."""
        try:
            decide(self.root)
        except Exception as error:
            self.error = error
        return self

    def then(self, *events: E) -> Self:
        """Expects that these events, and no others, were raised in this order, and no error."""
        if self.error is not None:
            raise AssertionError(f"the decision was refused: {self.error!r}") from self.error
        if self.root.raised != events:
            raise AssertionError(f"the decision raised\n{_listed(self.root.raised)}and not\n{_listed(events)}")
        return self

    def then_error(self, kind: type[Exception] = Exception) -> Self:
        """Expects that the decision was refused with an error of this class."""
        if self.error is None:
            raise AssertionError(f"the decision was not refused, and raised\n{_listed(self.root.raised)}")
        if not isinstance(self.error, kind):
            raise AssertionError(f"the decision was refused with {self.error!r}, no {kind.__name__}") from self.error
        return self

    def then_state(self, look: Callable[[S], object]) -> Self:
        """Looks at the state that came of it."""
        look(self.root.state)
        return self


def given(kind: AggregateType[S, E], *events: E) -> Decision[S, E]:
    """An aggregate of a kind to which these events happened."""
    root = Root(kind, "test")
    for event in events:
        root._apply(event)
    root.position = Position(len(events), len(events))
    return Decision(root)


def _listed(events: tuple[object, ...]) -> str:
    return "".join(f"  {n}. {event!r}\n" for n, event in enumerate(events, 1)) or "  nothing\n"
