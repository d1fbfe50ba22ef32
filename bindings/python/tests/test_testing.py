"""The test world: time moves only when told."""

from datetime import timedelta

import headwater as hw
from headwater import testing


def test_time_stands_still_until_it_is_moved() -> None:
    with testing.world() as world:
        stream = world.engine.create_stream("s", max_age=60)
        stream.append("s", b"")
        record = stream.get(1)
        assert record is not None and record.time == testing.START == world.clock.now
        world.advance(59)
        assert stream.info().records == 1
        world.advance(timedelta(seconds=2))
        assert stream.info().records == 0
        assert world.clock.now == testing.START + 61_000_000_000


def test_worlds_are_alike_and_apart() -> None:
    with testing.world(seed=7) as one, testing.world(seed=7) as other, testing.world(seed=8) as third:
        assert one.engine.id == other.engine.id != third.engine.id
        one.engine.create_stream("s")
        assert other.engine.streams() == []


def test_a_clock_can_be_set() -> None:
    clock = hw.ManualClock(5)
    clock.advance(1.5)
    assert clock.now == 1_500_000_005
    clock.set(7)
    assert clock.now == 7
