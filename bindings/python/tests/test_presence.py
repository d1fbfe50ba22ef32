"""Who is here: sessions held and leased, time that a test moves, reads, watchers; with asyncio, through a node."""

import asyncio
import gc
from pathlib import Path

import pytest

import headwater as hw
from headwater import testing
from node import serving


def test_a_held_session_is_there_for_as_long_as_its_block(engine: hw.Engine) -> None:
    presence = engine.presence()
    with presence.hold("office", "ada", status="busy", message="in a call", meta={"room": 7}) as session:
        user = presence.get("office", "ada")
        assert (user.status, user.message, user.space, user.user) == ("busy", "in a call", "office", "ada")
        assert (user.sessions[0].meta, user.sessions[0].held, user.sessions[0].id) == ({"room": 7}, True, "default")
        assert (session.space, session.user, session.id) == ("office", "ada", "default")
        user = session.update(status="away", device="phone")
        assert (user.status, user.message, user.sessions[0].device) == ("away", "in a call", "phone")
        assert session.update(message="").message is None
        session.active()
        with pytest.raises(TypeError, match="ttl"):
            session.update(ttl=5)  # type: ignore[call-arg]
    assert presence.get("office", "ada").status == "offline"
    session.leave()
    with pytest.raises(hw.NotFoundError):
        session.update(status="online")
    assert engine.presences() == ["presence"] and presence.name == "presence"


def test_a_held_session_goes_with_the_last_reference(engine: hw.Engine) -> None:
    presence = engine.presence()
    session = presence.hold("office", "ada")
    assert presence.counts("office").online == 1
    del session
    gc.collect()
    assert presence.counts("office") == hw.PresenceCounts(0, 0, 0, 0, 0, 0)


def test_a_lease_lives_to_its_deadline_and_a_grace() -> None:
    with testing.world() as world:
        presence = world.engine.presence(grace=5, idle=60)
        user = presence.set("office", "ada", session="tab", ttl=30)
        assert (user.sessions[0].ttl, user.sessions[0].since_ms) == (30.0, testing.START // 1_000_000)
        for _ in range(2):
            world.advance(10)
        lease = presence.heartbeat("office", "ada", "tab")
        assert lease == hw.PresenceLease(testing.START // 1_000_000 + 50_000, 30.0)
        for seconds, status in ((10, "online"), (10, "online"), (10, "online"), (4, "online"), (1, "offline")):
            world.advance(seconds)
            assert presence.get("office", "ada").status == status
        with pytest.raises(hw.NotFoundError):
            presence.heartbeat("office", "ada", "tab", active=True)
        presence.set("office", "bob", ttl=3600)
        for _ in range(6):
            world.advance(10)
        assert presence.get("office", "bob").status == "away"
        presence.heartbeat("office", "bob", active=True)
        assert presence.get("office", "bob").status == "online"


def test_who_is_there_is_told(engine: hw.Engine) -> None:
    presence = engine.presence("site", node="n1")
    presence.set("office", "ada", session="tab", status="busy")
    presence.set("office", "bob")
    assert presence.counts("office") == hw.PresenceCounts(2, 2, 1, 0, 1, 0)
    assert presence.choose("office", "bob", "away", 60).chosen
    assert presence.choose("office", "bob", None).status == "online"
    assert presence.hide("office", "ada").invisible
    reading = presence.list("office")
    assert [user.user for user in reading.users] == ["bob"] and not reading.stale
    presence.hide("office", "ada", on=False)
    assert [user.status for user in presence.get_many("office", ["nobody", "ada"]).users] == ["offline", "busy"]
    assert presence.spaces()["office"].users == 2
    status = presence.status()
    assert (status.name, status.node, status.answered, status.last_error) == ("site", "n1", 2, "")
    assert [(node.name, node.state) for node in status.nodes] == [("n1", "up")]
    assert presence.leave("office", "bob").status == "offline"
    assert presence.purge(node="n1") == 1
    with pytest.raises(hw.NotFoundError):
        presence.purge(node="none")
    presence.close()
    with pytest.raises(hw.ClosedError):
        presence.get("office", "ada")


def test_what_cannot_be_is_refused(engine: hw.Engine) -> None:
    presence = engine.presence()
    with pytest.raises(hw.ConflictError):
        engine.presence(ttl=5)
    with pytest.raises(hw.InvalidError, match="no status"):
        presence.set("office", "ada", status="gone")  # type: ignore[arg-type]
    with pytest.raises(hw.InvalidError, match="1024 bytes"):
        presence.set("office", "ada", message="x" * 1025)
    with pytest.raises(hw.InvalidError, match="time to live"):
        presence.set("office", "ada", ttl=0.5)
    with pytest.raises(TypeError, match="unexpected keyword"):
        presence.set("office", "ada", colour="red")  # type: ignore[call-arg]
    with pytest.raises(hw.InvalidError):
        presence.watch("")
    with pytest.raises(hw.InvalidError, match="1001 users"):
        presence.get_many("office", [str(number) for number in range(1001)])


def test_a_watcher_is_told_and_goes_on_where_it_was(engine: hw.Engine) -> None:
    presence = engine.presence()
    presence.set("office", "ada")
    with presence.watch("office") as watcher:
        first = watcher.next(5)
        assert isinstance(first, hw.PresenceSnapshot) and first.users[0].user == "ada"
        presence.set("office", "ada", status="busy")
        change = watcher.next(5)
        assert isinstance(change, hw.PresenceChange)
        assert (change.kind, change.session, change.was, change.user.status) == (
            "updated",
            "default",
            "online",
            "busy",
        )
    presence.set("office", "bob")
    presence.leave("office", "ada")
    with presence.watch("office", "ada", after=change.position) as watcher:
        (left,) = watcher.next_batch(10, 5)
        assert isinstance(left, hw.PresenceChange) and left.kind == "left"
        assert watcher.try_next(10) == []


def test_asyncio_holds_asks_and_follows(engine: hw.Engine) -> None:
    async def follow() -> list[str]:
        presence = engine.presence()
        kinds = []
        watcher = presence.watch("office")
        assert isinstance(await watcher.next_async(), hw.PresenceSnapshot)
        async with await presence.hold_async("office", "ada", status="away") as session:
            assert (await presence.get_async("office", "ada")).status == "away"
            assert (await session.update_async(status="busy")).status == "busy"
            await session.active_async()
        assert (await presence.get_async("office", "ada")).status == "offline"
        await session.leave_async()
        await presence.set_async("office", "bob", ttl=60)
        assert (await presence.heartbeat_async("office", "bob")).ttl == 60
        assert (await presence.choose_async("office", "bob", "busy")).chosen
        assert (await presence.hide_async("office", "bob")).invisible
        assert not (await presence.hide_async("office", "bob", on=False)).invisible
        assert (await presence.get_many_async("office", "bob")).users[0].status == "busy"
        assert len((await presence.list_async("office")).users) == 1
        assert (await presence.counts_async("office")).busy == 1
        assert (await presence.spaces_async())["office"].busy == 1
        assert (await presence.status_async()).answered == 1
        assert (await presence.leave_async("office", "bob")).status == "offline"
        assert await presence.purge_async() == 0
        async for event in watcher:
            if isinstance(event, hw.PresenceChange):
                kinds.append(f"{event.user.user} {event.kind}")
                if len(kinds) == 8:
                    watcher.close()
        return kinds

    told = asyncio.run(asyncio.wait_for(follow(), 20))
    assert told[:3] == ["ada joined", "ada updated", "ada left"]
    # Who is hidden left, for others, and who is shown again joined.
    assert told[3:] == ["bob joined", "bob updated", "bob left", "bob joined", "bob left"]


def test_through_a_node(tmp_path: Path) -> None:
    with serving(tmp_path), hw.open(tmp_path) as engine, hw.open(tmp_path) as other:
        here, there = engine.presence(), other.presence()
        watcher = there.watch("office")
        assert isinstance(watcher.next(5), hw.PresenceSnapshot)
        with here.hold("office", "ada", status="busy"):
            assert there.get("office", "ada").status == "busy"
            joined = watcher.next(5)
            assert isinstance(joined, hw.PresenceChange) and joined.kind == "joined"
        assert there.get("office", "ada").status == "offline"
