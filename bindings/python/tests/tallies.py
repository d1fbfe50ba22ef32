"""An aggregate type that tests of repositories share: a sum, and what was added to it."""

from __future__ import annotations

from dataclasses import dataclass

import headwater as hw

EVENTS = hw.JsonEvents["Added"]()
APPLIED: list[int] = []
"""What was applied, in order: what a load had to read."""


@EVENTS.register("added")
@dataclass(frozen=True)
class Added:
    amount: int


@dataclass
class Tally:
    total: int = 0


def apply(state: Tally, event: Added) -> None:
    APPLIED.append(event.amount)
    state.total += event.amount


TALLY = hw.AggregateType(
    name="tally",
    start=Tally,
    apply=apply,
    codec=EVENTS,
    snapshot_schema=1,
    dump=lambda state: str(state.total).encode(),
    load=lambda data: Tally(int(data)),
)
