"""The operations of the conformance vectors on entities, and the counter: see tests/conformance/README.md."""

import asyncio
import threading
from typing import Any

from conformance_values import data, told_bytes

import headwater as hw

Arguments = dict[str, Any]


class Counter(hw.Entity):
    """What the vectors know of a handler."""

    kind = "counter"

    async def start(self) -> None:
        if self.key.startswith("none"):
            raise hw.NotFoundError(f"there is no counter {self.key!r}")
        self.sum = 0

    async def handle(self, message: hw.Message) -> bytes | str | None:
        text = "" if message.name == "echo" else message.payload.decode()
        match message.name:
            case "add" | "worked":
                self.sum += int(text or "1")
                return str(self.sum) if message.name == "add" else None
            case "get":
                return str(self.sum)
            case "echo":
                return message.payload
            case "fail":
                raise hw.ConflictError(text)
            case "break":
                raise ArithmeticError("as the vector wants it")
            case "ask":
                return await self.context.request("counter", text, "get")
            case "ask_back":
                return await self.context.request("counter", text, "ask", self.key.encode())
            case "set_timer":
                self.context.set_timer("tick", int(text) / 1000)
            case "cancel_timer":
                return str(self.context.cancel_timer("tick")).lower()
            case "work":
                self.context.spawn("worked", same(message.payload))
            case _:
                raise AssertionError(f"an unknown message {message.name}")
        return None

    async def timer(self, name: str) -> None:
        assert name == "tick"
        self.sum += 1000


async def same(payload: bytes) -> bytes:
    return payload


async def serve(entities: hw.Entities) -> None:
    """Handles counters; those that break are part of it, and nobody is told."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    await entities.serve(Counter)


class EntitySteps:
    """The entities that a vector has named, each with a thread that handles counters."""

    engine: hw.Engine

    def __init__(self) -> None:
        self.entities_of: dict[str, hw.Entities] = {}
        self.serving: list[threading.Thread] = []

    def end_entities(self) -> None:
        """Closes what the vector made."""
        for entities in self.entities_of.values():
            entities.close()
        for thread in self.serving:
            thread.join(10)
            assert not thread.is_alive()

    def entities(self, config: Arguments, **step: Any) -> Any:
        name = step.pop("as")
        assert not step, f"unknown arguments {step}"
        times = {f"{time}_ms": time for time in ("idle", "lease", "ttl")}
        settings = {times.get(name, name): value / 1000 if name in times else value for name, value in config.items()}
        self.entities_of[name] = self.engine.entities(**settings)
        self.serving.append(threading.Thread(target=lambda: asyncio.run(serve(self.entities_of[name]))))
        self.serving[-1].start()

    def entity_request(self, entities: str, kind: str, key: str, name: str, **step: Any) -> Any:
        content = data(step, "payload")
        timeout = step.pop("timeout_ms") / 1000 if "timeout_ms" in step else None
        assert not step, f"unknown arguments {step}"
        answer = self.entities_of[entities].request(kind, key, name, content, timeout=timeout)
        return told_bytes("payload", answer)

    def entity_notify(self, entities: str, kind: str, key: str, name: str, **step: Any) -> Any:
        content = data(step, "payload")
        assert not step, f"unknown arguments {step}"
        self.entities_of[entities].notify(kind, key, name, content)

    def entity_pause(self, entities: str, kind: str, key: str) -> Any:
        self.entities_of[entities].pause(kind, key)

    def entity_step(self, entities: str, kind: str, key: str) -> Any:
        self.entities_of[entities].step(kind, key)

    def entity_resume(self, entities: str, kind: str, key: str) -> Any:
        self.entities_of[entities].resume(kind, key)

    def entities_active(self, entities: str) -> Any:
        return self.entities_of[entities].active

    def entities_list(self, entities: str, kind: str) -> Any:
        return [info._asdict() for info in self.entities_of[entities].list(kind)]

    def entity_where(self, entities: str, kind: str, key: str) -> Any:
        place = self.entities_of[entities].where(kind, key)
        return place._asdict() | {"is_here": place.is_here}

    def entity_nodes(self, entities: str) -> Any:
        return [node._asdict() for node in self.entities_of[entities].nodes()]

    def shard_of(self, kind: str, key: str, shards: int) -> Any:
        return hw.shard_of(kind, key, shards)

    def shard_owner(self, shard: int, nodes: list[list[Any]]) -> Any:
        return hw.shard_owner(shard, [(name, weight) for name, weight in nodes])
