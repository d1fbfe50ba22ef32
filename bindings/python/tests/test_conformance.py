"""The vectors that every language answers alike: see tests/conformance/README.md."""

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import Runner
from conftest import ROOT
from nats_server import Server
from node import serving

import headwater as hw

VECTORS = sorted((ROOT / "tests" / "conformance").glob("*.json"))


def matches(wanted: Any, got: Any, within: float) -> bool:
    """Whether every field of the expectation is in the result."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(matches(value, got.get(name), within) for name, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(got, list)
            and len(got) == len(wanted)
            and all(matches(*pair, within) for pair in zip(wanted, got, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(got, bool) or not isinstance(wanted, int | float):
        return type(wanted) is type(got) and bool(wanted == got)
    return isinstance(got, int | float) and math.isclose(wanted, got, rel_tol=0, abs_tol=abs(wanted) * within)


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 20


LAGS = {"consumer_info", "crdt_read", "crdt_status", "stream_info"}
LAG_SECONDS_MAX = 5


def on_hub(step: dict[str, Any]) -> dict[str, Any]:
    """The step as it is on a hub: with the fields of its `hub` in place of its own."""
    other = step.get("hub", {})
    replaced = {"expect", "error", "hub"} if {"expect", "error"} & other.keys() else {"hub"}
    merged = {name: value for name, value in step.items() if name not in replaced} | other
    return {name: value for name, value in merged.items() if value is not None or name == "expect"}


def fault(runner: Runner, step: dict[str, Any]) -> str | None:
    """Does a step; what it came to, when it is not what was wanted."""
    error = step.get("error")
    try:
        result = runner.run(step)
    except hw.Error as raised:
        came = {"kind": raised.kind, "expected": raised.expected, "actual": raised.actual}
        return None if error is not None and matches(error, came, 0) else f"came {came}: {raised}"
    held = error is None and ("expect" not in step or matches(step["expect"], result, step.get("within", 0)))
    return None if held else f"came {result}"


EVENTUALLY_SECONDS_MAX = 10


def fault_now(runner: Runner, step: dict[str, Any]) -> str | None:
    """As `fault`; a step that says so is asked again for a while."""
    deadline = time.monotonic() + (EVENTUALLY_SECONDS_MAX if step.get("eventually") else 0)
    while (came := fault(runner, step)) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    return came


def steps_hold(path: Path, engine: hw.Engine) -> None:
    """Does all steps of a vector."""
    runner = Runner(engine)
    try:
        for index, step in enumerate(json.loads(path.read_text())["steps"]):
            came = fault_now(runner, {name: value for name, value in step.items() if name != "hub"})
            assert came is None, f"{path.name} step {index}: {json.dumps(step)[:300]}\n{came}"
    finally:
        runner.end_all()


def fault_on_hub(runner: Runner, step: dict[str, Any]) -> str | None:
    """As `fault_now`; what may lag behind is asked again too."""
    deadline = time.monotonic() + (LAG_SECONDS_MAX if step["op"] in LAGS else 0)
    while (came := fault_now(runner, step)) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return came


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Any) -> None:
    with hw.memory() as engine:
        steps_hold(path, engine)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector_through_a_node(tmp_path: Path, path: Any) -> None:
    with serving(tmp_path / "data"), hw.open(tmp_path / "data", node="only") as engine:
        assert engine.is_through_node
        steps_hold(path, engine)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector_on_a_hub(server: Server, path: Any) -> None:
    vector = json.loads(path.read_text())
    if "local" in vector:
        return
    with hw.connect(server.url) as engine:
        runner = Runner(engine)
        try:
            for index, step in enumerate(vector["steps"]):
                came = fault_on_hub(runner, on_hub(step))
                assert came is None, f"{path.name} step {index}: {json.dumps(on_hub(step))[:300]}\n{came}"
        finally:
            runner.end_all()
    with hw.connect(server.url) as engine:
        for info in engine.streams():
            engine.delete_stream(info.config.name)
    # A server removes files after it has answered, and may find them again for a stream that comes at once.
    time.sleep(0.05)


@pytest.mark.parametrize(
    "step", [{"op": "no_such"}, {"op": "streams", "no_such": 1}, {"op": "create_stream", "config": {"no_such": 1}}]
)
def test_what_is_unknown_fails(engine: hw.Engine, step: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, TypeError)):
        Runner(engine).run(step)
