"""A real nats-server for the tests: 2.15.1 from `.tools/nats`, on a free port of 127.0.0.1."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from conftest import ROOT

VERSION = "2.15.1"
SECONDS_MAX = 30


class Server:
    """One that runs, with its store in `dir`; it ends with its block, by its process id."""

    def __init__(self, dir: Path, *arguments: str) -> None:
        self.dir = dir
        self.arguments = arguments
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.start("-1")

    def start(self, port: str) -> None:
        program = ROOT / ".tools" / "nats" / VERSION / "nats-server"
        assert program.exists(), f"{program} is missing: run `cargo xtask tools`"
        place = ["--ports_file_dir", str(self.dir), "-sd", str(self.dir / "store")]
        fixed = ["-js", "-a", "127.0.0.1", "-p", port, *place]
        with (self.dir / "log").open("ab") as log:
            self.process = subprocess.Popen([program, *fixed, *self.arguments], stderr=log, stdout=log)
        ports = self.dir / f"nats-server_{self.process.pid}.ports"
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            assert time.monotonic() < deadline, f"the server did not come up: {(self.dir / 'log').read_text()}"
            try:
                self.url = json.loads(ports.read_text())["nats"][0]
                return
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.01)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Kills it and starts it again at the same port."""
        self.stop()
        self.start(self.url.rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
