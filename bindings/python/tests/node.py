"""A node for the tests: `headwater serve` on a directory, so that engines of this process work through it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import ROOT


@contextmanager
def serving(dir: Path) -> Iterator[None]:
    """Runs a node on `dir` for as long as the block lasts; it ends by its process id."""
    program = ROOT / "target" / "debug" / "headwater"
    assert program.exists(), f"{program} is missing: run `cargo build -p headwater-cli`"
    with subprocess.Popen([program, "serve", "--dir", dir], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"serving ")
            yield
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
