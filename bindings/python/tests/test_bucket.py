"""Buckets: keys, revisions, watchers."""

import pytest

import headwater as hw


def test_the_life_of_a_key(engine: hw.Engine) -> None:
    bucket = engine.create_bucket("cfg", history=5)
    assert bucket.create("a", b"1") == 1
    with pytest.raises(hw.ConflictError):
        bucket.create("a", b"2")
    assert bucket.update("a", bytearray(b"2"), 1) == 2
    with pytest.raises(hw.ConflictError) as conflict:
        bucket.update("a", b"3", 1)
    assert (conflict.value.expected, conflict.value.actual) == (1, 2)
    entry = bucket.get("a")
    assert entry is not None
    assert (entry.key, entry.value, entry.revision, entry.operation) == ("a", b"2", 2, "put")
    old = bucket.get("a", revision=1)
    assert old is not None and old.value == b"1"
    assert bucket.delete("a", revision=2) == 3
    assert bucket.get("a") is None
    assert [entry.operation for entry in bucket.history("a")] == ["put", "put", "delete"]
    bucket.put("b.c", b"")
    assert bucket.keys() == ["b.c"] and bucket.keys("b.*") == ["b.c"] and bucket.keys("c") == []
    bucket.purge("a")
    assert [entry.operation for entry in bucket.history("a")] == ["purge"]
    assert bucket.status().config.history == 5 and bucket.status().values == 2
    assert bucket.name == "cfg" and bucket.stream.name == "KV_cfg"
    assert engine.buckets() == ["cfg"] and engine.bucket("cfg").get("b.c") is not None
    engine.delete_bucket("cfg")
    with pytest.raises(hw.NotFoundError):
        engine.bucket("cfg")
    with pytest.raises(TypeError, match="must be bytes"):
        bucket.put("a", "text")  # type: ignore[arg-type]


def test_watching(engine: hw.Engine) -> None:
    bucket = engine.create_bucket("cfg", history=5)
    bucket.put("a", b"1")
    bucket.put("b", b"2")
    with bucket.watch() as watcher, bucket.watch("b", updates_only=True, ignore_deletes=True) as updates:
        assert not watcher.caught_up
        assert [entry.key for entry in watcher.next_batch(10, timeout=5)] == ["a", "b"]
        assert watcher.caught_up
        bucket.delete("b")
        bucket.put("b", b"3")
        assert watcher.next(timeout=5).operation == "delete"
        assert updates.next(timeout=5).value == b"3"
        assert updates.try_next(10) == []
    with pytest.raises(hw.ClosedError):
        watcher.next(timeout=1)
    assert list(watcher) == []


def test_a_slow_watcher_is_told_what_it_missed(engine: hw.Engine) -> None:
    bucket = engine.create_bucket("cfg")
    bucket.put("a", b"1")
    with bucket.watch() as watcher:
        assert watcher.next(timeout=5).value == b"1" and watcher.missed == 0
        for _ in range(10):
            bucket.put("a", b"2")
        assert watcher.next(timeout=5).revision == 11
        assert watcher.missed == 9
