"""Subscriptions and consumers that block: iteration, deadlines, several threads."""

import threading
import time

import pytest

import headwater as hw
from headwater.testing import world


def test_history_then_live(orders: hw.Stream) -> None:
    orders.append_batch([("orders.1", str(n).encode()) for n in range(600)])

    def append_more() -> None:
        for n in range(600, 700):
            orders.append("orders.1", str(n).encode())

    with orders.subscribe("orders.*") as subscription:
        writer = threading.Thread(target=append_more)
        writer.start()
        payloads = []
        for record in subscription:
            payloads.append(int(record.payload))
            if len(payloads) == 700:
                break
        writer.join()
    assert payloads == list(range(700))


def test_breaking_off_and_going_on_loses_nothing(orders: hw.Stream) -> None:
    orders.append_batch([("orders.1", b"")] * 10)
    subscription = orders.subscribe()
    for record in subscription:
        if record.seq == 3:
            break
    assert (subscription.position, subscription.lag) == (4, 7)
    assert [record.seq for record in subscription.next_batch(2)] == [4, 5]
    assert subscription.next().seq == 6
    assert [record.seq for record in subscription.try_next(100)] == [7, 8, 9, 10]
    assert subscription.try_next(100) == []
    assert subscription.lag == 0


def test_where_to_begin(orders: hw.Stream) -> None:
    orders.append_batch([(f"orders.{n % 2}", b"") for n in range(6)])

    def first(subscription: hw.Subscription) -> list[int]:
        with subscription:
            return [record.seq for record in subscription.try_next(100)]

    assert first(orders.subscribe("orders.1")) == [2, 4, 6]
    assert first(orders.subscribe(deliver_policy="last")) == [6]
    assert first(orders.subscribe(deliver_policy="new")) == []
    assert first(orders.subscribe(deliver_policy="last_per_subject")) == [5, 6]
    assert first(orders.subscribe(start_seq=4)) == [4, 5, 6]
    assert first(orders.subscribe(start_time=0)) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(hw.InvalidError, match="needs start_seq"):
        orders.subscribe(deliver_policy="by_start_sequence")
    with pytest.raises(hw.InvalidError, match="exclude each other"):
        orders.subscribe(start_seq=1, start_time=1)
    with pytest.raises(hw.InvalidError, match="takes no start"):
        orders.subscribe(deliver_policy="last", start_seq=1)


def test_a_wait_has_a_deadline(orders: hw.Stream) -> None:
    with orders.subscribe() as subscription:
        began = time.monotonic()
        with pytest.raises(hw.TimeoutError):
            subscription.next(timeout=0.12)
        assert 0.1 < time.monotonic() - began < 5
        with pytest.raises(TimeoutError):
            subscription.next_batch(10, timeout=0)
        orders.append("orders.1", b"")
        assert subscription.next(timeout=0).seq == 1


def test_closing_ends_a_loop_in_another_thread(orders: hw.Stream) -> None:
    subscription = orders.subscribe()
    ended = threading.Event()

    def follow() -> None:
        for _ in subscription:
            pass
        ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.05)
    subscription.close()
    thread.join(10)
    assert ended.is_set()
    with pytest.raises(hw.ClosedError):
        subscription.next(timeout=1)
    subscription.close()


def test_threads_share_a_subscription_without_starving(orders: hw.Stream) -> None:
    subscription = orders.subscribe()
    taken: list[int] = []

    def take() -> None:
        while (record := subscription.next(timeout=30)).payload != b"end":
            taken.append(record.seq)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    orders.append_batch([("orders.1", b"")] * 1000)
    orders.append_batch([("orders.1", b"end")] * 4)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert sorted(taken) == list(range(1, 1001))


def test_a_slow_subscriber_is_told_what_it_missed(engine: hw.Engine) -> None:
    stream = engine.create_stream("s", max_msgs=10)
    with stream.subscribe() as subscription:
        stream.append("s", b"")
        assert subscription.next(timeout=5).seq == 1
        for _ in range(100):
            stream.append("s", b"")
        assert subscription.next(timeout=5).seq == 92
        assert subscription.missed == 90


def test_a_consumer_delivers_until_acknowledged() -> None:
    with world() as test:
        stream = test.engine.create_stream("s", subjects="s.>")
        stream.append_batch([("s.a", b"1"), ("s.b", b"2"), ("s.a", b"3")])
        consumer = stream.create_consumer("c", filter_subjects="s.a", ack_wait=10, max_deliver=2)
        first, second = consumer.next_batch(10)
        assert (first.seq, first.delivered, second.seq) == (1, 1, 3)
        assert consumer.ack(first) == 1
        assert consumer.ack(first, 99) == 0
        test.advance(11)
        again = consumer.next(timeout=5)
        assert (again.seq, again.delivered) == (3, 2)
        consumer.in_progress(again)
        test.advance(11)
        with pytest.raises(hw.TimeoutError):
            consumer.next(timeout=0.05)
        info = consumer.info()
        assert (info.ack_floor, info.num_dead, info.config.ack_wait) == (3, 1, 10.0)
        assert test.engine.stream("s_DLQ").info().records == 1


def test_nak_term_and_the_list_of_consumers(orders: hw.Stream) -> None:
    orders.append_batch([("orders.1", b"")] * 3)
    consumer = orders.create_consumer("c", backoff=[1, 2], description="d")
    one, two, three = consumer.try_next(10)
    consumer.nak(one)
    again = consumer.next(timeout=5)
    assert (again.seq, again.delivered) == (1, 2)
    consumer.term(two)
    assert consumer.ack_sync(again, three.seq, timeout=5) == 2
    assert [info.config.name for info in orders.consumers()] == ["c"]
    assert orders.consumer("c").info().num_ack_pending == 0
    assert consumer.name == "c"
    orders.delete_consumer("c")
    with pytest.raises(hw.NotFoundError):
        orders.consumer("c")


def test_a_consumer_is_an_iterator(orders: hw.Stream) -> None:
    orders.append_batch([("orders.1", b"")] * 5)
    consumer = orders.create_consumer("c")
    for record in consumer:
        consumer.ack(record)
        assert consumer.info().num_ack_pending == 0
        if record.seq == 5:
            break
    assert consumer.info().ack_floor == 5
