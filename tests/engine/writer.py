"""A program that writes log lines and rotates its file by renaming."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.waiting import until

TODAY = datetime.now(UTC).date()
"""The day of all lines: other days than these can be too old to be taken at their word."""
STEP = 0.05
KEPT = 30
"""Rotated files; more than any test makes, so that none is deleted."""


def line(number: int, level: str = "info", **fields: Any) -> str:
    """A line in the schema, other than every other one."""
    stamp = f"{TODAY}T00:{number // 60_000_000:02d}:{number // 1_000_000 % 60:02d}.{number % 1_000_000:06d}Z"
    return json.dumps({"timestamp": stamp, "log_level": level, "message": f"line {number}", **fields})


class Writer(threading.Thread):
    """Writes `rate` lines a second to `path` and renames it whenever it holds `rotate` of them."""

    def __init__(self, path: Path, rate: int, rotate: int) -> None:
        super().__init__(daemon=True)
        self.path, self.rate, self.rotate = path, rate, rotate
        self.written = 0
        self.rotations = 0
        self._end = threading.Event()

    def run(self) -> None:
        """Until `end`."""
        while not self._end.wait(STEP):
            with self.path.open("a") as file:
                for _ in range(int(self.rate * STEP)):
                    file.write(line(self.written) + "\n")
                    self.written += 1
            if self.written >= self.rotate * (self.rotations + 1):
                self._rename()

    def _rename(self) -> None:
        for old in range(KEPT, 0, -1):
            rotated = self.path.with_name(f"{self.path.name}.{old}")
            if rotated.exists():
                rotated.rename(self.path.with_name(f"{self.path.name}.{old + 1}"))
        self.path.rename(self.path.with_name(self.path.name + ".1"))
        self.rotations += 1

    def wait_for(self, lines: int) -> None:
        """Until so many more are written."""
        wanted = self.written + lines
        until(lambda: self.written >= wanted, "lines are written")

    def end(self) -> int:
        """Stop; how many lines there are."""
        self._end.set()
        if self.ident is not None:
            self.join()
        return self.written
