"""A handler that does what the tests want, and what serves it while a test asks."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from test_asyncio import run

import headwater as hw

MARK: contextvars.ContextVar[str] = contextvars.ContextVar("MARK", default="")
Work = Callable[[hw.Entities, list[dict[str, Any]]], Awaitable[None]]


class Keeper(hw.Entity):
    """Does what the tests want of a handler."""

    kind = "keeper"
    made = 0
    log: list[str] = []

    async def start(self) -> None:
        type(self).made += 1
        self.seen = list[str]()
        if self.key.startswith("none"):
            raise hw.NotFoundError("there is none")

    async def handle(self, message: hw.Message) -> Any:
        self.seen.append(message.name)
        match message.name:
            case "sleep":
                await asyncio.sleep(float(message.payload))
            case "never":
                try:
                    await asyncio.Event().wait()
                finally:
                    self.log.append("let go")
            case "refuse":
                raise hw.LimitError("not so much")
            case "return":
                return hw.ConflictError("returned")
            case "break":
                raise ValueError(message.payload.decode())
            case "cancelled":
                raise asyncio.CancelledError
            case "number":
                return 5
            case "array":
                return bytearray(b"array")
            case "slow":
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(30)
            case "mark":
                await asyncio.sleep(0)
                before = MARK.get()
                MARK.set(self.key)
                return before
            case "ask":
                return await self.context.request("keeper", message.payload.decode(), "sleep", b"0")
            case "ask_me":
                return await self.context.request("keeper", message.payload.decode(), "ask", self.key.encode())
            case "tell":
                await self.context.notify("keeper", message.payload.decode(), "told")
            case "hold":
                self.context.holds(int(message.payload))
            case "spawn":
                self.context.spawn("spawned", self.work(float(message.payload)))
            case "spawn_bad":
                self.context.spawn("spawned", self.bad())
            case "attempt":
                return f"{message.attempt} {message.wants_reply}"
            case "seen":
                return " ".join(self.seen)
        return None

    async def timer(self, name: str) -> None:
        self.seen.append(f"timer {name}")

    async def stop(self) -> None:
        self.log.append(f"stop {self.key}")

    async def work(self, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.log.append("work let go")
            raise
        return "worked"

    async def bad(self) -> None:
        raise ValueError("bad work")


@asynccontextmanager
async def serving(entities: hw.Entities, *types: type[hw.Entity]) -> AsyncIterator[list[dict[str, Any]]]:
    """Serves entities while the block lasts, and says what the loop was told."""
    Keeper.made, Keeper.log = 0, []
    told = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))
    task = asyncio.create_task(entities.serve(*types or (Keeper,)))
    await asyncio.sleep(0)
    try:
        yield told
    finally:
        entities.close()
        await asyncio.wait_for(task, 10)


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def serve(work: Work, **settings: Any) -> None:
    """Runs `work(entities, told)` while its entities are served."""

    async def main() -> None:
        with hw.memory() as engine:
            entities = engine.entities(**settings)
            async with serving(entities) as told:
                await work(entities, told)

    run(main())
