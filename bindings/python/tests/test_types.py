"""The stubs say what the module is, and the package, its tests and the examples are fully typed."""

import subprocess
import sys

from conftest import ROOT


def run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stubs_match_the_module() -> None:
    run("mypy.stubtest", "headwater")


def test_everything_is_typed() -> None:
    run("mypy", "--strict", "bindings/python/python/headwater", "bindings/python/tests", "examples/python")
