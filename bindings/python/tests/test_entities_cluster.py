"""Entities that nodes of a cluster share: requests from one to the other, clients, leaving, and the hash of shards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from entity_keeper import Keeper, until
from test_asyncio import run

import headwater as hw


@asynccontextmanager
async def town(engine: hw.Engine) -> AsyncIterator[tuple[hw.Entities, hw.Entities]]:
    """Two nodes that are served, once each has its shards."""
    nodes = [engine.entities(cluster="town", node=name) for name in ("a", "b")]
    served = [asyncio.create_task(node.serve(Keeper)) for node in nodes]

    def is_settled() -> bool:
        seen = [[(node.name, node.shards) for node in one.nodes() if node.is_alive] for one in nodes]
        return seen[0] == seen[1] and len(seen[0]) == 2 and sum(shards for _, shards in seen[0]) == 256

    await until(lambda: is_settled() and all(node.shards > 64 for node in nodes[0].nodes()))
    try:
        yield nodes[0], nodes[1]
    finally:
        for node in nodes:
            node.close()
        await asyncio.wait_for(asyncio.gather(*served), 10)


def keys(entities: hw.Entities, node: str, count: int) -> list[str]:
    """Keys that are on a node."""
    return [key for key in map(str, range(1000)) if entities.where("keeper", key).node == node][:count]


def test_requests_from_one_node_to_the_other(engine: hw.Engine) -> None:
    async def main() -> None:
        async with town(engine) as (a, b):
            (here, *_), (there, other) = keys(a, "a", 2), keys(a, "b", 2)
            place = b.where("keeper", there)
            assert (place.node, place.is_here, a.where("keeper", there).epoch) == ("b", True, None)
            assert await a.request_async("keeper", there, "array") == b"array"
            assert await asyncio.to_thread(a.request, "keeper", there, "array") == b"array"
            assert (a.active, b.active) == (0, 1)
            with pytest.raises(hw.ConflictError, match="returned"):
                await a.request_async("keeper", there, "return")
            with pytest.raises(hw.InternalError, match="raised ValueError: oh"):
                await a.request_async("keeper", there, "break", b"oh")
            with pytest.raises(hw.InvalidError, match="would wait for itself"):
                await a.request_async("keeper", here, "ask_me", there.encode())
            await a.notify_async("keeper", other, "told")
            assert await a.request_async("keeper", other, "seen") == b"told seen"
            for one in (a, b):
                listed = await one.list_async("keeper")
                assert {(info.key, info.node) for info in listed} == {(here, "a"), (there, "b"), (other, "b")}
            assert [(node.name, node.is_alive, node.weight) for node in a.nodes()] == [("a", True, 1), ("b", True, 1)]

    run(main())


def test_a_client_asks_and_is_no_node(engine: hw.Engine) -> None:
    async def main() -> None:
        async with town(engine) as (a, b):
            client = engine.entities(cluster="town", client=True)
            (here,), (there,) = keys(a, "a", 1), keys(a, "b", 1)
            for key in (here, there):
                assert await client.request_async("keeper", key, "array") == b"array"
                assert client.where("keeper", key).node == a.where("keeper", key).node
            with pytest.raises(hw.LimitError):
                await client.request_async("keeper", there, "refuse")
            await client.notify_async("keeper", there, "told")
            assert {info.key for info in client.list()} == {here, there}
            assert [node.name for node in client.nodes()] == ["a", "b"]
            assert len(a.nodes()) == 2
            client.leave(timeout=10)
            with pytest.raises(hw.ClosedError):
                await client.request_async("keeper", here, "array")

    run(main())


def test_a_node_that_leaves_gives_its_entities_away(engine: hw.Engine) -> None:
    async def main() -> None:
        async with town(engine) as (a, b):
            here, there = keys(a, "a", 3), keys(a, "b", 3)
            for key in here + there:
                await a.request_async("keeper", key, "told")
            Keeper.log.clear()
            asked = asyncio.ensure_future(a.request_async("keeper", there[0], "sleep", b"0.1"))
            await asyncio.sleep(0.01)
            await asyncio.wait_for(b.leave_async(), 20)
            # What was under way was done, and each was told to stop.
            assert await asked == b""
            assert sorted(Keeper.log) == sorted(f"stop {key}" for key in there)
            await until(lambda: all(a.where("keeper", key).is_here for key in here + there))
            for key in here + there:
                assert (await a.request_async("keeper", key, "seen")).endswith(b"seen")
            assert a.active == 6
            with pytest.raises(hw.ClosedError):
                await b.request_async("keeper", here[0], "told")

    run(main())


def test_what_cannot_be(engine: hw.Engine) -> None:
    for alone in ({"node": "a"}, {"client": True}, {"weight": 2}, {"ttl": 5}):
        with pytest.raises(hw.InvalidError, match="said of a cluster"):
            engine.entities(**alone)
    for too_much in ({"node": "a"}, {"weight": 2}):
        with pytest.raises(hw.InvalidError, match="a client is no node"):
            engine.entities(cluster="town", client=True, **too_much)
    bad: list[dict[str, Any]] = [{}, {"node": "a b"}, {"node": "a", "ttl": 0.5}, {"node": "a", "weight": 101}]
    for settings in bad:
        with pytest.raises(hw.InvalidError):
            engine.entities(cluster="town", **settings)
    with pytest.raises(hw.InvalidError, match="mailbox"):
        engine.entities(mailbox=0)
    with pytest.raises(hw.InvalidError, match="out of range"):
        engine.entities(shards=-1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        engine.entities(colour="red")  # type: ignore[call-arg]


def test_shards_are_the_same_everywhere(engine: hw.Engine) -> None:
    assert hw.shard_of("account", "acc-1") == 18 == engine.entities().where("account", "acc-1").shard
    assert hw.shard_owner(0, {"a": 1, "b": 1, "c": 1}) == hw.shard_owner(0, [("a", 1), ("b", 1), ("c", 1)]) == "b"
    assert hw.shard_owner(0, {}) is None
    with pytest.raises(hw.InvalidError, match="0 bytes"):
        hw.shard_of("account", "")
    with pytest.raises(hw.InvalidError, match="at least 1"):
        hw.shard_of("account", "acc-1", 0)
    with pytest.raises(hw.InvalidError):
        hw.shard_owner(2**32, {"a": 1})
    with pytest.raises(hw.InvalidError):
        engine.entities().where("", "a")
