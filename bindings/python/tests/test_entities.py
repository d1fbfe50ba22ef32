"""Live entities: handlers that answer, refuse, break and wait; many callers, many keys, what asks another."""

import asyncio
from typing import Any

import pytest
from entity_keeper import MARK, Keeper, serve, serving, until
from test_asyncio import run, threads

import headwater as hw


def test_answers_and_refusals() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        assert await entities.request_async("keeper", "a", "told") == b""
        assert await entities.request_async("keeper", "a", "seen") == b"told seen"
        assert await entities.request_async("keeper", "a", "array", memoryview(b"")) == b"array"
        assert await entities.request_async("keeper", "a", "attempt") == b"1 True"
        with pytest.raises(hw.LimitError, match="not so much"):
            await entities.request_async("keeper", "a", "refuse")
        with pytest.raises(hw.ConflictError, match="returned"):
            await entities.request_async("keeper", "a", "return")
        with pytest.raises(hw.NotFoundError, match="there is none"):
            await entities.request_async("keeper", "none", "told")
        with pytest.raises(hw.UnsupportedError, match="no entity of kind 'other' is handled here"):
            await entities.request_async("other", "a", "told")
        with pytest.raises(TypeError, match="encode it"):
            await entities.request_async("keeper", "a", "told", "text")  # type: ignore[arg-type]
        # A refused start is a handler that is gone; the others lived on.
        assert (entities.active, told) == (1, [])
        shard = entities.where("keeper", "a").shard
        assert entities.list("keeper")[0] == hw.EntityInfo("keeper", "a", shard, None, "idle", 0)
        assert [info.kind for info in await entities.list_async()] == ["keeper", "keeper", "other"]

    serve(work)


def test_a_handler_that_breaks_is_made_anew() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        await entities.notify_async("keeper", "a", "told")
        with pytest.raises(hw.InternalError, match="the handler of keeper 'a' raised ValueError: oh"):
            await entities.request_async("keeper", "a", "break", b"oh")
        assert await entities.request_async("keeper", "a", "seen") == b"seen"
        with pytest.raises(hw.InternalError, match="an answer must be bytes, str or None, not int"):
            await entities.request_async("keeper", "a", "number")
        # A wait of its own that was cancelled is no end of the one who serves.
        with pytest.raises(hw.InternalError, match="was cut off"):
            await entities.request_async("keeper", "a", "cancelled")
        with pytest.raises(hw.InternalError, match="TimeoutError"):
            await entities.request_async("keeper", "a", "slow")
        assert await entities.request_async("keeper", "a", "seen") == b"seen"
        assert Keeper.made == 5
        assert [type(about["exception"]) for about in told] == [ValueError, TypeError, TimeoutError]

    serve(work)


def test_what_breaks_each_time_is_given_up() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        entities.notify("keeper", "a", "break", b"again")
        entities.notify("keeper", "a", "told")
        await until(lambda: len(told) == 2)
        assert await entities.request_async("keeper", "a", "seen") == b"told seen"

    serve(work, attempts=2)


def test_many_callers_of_one_key_meet_one_handler() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        asked = (entities.request_async("keeper", "a", "sleep", b"0.001") for _ in range(300))
        await asyncio.gather(*asked)
        assert Keeper.made == 1
        assert len((await entities.request_async("keeper", "a", "seen")).split()) == 301

    serve(work)


def test_different_keys_are_handled_at_once() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        before = threads()
        asked = (entities.request_async("keeper", str(n), "sleep", b"0.2") for n in range(10_000))
        async with asyncio.timeout(20):
            await asyncio.gather(*asked)
        assert threads() <= before + 1
        assert Keeper.made == 10_000

    serve(work)


def test_each_asks_another_and_all_are_answered() -> None:
    """More wait for one than turns are taken at once."""

    async def work(entities: hw.Entities, told: list[Any]) -> None:
        asked = (entities.request_async("keeper", str(n), "ask", b"bank", timeout=20) for n in range(2_000))
        await asyncio.gather(*asked)

    serve(work, mailbox=10_000)


def test_context_variables_do_not_leak_from_one_to_the_next() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        asked = await asyncio.gather(*(entities.request_async("keeper", str(n), "mark") for n in range(20)))
        assert set(asked) == {b""}
        assert MARK.get() == ""

    serve(work)


def test_a_request_that_would_wait_for_itself() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        with pytest.raises(hw.InvalidError, match="keeper 'a' -> keeper 'b' -> keeper 'a'"):
            await entities.request_async("keeper", "a", "ask_me", b"b")
        with pytest.raises(hw.InvalidError, match="keeper 'a' -> keeper 'a'"):
            await entities.request_async("keeper", "a", "ask", b"a")
        assert await entities.request_async("keeper", "a", "tell", b"a") == b""
        assert await entities.request_async("keeper", "a", "seen") == b"ask_me ask tell told seen"
        assert told == []

    serve(work)


def test_what_was_answered_is_said_before_something_slow() -> None:
    async def work(entities: hw.Entities, told: list[Any]) -> None:
        entities.pause("keeper", "a")
        quick = asyncio.ensure_future(entities.request_async("keeper", "a", "seen"))
        slow = asyncio.ensure_future(entities.request_async("keeper", "a", "sleep", b"0.3"))
        await asyncio.sleep(0.05)
        entities.resume("keeper", "a")
        done, _ = await asyncio.wait([quick, slow], return_when=asyncio.FIRST_COMPLETED)
        assert done == {quick}
        await slow

    serve(work)


def test_what_cannot_be_served(engine: hw.Engine) -> None:
    class Nameless(hw.Entity):
        pass

    class Same(hw.Entity):
        kind = "keeper"

    async def main() -> None:
        entities = engine.entities()
        with pytest.raises(hw.InvalidError, match="Nameless does not say"):
            await entities.serve(Nameless)
        with pytest.raises(hw.InvalidError, match="two classes"):
            await entities.serve(Keeper, Same)
        with pytest.raises(TypeError, match="classes that are an Entity"):
            await entities.serve(Keeper())  # type: ignore[arg-type]
        async with serving(entities):
            with pytest.raises(hw.MisuseError, match="served already"):
                await entities.serve(Keeper)
        async with serving(engine.entities(), Same) as told:
            pass
        assert told == []

    run(main())


def test_a_kind_that_does_not_handle(engine: hw.Engine) -> None:
    class Idle(hw.Entity):
        kind = "idle"

    async def main() -> None:
        entities = engine.entities()
        async with serving(entities, Idle) as told:
            with pytest.raises(hw.InternalError, match="Idle does not say how to handle 'x'"):
                await entities.request_async("idle", "a", "x")
            assert len(told) == 1

    run(main())


def test_asked_by_threads_that_wait(engine: hw.Engine) -> None:
    async def main() -> None:
        entities = engine.entities()
        async with serving(entities):
            with pytest.raises(hw.ConflictError):
                await asyncio.to_thread(entities.request, "keeper", "a", "return")
            assert await asyncio.to_thread(entities.request, "keeper", "a", "array", b"", timeout=5) == b"array"
            with pytest.raises(hw.TimeoutError):
                await asyncio.to_thread(entities.request, "keeper", "a", "never", timeout=0.1)

    run(main())
