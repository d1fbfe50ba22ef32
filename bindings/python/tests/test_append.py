"""Appends: what goes in comes out, conditions hold, bad input is named."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import headwater as hw


def test_an_append_comes_back(orders: hw.Stream) -> None:
    ack = orders.append(
        "orders.eu.1", b"\x00\xff", headers=[("a", "1"), ("a", "2"), ("b", "ü")], event_time=-5, msg_id="m"
    )
    assert (ack.seq, ack.first_seq, ack.count, ack.duplicate) == (1, 1, 1, False)
    record = orders.get(1)
    assert record is not None
    assert (record.seq, record.subject, record.payload) == (1, "orders.eu.1", b"\x00\xff")
    assert record.headers[:3] == (("a", "1"), ("a", "2"), ("b", "ü"))
    assert record.header("a") == "1" and record.header("A") is None
    assert record.header("Nats-Msg-Id") == "m"
    assert record.event_time == -5 and record.delivered == 0
    assert record.event_datetime == datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert abs(record.datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert record == orders.last("orders.eu.1")
    assert "orders.eu.1" in repr(record)


@pytest.mark.parametrize("payload", [b"abc", bytearray(b"abc"), memoryview(b"xabc")[1:], memoryview(b"a-b-c")[::2]])
def test_every_kind_of_bytes_is_taken(orders: hw.Stream, payload: bytes) -> None:
    orders.append("orders.1", payload)
    orders.append_batch([("orders.2", payload), hw.Append("orders.3", payload)])
    assert [record.payload for record in orders.read()] == [b"abc"] * 3


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.binary(max_size=3000), value=st.text(st.characters(exclude_categories=["C"]), max_size=50))
def test_round_trip(orders: hw.Stream, payload: bytes, value: str) -> None:
    ack = orders.append("orders.1", payload, headers={"name": value.strip()})
    record = orders.get(ack.seq)
    assert record is not None
    assert record.payload == payload
    assert record.headers == (("name", value.strip()),)


@pytest.mark.parametrize("payload", ["text", 5, None, [1, 2]])
def test_text_and_other_things_are_refused(orders: hw.Stream, payload: object) -> None:
    with pytest.raises(TypeError, match="must be bytes, bytearray or memoryview, not"):
        orders.append("orders.1", payload)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be bytes, bytearray or memoryview, not"):
        orders.append_batch([("orders.1", payload)])  # type: ignore[list-item]
    assert orders.info().records == 0


def test_conflicts_name_both_sequences(orders: hw.Stream) -> None:
    for _ in range(3):
        orders.append("orders.eu.1", b"")
    with pytest.raises(hw.ConflictError) as conflict:
        orders.append("orders.eu.1", b"", expect_subject_last_seq=2)
    assert (conflict.value.kind, conflict.value.expected, conflict.value.actual) == ("conflict", 2, 3)
    with pytest.raises(hw.ConflictError):
        orders.append("orders.us.1", b"", expect_last_seq=9)
    with pytest.raises(hw.ConflictError):
        orders.append("orders.us.1", b"", expect_filter="orders.eu.*", expect_subject_last_seq=0)
    assert orders.append("orders.us.1", b"", expect_filter="orders.us.*", expect_subject_last_seq=0).seq == 4


def test_a_message_id_is_appended_once(orders: hw.Stream) -> None:
    first = orders.append("orders.1", b"", msg_id="a")
    again = orders.append("orders.1", b"", msg_id="a")
    assert again.duplicate and again.seq == first.seq and again.count == 0
    assert orders.info().records == 1


def test_a_rollup_replaces(engine: hw.Engine) -> None:
    stream = engine.create_stream("s", subjects="s.>", allow_rollup=True)
    for n in range(4):
        stream.append(f"s.{n % 2}", b"")
    stream.append("s.0", b"all of s.0", rollup="subject")
    assert stream.subjects() == {"s.0": 1, "s.1": 2}
    stream.append("s.0", b"everything", rollup="all")
    assert stream.info().records == 1
    with pytest.raises(hw.InvalidError, match="rollup 'sub' is not one of subject, all"):
        stream.append("s.0", b"", rollup="sub")  # type: ignore[arg-type]


def test_batches_are_all_or_nothing(orders: hw.Stream) -> None:
    ack = orders.append_batch([("orders.1", b"a"), hw.Append("orders.2", b"b", headers={"h": "v"})])
    assert (ack.first_seq, ack.seq, ack.count) == (1, 2, 2)
    second = orders.get(2)
    assert second is not None and second.header("h") == "v"
    with pytest.raises(hw.InvalidError):
        orders.append_batch([("orders.1", b"a"), ("not.taken", b"b")])
    with pytest.raises(hw.InvalidError):
        orders.append_batch([("orders.1", b"")] * (hw.BATCH_RECORDS_MAX + 1))
    with pytest.raises(hw.InvalidError, match="item 1 of the batch has 3 parts"):
        orders.append_batch([("orders.1", b""), ("orders.1", b"", b"")])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="item 0 of the batch must be"):
        orders.append_batch([7])  # type: ignore[list-item]
    assert orders.append_batch((f"orders.{n}", b"") for n in range(3)).count == 3
    assert orders.info().records == 5


def test_bad_arguments_are_named(orders: hw.Stream) -> None:
    with pytest.raises(hw.InvalidError, match="empty token"):
        orders.append("orders..1", b"")
    with pytest.raises(hw.InvalidError, match="wildcard"):
        orders.append("orders.*", b"")
    with pytest.raises(hw.InvalidError, match="from 0 to 18446744073709551615, not -1"):
        orders.append("orders.1", b"", expect_last_seq=-1)
    with pytest.raises(hw.InvalidError, match="18446744073709551616"):
        orders.get(1 << 64)
    with pytest.raises(hw.InvalidError, match="from 0 to"):
        orders.append("orders.1", b"", ttl=-1)
    with pytest.raises(hw.InvalidError, match="time zone"):
        orders.append("orders.1", b"", event_time=datetime(2024, 1, 1))
    with pytest.raises(TypeError, match="headers"):
        orders.append("orders.1", b"", headers=[("a", 1)])  # type: ignore[list-item]
    with pytest.raises(hw.InvalidError):
        orders.append("orders.1", b"", headers={"Nats-Msg-Id": "x"})
    with pytest.raises(hw.InvalidError):
        orders.append("orders.1", b"x" * (hw.PAYLOAD_BYTES_MAX + 1))
    with pytest.raises(UnicodeEncodeError):
        orders.append("orders.\ud800", b"")
    assert orders.info().records == 0


def test_times_and_durations_in_every_form(engine: hw.Engine) -> None:
    stream = engine.create_stream("s", max_age=timedelta(hours=1), duplicate_window=1.5)
    assert stream.config.max_age == 3600.0 and stream.config.duplicate_window == 1.5
    moment = datetime(2024, 5, 1, 12, 30, 0, 250001, tzinfo=UTC)
    stream.append("s", b"", event_time=moment, ttl=timedelta(minutes=1))
    record = stream.last("s")
    assert record is not None
    assert record.event_datetime == moment
    assert record.event_time == 1_714_566_600_250_001_000
    assert record.header("Nats-TTL") == "60s"
