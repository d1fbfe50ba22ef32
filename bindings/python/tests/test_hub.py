"""Engines on a hub, and links between one and a directory, against a real server."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats_server import Server

import headwater as hw

SECONDS_MAX = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def hub(server: Server) -> Iterator[hw.Engine]:
    with hw.connect(server.url, timeout=SECONDS_MAX) as hub:
        yield hub
        for info in hub.streams():
            hub.delete_stream(info.config.name)


def until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def test_a_stream_is_appended_to_read_and_followed(hub: hw.Engine) -> None:
    orders = hub.create_stream("orders", subjects=["orders.>"])
    assert orders.append("orders.1", b"first").seq == 1
    assert [record.payload for record in orders.read()] == [b"first"]
    with orders.subscribe() as subscription:
        assert subscription.next(SECONDS_MAX).payload == b"first"
        ack = orders.append("orders.2", b"second")
        assert (ack.seq, ack.durability) == (2, "unknown")
        assert subscription.next(SECONDS_MAX).payload == b"second"
    with pytest.raises(hw.UnsupportedError):
        orders.sync()


def test_a_durable_consumer_goes_on_where_it_was(server: Server, hub: hw.Engine) -> None:
    orders = hub.create_stream("orders", subjects=["orders.>"])
    for number in range(3):
        orders.append("orders.1", str(number).encode())
    worker = orders.create_consumer("worker")
    first = worker.next(SECONDS_MAX)
    assert first.payload == b"0"
    assert orders.consumer("worker").ack(first.seq) == 1
    with hw.connect(server.url) as again:
        assert again.stream("orders").consumer("worker").next(SECONDS_MAX).payload == b"1"


def test_a_bucket_is_watched(hub: hw.Engine) -> None:
    settings = hub.create_bucket("settings")
    assert settings.put("colour", b"blue") == 1
    with settings.watch() as watcher:
        assert watcher.next(SECONDS_MAX).value == b"blue"
        settings.put("colour", b"green")
        assert watcher.next(SECONDS_MAX).value == b"green"
    found = settings.get("colour")
    assert found is not None and found.value == b"green"


def test_everything_awaits(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with await hw.connect_async([server.url], name="a test") as hub:
            stream = hub.create_stream("AWAITED", subjects=["awaited.>", "$HW.AWAITED.>"])
            assert (await stream.append_async("awaited.1", b"x")).seq == 1
            with hw.open(tmp_path / "edge") as edge:
                edge.create_stream("awaited", subjects=["awaited.>"])
                await edge.add_link_async("up", hub, stream="awaited", remote="AWAITED")
                assert edge.links()[0].name == "up"
            with hub.watch_hub() as states:
                async for state in states:
                    assert state.phase == "connected"
                    break
            hub.delete_stream("AWAITED")

    asyncio.run(asyncio.wait_for(work(), SECONDS_MAX))


def test_a_link_carries_both_ways(hub: hw.Engine, disk: hw.Engine) -> None:
    near = disk.create_stream("readings", subjects=["readings.>"])
    far = hub.create_stream("READINGS", subjects=["site.7.readings.>", "$HW.READINGS.>"])
    near.append("readings.a", b"from the edge")
    far.append("site.7.readings.b", b"from the hub")
    with pytest.raises(hw.NotFoundError):
        disk.add_link("up", hub, stream="readings", remote="NOWHERE")
    with pytest.raises(hw.UnsupportedError):
        hub.add_link("up", disk, stream="READINGS", remote="readings")
    disk.add_link("up", hub, stream="readings", remote="READINGS", map={"readings": "site.7.readings"})
    with pytest.raises(hw.ConflictError):
        disk.add_link("up", hub, stream="readings", remote="READINGS")
    until("both came", lambda: (disk.links()[0].pushed, disk.links()[0].pulled) == (1, 1))
    (link,) = disk.links()
    assert (link.name, link.stream, link.remote, link.direction) == ("up", "readings", "READINGS", "both")
    assert (link.state, link.last_error, link.missed) == ("running", None, 0)
    came, went = near.last("readings.b"), far.last("site.7.readings.a")
    assert came is not None and came.payload == b"from the hub"
    assert went is not None and went.payload == b"from the edge"
    disk.remove_link("up")
    assert disk.links() == []
    with pytest.raises(hw.NotFoundError):
        disk.remove_link("up")


def test_what_only_a_hub_has_is_told_and_read_back(hub: hw.Engine) -> None:
    hub.create_stream("plain", subjects=["plain.>"])
    source = hw.StreamSource(
        name="plain",
        start_time=datetime(2020, 1, 1, tzinfo=UTC),
        transforms=(hw.SubjectTransform(source="plain.*", destination="far.{{wildcard(1)}}"),),
    )
    told = hw.HubConfig(
        storage="memory",
        sources=(source,),
        subject_transform=hw.SubjectTransform(source="own.*", destination="kept.{{wildcard(1)}}"),
        allow_direct=False,
    )
    gathered = hub.create_stream("gathered", subjects=["own.>"], description="for people", hub=told)
    kept = replace(told, sources=(replace(source, start_time=1_577_836_800_000_000_000),))
    assert (gathered.config.hub, gathered.config.description) == (kept, "for people")
    changed = hub.update_stream("gathered", max_msgs=7).config
    assert (changed.max_msgs, changed.hub) == (7, kept)
    assert hub.update_stream("gathered", hub=None).config.hub == kept
    fewer = replace(kept, sources=(), allow_direct=True)
    assert hub.update_stream("gathered", hub=fewer).config.hub == fewer
    copy = hub.create_stream("copy", hub=hw.HubConfig(mirror=hw.StreamSource(name="plain"))).config
    assert (copy.subjects, copy.hub) == ((), hw.HubConfig(mirror=hw.StreamSource(name="plain")))


def test_what_a_hub_cannot_be_told_is_refused_by_name(hub: hw.Engine) -> None:
    with pytest.raises(TypeError, match="'colour'"):
        hw.HubConfig(colour="blue")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="hub must be a HubConfig, not dict"):
        hub.create_stream("s", hub={"replicas": 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"HubConfig\(\) argument 'replicas'"):
        hub.create_stream("s", hub=hw.HubConfig(replicas="three"))  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="storage 'paper' is not one of file, memory"):
        hub.create_stream("s", hub=hw.HubConfig(storage="paper"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sources must be a StreamSource, not str"):
        hub.create_stream("s", hub=hw.HubConfig(sources=("plain",)))  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="replicas is 6, must be 1 to 5"):
        hub.create_stream("s", hub=hw.HubConfig(replicas=6))
    assert hub.streams() == []
    with hw.memory() as engine:
        with pytest.raises(hw.UnsupportedError, match="settings for a hub"):
            engine.create_stream("s", hub=hw.HubConfig())
        assert engine.create_stream("s").config.hub is None


def test_a_link_makes_the_stream_of_the_hub(hub: hw.Engine, disk: hw.Engine) -> None:
    disk.create_stream("made", subjects=["made.>"]).append("made.a", b"from the edge")
    with pytest.raises(TypeError, match="create must be a dict of a stream's settings, not bool"):
        disk.add_link("up", hub, stream="made", remote="MADE", create=True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'colour'"):
        wrong = {"colour": "blue"}
        disk.add_link("up", hub, stream="made", remote="MADE", create=wrong)  # type: ignore[arg-type]
    memory = hw.HubConfig(storage="memory")
    disk.add_link("up", hub, stream="made", remote="MADE", create={"description": "made", "hub": memory})
    far = hub.stream("MADE")
    assert (far.config.subjects, far.config.description) == (("made.>", "$HW.MADE.>"), "made")
    assert far.config.hub == memory
    until("it came", lambda: far.last("made.a") is not None)


@pytest.mark.parametrize(
    "settings", [{"direction": "sideways"}, {"catch_up": "never"}, {"on_reset": "panic"}, {"filters": ["a..b"]}]
)
def test_what_a_link_cannot_be_told_is_refused(disk: hw.Engine, settings: dict[str, str]) -> None:
    disk.create_stream("s")
    with hw.memory() as other:
        other.create_stream("S", subjects=["s", "$HW.S.>"])
        with pytest.raises(hw.InvalidError):
            disk.add_link("up", other, stream="s", remote="S", **settings)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            disk.add_link("up", other, stream="s", remote="S", colour="blue")  # type: ignore[call-arg]


def test_the_state_is_followed_over_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path) as server, hw.connect(server.url, reconnect_delay_max=0.1) as hub:
        state = hub.hub_state()
        assert (state.phase, state.server_version, state.reconnects, state.lag_records) == ("connected", "2.15.1", 0, 0)
        with hub.watch_hub() as states:
            assert states.next(SECONDS_MAX) == state
            assert states.try_next(1) == []
            with pytest.raises(hw.TimeoutError):
                states.next(0.05)
            server.stop()
            assert states.next(SECONDS_MAX).phase == "reconnecting"
            server.start(server.url.rpartition(":")[2])
            for state in states:
                if state.phase == "connected":
                    break
            assert state.reconnects == 1
            hub.close()
            assert [state.phase for state in states.next_batch(9, SECONDS_MAX)] == ["closed"]
            with pytest.raises(hw.ClosedError):
                states.next(SECONDS_MAX)


def test_who_may_not_come_in_is_told_so(tmp_path: Path) -> None:
    with Server(tmp_path, "--user", "u", "--pass", "right") as server:
        with pytest.raises(hw.IoError, match="uthorization"):
            hw.connect(server.url, user="u", password="wrong", timeout=SECONDS_MAX)
        with hw.connect(server.url, user="u", password="right", timeout=SECONDS_MAX) as hub:
            assert hub.streams() == []
    with pytest.raises(hw.IoError):
        hw.connect(server.url, timeout=SECONDS_MAX)


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(hw.InvalidError, match="url"):
        hw.connect([])
    with pytest.raises(hw.InvalidError, match="password"):
        hw.connect("nats://127.0.0.1:1", user="alone")
    with pytest.raises(hw.InvalidError, match="window"):
        hw.connect("nats://127.0.0.1:1", window=0)
    with pytest.raises(hw.InvalidError, match="replicas"):
        hw.connect("nats://127.0.0.1:1", replicas=6)
    with pytest.raises(TypeError, match="colour"):
        hw.connect("nats://127.0.0.1:1", colour="blue")  # type: ignore[call-arg]
    with hw.memory() as engine:
        with pytest.raises(hw.UnsupportedError):
            engine.hub_state()
        with pytest.raises(hw.UnsupportedError):
            engine.watch_hub()
