"""Streams: settings, reads, purges, and what engines say about themselves."""

import _thread
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater as hw


def seqs(records: object) -> list[int]:
    return [record.seq for record in records]  # type: ignore[attr-defined]


def test_settings_come_back_and_can_change(engine: hw.Engine) -> None:
    stream = engine.create_stream("s", subjects=("a.*", "b"), max_msgs=3, discard="new")
    config = stream.config
    assert (config.name, config.subjects, config.max_msgs) == ("s", ("a.*", "b"), 3)
    assert (config.durability, config.discard, config.compression) == ("fsync", "new", "none")
    engine.create_stream("s", subjects=["a.*", "b"], max_msgs=3, discard="new")
    with pytest.raises(hw.ConflictError):
        engine.create_stream("s", subjects=["a.*", "b"], max_msgs=4)
    changed = engine.update_stream("s", max_msgs=5).config
    assert (changed.max_msgs, changed.subjects, changed.discard) == (5, ("a.*", "b"), "new")
    with pytest.raises(TypeError, match=r"create_stream\(\) got an unexpected keyword argument 'max_messages'"):
        engine.create_stream("t", max_messages=1)  # type: ignore[call-arg]
    with pytest.raises(hw.InvalidError, match="durability 'never' is not one of"):
        engine.create_stream("t", durability="never")  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="max_msgs is out of range: -1"):
        engine.create_stream("t", max_msgs=-1)
    with pytest.raises(TypeError, match="argument 'max_msgs'"):
        engine.create_stream("t", max_msgs="many")  # type: ignore[arg-type]
    with pytest.raises(hw.NotFoundError):
        engine.stream("t")


def test_limits_are_told(engine: hw.Engine) -> None:
    stream = engine.create_stream("s", max_msgs=1, discard="new")
    stream.append("s", b"")
    with pytest.raises(hw.LimitError):
        stream.append("s", b"")


def test_reads(orders: hw.Stream) -> None:
    for n in range(2500):
        orders.append(f"orders.{n % 2}", str(n).encode(), event_time=n)
    assert seqs(orders.read()) == list(range(1, 2501))
    assert seqs(orders.read(backward=True)) == list(range(2500, 0, -1))
    assert seqs(orders.read("orders.1", max_records=3)) == [2, 4, 6]
    assert seqs(orders.read(["orders.0"], from_seq=2400, max_records=2)) == [2401, 2403]
    assert seqs(orders.read(from_seq=3, backward=True)) == [3, 2, 1]
    assert seqs(orders.read(event_range=(10, 12))) == [11, 12]
    assert seqs(orders.read(from_seq=2501)) == []
    assert seqs(orders.read(max_records=0)) == []
    assert len(seqs(orders.read(max_bytes=1))) == 1
    third = orders.get(3)
    assert third is not None
    assert 3 in seqs(orders.read(from_time=third.time, max_records=2500))
    with pytest.raises(hw.InvalidError):
        orders.read("orders..x")
    with pytest.raises(hw.InvalidError, match="exclude each other"):
        orders.read(from_seq=1, from_time=1)


def test_a_read_ends_where_it_began_to(orders: hw.Stream) -> None:
    orders.append_batch([("orders.1", b"")] * 5)
    count = 0
    for _ in orders.read():
        orders.append("orders.1", b"more")
        count += 1
    assert count == 5


def test_last_and_subjects(orders: hw.Stream) -> None:
    for n in range(3000):
        orders.append(f"orders.{n % 1500}", b"")
    assert len(orders.last_many()) == 1500
    assert seqs(orders.last_many("orders.7")) == [1508]
    assert seqs(orders.last_many(["orders.7", "orders.3"], after=1504)) == [1508]
    assert len(orders.last_many(max_records=1001)) == 1001
    subjects = orders.subjects()
    assert len(subjects) == 1500 and set(subjects.values()) == {2}
    assert list(subjects) == sorted(subjects)
    assert orders.subjects("orders.7") == {"orders.7": 2}
    assert orders.last_seq() == 3000 and orders.last_seq("orders.9") == 1510
    assert orders.last("nothing.here") is None


def test_delete_and_purge(orders: hw.Stream) -> None:
    orders.append_batch([(f"orders.{n % 2}", b"") for n in range(10)])
    assert orders.delete(3) is True
    assert orders.delete(3) is False
    assert orders.get(3) is None
    assert orders.purge("orders.1", keep=1) == 4
    assert orders.purge(before_seq=6) == 2
    assert orders.purge() == 3
    assert orders.info().records == 0 and orders.info().last_seq == 10


def test_info_and_lists(engine: hw.Engine, orders: hw.Stream) -> None:
    engine.create_stream("a")
    orders.append("orders.1", b"xyz")
    orders.create_consumer("c")
    info = orders.info()
    assert (info.records, info.first_seq, info.last_seq, info.subjects, info.consumers) == (1, 1, 1, 1, 1)
    assert [info.config.name for info in engine.streams()] == ["a", "orders"]
    engine.delete_stream("a")
    assert [info.config.name for info in engine.streams()] == ["orders"]
    assert orders.name == "orders"


def test_reopening_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    with hw.open(tmp_path / "d") as engine:
        assert engine.path == tmp_path / "d"
        identity, epoch = engine.id, engine.epoch
        stream = engine.create_stream("s")
        ack = stream.append("s", b"kept")
        assert ack.durability == "fsync"
    with hw.open(tmp_path / "d", create=False) as engine:
        assert engine.id == identity and engine.epoch != epoch
        record = engine.stream("s").get(1)
        assert record is not None and record.payload == b"kept"
    with pytest.raises(hw.NotFoundError):
        hw.open(tmp_path / "nowhere", create=False)


def test_a_second_writer_is_refused_and_a_reader_follows(tmp_path: Path) -> None:
    with hw.open(tmp_path) as engine:
        stream = engine.create_stream("s")
        stream.append("s", b"1")
        with pytest.raises(hw.BusyError):
            hw.open(tmp_path)
        with hw.open(tmp_path, read_only=True) as reader:
            follower = reader.stream("s")
            assert [record.payload for record in follower.read()] == [b"1"]
            with pytest.raises(hw.Error):
                follower.append("s", b"2")


def test_backup_restore_verify(tmp_path: Path, disk: hw.Engine) -> None:
    disk.create_stream("s").append_batch([("s", b"x" * 100)] * 100)
    told: list[tuple[int, int]] = []
    assert disk.backup(tmp_path / "b", progress=lambda done, total: told.append((done, total))) > 0
    assert told and told[-1][0] == told[-1][1]
    assert hw.restore(tmp_path / "b", tmp_path / "r") > 0
    report = hw.verify(tmp_path / "r")
    assert (report.records, report.torn, report.damage) == (100, (), ())
    with hw.open(tmp_path / "r") as restored:
        assert restored.stream("s").info().records == 100
    with pytest.raises(ZeroDivisionError):
        disk.backup(tmp_path / "c", progress=lambda done, total: 1 // 0)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, also where a shell started the tests in the background, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_copy_or_check_that_is_stopped_leaves_nothing(tmp_path: Path, disk: hw.Engine) -> None:
    disk.create_stream("s").append_batch([("s", b"x" * 1000)] * 100)
    heard: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        heard.append((done, total))
        _thread.interrupt_main()

    target = tmp_path / "copy"
    with pytest.raises(KeyboardInterrupt):
        disk.backup(target, progress=interrupt)
    assert len(heard) == 1 and not target.exists()
    disk.backup(target)
    with pytest.raises(KeyboardInterrupt):
        hw.restore(target, tmp_path / "restored", progress=interrupt)
    assert not (tmp_path / "restored").exists()
    with pytest.raises(KeyboardInterrupt):
        hw.verify(target, progress=interrupt)
    assert hw.verify(target).records == 100


def test_metrics_and_logs(disk: hw.Engine) -> None:
    disk.create_stream("s").append("s", b"")
    metrics = disk.metrics()
    assert metrics and all(metric.name.startswith("headwater_") for metric in metrics)
    assert any(metric.labels.get("stream") == "s" for metric in metrics)
    for line in disk.logs():
        assert line.level in {"error", "warn", "info", "debug"} and line.message


def test_memory_and_temporary_engines() -> None:
    with hw.memory() as engine:
        assert engine.path is None
    with hw.temporary() as engine:
        path = engine.path
        assert path is not None and path.is_dir()
        engine.create_stream("s").append("s", b"")
    assert not path.exists()


def test_a_node_is_used_as_told(tmp_path: Path) -> None:
    with hw.open(tmp_path) as engine:
        assert not engine.is_through_node
        with pytest.raises(hw.BusyError):
            hw.open(tmp_path, node="never")
        with pytest.raises(hw.NotFoundError):
            hw.open(tmp_path, node="only")
        with pytest.raises(hw.InvalidError):
            hw.open(tmp_path, node="perhaps")  # type: ignore[arg-type]


@pytest.mark.parametrize("cache_bytes", [None, 0, 1 << 20])
def test_records_read_the_same_with_any_cache(tmp_path: Path, cache_bytes: int | None) -> None:
    with hw.open(tmp_path) as engine:
        stream = engine.create_stream("s", subjects=["s.>"], durability="os")
        for n in range(500):
            stream.append(f"s.{n % 50}", bytes([n % 256]) * 300)
    with hw.open(tmp_path, cache_bytes=cache_bytes) as engine:
        stream = engine.stream("s")
        for _ in range(2):
            for n in range(450, 500):
                last = stream.last(f"s.{n % 50}")
                assert last is not None
                assert (last.seq, last.payload) == (n + 1, bytes([n % 256]) * 300)
    with pytest.raises(OverflowError):
        hw.open(tmp_path, cache_bytes=-1)
