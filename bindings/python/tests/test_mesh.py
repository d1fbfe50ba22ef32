"""Two engines of one process in a mesh: what is written at one is read at the other; who is there, and who left."""

import asyncio
import time
from collections.abc import Callable
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


class Echo(hw.Entity):
    kind = "echo"

    async def handle(self, message: hw.Message) -> bytes:
        return message.payload


def test_entities_over_a_mesh(tmp_path: Path) -> None:
    made = certs.make(tmp_path)
    with hw.memory() as a, hw.memory() as b:
        with pytest.raises(hw.MisuseError, match="join one before"):
            a.entities(cluster="town", node="a", mesh=True)
        a.join_mesh(**node(made, "a"))
        status = a.mesh()
        assert status is not None
        b.join_mesh(**node(made, "b", seeds=[status.own.address]))
        nodes = [engine.entities(cluster="town", node=name, mesh=True) for name, engine in (("a", a), ("b", b))]

        def is_shared(one: hw.Entities) -> bool:
            shards = [known.shards for known in one.nodes()]
            return len(shards) == 2 and min(shards) > 0 and sum(shards) == 256

        until("two nodes with shards", lambda: all(map(is_shared, nodes)))

        async def main() -> None:
            served = [asyncio.create_task(one.serve(Echo)) for one in nodes]
            for key in map(str, range(10)):
                assert await nodes[0].request_async("echo", key, "say", b"hello") == b"hello"
                assert await nodes[1].request_async("echo", key, "say", b"hello") == b"hello"
            assert len(await nodes[1].list_async("echo")) == 10
            for one in nodes:
                one.close()
            await asyncio.wait_for(asyncio.gather(*served), 10)

        asyncio.run(main())
