"""A world for tests in one call: an engine in memory whose time moves only when the test moves it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

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
