"""The vectors that every language answers alike: see tests/conformance/README.md."""

import json
import math
from typing import Any

import pytest
from conformance import Runner
from conftest import ROOT

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


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path: Any) -> None:
    with hw.memory() as engine:
        runner = Runner(engine)
        for index, step in enumerate(json.loads(path.read_text())["steps"]):
            place = f"{path.name} step {index}: {json.dumps(step)[:300]}"
            error = step.get("error")
            try:
                result = runner.run(step)
            except hw.Error as raised:
                assert error is not None, f"{place}\ncame {raised.kind}: {raised}"
                came = {"kind": raised.kind, "expected": raised.expected, "actual": raised.actual}
                assert matches(error, came, 0), f"{place}\ncame {came}: {raised}"
            else:
                assert error is None, f"{place}\ncame {result}"
                wanted = step.get("expect")
                assert "expect" not in step or matches(wanted, result, step.get("within", 0)), f"{place}\ncame {result}"


@pytest.mark.parametrize(
    "step", [{"op": "no_such"}, {"op": "streams", "no_such": 1}, {"op": "create_stream", "config": {"no_such": 1}}]
)
def test_what_is_unknown_fails(engine: hw.Engine, step: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, TypeError)):
        Runner(engine).run(step)
