"""Replicas that a program carries by itself: fragments out and in, lost, late, twice and ahead of time."""

import random

import pytest

import headwater as hw

NOW_MS = 1_700_000_000_000


def add(key: str, amount: int = 1) -> hw.Change:
    return hw.Change(key, "counter", "add", amount)


def insert(key: str, value: str) -> hw.Change:
    return hw.Change(key, "set", "insert", value)


def test_two_replicas_become_equal() -> None:
    here, there = hw.Replica(1, 10), hw.Replica(2, 20)
    assert here.actor == hw.Actor(1, 10) and here.take_delta() is None
    assert here.write(add("likes", 2), NOW_MS)
    there.transaction([add("likes", 3), insert("tags", "x")], NOW_MS)
    assert not here.write(hw.Change("tags", "set", "remove", "x"), NOW_MS)
    delta = there.take_delta()
    assert delta is not None and there.take_delta() is None
    assert here.apply(delta, NOW_MS) == [("likes", "counter"), ("tags", "set")]
    assert here.apply(bytearray(delta), NOW_MS) == []
    assert here.read("likes", "counter", NOW_MS) == 5 and here.read("tags", "set", NOW_MS) == ["x"]
    assert here.contains("tags", "set", "x", NOW_MS) and not here.contains("tags", "set", "y", NOW_MS)
    assert there.apply(here.whole(), NOW_MS) == [("likes", "counter")]
    assert there.context() == here.context() and there.keys() == [("likes", "counter"), ("tags", "set")]
    assert here.digest("likes", "counter", NOW_MS) == there.digest("likes", "counter", NOW_MS) > 0
    assert here.digest("none", "counter", NOW_MS) == 0


def test_keys_that_differ_are_exchanged_alone() -> None:
    here, there = hw.Replica(1, 1), hw.Replica(2, 1)
    for key in ("a", "b"):
        here.write(insert(key, "x"), NOW_MS)
    there.apply(here.some([("a", "set")]), NOW_MS)
    assert there.read("a", "set", NOW_MS) == ["x"] and there.read("b", "set", NOW_MS) == []
    assert there.apply(here.since(there.context()), NOW_MS) == [("b", "set")]
    there.caught_up(here.context())
    assert there.context() == here.context()
    for wrong in (b"", b"\x01", b"garbage"):
        with pytest.raises(hw.CorruptError):
            there.apply(wrong, NOW_MS)
        with pytest.raises(hw.CorruptError):
            there.since(wrong)


def test_a_clock_that_is_ahead_is_held() -> None:
    here, ahead = hw.Replica(1, 1), hw.Replica(2, 1)
    ahead.write(hw.Change("r", "register", "write", 1), NOW_MS + 60_000)
    assert here.apply(ahead.whole(), NOW_MS) is None and here.held == 1
    assert here.release(NOW_MS) == [] and here.held == 1
    assert here.release(NOW_MS, all=True) == [("r", "register")] and here.held == 0
    assert here.read("r", "register", NOW_MS) == 1


def test_rights_move() -> None:
    here, there = hw.Replica(1, 1), hw.Replica(2, 1)
    here.write(hw.Change("c", "bounded_counter", "add", 5), NOW_MS)
    here.write(hw.Change("c", "bounded_counter", "give", 2, to=there.actor), NOW_MS)
    there.apply(here.whole(), NOW_MS)
    assert (here.rights("c"), there.rights("c"), there.read("c", "bounded_counter", NOW_MS)) == (3, 2, 5)
    with pytest.raises(hw.ConflictError):
        there.write(hw.Change("c", "bounded_counter", "add", -3), NOW_MS)


def test_a_refused_transaction_changes_nothing() -> None:
    here = hw.Replica(1, 1)
    with pytest.raises(hw.ConflictError, match="k is a counter, not a set"):
        here.transaction([add("k"), insert("k", "x")], NOW_MS)
    assert here.keys() == [] and here.take_delta() is None
    with pytest.raises(hw.ConflictError, match="the actor is used twice"):
        twice = hw.Replica(1, 1)
        twice.write(add("k"), NOW_MS)
        here.apply(twice.whole(), NOW_MS)
    with pytest.raises(hw.InvalidError):
        hw.Replica(-1, 0)
    with pytest.raises(TypeError):
        hw.Replica("1", 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_comes_to_the_same(seed: int) -> None:
    dice = random.Random(seed)
    replicas = [hw.Replica(n, 1) for n in range(3)]
    deltas: list[bytes] = []
    for _ in range(60):
        replica = dice.choice(replicas)
        key, value = dice.choice("ab"), dice.choice("xyz")
        replica.write(dice.choice([
            add(f"c{key}", dice.randint(-5, 5)),
            insert(f"s{key}", value),
            hw.Change(f"s{key}", "set", "remove", value),
            hw.Change(f"s{key}", "set", "clear"),
            hw.Change(["m", key], "register", "write", dice.random()),
            hw.Change(["m", key], "register", "clear"),
        ]), NOW_MS)  # fmt: skip
        if (delta := replica.take_delta()) is not None:
            deltas.append(delta)
        if deltas and dice.random() < 0.5:
            dice.choice(replicas).apply(dice.choice(deltas), NOW_MS)
    for number, replica in enumerate(replicas):
        for delta in dice.sample(deltas * 2, len(deltas) * 2):
            replica.apply(delta, NOW_MS)
        assert replica.whole() == replicas[0].whole(), f"seed {seed}: replica {number} differs from the first"
