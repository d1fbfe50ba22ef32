"""Event stores, repositories, and the tests of decisions."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

import headwater as hw
from headwater import testing

PLACED = hw.NewEvent("placed", b'{"n":1}', metadata={"by": "ann"})
SHIPPED = hw.NewEvent("shipped", schema=2, time=datetime(2024, 5, 1, tzinfo=UTC))


@pytest.fixture
def store(engine: hw.Engine) -> hw.EventStore:
    return engine.create_event_store("shop")


def test_what_is_saved_is_loaded(store: hw.EventStore) -> None:
    saved = store.save("order", "7", [PLACED, SHIPPED], expected="none", command="c", correlation="r", causation="b")
    assert saved == (hw.Position(2, 2), False, "fsync")
    loaded = store.load("order", "7")
    assert loaded.exists and loaded.position == saved.position and loaded.snapshot is None
    placed, shipped = loaded.events
    assert (placed.aggregate, placed.key, placed.event_type) == ("order", "7", "placed")
    assert (placed.version, placed.seq) == (1, 1)
    assert (placed.data, placed.schema, placed.metadata) == (b'{"n":1}', 1, (("by", "ann"),))
    assert (placed.command, placed.correlation, placed.causation) == ("c", "r", "b")
    assert placed.time == placed.saved and placed.position == (1, 1)
    assert (shipped.schema, shipped.datetime, shipped.metadata) == (2, datetime(2024, 5, 1, tzinfo=UTC), ())
    assert placed == store.load("order", "7").events[0] != shipped and len({placed, shipped}) == 2
    assert "'order' '7', version=1, seq=1, 'placed'" in repr(placed) and "'placed'" in repr(PLACED)
    assert (PLACED.event_type, PLACED.data, PLACED.schema, PLACED.metadata, PLACED.time) == (
        "placed",
        b'{"n":1}',
        1,
        (("by", "ann"),),
        None,
    )
    assert store.last_seq("order", "7") == 2 and store.last_seq("order", "8") == 0
    assert not store.load("order", "8").exists
    assert store.name == "shop" and store.stream.info().records == 2


def test_a_save_is_what_it_expects_or_nothing(store: hw.EventStore) -> None:
    first = store.save("order", "7", PLACED, expected=0, command="one")
    for expected in ("none", 3, hw.Position(2, 2)):
        with pytest.raises(hw.ConflictError):
            store.save("order", "7", PLACED, expected=expected)
    with pytest.raises(hw.ConflictError):
        store.save("order", "8", PLACED, expected="exists")
    again = store.save("order", "7", PLACED, expected="none", command="one")
    assert again.is_repeat and again.position == first.position
    assert store.save("order", "7", PLACED, expected=first.position).position.version == 2
    both = hw.Condition(hw.EventFilter("order"), 2)
    assert store.save("order", "9", PLACED, condition=both).position == (1, 3)
    with pytest.raises(hw.ConflictError):
        store.save("order", "9", PLACED, condition=both)
    with pytest.raises(hw.InvalidError, match="expected 'some' is not one of any, none, exists"):
        store.save("order", "7", PLACED, expected="some")  # type: ignore[arg-type]
    for wrong in (True, 1.5, b"x"):
        with pytest.raises(TypeError, match="expected must be"):
            store.save("order", "7", PLACED, expected=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="events must be a NewEvent"):
        store.save("order", "7", [b"x"])  # type: ignore[list-item]
    with pytest.raises(hw.InvalidError):
        store.save("order", "7", [])


def test_loads_go_back_and_begin_late(store: hw.EventStore) -> None:
    for _ in range(3):
        store.save("order", "7", PLACED)
    second = store.load("order", "7", as_of_version=2)
    assert second.position == (2, 2) and len(second.events) == 2
    assert store.load("order", "7", as_of_seq=1).position == (1, 1)
    assert store.load("order", "7", as_of_time=second.events[0].saved - 1).position == (0, 0)
    assert [event.version for event in store.load("order", "7", behind=second.position).events] == [3]
    with pytest.raises(hw.NotFoundError):
        store.load("order", "7", as_of_version=4)
    with pytest.raises(hw.InvalidError, match="exclude each other"):
        store.load("order", "7", as_of_version=1, as_of_seq=1)
    assert store.snapshot("order", "7") is None
    assert store.save_snapshot("order", "7", second.position, b"two", schema=1)
    assert not store.save_snapshot("order", "7", hw.Position(1, 1), b"one", schema=1)
    from_two = store.load("order", "7", snapshot_schema=1)
    assert from_two.snapshot == store.snapshot("order", "7") is not None
    assert from_two.snapshot is not None and from_two.snapshot.data == b"two" and len(from_two.events) == 1
    assert len(store.load("order", "7", snapshot_schema=2).events) == 3


def test_stores_and_aggregates_are_listed(engine: hw.Engine, store: hw.EventStore) -> None:
    for key in ("a", "b", "c"):
        store.save("order", key, PLACED)
    store.save("cart", "a", SHIPPED)
    first, behind = store.list("order", max_aggregates=2)
    assert [info.key for info in first] == ["a", "b"] and behind is not None
    rest, end = store.list("order", after=behind)
    assert [(info.key, info.event_type, info.position) for info in rest] == [("c", "placed", (1, 3))] and end is None
    assert [info.aggregate for info in store.list("cart", "a")[0]] == ["cart"]
    assert engine.event_stores() == ["shop"] and engine.event_store("shop").last_seq("cart", "a") == 4
    with pytest.raises(hw.ConflictError):
        engine.create_event_store("shop", max_bytes=5)
    engine.delete_event_store("shop")
    with pytest.raises(hw.NotFoundError):
        engine.event_store("shop")


def test_a_feed_has_history_then_what_comes_and_errors_in_their_place(store: hw.EventStore) -> None:
    store.save("order", "7", [PLACED, SHIPPED])
    store.save("cart", "1", PLACED)
    with store.follow(hw.EventFilter("order")) as feed:
        assert feed.lag == 3
        assert feed.next().version == 1 and feed.next(timeout=1).version == 2
        assert feed.try_next(10) == []
        with pytest.raises(hw.TimeoutError):
            feed.next(timeout=0.01)
        writer = threading.Timer(0.05, lambda: store.save("order", "8", PLACED))
        writer.start()
        assert next(feed).key == "8" and feed.lag == 0
        writer.join()
        store.save("order", "8", SHIPPED)
        store.stream.append("$EVENTS.shop.order.9", b"no event")
        store.save("order", "8", [PLACED, PLACED])
        assert [event.version for event in feed.next_batch(10)] == [2]
        with pytest.raises(hw.CorruptError):
            feed.try_next(10)
        assert [event.version for event in feed.next_batch(10)] == [3, 4]
    with pytest.raises(StopIteration):
        next(feed)
    both = [hw.EventFilter("order", "7"), hw.EventFilter("cart")]
    with store.follow(both, after=1) as feed:
        assert [(event.aggregate, event.version) for event in feed.try_next(10)] == [("order", 2), ("cart", 1)]
    with pytest.raises(TypeError, match="a filter must be an EventFilter"):
        store.follow(["order"])  # type: ignore[list-item]


def test_everything_has_a_twin_to_await(store: hw.EventStore) -> None:
    async def work() -> None:
        saved = await store.save_async("order", "7", [PLACED, SHIPPED], expected="none")
        assert (await store.load_async("order", "7")).position == saved.position
        assert await store.last_seq_async("order", "7") == 2
        assert await store.save_snapshot_async("order", "7", saved.position, b"s", schema=1)
        snapshot = await store.snapshot_async("order", "7")
        assert snapshot is not None and snapshot.data == b"s"
        found, _ = await store.list_async()
        assert [info.key for info in found] == ["7"]
        async with store.follow() as feed:
            assert (await feed.next_async()).version == 1
            assert [event.version for event in await feed.next_batch_async(5)] == [2]
            later = asyncio.create_task(anext(feed))
            await asyncio.sleep(0)
            await store.save_async("order", "7", PLACED)
            assert (await later).version == 3

    asyncio.run(work())


@dataclass
class Account:
    balance: int = 0


EVENTS: hw.JsonEvents["Deposited | Withdrawn"] = hw.JsonEvents()


@EVENTS.register("deposited", 2)
@dataclass
class Deposited:
    amount: int


@EVENTS.register("withdrawn")
@dataclass
class Withdrawn:
    amount: int


def apply(state: Account, event: Deposited | Withdrawn) -> None:
    state.balance += event.amount if isinstance(event, Deposited) else -event.amount


ACCOUNT = hw.AggregateType(
    name="account",
    start=Account,
    apply=apply,
    codec=EVENTS,
    snapshot_schema=1,
    dump=lambda state: str(state.balance).encode(),
    load=lambda data: Account(int(data)),
    upcasters={("paid_in", 1): lambda event: hw.Upcasted("deposited", 2, event.data)},
)


def withdraw(account: hw.Root[Account, Deposited | Withdrawn], amount: int) -> int:
    if account.state.balance < amount:
        raise ValueError("not enough")
    account.raise_event(Withdrawn(amount))
    return account.state.balance


@pytest.fixture
def accounts(store: hw.EventStore) -> Iterator[hw.Repository[Account, Deposited | Withdrawn]]:
    yield hw.Repository(store, ACCOUNT, snapshot_every=3)


def test_a_repository_folds_decides_and_saves(accounts: hw.Repository[Account, Deposited | Withdrawn]) -> None:
    with pytest.raises(hw.NotFoundError, match="account 'a' has no event"):
        accounts.load("a")
    root = accounts.start("a")
    root.raise_event(Deposited(5))
    assert root.raised == (Deposited(5),) and not root.exists
    accounts.save(root)
    assert not root.raised and root.position == (1, 1) and accounts.load("a").state == Account(5)
    assert accounts.transact("a", lambda root: withdraw(root, 2)).decided == 3
    with pytest.raises(ValueError, match="not enough"):
        accounts.transact("a", lambda root: withdraw(root, 9))
    accounts.store.save("account", "a", hw.NewEvent("paid_in", b'{"amount":10}'))
    assert accounts.load("a").state == Account(13)
    # What a caller does to a state is nobody else's.
    accounts.load("a").state.balance = 99
    assert accounts.load("a").state == Account(13)
    late = accounts.start("a")
    late.raise_event(Deposited(1))
    with pytest.raises(hw.ConflictError):
        accounts.save(late)
    accounts.store.save("account", "b", hw.NewEvent("stolen", b"{}"))
    with pytest.raises(hw.UnsupportedError, match="event 'stolen' of schema 1 is not known") as raised:
        accounts.load("b")
    assert raised.value.__notes__ == ["at event 1 of account 'b', 'stolen' of schema 1"]


def test_snapshots_are_kept_when_due_and_believed_when_they_can_be_read(store: hw.EventStore) -> None:
    accounts = hw.Repository(store, ACCOUNT, snapshot_every=3, cache=0)
    for _ in range(4):
        accounts.transact("a", lambda root: root.raise_event(Deposited(1)))
    kept = store.snapshot("account", "a")
    assert kept is not None and (kept.position.version, kept.data) == (3, b"3")
    store.save_snapshot("account", "a", store.load("account", "a").position, b"40", schema=1)
    assert accounts.load("a").state == Account(40)
    accounts.transact("a", lambda root: root.raise_event(Deposited(1)))
    store.save_snapshot("account", "a", store.load("account", "a").position, b"not a number", schema=1)
    assert accounts.load("a").state == Account(5)


class Held:
    """A store whose loads wait until they may go on, and are counted."""

    def __init__(self, store: hw.EventStore) -> None:
        self._store = store
        self.loads = 0
        self.gate = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def load(self, *arguments: Any, **keywords: Any) -> hw.Loaded:
        self.loads += 1
        assert self.gate.wait(30)
        return self._store.load(*arguments, **keywords)

    async def load_async(self, *arguments: Any, **keywords: Any) -> hw.Loaded:
        self.loads += 1
        while not self.gate.is_set():
            await asyncio.sleep(0.001)
        return await self._store.load_async(*arguments, **keywords)


def test_loads_at_once_share_one_read(store: hw.EventStore) -> None:
    hw.Repository(store, ACCOUNT).transact("a", lambda root: root.raise_event(Deposited(5)))
    held = Held(store)
    threads = ThreadPoolExecutor(9)
    accounts = hw.Repository(held, ACCOUNT)  # type: ignore[arg-type]
    loading = [threads.submit(accounts.load, "a") for _ in range(8)]
    absent = threads.submit(accounts.get_or_create, "b")
    while held.loads < 2:
        time.sleep(0.001)
    held.gate.set()
    roots = [one.result(30) for one in loading]
    # Each may do with its own what it likes.
    roots[0].state.balance = 0
    assert [root.state for root in roots[1:]] == [Account(5)] * 7
    assert not absent.result(30).exists and held.loads == 2
    threads.shutdown()

    async def at_once() -> None:
        held.loads = 0
        held.gate.clear()
        accounts = hw.Repository(held, ACCOUNT)  # type: ignore[arg-type]
        first, *others = [asyncio.create_task(accounts.load_async("a")) for _ in range(8)]
        await asyncio.sleep(0)
        # Whoever reads for all may give up; one of those who wait may too.
        first.cancel()
        others[0].cancel()
        await asyncio.sleep(0)
        held.gate.set()
        done = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(one) for one in done[:2]] == [asyncio.CancelledError] * 2
        assert [one.state for one in done[2:] if isinstance(one, hw.Root)] == [Account(5)] * 6

    asyncio.run(at_once())


def test_a_command_is_carried_out_once(accounts: hw.Repository[Account, Deposited | Withdrawn]) -> None:
    for amount in (5, 6):
        # The second time nobody has heard of the first.
        root = accounts.start("a")
        root.raise_event(Deposited(amount))
        accounts.save(root, command="pay")
        assert root.state == Account(5) and root.position == (1, 1) and not root.raised
    assert accounts.load("a").state == Account(5)


def test_a_command_that_was_carried_out_is_not_decided_again(
    accounts: hw.Repository[Account, Deposited | Withdrawn],
) -> None:
    def pay(root: hw.Root[Account, Deposited | Withdrawn]) -> str:
        root.raise_event(Deposited(5))
        return "paid"

    def never(root: hw.Root[Account, Deposited | Withdrawn]) -> str:
        raise AssertionError("it is decided again")

    async def never_async(root: hw.Root[Account, Deposited | Withdrawn]) -> str:
        return never(root)

    first = accounts.transact("a", pay, command="pay")
    assert (first.decided, first.is_repeat, first.root.state) == ("paid", False, Account(5))
    accounts.transact("a", lambda root: root.raise_event(Deposited(1)))
    for again in (
        accounts.transact("a", never, command="pay"),
        asyncio.run(accounts.transact_async("a", never_async, command="pay")),
    ):
        assert (again.decided, again.is_repeat, again.root.state) == (None, True, Account(6))
        assert again.root.position.version == 2
    assert not accounts.transact("b", pay, command="pay").is_repeat


def test_many_who_transact_at_once_lose_nothing(accounts: hw.Repository[Account, Deposited | Withdrawn]) -> None:
    def pay() -> None:
        for _ in range(10):
            accounts.transact("a", lambda root: root.raise_event(Deposited(1)))

    threads = [threading.Thread(target=pay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def one(root: hw.Root[Account, Deposited | Withdrawn]) -> None:
        await asyncio.sleep(0)
        root.raise_event(Deposited(1))

    async def more() -> int:
        await asyncio.gather(*(accounts.transact_async("a", one) for _ in range(5)))
        root = await accounts.load_async("a")
        root.raise_event(Withdrawn(5))
        return (await accounts.save_async(root)).state.balance

    assert asyncio.run(more()) == 30
    assert accounts.load("a").position.version == 36


def test_upcasters_that_lead_back_and_events_that_nobody_registered_are_named() -> None:
    back = {
        ("a", 1): lambda event: event._replace(event_type="b"),
        ("b", 1): lambda event: event._replace(event_type="a"),
    }
    with pytest.raises(hw.InvalidError, match="upcasters of event 'a' lead back"):
        hw.upcast(back, hw.Upcasted("a", 1, b""))
    with pytest.raises(hw.InvalidError, match="Account is not registered"):
        EVENTS.encode(Account())  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="'withdrawn' of schema 1 or Account is registered"):
        EVENTS.register("withdrawn")(Account)  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="snapshots need dump and load"):
        hw.AggregateType(name="x", start=Account, apply=apply, codec=EVENTS, snapshot_schema=1)


def test_a_decision_is_tested_without_an_engine() -> None:
    given = testing.given(ACCOUNT, Deposited(5))
    given.when(lambda root: withdraw(root, 2)).then(Withdrawn(2)).then_state(lambda state: state.balance == 3)
    testing.given(ACCOUNT).when(lambda root: withdraw(root, 1)).then_error(ValueError)
    with pytest.raises(AssertionError, match="1. Withdrawn.amount=2.\n and not\n  nothing|and not"):
        testing.given(ACCOUNT, Deposited(5)).when(lambda root: withdraw(root, 2)).then()
    with pytest.raises(AssertionError, match="was refused: ValueError"):
        testing.given(ACCOUNT).when(lambda root: withdraw(root, 1)).then()
    with pytest.raises(AssertionError, match="was not refused"):
        testing.given(ACCOUNT, Deposited(1)).when(lambda root: withdraw(root, 1)).then_error()
    with pytest.raises(AssertionError, match="no KeyError"):
        testing.given(ACCOUNT).when(lambda root: withdraw(root, 1)).then_error(KeyError)
