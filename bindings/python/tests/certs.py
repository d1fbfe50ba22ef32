"""Certificates for tests, made by `headwater certs`: a CA and those of two nodes, `a` and `b`."""

import subprocess
from pathlib import Path

from conftest import ROOT


def make(out: Path) -> Path:
    """Makes them in a directory, and returns that."""
    program = ROOT / "target" / "debug" / "headwater"
    assert program.exists(), f"{program} is missing: run `cargo build -p headwater-cli`"
    subprocess.run([program, "certs", "ca", "--out", out], check=True, stdout=subprocess.DEVNULL)
    for name in ("a", "b"):
        signed = ["--ca", str(out), "--name", name, "--out", str(out)]
        subprocess.run([program, "certs", "node", *signed], check=True, stdout=subprocess.DEVNULL)
    return out
