"""asyncio: awaits, loops, cancellation, and what ten thousand waits cost."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

import headwater as hw

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(bounded())


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def test_appends_are_awaited(disk: hw.Engine) -> None:
    async def main() -> None:
        stream = disk.create_stream("s")
        ack = await stream.append_async("s", b"1")
        assert ack.seq == 1
        acks = await asyncio.gather(*(stream.append_async("s", b"") for _ in range(100)))
        assert [ack.seq for ack in acks] == list(range(2, 102))
        task = asyncio.create_task(stream.append_batch_async([("s", b"")] * 3))
        assert (await task).count == 3
        assert await asyncio.wait_for(stream.delete_async(1), 10) is True
        assert await stream.purge_async(before_seq=50) == 48
        await stream.sync_async()
        with pytest.raises(hw.ConflictError):
            await stream.append_async("s", b"", expect_last_seq=1)

    run(main())


def test_an_append_that_nobody_awaits_happens_all_the_same(disk: hw.Engine) -> None:
    stream = disk.create_stream("s")
    begun = stream.append_async("s", b"")
    stream.sync()
    begun.close()
    assert stream.info().records == 1


def test_a_subscription_is_an_async_iterator(orders: hw.Stream) -> None:
    async def follow(subscription: hw.Subscription) -> list[int]:
        return [record.seq async for record in subscription]

    async def main() -> None:
        async with orders.subscribe() as subscription:
            task = asyncio.create_task(follow(subscription))
            for n in range(300):
                await orders.append_async("orders.1", b"")
                if n % 50 == 0:
                    await asyncio.sleep(0.001)
            while orders.last_seq() > subscription.position - 1:
                await asyncio.sleep(0.001)
            subscription.close()
            assert await task == list(range(1, 301))

    run(main())


def test_awaits_of_every_queue(engine: hw.Engine) -> None:
    async def main() -> None:
        stream = engine.create_stream("s")
        consumer = stream.create_consumer("c")
        bucket = engine.create_bucket("b")
        points = engine.create_points("p")
        with stream.subscribe() as records, bucket.watch() as entries, points.watch() as live:
            record_wait = asyncio.create_task(records.next_async())
            delivered_wait = asyncio.create_task(consumer.next_async())
            entries_wait = asyncio.create_task(entries.next_batch_async(5))
            points_wait = asyncio.create_task(live.next_batch_async(5))
            await asyncio.sleep(0.01)
            assert not any(wait.done() for wait in (record_wait, delivered_wait, entries_wait, points_wait))
            await stream.append_async("s", b"x")
            await bucket.put_async("k", b"v")
            await points.write_async(hw.Point("n", "k", 1.0, time=1))
            assert (await record_wait).payload == b"x"
            assert (await entries_wait)[0].key == "k"
            assert (await points_wait)[0].value == 1.0
            delivered = await delivered_wait
            assert delivered.delivered == 1
            assert await consumer.ack_sync_async(delivered) == 1
            assert consumer.info().ack_floor == 1

    run(main())


def test_cancelling_loses_nothing(orders: hw.Stream) -> None:
    async def main() -> None:
        subscription = orders.subscribe()
        for n in range(100):
            waiting = asyncio.create_task(subscription.next_async())
            await asyncio.sleep(0)
            if n % 2:
                # The record is there and its wait is woken, and only then the task is cancelled.
                orders.append("orders.1", b"")
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            if not waiting.cancelled():
                orders.append("orders.2", str(waiting.result().seq).encode())
        taken = {int(record.payload) for record in orders.read("orders.2")}
        left = {record.seq for record in subscription.try_next(1000) if record.subject == "orders.1"}
        for record in orders.read("orders.1"):
            assert (record.seq in taken) != (record.seq in left)

    run(main())


def test_waits_of_cancelled_tasks_are_let_go(orders: hw.Stream) -> None:
    async def main() -> None:
        subscription = orders.subscribe()
        for _ in range(50):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await subscription.next_async()
        orders.append_batch([("orders.1", b"")] * 2)
        assert (await subscription.next_async()).seq == 1
        assert (await subscription.next_async()).seq == 2

    run(main())


def test_ten_thousand_waits_cost_no_threads(orders: hw.Stream) -> None:
    async def main() -> None:
        before = threads()
        subscriptions = [orders.subscribe("orders.go", deliver_policy="new") for _ in range(10_000)]
        waits = [asyncio.create_task(subscription.next_async()) for subscription in subscriptions]
        await asyncio.sleep(0)
        assert threads() - before <= 1 and threads() <= 8
        orders.append("orders.go", b"")
        records = await asyncio.gather(*waits)
        assert len(records) == 10_000 and all(record.subject == "orders.go" for record in records)

    run(main())


def test_state_that_merges_is_awaited(disk: hw.Engine) -> None:
    async def main() -> None:
        store = disk.crdt("app")
        likes, tags, stock = store.counter("likes"), store.set("tags"), store.bounded_counter("stock")
        assert await likes.incr_async(5) == 5 and await likes.decr_async(2) == 3
        totals = await asyncio.gather(*(likes.incr_async() for _ in range(100)))
        assert totals == list(range(4, 104))
        await asyncio.gather(tags.add_async("x"), tags.add_async("y", ttl=60), tags.remove_async("x"))
        assert tags == {"y"} and await stock.incr_async(2) == 2
        await stock.give_async(hw.Actor(1, 2), 1)
        assert stock.rights == 1
        await store.register("r").set_async("v", ttl=60)
        await store.flag("f").enable_async(ttl=60)
        assert store.register("r").value == "v" and store.flag("f")
        await store.flag("f").disable_async()
        await tags.clear_async()
        assert not store.flag("f") and len(tags) == 0
        written = await store.write_async(hw.Change("likes", "counter", "add", -3))
        assert written.total == 100 and written.seq == store.status().seq
        async with store.transaction() as both:
            both.counter("likes").incr()
            both.set("tags").add("z")
        assert both.seq == written.seq + 1 and likes.value == 101
        with pytest.raises(hw.ConflictError):
            await store.set("likes").add_async(1)
        with pytest.raises(hw.ConflictError):
            async with store.transaction() as refused:
                refused.set("likes").add(1)
        with pytest.raises(ZeroDivisionError):
            async with store.transaction() as broken:
                broken.counter("likes").incr(1 // 0)
        assert likes.value == 101

    run(main())


def test_writes_begin_in_order_behind_a_snapshot(disk: hw.Engine) -> None:
    async def main() -> None:
        store = disk.crdt("app", durability="os", snapshot_records=10)
        register, count = store.register("r"), store.counter("c")
        waits = [wait for n in range(200) for wait in (register.set_async(n), count.incr_async())]
        async with store.transaction() as last:
            last.counter("c").incr()
        await asyncio.gather(*waits)
        assert register.value == 199 and count.value == 201 and last.seq == 401
        assert store.status().snapshot_seq >= 10
        # Those that nobody awaits happen all the same.
        for n in range(100):
            register.set_async(n).close()
            await asyncio.sleep(0)
        while register.value != 99:
            await asyncio.sleep(0.001)
        written = store.status().snapshot_seq
        for _ in range(100):
            await count.incr_async()
        assert count.value == 301 and store.status().snapshot_seq > written
        store.close()
        with pytest.raises(hw.ClosedError):
            await count.incr_async()

    run(main())


def test_a_store_is_followed_by_an_async_loop(engine: hw.Engine) -> None:
    async def follow(watcher: hw.CrdtWatcher) -> list[str]:
        return [change.key async for change in watcher]

    async def main() -> None:
        store = engine.crdt("app")
        async with store.watch("n") as watcher:
            task = asyncio.create_task(follow(watcher))
            for n in range(30):
                await store.counter(f"n{n:02}").incr_async()
                await store.counter(f"other{n}").incr_async()
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            watcher.close()
            assert await task == [f"n{n:02}" for n in range(30)]

    run(main())


def test_ten_thousand_watches_cost_no_threads(engine: hw.Engine) -> None:
    async def main() -> None:
        store = engine.crdt("app")
        before = threads()
        watchers = [store.watch("go") for _ in range(10_000)]
        waits = [asyncio.create_task(watcher.next_async()) for watcher in watchers]
        await asyncio.sleep(0)
        assert threads() - before <= 1 and threads() <= 8
        store.counter("go").incr()
        assert set(await asyncio.gather(*waits)) == {("go", "counter")}

    run(main())


def test_a_wait_is_woken_from_another_thread(orders: hw.Stream) -> None:
    async def main() -> None:
        subscription = orders.subscribe()
        writer = threading.Timer(0.05, lambda: orders.append("orders.1", b"from a thread"))
        writer.start()
        assert (await subscription.next_async()).payload == b"from a thread"
        writer.join()

    for _ in range(3):
        run(main())
        orders.purge()
        orders.append("orders.x", b"")
        orders.purge()


def test_awaiting_twice_is_misuse(orders: hw.Stream) -> None:
    async def main() -> None:
        wait = orders.append_async("orders.1", b"")
        await wait
        with pytest.raises(hw.MisuseError):
            await wait

    run(main())


def test_engines_are_async_context_managers() -> None:
    async def main() -> hw.Engine:
        async with hw.memory() as engine:
            engine.create_stream("s")
        return engine

    with pytest.raises(hw.ClosedError):
        run(main()).stream("s")


def test_closing_the_engine_wakes_those_who_await(engine: hw.Engine) -> None:
    async def main() -> None:
        subscription = engine.create_stream("s").subscribe()
        waiting = asyncio.create_task(subscription.next_async())
        await asyncio.sleep(0.01)
        engine.close()
        with pytest.raises(hw.ClosedError):
            await waiting

    run(main())


def test_the_log_is_waited_for(tmp_path: Path) -> None:
    with hw.open(tmp_path / "data") as engine:
        engine.create_stream("s").append("s", b"kept")
    segment = tmp_path / "data/streams/s/0000000000000000.seg"
    whole = segment.read_bytes()

    async def awaited(engine: hw.Engine) -> list[hw.LogLine]:
        task = asyncio.create_task(engine.next_logs_async())
        await asyncio.sleep(0)
        engine.stream("s")
        return await task

    for waits in (awaited, None):
        segment.write_bytes(whole + b"torn")
        with hw.open(tmp_path / "data") as engine:
            with pytest.raises(hw.TimeoutError):
                engine.next_logs(timeout=0.01)
            if waits is not None:
                lines = run(waits(engine))
            else:
                timer = threading.Timer(0.05, engine.stream, ["s"])
                timer.start()
                lines = engine.next_logs(10, timeout=30)
                timer.join()
            assert [line.level for line in lines] == ["warn"] and engine.logs() == []
        with pytest.raises(hw.ClosedError):
            engine.next_logs()
