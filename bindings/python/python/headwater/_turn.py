"""A turn of one entity: its items are handled in order, and what they come to is said before anything is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from ._entity import Context, Entity, encoded
from ._errors import Error, UnsupportedError

if TYPE_CHECKING:
    from ._serving import Server


class Turn:
    """A turn, to be awaited once."""

    __slots__ = ("_activation", "_answers", "_id", "_items", "_server", "_task", "_token", "has_waited")

    def __init__(
        self, server: Server, kind: str, key: str, token: int, activation: int, items: list[tuple[str, Any]]
    ) -> None:
        self._server = server
        self._id = (kind, key)
        self._token = token
        self._activation = activation
        self._items = items
        self._answers: list[tuple[int, bytes | Error]] = []
        self._task: asyncio.Task[Any] | None = None
        self.has_waited = False

    def __await__(self) -> Generator[Any, Any, None]:
        work = self._handle()
        # What a handler sets of context variables is not for the next one of this task.
        run = copy_context().run
        step: Callable[[Any], Any] = work.send
        value: Any = None
        try:
            while True:
                try:
                    awaited = run(step, value)
                except StopIteration:
                    return
                self._wait()
                try:
                    value = yield awaited
                except GeneratorExit:
                    work.close()
                    raise
                except BaseException as error:
                    step, value = work.throw, error
                else:
                    step = work.send
        finally:
            # An exception leads to this frame, and is not to be led back to.
            value = None
            if self._server.waiting.get(self._id) is self:
                del self._server.waiting[self._id]

    def cut_off(self) -> None:
        """Its lease is over: what it does is void."""
        self._server.end_life(self._activation)
        if self._task is not None:
            self._task.cancel()

    def _wait(self) -> None:
        if not self.has_waited:
            self.has_waited = True
            self._task = asyncio.current_task()
            self._server.waiting[self._id] = self
            self._server.hand_over()
        if self._answers and not self._say():
            self.cut_off()

    def _say(self) -> bool:
        """Says what the items came to; false if the lease is over, or the entities are closed."""
        answers, self._answers = self._answers, []
        try:
            self._server.turns.complete(self._token, answers)
        except Error:
            return False
        return True

    async def _handle(self) -> None:
        server = self._server
        before = server.waiting.get(self._id)
        if before is not None:
            # One has one turn at a time.
            before.cut_off()
        handler = server.handlers.get(self._activation)
        if handler is None:
            if self._items[0][0] != "start":
                # Of one who served before.
                self._crash(0, "is gone")
                return
        else:
            handler.context._token = self._token
        for item, (what, about) in enumerate(self._items):
            answer: Any = b""
            try:
                if handler is None:
                    handler = self._made()
                    await handler.start()
                    server.handlers[self._activation] = handler
                    self._answers.append((item, b""))
                    continue
                handler.context._item = item
                if what == "message":
                    answer = await handler.handle(about)
                    if type(answer) is not bytes and not isinstance(answer, Error):
                        answer = encoded(answer)
                elif what == "timer":
                    await handler.timer(about)
                else:
                    server.end_life(self._activation)
                    await handler.stop()
                    # Of what it began meanwhile.
                    server.end_life(self._activation)
            except Error as error:
                answer = error
            except BaseException as error:
                self._break(item, error)
                if isinstance(error, Exception) or isinstance(error, asyncio.CancelledError) and not _is_cancelled():
                    return
                raise
            self._answers.append((item, answer))
            if what == "start":
                # It could not be made: what is behind it is settled with that.
                server.end_life(self._activation)
                break
        if handler is not None:
            handler.context._token = None
        if not self._say():
            server.end_life(self._activation)

    def _made(self) -> Entity:
        kind, key = self._id
        entity_type = self._server.kinds.get(kind)
        if entity_type is None:
            raise UnsupportedError(f"no entity of kind {kind!r} is handled here")
        handler = entity_type()
        begin = partial(self._server.begin, self._activation)
        handler.context = Context(self._server.turns, begin, kind, key)
        handler.context._token = self._token
        return handler

    def _break(self, item: int, error: BaseException) -> None:
        self._server.end_life(self._activation)
        if self._answers and not self._say():
            return
        if isinstance(error, asyncio.CancelledError):
            self._crash(item, "was cut off")
            return
        self._crash(item, f"raised {type(error).__name__}: {error}")
        kind, key = self._id
        self._server.tell(f"the handler of {kind} {key!r} broke", error)

    def _crash(self, item: int, why: str) -> None:
        kind, key = self._id
        # One whose lease is over, or of entities that are closed, is nobody's.
        with suppress(Error):
            self._server.turns.crash(self._token, item, f"the handler of {kind} {key!r} {why}")


def _is_cancelled() -> bool:
    """Whether it is this task that was cancelled, and not just something that a handler waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
