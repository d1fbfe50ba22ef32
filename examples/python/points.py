"""A point store: temperatures of two rooms go in, aggregates come out, and a live query follows what changes."""

import threading
from datetime import UTC, datetime, timedelta

import headwater as hw

DAY = datetime(2026, 3, 1, tzinfo=UTC)
TIMEOUT_SECONDS = 30


def temperature(room: str, hour: int, degrees: float) -> hw.Point:
    return hw.Point(room, "temperature", degrees, time=DAY + timedelta(hours=hour))


def write_day(climate: hw.Points) -> None:
    rooms = {"kitchen": 20.0, "cellar": 12.0}
    climate.write(temperature(room, hour, base + hour / 10) for hour in range(24) for room, base in rooms.items())


def ask(climate: hw.Points) -> None:
    rows = climate.query(
        "*.temperature", ["min", "mean", "max"], start=DAY, end=DAY + timedelta(days=1), every=timedelta(hours=6)
    )
    for row in rows:
        values = ", ".join("-" if value is None else f"{value:.2f}" for value in row.values)
        print(f"{row.series:<20} {row.datetime:%H:%M}  min, mean, max: {values}")
    assert len(rows) == 8, f"8 rows were expected, {len(rows)} came"


def follow(climate: hw.Points) -> None:
    """The live query: the winning point of each series first, then every new one."""
    with climate.watch("*.temperature") as live:
        newest = temperature("kitchen", 24, 23.5)
        writer = threading.Thread(target=climate.write, args=(newest,))
        writer.start()
        while True:
            point = live.next(timeout=TIMEOUT_SECONDS)
            print(f"live: {point.node} at {point.datetime:%d %b %H:%M} is {point.value}")
            if (point.node, point.time) == (newest.node, newest.time):
                break
        writer.join()


if __name__ == "__main__":
    with hw.temporary() as engine:
        climate = engine.create_points("climate")
        write_day(climate)
        ask(climate)
        follow(climate)
