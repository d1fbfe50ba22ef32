"""What drives the handlers of entities in an event loop.

One task at a time takes turns, and handles one after another for as long as none of them waits. The first that does has
its task to itself, and another task goes on with the rest: so a turn that does not wait costs no task, and one that
does has one that was `asyncio.current_task()` from its first step on. `_turn.py` handles a turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from ._entity import Answer, Entity, encoded
from ._errors import ClosedError, Error, InvalidError
from ._native import Entities, Turns
from ._turn import Turn

TURNS_AT_ONCE = 64
"""The most turns that are taken together: the lease of each begins then."""


async def serve(entities: Entities, types: tuple[type[Entity], ...]) -> None:
    """Handles entities of these kinds until they are closed."""
    kinds: dict[str, type[Entity]] = {}
    for entity_type in types:
        if not isinstance(entity_type, type) or not issubclass(entity_type, Entity):
            raise TypeError(f"serve() takes classes that are an Entity, not {entity_type!r}")
        kind = getattr(entity_type, "kind", None)
        if not isinstance(kind, str):
            raise InvalidError(f"{entity_type.__name__} does not say of which kind it is")
        if kinds.setdefault(kind, entity_type) is not entity_type:
            raise InvalidError(f"two classes handle entities of kind {kind!r}")
    turns = Turns(entities)
    try:
        await Server(turns, kinds).run()
    finally:
        turns.close()


class Server:
    """The handlers of one loop, and the tasks that have turns."""

    def __init__(self, turns: Turns, kinds: dict[str, type[Entity]]) -> None:
        self.turns = turns
        self.kinds = kinds
        self.handlers: dict[int, Entity] = {}
        """Those that are alive, by their activation."""
        self.waiting: dict[tuple[str, str], Turn] = {}
        """Turns that wait for something, by kind and key."""
        self._loop = asyncio.get_running_loop()
        self._taken: deque[tuple[str, str, int, int, list[tuple[str, Any]]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._taker: asyncio.Task[None] | None = None
        self._background: dict[int, set[asyncio.Task[Answer]]] = {}
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._is_over = False

    async def run(self) -> None:
        """Handles entities until they are closed."""
        self._go_on()
        try:
            await self._end
        finally:
            self._is_over = True
            for activation in list(self._background):
                self.end_life(activation)
            for worker in self._workers:
                worker.cancel()
            # Each turn says for itself that it was cut off.
            await asyncio.gather(*self._workers, return_exceptions=True)
            for kind, key, token, _, _ in self._taken:
                with suppress(Error):
                    self.turns.crash(token, 0, f"{kind} {key!r} was not handled, as whoever serves it ended")

    def hand_over(self) -> None:
        """The task that takes turns has one that waits: another goes on."""
        self._taker = None
        self._go_on()

    def _go_on(self) -> None:
        if self._taker is None and not self._is_over:
            # Not by the loop's factory, which may run it before it is known.
            self._taker = asyncio.Task(self._work(), loop=self._loop)
            self._workers.add(self._taker)
            self._taker.add_done_callback(self._worked)

    async def _work(self) -> None:
        while True:
            if not self._taken:
                self._taken.extend(await self.turns.next_async(TURNS_AT_ONCE))
            turn = Turn(self, *self._taken.popleft())
            await turn
            if turn.has_waited:
                return

    def _worked(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if self._taker is worker:
            self._taker = None
        error = None if worker.cancelled() else worker.exception()
        if error is None:
            self._go_on()
        elif not self._end.done():
            if isinstance(error, ClosedError):
                self._end.set_result(None)
            else:
                self._end.set_exception(error)

    def begin(self, activation: int, task: int, name: str, work: Coroutine[Any, Any, Answer]) -> None:
        """Begins a background task of a handler."""
        begun = self._loop.create_task(work)
        self._background.setdefault(activation, set()).add(begun)
        begun.add_done_callback(partial(self._done, activation, task, name))

    def _done(self, activation: int, task: int, name: str, done: asyncio.Task[Answer]) -> None:
        tasks = self._background.get(activation, set())
        tasks.discard(done)
        if not tasks:
            self._background.pop(activation, None)
        # One whose handler ended meanwhile has nobody to come to.
        with suppress(Error):
            if done.cancelled():
                self.turns.end_task(task)
                return
            try:
                payload = encoded(done.result())
            except Exception as error:
                self.tell(f"the background task {name!r} of an entity raised", error)
                self.turns.end_task(task)
            else:
                self.turns.end_task(task, name, payload)

    def end_life(self, activation: int) -> None:
        """Forgets a handler, and lets go of its background tasks."""
        self.handlers.pop(activation, None)
        for task in self._background.pop(activation, ()):
            task.cancel()

    def tell(self, message: str, error: BaseException) -> None:
        """Tells people where an error comes from, which whoever asked is not told."""
        self._loop.call_exception_handler({"message": message, "exception": error})
