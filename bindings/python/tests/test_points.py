"""Points: values, merging, queries, files."""

import io
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import headwater as hw

BEGIN = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def store(engine: hw.Engine) -> hw.Points:
    return engine.create_points("weather")


def test_values_keep_their_types(store: hw.Points) -> None:
    values: list[float | int | str | hw.Json] = [1.5, 3, "text", hw.Json("3"), -(1 << 63)]
    for n, value in enumerate(values):
        store.write(hw.Point("n", f"k{n}", value, time=n))
    store.write(hw.Point("n", "k9", {"a": [1, None]}, time=9))
    latest = [point.value for point in store.latest("n.*")]
    assert latest[:5] == values and [type(value) for value in latest[:5]] == [float, int, str, hw.Json, int]
    document = latest[5]
    assert isinstance(document, hw.Json) and document.parse() == {"a": [1, None]}
    for wrong in (True, b"x", None):
        with pytest.raises(TypeError, match="a value must be float, int, str, Json, dict or list"):
            hw.Point("n", "k", wrong, time=0)  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="64 bits"):
        hw.Point("n", "k", 1 << 63, time=0)


def test_the_newest_wins_and_tombstones_hide(store: hw.Points) -> None:
    new = hw.Point("n", "k", 2.0, time=BEGIN, key="x", origin="o")
    assert store.write([new, hw.Point("n", "k", 1.0, time=0, key="x")]).count == 2
    assert store.latest() == [new]
    assert (new.node, new.kind, new.key, new.origin, new.tombstone) == ("n", "k", "x", "o", 0)
    assert new.datetime == BEGIN
    store.write(hw.Point("n", "k", 2.0, time=BEGIN, key="x", tombstone=1))
    assert store.latest() == []
    assert len(store.latest(deleted=True)) == 1


def test_range_and_query(store: hw.Points) -> None:
    store.write([hw.Point("n", "t", float(hour), time=BEGIN + timedelta(hours=hour)) for hour in range(48)])
    start, end = BEGIN + timedelta(hours=10), BEGIN + timedelta(hours=20)
    points, following = store.range("n.t", start=start, end=end)
    assert [point.value for point in points] == [float(hour) for hour in range(10, 20)]
    assert store.range("n.t", start=start, end=end, after=following)[0] == []
    page, following = store.range("n.t", max_points=30)
    rest, _ = store.range("n.t", after=following, max_points=30)
    assert len(page) == 30 and len(rest) == 18
    rows = store.query("n.t", ["mean", "max", "p50"], every=timedelta(days=1))
    assert [row.datetime for row in rows] == [BEGIN, BEGIN + timedelta(days=1)]
    mean, high, median = rows[0].values
    assert rows[0].series == "n.t" and mean == 11.5 and high == 23.0
    assert median is not None and math.isclose(median, 11.5, abs_tol=1)
    assert [row.values for row in store.query()] == [(23.5,)]
    with pytest.raises(hw.InvalidError):
        store.query("n.t", "average")


def test_import_and_export(store: hw.Points, tmp_path: Path) -> None:
    text = b"date,temperature,wind\n2024-05-01,10.5,3\n2024-05-02,x\n2024-05-03,11.5,4\n"
    told: list[int] = []
    report = store.import_csv(io.BytesIO(text), time="date", node="seattle", progress=told.append)
    assert (report.lines, report.points, report.rejected_count) == (4, 4, 1)
    assert report.rejected[0][0] == 3 and told
    path = tmp_path / "points.csv"
    assert store.export_csv(path, "seattle.temperature") == 2
    assert b"10.5" in path.read_bytes()
    out = io.BytesIO()
    assert store.export_jsonl(out) == 4
    assert len(out.getvalue().splitlines()) == 4
    (tmp_path / "in.jsonl").write_text('{"t":"2024-05-04","wind":9.0}\n')
    assert store.import_jsonl(tmp_path / "in.jsonl", time="t", node="seattle").points == 1
    with pytest.raises(TypeError, match="binary mode"):
        store.import_csv(io.StringIO("date,x\n"), time="date", node="n")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        store.import_csv(tmp_path / "missing", time="date", node="n")
    with pytest.raises(ZeroDivisionError):
        store.export_csv(io.BytesIO(), progress=lambda count: 1 // 0)


def test_an_import_that_is_stopped_goes_on_when_run_again(store: hw.Points) -> None:
    text = b"time,x\n" + b"".join(b"%d,1\n" % n for n in range(50_000))

    def enough(done: int) -> None:
        if done > 200_000:
            raise StopIteration

    with pytest.raises(StopIteration):
        store.import_csv(io.BytesIO(text), node="n", progress=enough)
    report = store.import_csv(io.BytesIO(text), node="n")
    assert 0 < report.resumed < report.lines and report.points + report.resumed >= 50_000
    assert store.query("n.x", "count")[0].values == (50_000.0,)


def test_a_file_that_raises_stops_the_import(store: hw.Points) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise PermissionError("no")

    with pytest.raises(PermissionError):
        store.import_csv(Broken(), time="date", node="n")


def test_watching(store: hw.Points) -> None:
    store.write(hw.Point("n", "t", 1.0, time=1))
    with store.watch("n.t") as live:
        assert live.next(timeout=5).value == 1.0 and live.missed == 0
        store.write(hw.Point("n", "t", 2.0, time=2))
        assert [point.value for point in live.next_batch(10, timeout=5)] == [2.0]
    assert list(live) == []
