"""State that merges: a counter and a set are changed in a store, and two replicas that worked apart become equal."""

import headwater as hw

TIMEOUT_SECONDS = 30
NOW_MS = 1_772_323_200_000


def count_and_tag(store: hw.CrdtStore) -> None:
    with store.watch() as changes:
        total = store.counter("likes").incr(5)
        print(f"likes are {total}, and then {store.counter('likes').decr(2)}")
        with store.transaction() as both:
            both.set("tags").add("blue")
            both.set("tags").add("green")
            both.map("ada").register("colour").set("blue")
        seen = set[str]()
        while len(seen) < 3:
            seen.add(changes.next(timeout=TIMEOUT_SECONDS).key)
    print(f"changed: {', '.join(sorted(seen))}")


def read(store: hw.CrdtStore) -> None:
    tags, colour = store.set("tags"), store.map("ada").register("colour").value
    assert "blue" in tags and tags == {"blue", "green"}
    # Values have types: bytes, int, float, str and Json.
    names = [value for value in (*tags, colour) if isinstance(value, str)]
    print(f"tags are {', '.join(names[:-1])}; Ada's colour is {names[-1]}")


def merge() -> None:
    """What a program does that carries fragments by itself: no store, no network, no clock."""
    here, there = hw.Replica(1, 1), hw.Replica(2, 1)
    here.write(hw.Change("likes", "counter", "add", 2), NOW_MS)
    here.write(hw.Change("tags", "set", "insert", "blue"), NOW_MS)
    there.apply(here.whole(), NOW_MS)
    here.take_delta()
    # From here on they know nothing of each other.
    here.write(hw.Change("likes", "counter", "add", 2), NOW_MS)
    here.write(hw.Change("tags", "set", "remove", "blue"), NOW_MS)
    there.write(hw.Change("likes", "counter", "add", 1), NOW_MS)
    there.write(hw.Change("tags", "set", "insert", "green"), NOW_MS)
    for source, target in ((here, there), (there, here)):
        delta = source.take_delta()
        assert delta is not None, "something was done"
        target.apply(delta, NOW_MS)
    assert here.whole() == there.whole()
    likes, tags = there.read("likes", "counter", NOW_MS), there.read("tags", "set", NOW_MS)
    print(f"after the exchange both have {likes} likes and the tags {', '.join(tags)}")


if __name__ == "__main__":
    with hw.temporary() as engine:
        with engine.crdt("app") as store:
            count_and_tag(store)
        read(engine.open_crdt("app"))
    merge()
