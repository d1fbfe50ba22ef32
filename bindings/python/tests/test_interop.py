"""What we write, nats-py reads, and the other way round: buckets and objects on one server."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.api import ObjectMeta, ObjectMetaOptions
from nats.js.errors import KeyNotFoundError, ObjectNotFoundError
from nats_server import Server

import headwater as hw

SECONDS_MAX = 60
CHUNKY = bytes(range(256)) * 2000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as server:
        yield server


class Both:
    """One server, seen by Headwater and by nats-py."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __aenter__(self) -> "tuple[hw.Engine, JetStreamContext]":
        self.engine = await hw.connect_async(self.server.url)
        self.client = await nats.connect(self.server.url)
        return self.engine, self.client.jetstream()

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        self.engine.close()


def test_a_bucket_of_ours_is_theirs(server: Server) -> None:
    async def work() -> None:
        async with Both(server) as (engine, js):
            ours = engine.create_bucket("ours", history=3)
            ours.put("a", b"1")
            ours.put("b.c", b"2")
            ours.put("a", b"3")
            theirs = await js.key_value("ours")
            entry = await theirs.get("a")
            assert (entry.value, entry.revision) == (b"3", 3)
            assert sorted(await theirs.keys()) == ["a", "b.c"]
            assert [entry.value for entry in await theirs.history("a")] == [b"1", b"3"]
            watcher: Any = await theirs.watchall()
            seen = [await change(watcher), await change(watcher)]
            assert [(entry.key, entry.value) for entry in seen] == [("b.c", b"2"), ("a", b"3")]
            ours.delete("a")
            gone = await change(watcher)
            assert (gone.key, gone.operation) == ("a", "DEL")
            with pytest.raises(KeyNotFoundError):
                await theirs.get("a")
            ours.purge("b.c")
            gone = await change(watcher)
            assert (gone.key, gone.operation) == ("b.c", "PURGE")
            await watcher.stop()
            status = await theirs.status()
            assert (status.bucket, status.history) == ("ours", 3)

    asyncio.run(asyncio.wait_for(work(), SECONDS_MAX))


async def change(watcher: Any) -> Any:
    """The next change that a watcher of nats-py, which has no types for that, has to tell."""
    while (update := await watcher.updates(timeout=SECONDS_MAX)) is None:
        pass
    return update


def test_a_bucket_of_theirs_is_ours(server: Server) -> None:
    async def work() -> None:
        async with Both(server) as (engine, js):
            theirs = await js.create_key_value(bucket="theirs", history=3)
            await theirs.put("a", b"1")
            await theirs.put("b.c", b"2")
            await theirs.put("a", b"3")
            ours = engine.bucket("theirs")
            found = ours.get("a")
            assert found is not None and (found.value, found.revision, found.operation) == (b"3", 3, "put")
            assert ours.keys() == ["a", "b.c"]
            assert [entry.value for entry in ours.history("a")] == [b"1", b"3"]
            with ours.watch() as watcher:
                first = [await watcher.next_async(), await watcher.next_async()]
                assert [(entry.key, entry.value) for entry in first] == [("b.c", b"2"), ("a", b"3")]
                await theirs.delete("a")
                assert (await watcher.next_async()).operation == "delete"
                await theirs.purge("b.c")
                assert (await watcher.next_async()).operation == "purge"
            assert ours.get("a") is None or ours.get("a").operation == "delete"  # type: ignore[union-attr]
            assert ours.create("a", b"again") == 6
            assert (await theirs.get("a")).value == b"again"
            with pytest.raises(hw.ConflictError):
                ours.update("a", b"x", 1)

    asyncio.run(asyncio.wait_for(work(), SECONDS_MAX))


def test_objects_of_ours_are_theirs(server: Server) -> None:
    async def work() -> None:
        async with Both(server) as (engine, js):
            ours = engine.create_object_store("files")
            info = ours.put("big", CHUNKY, description="bytes", max_chunk_size=100_000)
            assert info.chunks == 6
            theirs = await js.object_store("files")
            got = await theirs.get("big")
            assert got.data == CHUNKY
            assert (got.info.size, got.info.chunks, got.info.description) == (len(CHUNKY), 6, "bytes")
            assert got.info.digest == info.digest
            ours.put("small", b"x")
            assert sorted(item.name for item in await theirs.list()) == ["big", "small"]
            watcher = await theirs.watch(include_history=False)
            ours.put("third", b"y")
            while (await change(watcher)).name != "third":
                pass
            ours.delete("big")
            with pytest.raises(ObjectNotFoundError):
                await theirs.get("big")

    asyncio.run(asyncio.wait_for(work(), SECONDS_MAX))


def test_objects_of_theirs_are_ours(server: Server) -> None:
    async def work() -> None:
        async with Both(server) as (engine, js):
            theirs = await js.create_object_store("files")
            meta = ObjectMeta(description="bytes", options=ObjectMetaOptions(max_chunk_size=100_000))
            info = await theirs.put("big", CHUNKY, meta=meta)
            ours = engine.object_store("files")
            found = ours.info("big")
            assert found is not None and (found.size, found.chunks) == (len(CHUNKY), info.chunks) and found.chunks > 1
            assert (found.digest, found.description) == (info.digest, "bytes")
            assert hashlib.sha256(ours.get_bytes("big")).digest() == hashlib.sha256(CHUNKY).digest()
            with ours.watch() as watcher:
                assert (await watcher.next_async()).name == "big"
                await theirs.put("small", b"x")
                assert (await watcher.next_async()).name == "small"
                assert [item.name for item in ours.list()] == ["big", "small"]
                await theirs.delete("big")
                gone = await watcher.next_async()
                assert (gone.name, gone.deleted) == ("big", True)
            with pytest.raises(hw.NotFoundError):
                ours.get_bytes("big")
            assert ours.get_bytes("small") == b"x"

    asyncio.run(asyncio.wait_for(work(), SECONDS_MAX))
