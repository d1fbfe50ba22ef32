"""How the handlers of entities live and end: leases, mailboxes, timers, tasks, what they hold, closes, and one who
serves no more.
"""

import asyncio
import gc
from typing import Any

import pytest
from entity_keeper import Keeper, serve, serving, until
from test_asyncio import run

import headwater as hw
from headwater import testing


def test_one_that_never_returns_loses_its_lease() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        with pytest.raises(hw.TimeoutError, match="within its lease"):
            await entities.request_async("keeper", "a", "never")
        assert await entities.request_async("keeper", "a", "seen") == b"seen"
        assert (Keeper.made, Keeper.log, told) == (2, ["let go"], [])

    serve(work, lease=0.2)


def test_a_mailbox_that_is_full() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        entities.pause("keeper", "a")
        for _ in range(3):
            await entities.notify_async("keeper", "a", "told")
        with pytest.raises(hw.LimitError):
            await entities.notify_async("keeper", "a", "told")
        with pytest.raises(hw.LimitError):
            await entities.request_async("keeper", "a", "told")
        entities.step("keeper", "a")
        await until(lambda: entities.list()[0].waiting == 2)
        with pytest.raises(hw.TimeoutError):
            await entities.request_async("keeper", "a", "told", timeout=0.05)
        entities.resume("keeper", "a")
        assert await entities.request_async("keeper", "a", "seen") == b"told told told seen"

    serve(work, mailbox=3)


class Clock(hw.Entity):
    """Sets timers."""

    kind = "clock"

    async def start(self) -> None:
        self.rung = list[str]()

    async def handle(self, message: hw.Message) -> str | None:
        match message.name:
            case "set":
                self.context.set_timer("once", 0.01)
                self.context.set_timer("again", 0.01, 0.01)
                self.context.set_timer("late", 3600)
            case "unset":
                told = [self.context.cancel_timer(name) for name in ("once", "again", "late")]
                return " ".join(map(str, told))
            case "rung":
                return " ".join(self.rung)
        return None

    async def timer(self, name: str) -> None:
        self.rung.append(name)


def test_timers_ring_once_and_again(engine: hw.Engine) -> None:
    async def main() -> None:
        entities = engine.entities()
        async with serving(entities, Clock):
            await entities.request_async("clock", "a", "set")
            rung = b""
            async with asyncio.timeout(10):
                while rung.count(b"again") < 3:
                    await asyncio.sleep(0.01)
                    rung = await entities.request_async("clock", "a", "rung")
            assert rung.count(b"once") == 1
            assert await entities.request_async("clock", "a", "unset") == b"False True True"

    run(main())


def test_time_that_a_test_moves() -> None:
    async def main() -> None:
        with testing.world() as world:
            entities = world.engine.entities(idle=60)
            async with serving(entities, Clock, Keeper):
                await entities.request_async("clock", "a", "set")
                world.advance(3600)
                rung = await entities.request_async("clock", "a", "rung")
                assert sorted(rung.decode().split()) == ["again", "late", "once"]
                asked = asyncio.ensure_future(entities.request_async("keeper", "a", "never", timeout=5))
                await until(lambda: Keeper.made)
                world.advance(6)
                with pytest.raises(hw.TimeoutError):
                    await asked

    run(main())


def test_tasks_come_back_and_go_with_their_handler() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        await entities.request_async("keeper", "a", "spawn", b"0.01")
        await asyncio.sleep(0.1)
        assert await entities.request_async("keeper", "a", "seen") == b"spawn spawned seen"
        await entities.request_async("keeper", "a", "spawn_bad")
        await until(lambda: told)
        assert "bad work" in str(told.pop()["exception"])
        for _ in range(2):
            await entities.request_async("keeper", "a", "spawn", b"3600")
        with pytest.raises(hw.LimitError, match="2 background tasks"):
            await entities.request_async("keeper", "a", "spawn", b"3600")
        with pytest.raises(hw.InternalError):
            await entities.request_async("keeper", "a", "break")
        await until(lambda: Keeper.log == ["work let go"] * 2)
        # One that is cancelled before it began is let go all the same.
        await entities.request_async("keeper", "a", "spawn", b"3600")

    serve(work, tasks=2)
    gc.collect()


def test_one_that_nobody_asks_is_stopped() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        await entities.request_async("keeper", "a", "told")
        await until(lambda: Keeper.log == ["stop a"])
        await until(lambda: entities.active == 0)
        assert await entities.request_async("keeper", "a", "seen") == b"seen"

    serve(work, idle=0.05)


def test_those_that_hold_too_much_are_stopped() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        for key, held in (("a", b"40"), ("b", b"60"), ("a", b"30"), ("b", b"70")):
            await entities.request_async("keeper", key, "hold", held)
        await asyncio.sleep(0.05)
        assert (entities.active, Keeper.log) == (2, [])
        # The one that was asked longest ago goes, and without it the rest fits.
        await entities.request_async("keeper", "c", "hold", b"1")
        await until(lambda: entities.active == 2)
        assert Keeper.log == ["stop a"]
        # One that alone is too much goes when it is idle, after the others; a new life holds nothing.
        await entities.request_async("keeper", "d", "hold", b"101")
        await until(lambda: entities.active == 0)
        assert Keeper.log == ["stop a", "stop b", "stop c", "stop d"]
        assert await entities.request_async("keeper", "d", "seen") == b"seen"
        with pytest.raises(hw.InvalidError, match="from 0 to"):
            await entities.request_async("keeper", "d", "hold", b"-1")
        await asyncio.sleep(0.05)
        assert (entities.active, told) == (1, [])

    serve(work, memory=100)


def test_a_context_is_for_turns(engine: hw.Engine) -> None:
    kept = list[hw.Context]()

    class Leaky(Keeper):
        kind = "leaky"

        async def start(self) -> None:
            await super().start()
            kept.append(self.context)

    async def main() -> None:
        entities = engine.entities()
        async with serving(entities, Leaky):
            await entities.request_async("leaky", "a", "told")
            assert (kept[0].kind, kept[0].key) == ("leaky", "a")
            assert kept[0].entities is entities
            with pytest.raises(hw.MisuseError, match="has no turn now"):
                kept[0].set_timer("t", 1)
            with pytest.raises(hw.MisuseError, match="has no turn now"):
                kept[0].holds(1)
            with pytest.raises(hw.MisuseError, match="has no turn now"):
                await kept[0].request("leaky", "b", "told")
            await kept[0].notify("leaky", "a", "told")

    run(main())


def test_one_who_serves_is_cancelled_and_another_goes_on(engine: hw.Engine) -> None:
    async def main() -> None:
        Keeper.log.clear()
        entities = engine.entities()
        task = asyncio.create_task(entities.serve(Keeper))
        await entities.request_async("keeper", "idle", "told")
        asked = asyncio.ensure_future(entities.request_async("keeper", "a", "never"))
        behind = asyncio.ensure_future(entities.request_async("keeper", "a", "seen"))
        await entities.request_async("keeper", "b", "spawn", b"3600")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(hw.InternalError, match="the handler of keeper 'a' was cut off"):
            await asked
        await asyncio.sleep(0)
        assert sorted(Keeper.log) == ["let go", "work let go"]
        async with serving(entities):
            # What was behind it waited, and nobody has the handlers of the one before.
            assert await behind == b"seen"
            with pytest.raises(hw.InternalError, match="is gone"):
                await entities.request_async("keeper", "idle", "seen")
            assert await entities.request_async("keeper", "idle", "seen") == b"seen"
        with pytest.raises(hw.ClosedError):
            await entities.request_async("keeper", "a", "told")

    run(main())


def test_calls_after_close(engine: hw.Engine) -> None:
    with engine.entities() as entities:
        assert entities.active == 0
    for call in (entities.request, entities.notify):
        with pytest.raises(hw.ClosedError):
            call("keeper", "a", "told")
    with pytest.raises(hw.ClosedError):
        entities.pause("keeper", "a")
    run(entities.serve(Keeper))
    entities.close()


def test_a_close_lets_go_of_those_that_wait(engine: hw.Engine) -> None:
    async def main() -> None:
        entities = engine.entities()
        async with serving(entities) as told:
            asked = asyncio.ensure_future(entities.request_async("keeper", "a", "never"))
            await until(lambda: Keeper.made == 1)
            await entities.request_async("keeper", "b", "spawn", b"3600")
        with pytest.raises(hw.ClosedError):
            await asked
        await asyncio.sleep(0)
        assert (sorted(Keeper.log), told) == (["let go", "work let go"], [])

    run(main())
