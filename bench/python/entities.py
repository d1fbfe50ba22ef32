"""Asks an entity from Python, or a task through an asyncio queue, and says how long one request took.

    entities.py entity|queue WARM_UP REQUESTS

See src/rows/entities_calls.rs.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import headwater

ONE = (1).to_bytes(8, "little")

Ask = Callable[[], Awaitable[bytes]]


class Sum:
    """Adds up what it is told, and answers the sum."""

    def __init__(self) -> None:
        self.sum = 0

    def add(self, payload: bytes) -> bytes:
        self.sum += int.from_bytes(payload, "little")
        return self.sum.to_bytes(8, "little")


class Counter(headwater.Entity):
    kind = "counter"

    async def start(self) -> None:
        self.total = Sum()

    async def handle(self, message: headwater.Message) -> bytes:
        return self.total.add(message.payload)


async def timed(ask: Ask, warm_up: int, requests: int) -> None:
    for _ in range(warm_up):
        await ask()
    began = time.perf_counter_ns()
    for _ in range(requests):
        answer = await ask()
    print("ns", (time.perf_counter_ns() - began) / requests)
    print("sum", int.from_bytes(answer, "little"))


async def entity(warm_up: int, requests: int) -> None:
    with headwater.memory() as engine, engine.entities() as entities:
        serving = asyncio.create_task(entities.serve(Counter))
        await timed(lambda: entities.request_async("counter", "a", "add", ONE), warm_up, requests)
        entities.close()
        await serving


async def queue(warm_up: int, requests: int) -> None:
    loop = asyncio.get_running_loop()
    letters: asyncio.Queue[tuple[bytes, asyncio.Future[bytes]]] = asyncio.Queue()

    async def serve() -> None:
        total = Sum()
        while True:
            payload, answered = await letters.get()
            answered.set_result(total.add(payload))

    async def ask() -> bytes:
        answered: asyncio.Future[bytes] = loop.create_future()
        await letters.put((ONE, answered))
        return await answered

    serving = asyncio.create_task(serve())
    await timed(ask, warm_up, requests)
    serving.cancel()


def main() -> None:
    job, warm_up, requests = sys.argv[1:]
    work = entity if job == "entity" else queue
    asyncio.run(work(int(warm_up), int(requests)))


main()
