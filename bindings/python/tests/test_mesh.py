"""Two engines of one process in a mesh: what is written at one is read at the other; who is there, and who left;
entities that both keep, and who asks them from outside.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import certs
import headwater as hw


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Waits for what comes about by itself."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come to be in 20 s"
        time.sleep(0.005)


def node(made: Path, name: str, **settings: Any) -> dict[str, Any]:
    files = {"ca": made / "ca.pem", "cert": made / f"{name}.pem", "key": made / f"{name}.key"}
    return {"name": name, "bind": "127.0.0.1:0", **files, **settings}


def test_what_is_written_at_one_node_is_read_at_the_other(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    with hw.memory() as a, hw.memory() as b:
        assert a.mesh() is None
        a.join_mesh(**node(made, "a"))
        with pytest.raises(hw.ConflictError):
            a.join_mesh(**node(made, "a"))
        status = a.mesh(timeout=5)
        assert isinstance(status, hw.MeshStatus) and status.members == () and status.last_error == ""
        own = status.own
        assert (own.name, own.engine, own.state) == ("a", a.id, "alive") and own.since > 1_600_000_000 * 10**9
        b.join_mesh(**node(made, "b", seeds=[own.address]))

        def states() -> list[tuple[int, str]]:
            mesh = b.mesh()
            assert mesh is not None
            return [(member.engine, member.state) for member in mesh.members]

        until("a mesh of two", lambda: states() == [(a.id, "alive")])
        here, there = a.crdt("app"), b.crdt("app")
        here.counter("likes").incr(5)
        until("the counter", lambda: there.counter("likes").value == 5)
        mesh = asyncio.run(asked(b))
        assert mesh is not None
        assert [(store.store, store.behind) for store in mesh.members[0].stores] == [("app", 0)]
        a.leave_mesh()
        a.leave_mesh()
        assert a.mesh() is None
        until("a good-bye", lambda: states() == [(a.id, "left")])


async def asked(engine: hw.Engine) -> hw.MeshStatus | None:
    return await engine.mesh_async()


def test_a_mesh_that_cannot_be_is_refused(engine: hw.Engine, tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    with pytest.raises(hw.InvalidError, match="bind: 'nowhere' is not host:port"):
        engine.join_mesh(**node(made, "a", bind="nowhere"))
    with pytest.raises(hw.NotFoundError, match=r"c\.pem"):
        engine.join_mesh(**node(made, "c"))
    with pytest.raises(hw.InvalidError, match="'man' is no preset"):
        engine.join_mesh(**node(made, "a", preset="man"))
    with pytest.raises(TypeError):
        engine.join_mesh(**node(made, "a", seeds=7))
    with pytest.raises(TypeError):
        engine.join_mesh(bind="127.0.0.1:0")  # type: ignore[call-arg]
    assert engine.mesh() is None


def test_a_file_may_have_a_mesh(tmp_path: Path) -> None:
    certs.make(tmp_path)
    path = tmp_path / "headwater.toml"
    mesh = '[mesh]\nname = "a"\nbind = "127.0.0.1:0"\nca = "ca.pem"\ncert = "a.pem"\nkey = "a.key"\n'
    path.write_text(f'dir = "data"\n{mesh}')
    with hw.open_config(path) as engine:
        status = engine.mesh()
        assert status is not None and status.own.name == "a"


KEYS = [str(key) for key in range(10)]


class Echo(hw.Entity):
    kind = "echo"

    async def start(self) -> None:
        self.said = list[bytes]()

    async def handle(self, message: hw.Message) -> bytes:
        match message.name:
            case "refuse":
                raise hw.ConflictError("not so")
            case "wait":
                await asyncio.Event().wait()
            case "said":
                return b" ".join(self.said)
        self.said.append(message.payload)
        return message.payload


@contextmanager
def town(made: Path) -> Iterator[tuple[list[hw.Engine], list[hw.Entities]]]:
    """Two engines in a mesh and their nodes of one cluster, once each key is where it belongs and both know."""
    with hw.memory() as a, hw.memory() as b:
        a.join_mesh(**node(made, "a"))
        b.join_mesh(**node(made, "b", seeds=[address(a)]))
        engines = {"a": a, "b": b}
        nodes = [engine.entities(cluster="town", node=name, mesh=True) for name, engine in engines.items()]

        def is_settled(key: str) -> bool:
            owner = hw.shard_owner(hw.shard_of("echo", key), {"a": 1, "b": 1})
            places = [one.where("echo", key) for one in nodes]
            return {place.node for place in places} == {owner} and any(place.is_here for place in places)

        def is_shared(one: hw.Entities) -> bool:
            shards = [known.shards for known in one.nodes()]
            return len(shards) == 2 and min(shards) > 0 and sum(shards) == 256

        until("two nodes with shards", lambda: all(map(is_shared, nodes)) and all(map(is_settled, KEYS)))
        yield [a, b], nodes


def address(engine: hw.Engine) -> str:
    status = engine.mesh()
    assert status is not None
    return status.own.address


async def served(nodes: list[hw.Entities], work: Awaitable[None]) -> None:
    """Serves the nodes until something is done, and closes them."""
    serving = [asyncio.create_task(one.serve(Echo)) for one in nodes]
    try:
        async with asyncio.timeout(60):
            await work
    finally:
        for one in nodes:
            one.close()
        await asyncio.wait_for(asyncio.gather(*serving), 10)


def test_entities_over_a_mesh(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    with hw.memory() as alone, pytest.raises(hw.MisuseError, match="join one before"):
        alone.entities(cluster="town", node="a", mesh=True)
    with town(made) as (_, nodes):

        async def work() -> None:
            for key in KEYS:
                assert await nodes[0].request_async("echo", key, "say", b"hello") == b"hello"
                assert await nodes[1].request_async("echo", key, "say", b"hello") == b"hello"
            assert len(await nodes[1].list_async("echo")) == 10

        asyncio.run(served(nodes, work()))


def client_of(made: Path, **settings: Any) -> dict[str, Any]:
    return {"ca": made / "ca.pem", "cert": made / "b.pem", "key": made / "b.key", **settings}


def test_one_who_is_no_node_asks_through_one(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    with town(made) as (engines, nodes):
        url = f"grpcs://{address(engines[0])}"

        async def work() -> None:
            async with await hw.EntitiesClient.connect_async(url, **client_of(made)) as client:
                for key in KEYS:
                    assert await client.request_async("echo", key, "say", b"hello") == b"hello"
                    assert (await asyncio.gather(client.notify_async("echo", key, "say", b"you")))[0] is None
                    assert await client.request_async("echo", key, "said") == b"hello you"
                    with pytest.raises(hw.ConflictError, match="not so"):
                        await client.request_async("echo", key, "refuse")
                    place = await client.where_async("echo", key)
                    assert not place.is_here
                    assert place == (nodes[1].where("echo", key).node, hw.shard_of("echo", key), None)
                listed = await client.list_async("echo")
                assert [info.key for info in listed] == KEYS and {info.node for info in listed} == {"a", "b"}
                known = [(one.name, one.is_alive, one.weight) for one in await client.nodes_async()]
                assert known == [("a", True, 1), ("b", True, 1)]
                with pytest.raises(hw.InvalidError):
                    await client.where_async("", "0")
                with pytest.raises(hw.TimeoutError):
                    await client.request_async("echo", "1", "wait", timeout=0.1)
                waiting = asyncio.ensure_future(client.request_async("echo", "0", "wait"))
                await asyncio.sleep(0.05)
                assert not waiting.done()
            with pytest.raises(hw.ClosedError):
                await waiting
            with pytest.raises(hw.ClosedError, match="the entities client is closed"):
                await client.nodes_async()

        asyncio.run(served(nodes, work()))


def test_one_who_is_no_node_waits_in_threads(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    with town(made) as (engines, nodes):
        url = f"grpcs://{address(engines[1])}"

        def ask() -> None:
            settings = client_of(made, server_name="localhost", cluster="town")
            with hw.EntitiesClient.connect(url, **settings, timeout=10) as client:
                for key in KEYS:
                    assert client.request("echo", key, "say", bytearray(b"hello"), timeout=10) == b"hello"
                    client.notify("echo", key, "say", b"you", timeout=10)
                    assert client.request("echo", key, "said") == b"hello you"
                    place = client.where("echo", key, timeout=10)
                    assert place == (nodes[0].where("echo", key).node, hw.shard_of("echo", key), None)
                assert [info.key for info in client.list(timeout=10)] == KEYS and client.list("other") == []
                assert [one.name for one in client.nodes(timeout=10)] == ["a", "b"]
                with pytest.raises(hw.ConflictError, match="not so"):
                    client.request("echo", "0", "refuse")
                with pytest.raises(hw.TimeoutError):
                    client.request("echo", "1", "wait", timeout=0.1)
            for call in (client.request, client.notify):
                with pytest.raises(hw.ClosedError):
                    call("echo", "0", "say")
            client.close()

        asyncio.run(served(nodes, asyncio.to_thread(ask)))


def test_one_who_is_no_node_finds_no_cluster(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    connect, files = hw.EntitiesClient.connect, client_of(made)
    with hw.memory() as engine:
        engine.join_mesh(**node(made, "a"))
        url = f"grpcs://{address(engine)}"
        for nobody in ("grpcs://127.0.0.1:1", url):
            with pytest.raises(hw.NotFoundError):
                connect(nobody, **files)
        nodes = [engine.entities(cluster=name, node="a", mesh=True) for name in ("town", "other")]
        with pytest.raises(hw.InvalidError, match="several clusters: say which of other, town"):
            connect(url, **files)
        with connect(url, **files, cluster="town") as client:
            until("its node", lambda: [one.name for one in client.nodes()] == ["a"])
        with connect(url, **files, cluster="strange") as client, pytest.raises(hw.NotFoundError):
            client.nodes()
        # A node that has to show a certificate for a name that it has not.
        with pytest.raises(hw.NotFoundError):
            connect(url, **files, server_name="other.example")
        for one in nodes:
            one.close()
    with pytest.raises(hw.InvalidError, match="is no address of a node"):
        connect("nats://127.0.0.1:4222", **files)
    with pytest.raises(hw.NotFoundError, match=r"c\.pem"):
        connect(url, **{**files, "cert": made / "c.pem"})
    with pytest.raises(TypeError):
        connect(url, ca=made / "ca.pem")  # type: ignore[call-arg]
