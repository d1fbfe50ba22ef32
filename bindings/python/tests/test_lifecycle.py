"""Handles past their time: closed, forked, interrupted; and many threads at once."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import headwater as hw


def test_everything_after_close_says_so(engine: hw.Engine, orders: hw.Stream) -> None:
    subscription = orders.subscribe()
    bucket = engine.create_bucket("b")
    points = engine.create_points("p")
    consumer = orders.create_consumer("c")
    engine.close()
    engine.close()
    calls: list[Callable[[], object]] = [
        lambda: engine.streams(),
        lambda: engine.create_stream("x"),
        lambda: orders.append("orders.1", b""),
        lambda: orders.append_batch([("orders.1", b"")]),
        lambda: orders.info(),
        lambda: list(orders.read()),
        lambda: subscription.next(timeout=1),
        lambda: next(subscription),
        lambda: consumer.next(timeout=1),
        lambda: bucket.put("k", b""),
        lambda: bucket.get("k"),
        lambda: points.write(hw.Point("n", "k", 1.0, time=0)),
        lambda: points.latest(),
    ]
    for call in calls:
        with pytest.raises(hw.ClosedError):
            call()


def test_children_keep_the_engine_open(tmp_path: Path) -> None:
    stream = hw.open(tmp_path).create_stream("s")
    assert stream.append("s", b"").seq == 1
    subscription = stream.subscribe()
    del stream
    assert subscription.next(timeout=5).seq == 1
    with pytest.raises(hw.BusyError):
        hw.open(tmp_path)
    del subscription
    hw.open(tmp_path).close()


def test_a_forked_child_is_told_and_harms_nothing(tmp_path: Path) -> None:
    with hw.open(tmp_path) as engine:
        stream = engine.create_stream("s")
        subscription = stream.subscribe()
        stream.append("s", b"1")
        child = os.fork()
        if child == 0:
            try:
                append = functools.partial(stream.append, "s", b"2")
                for call in (engine.close, engine.streams, append, subscription.next):
                    try:
                        call()
                    except hw.ClosedError as error:
                        assert "fork" in str(error), error
                    else:
                        raise AssertionError(call)
                del engine, stream, subscription
                os._exit(0)
            except BaseException as error:
                print(error, file=sys.stderr)
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert stream.append("s", b"3").seq == 2
    assert hw.verify(tmp_path).damage == ()
    with hw.open(tmp_path) as engine:
        assert [record.payload for record in engine.stream("s").read()] == [b"1", b"3"]


def test_a_connection_to_a_file_is_not_the_childs(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch()
    with hw.memory() as engine:
        database = engine.attach(path)
        connection = database.connect()
        connection.execute("CREATE TABLE books(id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO books VALUES (1)")
        child = os.fork()
        if child == 0:
            try:
                for call in (connection.commit, connection.close, database.status, database.connect):
                    try:
                        call()
                    except hw.ClosedError as error:
                        assert "fork" in str(error), error
                    else:
                        raise AssertionError(call)
                del engine, database, connection
                os._exit(0)
            except BaseException as error:
                print(error, file=sys.stderr)
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        connection.commit()
        assert connection.execute("SELECT id FROM books").fetchall() == [(1,)]
        connection.close()


def test_a_forked_child_may_open_its_own(tmp_path: Path) -> None:
    with hw.memory():
        child = os.fork()
        if child == 0:
            try:
                with hw.open(tmp_path) as own:
                    own.create_stream("s").append("s", b"mine")
                os._exit(0)
            except BaseException as error:
                print(error, file=sys.stderr)
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with hw.open(tmp_path) as engine:
        assert engine.stream("s").info().records == 1


WAITS = {
    "next": "stream.subscribe().next()",
    "loop": "[record for record in stream.subscribe()]",
    "consumer": "stream.create_consumer('c').next(timeout=60)",
    "await": "asyncio.run(wait())",
}


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends_a_wait(wait: str) -> None:
    # A process that a shell started in the background ignores the signal, and its children with it.
    program = f"""
import asyncio
import signal
import headwater as hw
signal.signal(signal.SIGINT, signal.default_int_handler)
stream = hw.memory().create_stream("s")
async def wait():
    await stream.subscribe().next_async()
print("waiting", flush=True)
{WAITS[wait]}
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == b"waiting\n"
        time.sleep(0.2)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        error = child.stderr.read()
        child.wait(20)
    assert b"KeyboardInterrupt" in error
    assert time.monotonic() - began < 5


def test_waiting_releases_the_interpreter(orders: hw.Stream) -> None:
    with orders.subscribe() as subscription:
        waiting = threading.Thread(target=lambda: pytest.raises(hw.TimeoutError, subscription.next, timeout=0.5))
        waiting.start()
        began = time.monotonic()
        count = 0
        while waiting.is_alive():
            count += 1
            time.sleep(0)
        assert count > 100 and time.monotonic() - began < 10


def test_many_threads_append_at_once(disk: hw.Engine) -> None:
    stream = disk.create_stream("s", subjects="s.*")

    def append(worker: int) -> list[int]:
        return [stream.append(f"s.{worker}", str(n).encode()).seq for n in range(50)]

    with ThreadPoolExecutor(16) as pool:
        acked = list(pool.map(append, range(16)))
    assert sorted(seq for seqs in acked for seq in seqs) == list(range(1, 801))
    for worker, seqs in enumerate(acked):
        assert seqs == sorted(seqs)
        assert [int(record.payload) for record in stream.read(f"s.{worker}")] == list(range(50))


def test_the_package_leaves_no_reference_behind(orders: hw.Stream) -> None:
    payload = b"counted" * 10
    before = sys.getrefcount(payload)
    for _ in range(10):
        orders.append("orders.1", payload)
        orders.append_batch([("orders.1", payload)] * 10)
    assert sys.getrefcount(payload) == before
