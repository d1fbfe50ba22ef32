"""What the tests share: an engine in memory, one on disk, and a stream of orders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater as hw

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def engine() -> Iterator[hw.Engine]:
    with hw.memory() as engine:
        yield engine


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[hw.Engine]:
    with hw.open(tmp_path / "data") as engine:
        yield engine


@pytest.fixture
def orders(engine: hw.Engine) -> hw.Stream:
    return engine.create_stream("orders", subjects=["orders.>"])
