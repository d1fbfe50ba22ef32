"""The operations of the conformance vectors on presence stores: see tests/conformance/README.md."""

from datetime import UTC, datetime
from typing import Any

import headwater as hw

Arguments = dict[str, Any]
BEGIN = 1_767_225_600_000_000_000
STEP_MS = 10_000
DURATIONS = {"ttl", "heartbeat", "grace", "idle", "keep", "beat", "silence", "counts_every", "how_long"}


def settings(given: Arguments) -> Arguments:
    """Arguments as keyword arguments, durations in seconds."""
    return {name: value / 1_000_000_000 if name in DURATIONS else value for name, value in given.items()}


def time_of(ms: int) -> str | None:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z") if ms else None


def session_of(session: hw.PresenceSession) -> Arguments:
    return {
        "session": session.id,
        "status": session.status,
        "message": session.message,
        "device": session.device,
        "metadata": session.meta,
        "since": time_of(session.since_ms),
        "ttl": session.ttl,
        "held": session.held or None,
    }


def user_of(user: hw.PresenceUser) -> Arguments:
    return {
        "user_id": user.user,
        "space": user.space,
        "status": user.status,
        "message": user.message,
        "last_seen": time_of(user.last_seen_ms),
        "updated_at": time_of(user.changed_ms),
        "chosen": user.chosen or None,
        "invisible": user.invisible or None,
        "sessions": [session_of(session) for session in user.sessions],
    }


def reading_of(reading: hw.PresenceReading) -> Arguments:
    users = [user_of(user) for user in reading.users]
    return {"users": users, "as_of": time_of(reading.as_of_ms), "stale": reading.stale}


def event_of(event: Any) -> Arguments:
    match event:
        case hw.PresenceSnapshot():
            users = [user_of(user) for user in event.users]
            return {"type": "snapshot", "position": event.position, "users": users}
        case hw.PresenceChange():
            rest = {"session": event.session, "was": event.was, "user": user_of(event.user)}
            return {"type": event.kind, "position": event.position} | rest
        case hw.PresenceCounts():
            return {"type": "counts", "counts": event._asdict()}
        case hw.PresenceView():
            return {"type": "view", "stale": event.stale, "as_of": time_of(event.as_of_ms)}
    raise TypeError(f"an event {event}")


class PresenceSteps:
    """The presence stores that a vector has named, each with an engine whose time the vector moves."""

    def __init__(self) -> None:
        self.nodes: dict[str, tuple[hw.Engine, hw.ManualClock]] = {}
        self.presences: dict[str, hw.Presence] = {}
        self.held: dict[str, hw.HeldSession] = {}
        self.named: dict[str, Any]

    def end_presences(self) -> None:
        """Closes what the vector made."""
        for engine, _ in self.nodes.values():
            engine.close()

    def presence_open(self, config: Arguments | None = None, **step: Any) -> Any:
        name = step.pop("as")
        assert not step, f"unknown arguments {step}"
        if name not in self.nodes:
            clock = hw.ManualClock(BEGIN)
            self.nodes[name] = hw.memory(clock=clock), clock
        self.presences[name] = self.nodes[name][0].presence(**settings(config or {}))

    def presence_advance(self, presence: str, ms: int, at_once: bool = False) -> Any:
        engine, clock = self.nodes[presence]
        while ms > 0:
            step = ms if at_once else min(ms, STEP_MS)
            clock.advance(step / 1000)
            engine.step()
            ms -= step

    def presence_set(self, presence: str, space: str, user: str, **step: Any) -> Any:
        return user_of(self.presences[presence].set(space, user, **settings(step)))

    def presence_hold(self, presence: str, space: str, user: str, **step: Any) -> Any:
        name = step.pop("as")
        self.held[name] = self.presences[presence].hold(space, user, **settings(step))

    def presence_update(self, held: str, **step: Any) -> Any:
        return user_of(self.held[held].update(**settings(step)))

    def presence_active(self, held: str) -> Any:
        self.held[held].active()

    def presence_release(self, held: str) -> Any:
        self.held[held].leave()

    def presence_heartbeat(self, presence: str, space: str, user: str, **step: Any) -> Any:
        lease = self.presences[presence].heartbeat(space, user, **step)
        return {"expires_ms": lease.expires_ms, "ttl_ms": lease.ttl * 1000}

    def presence_leave(self, presence: str, space: str, user: str, **step: Any) -> Any:
        return user_of(self.presences[presence].leave(space, user, **step))

    def presence_choose(self, presence: str, space: str, user: str, status: Any = None, **step: Any) -> Any:
        return user_of(self.presences[presence].choose(space, user, status, **settings(step)))

    def presence_hide(self, presence: str, space: str, user: str, **step: Any) -> Any:
        return user_of(self.presences[presence].hide(space, user, **step))

    def presence_get(self, presence: str, space: str, user: str) -> Any:
        return user_of(self.presences[presence].get(space, user))

    def presence_get_many(self, presence: str, space: str, users: list[str]) -> Any:
        return reading_of(self.presences[presence].get_many(space, users))

    def presence_list(self, presence: str, space: str) -> Any:
        return reading_of(self.presences[presence].list(space))

    def presence_counts(self, presence: str, space: str) -> Any:
        return self.presences[presence].counts(space)._asdict()

    def presence_spaces(self, presence: str) -> Any:
        return {name: counts._asdict() for name, counts in self.presences[presence].spaces().items()}

    def presence_purge(self, presence: str, **step: Any) -> Any:
        return self.presences[presence].purge(**step)

    def presence_status(self, presence: str) -> Any:
        status = self.presences[presence].status()
        names = "name node answered stale position refused last_error"
        nodes = [{"name": node.name, "state": node.state} for node in status.nodes]
        return {name: getattr(status, name) for name in names.split()} | {"nodes": nodes}

    def presence_close(self, presence: str) -> Any:
        self.presences[presence].close()

    def presence_watch(self, presence: str, space: str, **step: Any) -> Any:
        name = step.pop("as")
        self.named[name] = self.presences[presence].watch(space, **step)
