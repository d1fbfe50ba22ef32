"""The examples run, in the form that the other languages have too."""

import subprocess
import sys

import pytest
from conftest import ROOT

EXPECTED = {
    "append_read": [
        "appended orders.eu.1 as 3 (fsync)",
        "refused: expected sequence 1, actual 3",
        "last of orders.us.2 is 2",
    ],
    "subscribe": [
        "followed 1000 records, 900 of them live, in order and without a gap",
        "followed 900 more with asyncio",
    ],
    "points": [
        "kitchen.temperature  06:00  min, mean, max: 20.60, 20.85, 21.10",
        "live: kitchen at 02 Mar 00:00 is 23.5",
    ],
    "replica": [
        "both files have 1 Emma at 9.5, 2 Ivanhoe at 3.25",
        "both files have 1 Emma Woodhouse at 12.5, 2 Ivanhoe at 3.25",
        "books replicates, and 0 rows are hidden by a conflict",
    ],
    "crdt": [
        "likes: 5",
        "changed: tags (set)",
        'tags = ["blue"]',
        "likes: 6",
        "0000000000000002-0000000000000001: 5 likes after 40 bytes",
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_example(name: str) -> None:
    script = ROOT / "examples" / "python" / f"{name}.py"
    done = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for line in EXPECTED[name]:
        assert line in done.stdout.splitlines(), done.stdout
