"""State that merges: typed handles, values, transactions, watches, several handles of one store."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater.testing import world


@pytest.fixture
def store(engine: hw.Engine) -> hw.CrdtStore:
    return engine.crdt("app")


def test_counters(engine: hw.Engine, store: hw.CrdtStore) -> None:
    likes = store.counter("likes")
    assert likes.incr(5) == 5 and likes.decr(2) == 3 and likes.incr() == 4 and likes.value == 4
    assert store.counter("likes").value == 4 and repr(likes) == "<counter likes>"
    likes.clear()
    assert likes.value == 0
    most = (1 << 63) - 1
    assert store.counter("much").incr(most) == most
    with pytest.raises(hw.LimitError):
        store.counter("much").incr()
    assert engine.open_crdt("app").counter("much").incr(most) == 2 * most

    visits = store.grow_counter("visits")
    assert visits.incr(3) == 3
    with pytest.raises(hw.InvalidError):
        visits.incr(-1)
    assert visits.value == 3 and not hasattr(visits, "decr")


def test_rights_move_between_handles(engine: hw.Engine, store: hw.CrdtStore) -> None:
    here, there = store.bounded_counter("stock"), engine.open_crdt("app").bounded_counter("stock")
    assert here.incr(10) == 10 and here.rights == 10 and there.rights == 0
    with pytest.raises(hw.ConflictError):
        there.decr(1)
    here.give(there.store.actor, 4)
    assert (here.rights, there.rights) == (6, 4)
    assert there.decr(4) == 6
    with pytest.raises(hw.ConflictError):
        here.decr(7)
    assert here.value == 6 and not hasattr(here, "clear")
    with pytest.raises(hw.UnsupportedError):
        store.write(hw.Change("stock", "bounded_counter", "clear"))
    assert str(hw.Actor(10, 1 << 63)) == "000000000000000a-8000000000000000"
    assert len(str(store.actor)) == 33


def test_values_keep_their_types(store: hw.CrdtStore) -> None:
    register = store.register("r")
    assert register.value is None
    values: list[Any] = [b"\xff", 7, -(1 << 63), 0.5, "text", "", hw.Json('{"a" : 1}')]
    for value in values:
        register.set(value)
        assert register.value == value and type(register.value) is type(value)
    documents: list[tuple[Any, str]] = [
        ({"b": [1, None]}, '{"b":[1,null]}'),
        ({"\u00e9": True}, '{"\u00e9":true}'),
        ([], "[]"),
        (True, "true"),
        (None, "null"),
    ]
    for value, text in documents:
        register.set(value)
        assert register.value == text and isinstance(register.value, hw.Json) and register.value.parse() == value
    register.set(bytearray(b"x"))
    assert register.value == b"x"
    register.clear()
    assert register.value is None
    with pytest.raises(hw.InvalidError, match="64 bits"):
        register.set(1 << 63)
    with pytest.raises(hw.InvalidError, match="json"):
        register.set(hw.Json("{"))
    with pytest.raises(hw.InvalidError):
        register.set({"nan": float("nan")})
    for wrong in (object(), {1, 2}, 1j):
        with pytest.raises(TypeError, match="a value must be bytes, int, float, str, Json, dict, list, bool or None"):
            register.set(wrong)  # type: ignore[arg-type]
    with pytest.raises(hw.LimitError):
        register.set(b"x" * ((1 << 20) + 1))


def test_a_multi_register_keeps_what_was_concurrent() -> None:
    here, there = hw.Replica(1, 1), hw.Replica(2, 1)
    for replica, value in ((here, "a"), (there, "b")):
        replica.write(hw.Change("m", "multi_register", "write", value), 5)
    delta = there.take_delta()
    assert delta is not None and here.apply(delta, 5) == [("m", "multi_register")]
    assert here.read("m", "multi_register", 5) == ["b", "a"]


def test_sets_are_sets(store: hw.CrdtStore) -> None:
    tags = store.set("tags")
    for added in ("b", 3, "a", b"x", "a"):
        tags.add(added)
    assert list(tags) == [b"x", 3, "a", "b"] and len(tags) == 4
    assert "a" in tags and "c" not in tags and 3 in tags and 3.0 not in tags
    tags.remove("a")
    tags.remove("never there")
    assert tags == {b"x", 3, "b"} and tags & {3, 4} == {3} and tags <= {b"x", 3, "b", "c"}
    tags.clear()
    assert len(tags) == 0 and not list(tags)
    tags.add({"a": 1})
    for value in tags:
        tags.remove(value)
    assert not tags
    wins = store.remove_wins_set("wins")
    wins.add("x")
    assert "x" in wins
    with pytest.raises(TypeError):
        _ = object() in tags


def test_flags(store: hw.CrdtStore) -> None:
    for flag in (store.flag("f"), store.disable_wins_flag("g")):
        assert not flag and not flag.is_on
        flag.enable()
        assert flag and flag.is_on
        flag.disable()
        assert not flag
        flag.enable()
        flag.clear()
        assert not flag


def test_maps_nest(store: hw.CrdtStore) -> None:
    user = store.map("user")
    user.register("name").set("Ada")
    user.counter("visits").incr(2)
    user.map("home").set("rooms").add("attic")
    user.flag("member").enable()
    user.multi_register("mail").set("a@b")
    user.grow_counter("ever").incr()
    user.remove_wins_set("seen").add(1)
    user.disable_wins_flag("trial").enable()
    assert dict(user.fields())["home"] == "map" and list(user) == sorted(user) and len(user) == 8
    assert "name" in user and "none" not in user
    assert user.map("home").set("rooms") == {"attic"}
    assert store.read(["user", "home", "rooms"], "set") == ["attic"]
    assert repr(user.map("home").set("rooms")) == "<set " + "/".join(("user", "home", "rooms")) + ">"
    user.map("home").clear()
    assert "home" not in user
    user.clear()
    assert not list(user)
    with pytest.raises(hw.UnsupportedError):
        store.write(hw.Change(["user", "stock"], "bounded_counter", "add", 1))


def test_what_has_a_time_to_live_goes() -> None:
    with world() as one:
        store = one.engine.crdt("app")
        store.register("r").set("v", ttl=1)
        store.set("s").add("v", ttl=0.0001)
        store.flag("f").enable(ttl=2)
        assert store.keys() == [("f", "flag"), ("r", "register"), ("s", "set")]
        one.advance(0.001)
        assert "v" not in store.set("s") and store.register("r").value == "v"
        one.advance(1)
        assert store.register("r").value is None and store.flag("f").is_on
        one.advance(1)
        assert not store.flag("f") and store.keys() == []
        with pytest.raises(hw.InvalidError):
            store.flag("f").enable(ttl=0)


def test_another_kind_names_both(store: hw.CrdtStore) -> None:
    store.counter("k").incr()
    with pytest.raises(hw.ConflictError, match="k is a counter, not a set"):
        store.set("k").add(1)
    store.map("m").register("f").set(1)
    with pytest.raises(hw.ConflictError, match="f is a register, not a flag"):
        store.map("m").flag("f").enable()
    assert store.keys() == [("k", "counter"), ("m", "map")]
    store.counter("k").clear()
    store.set("k").add(1)
    assert store.keys("k") == [("k", "set")]


def test_a_transaction_is_one_record_or_nothing(store: hw.CrdtStore) -> None:
    with store.transaction(timeout=5) as both:
        both.counter("a").incr(2)
        both.counter("a").decr()
        both.set("b").add("x", ttl=60)
        both.set("b").add("y")
        both.set("b").remove("y")
        both.map("m").map("n").register("r").set(None)
        both.flag("f").enable()
        both.bounded_counter("c").incr(3)
        both.bounded_counter("c").give(hw.Actor(7, 8), 1)
        both.multi_register("v").set(1)
        both.grow_counter("g").incr()
        both.remove_wins_set("w").add(1)
        both.disable_wins_flag("d").disable()
        both.write(hw.Change("e", "register", "write", "x"))
        both.register("e").clear()
    assert both.seq == 1 and store.stream.info().records == 1
    assert store.counter("a").value == 1 and store.set("b") == {"x"} and store.bounded_counter("c").rights == 2
    with pytest.raises(ZeroDivisionError), store.transaction() as broken:
        broken.counter("a").incr()
        _ = 1 // 0
    with pytest.raises(hw.ConflictError, match="operation 2 of a transaction"), store.transaction() as refused:
        refused.counter("a").incr()
        refused.counter("b").incr()
    assert store.counter("a").value == 1 and store.stream.info().records == 1
    with pytest.raises(hw.MisuseError):
        both.counter("a").incr()
    with pytest.raises(hw.MisuseError), both:
        pass
    with store.transaction() as nothing:
        pass
    assert nothing.seq == 0


def test_changes_say_what_is_wrong_with_them(store: hw.CrdtStore) -> None:
    change = hw.Change(("m", "f"), "set", "insert", "x", ttl=1)
    assert (change.path, change.kind, change.op) == (("m", "f"), "set", "insert")
    assert repr(change) == "Change(('m', 'f'), 'set', 'insert')"
    assert store.write(hw.Change("n", "counter", "add", 5)) == hw.Written(seq=1, total=5)
    assert store.write(change) == (2, None)
    assert store.write(hw.Change("q", "set", "remove", 1)).seq == 0
    change_of: Any = hw.Change
    untyped: Any = store
    wrong: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (hw.InvalidError, "kind 'heap' is not one of counter, ", lambda: change_of("k", "heap", "add", 1)),
        (hw.InvalidError, "op 'push' is not one of add, ", lambda: change_of("k", "set", "push", 1)),
        (hw.InvalidError, "'clear' takes nothing", lambda: change_of("k", "set", "clear", 1)),
        (hw.InvalidError, "'write' takes a value", lambda: change_of("k", "register", "write")),
        (hw.InvalidError, "'add' takes a value", lambda: change_of("k", "counter", "add", 1, ttl=1)),
        (hw.InvalidError, "'give' takes a value", lambda: change_of("k", "bounded_counter", "give", 1)),
        (hw.InvalidError, "64 bits", lambda: change_of("k", "counter", "add", 1 << 63)),
        (hw.InvalidError, "a path has a key", lambda: change_of([], "counter", "add", 1)),
        (hw.InvalidError, "no operation 'write'", lambda: store.write(change_of("k", "counter", "write", 1))),
        (hw.InvalidError, "a name of 0 bytes", lambda: store.counter("").incr()),
        (hw.InvalidError, "a name of 1025 bytes", lambda: store.counter("x" * 1025).incr()),
        (TypeError, "an amount must be an int", lambda: untyped.counter("k").incr("1")),
        (TypeError, "path must be a str or an iterable", lambda: change_of(1, "set", "clear")),
        (TypeError, "a kind must be a str", lambda: untyped.read("k", 1)),
        (TypeError, "an actor must be an Actor", lambda: untyped.bounded_counter("c").give("me", 1)),
        (TypeError, "Change", lambda: untyped.write("k")),
    ]
    for error, words, call in wrong:
        with pytest.raises(error, match=words):
            call()


def test_stores_by_name(engine: hw.Engine, tmp_path: Path) -> None:
    store = engine.crdt("app", durability="os", snapshot_records=3)
    assert store.name == "app" and store.stream.name == "CRDT_app" and engine.crdts() == ["app"]
    with pytest.raises(hw.ConflictError):
        engine.crdt("app", durability="fsync")
    with pytest.raises(hw.NotFoundError):
        engine.open_crdt("other")
    with pytest.raises(hw.InvalidError):
        engine.crdt("a.b")
    with pytest.raises(TypeError, match="snapshots"):
        engine.crdt("app", snapshots=3)  # type: ignore[call-arg]
    for n in range(4):
        store.counter(f"user.{n}").incr()
    store.set("tags").add("x")
    assert store.keys("user.2") == [("user.2", "counter")]
    dumped = store.dump("t")
    assert dumped == [("tags", "set", '["x"]')] and dumped[0].json.parse() == ["x"]
    status = store.status()
    assert (status.seq, status.actors, status.held) == (5, 1, ()) and status.snapshot_seq >= 3
    assert store.snapshot() == 5 and store.status().snapshot_seq == 5 and store.release_held() == 0


def test_what_was_written_is_there_after_the_directory_is_opened_again(tmp_path: Path) -> None:
    with hw.open(tmp_path) as engine, engine.crdt("app") as store:
        assert store.counter("likes").incr(5) == 5
    with hw.open(tmp_path) as engine:
        assert engine.open_crdt("app").counter("likes").incr() == 6


def test_watching(engine: hw.Engine, store: hw.CrdtStore) -> None:
    store.counter("before").incr()
    with store.watch() as watcher, store.watch("user.") as users:
        other = engine.open_crdt("app")
        with other.transaction() as two:
            two.counter("user.1").incr()
            two.set("tags").add("x")
        assert watcher.next_batch(10, timeout=5) == [("tags", "set"), ("user.1", "counter")]
        change = users.next(timeout=5)
        assert (change.key, change.kind) == ("user.1", "counter") and isinstance(change, hw.Changed)
        assert users.try_next(10) == [] and users.missed == 0
        with pytest.raises(hw.TimeoutError):
            users.next(timeout=0.01)
        writer = threading.Timer(0.05, store.flag("user.2").enable)
        writer.start()
        assert next(iter(users)).key == "user.2"
        writer.join()
    with pytest.raises(hw.ClosedError):
        watcher.next(timeout=1)
    assert list(watcher) == []


def test_a_closed_handle_says_so(engine: hw.Engine, store: hw.CrdtStore) -> None:
    likes, tags = store.counter("likes"), store.set("tags")
    other = engine.open_crdt("app")
    store.close()
    store.close()
    calls: list[Callable[[], object]] = [
        likes.incr, lambda: likes.value, lambda: "x" in tags, lambda: list(tags), store.keys, store.dump, store.status,
        store.watch, store.release_held, lambda: store.bounded_counter("b").rights,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(hw.ClosedError, match="closed"):
            call()
    with pytest.raises(hw.ClosedError), store.transaction() as late:
        late.counter("likes").incr()
    assert other.counter("likes").incr() == 1
    engine.close()
    with pytest.raises(hw.ClosedError):
        other.counter("likes").incr()


def test_many_threads_count_at_once(engine: hw.Engine, store: hw.CrdtStore) -> None:
    handles = [store, store, engine.open_crdt("app"), engine.open_crdt("app")]

    def count(handle: hw.CrdtStore) -> None:
        for _ in range(200):
            handle.counter("n").incr()

    threads = [threading.Thread(target=count, args=(handle,)) for handle in handles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [handle.counter("n").value for handle in handles] == [800] * 4


def test_a_forked_child_is_told(tmp_path: Path) -> None:
    with hw.open(tmp_path) as engine:
        store = engine.crdt("app")
        likes, watcher, replica = store.counter("likes"), store.watch(), hw.Replica(1, 1)
        likes.incr()
        child = os.fork()
        if child == 0:
            try:
                for call in (likes.incr, store.close, watcher.next, store.keys, replica.take_delta):
                    try:
                        call()
                    except hw.ClosedError as error:
                        assert "fork" in str(error), error
                    else:
                        raise AssertionError(call)
                del likes, store, watcher, replica, engine
                os._exit(0)
            except BaseException as error:
                print(error, file=sys.stderr)
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert likes.incr() == 2
    assert hw.verify(tmp_path).damage == ()
