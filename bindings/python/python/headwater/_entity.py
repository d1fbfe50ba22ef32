"""What a program writes of a live entity, and what its handler knows. `_serving.py` drives it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, ClassVar

from ._errors import Error, MisuseError
from ._model import Message
from ._native import Entities, Turns

Answer = bytes | bytearray | memoryview | str | None
"""What a handler may answer: text is sent as UTF-8, and `None` as nothing."""


def encoded(answer: Any) -> bytes:
    """The bytes of an answer."""
    if answer is None:
        return b""
    if isinstance(answer, str):
        return answer.encode()
    if isinstance(answer, bytes | bytearray | memoryview):
        return bytes(answer)
    raise TypeError(f"an answer must be bytes, str or None, not {type(answer).__name__}")


class Context:
    """What a handler knows and may do while it handles something; between turns it may do nothing."""

    __slots__ = ("_begin", "_item", "_token", "_turns", "key", "kind")

    kind: str
    """The kind of the entity."""

    key: str
    """Which one it is."""

    def __init__(
        self, turns: Turns, begin: Callable[[int, str, Coroutine[Any, Any, Answer]], None], kind: str, key: str
    ) -> None:
        self.kind = kind
        self.key = key
        self._turns = turns
        self._begin = begin
        self._token: int | None = None
        self._item = 0

    @property
    def entities(self) -> Entities:
        """All entities. What is asked through them waits for no turn, so background tasks ask there."""
        return self._turns.entities

    async def request(
        self,
        kind: str,
        key: str,
        name: str,
        payload: bytes | bytearray | memoryview = b"",
        *,
        timeout: float | timedelta | None = None,
    ) -> bytes:
        """Asks another entity. One that would come back to this one is refused, as it would wait for itself."""
        return await self._turns.request_async(self._turn(), self._item, kind, key, name, payload, timeout)

    async def notify(self, kind: str, key: str, name: str, payload: bytes | bytearray | memoryview = b"") -> None:
        """Tells an entity something, which may be this one."""
        await self.entities.notify_async(kind, key, name, payload)

    def set_timer(self, name: str, after: float | timedelta, every: float | timedelta = 0) -> None:
        """Sets a timer, in the place of one of the same name: `Entity.timer` is called `after` that time, and then
        `every` so long, or once when that is 0. It ends with its handler.
        """
        self._turns.set_timer(self._turn(), name, after, every)

    def cancel_timer(self, name: str) -> bool:
        """Takes a timer back; false if there is none of this name."""
        return self._turns.cancel_timer(self._turn(), name)

    def holds(self, bytes: int) -> None:
        """Says how many bytes the handler holds, from now on until it says otherwise or ends: what the `memory` of the
        entities limits.
        """
        self._turns.holds(self._turn(), bytes)

    def spawn(self, name: str, work: Coroutine[Any, Any, Answer]) -> None:
        """Does something in the background, while the handler takes messages: what it comes to arrives as a message of
        this name, which nobody waits for. It keeps the handler alive, and is cancelled when that ends. One that raises
        is told to the event loop's exception handler, and no message comes.
        """
        try:
            task = self._turns.begin_task(self._turn())
        except Error:
            work.close()
            raise
        self._begin(task, name, work)

    def _turn(self) -> int:
        if self._token is None:
            raise MisuseError(f"{self.kind} {self.key!r} has no turn now: ask through `context.entities`")
        return self._token


class Entity:
    """A handler: what is alive of an entity while it is wanted. One thing at a time is told to it.

    What is raised or returned as a `headwater.Error` is a refusal, and goes to whoever asked. Any other exception
    breaks the handler: whoever asked gets an `InternalError` with its text, and the handler is made anew.
    """

    kind: ClassVar[str]
    """The name of the kind, which stays whatever becomes of the program."""

    context: Context

    @property
    def key(self) -> str:
        """Which one it is of its kind."""
        return self.context.key

    async def start(self) -> None:
        """Makes it ready, say of its events."""

    async def handle(self, message: Message) -> Answer | Error:
        """Handles a message; the answer goes to whoever asked."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to handle {message.name!r}")

    async def timer(self, name: str) -> None:
        """A time has come that was set with `Context.set_timer`."""

    async def stop(self) -> None:
        """It is not wanted any more."""


for _class in (Context, Entity):
    _class.__module__ = "headwater"
