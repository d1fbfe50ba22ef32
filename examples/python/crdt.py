"""State that merges: two handles of one store count, add and follow each other, and two replicas without an engine
become equal by the fragments that they send.
"""

import headwater as hw

TIMEOUT_SECONDS = 30


def describe(store: hw.CrdtStore) -> None:
    """Several changes as one record: a tag, and a field of a map."""
    with store.transaction() as both:
        both.set("tags").add("blue")
        both.map("user").register("name").set("Ann")
    assert "blue" in store.set("tags") and store.map("user").register("name").value == "Ann"


def follow(store: hw.CrdtStore, watcher: hw.CrdtWatcher) -> None:
    """Waits until three keys changed, then prints what is in the store."""
    for _ in range(3):
        key, kind = watcher.next(timeout=TIMEOUT_SECONDS)
        print(f"changed: {key} ({kind})")
    for dumped in store.dump():
        print(f"{dumped.key} = {dumped.json}")


def without_an_engine() -> None:
    """The same without an engine: what one replica did reaches the other as bytes, by whatever carrier."""
    now_ms = 1_000
    replicas = [hw.Replica(engine, 1) for engine in (1, 2)]
    deltas = list[bytes]()
    for amount, replica in enumerate(replicas, start=2):
        replica.write(hw.Change("likes", "counter", "add", amount), now_ms)
        deltas.append(replica.take_delta() or b"")
    for replica, delta in zip(replicas, reversed(deltas), strict=True):
        replica.apply(delta, now_ms)
        print(f"{replica.actor}: {replica.read('likes', 'counter', now_ms)} likes after {len(delta)} bytes")
    assert replicas[0].whole() == replicas[1].whole()


if __name__ == "__main__":
    with hw.temporary() as engine, engine.crdt("app") as here, engine.open_crdt("app") as there:
        with there.watch() as watcher:
            print("likes:", here.counter("likes").incr(5))
            describe(here)
            follow(there, watcher)
        print("likes:", there.counter("likes").incr())
    without_an_engine()
