# ruff: noqa: ARG002
"""Another process at the same cache: `python -m tests.engines_unit.worker BASE built|released`."""

import sys
from pathlib import Path

from tests.engines_unit import toys


class Told:
    """Prints what happens, for the test to read."""

    def start(self, engine: str, what: str, total: float | None, *, unit: str) -> None:
        print(f"start {what}", flush=True)

    def advance(self, engine: str, done: float, total: float | None = None) -> None: ...

    def wait(self, engine: str) -> None:
        print("wait", flush=True)

    def finish(self, engine: str, size: int, seconds: float) -> None:
        print("finish", flush=True)

    def note(self, text: str) -> None: ...


if __name__ == "__main__":
    engine = toys.built() if sys.argv[2] == "built" else toys.released()
    print(toys.store(Path(sys.argv[1]), engine).ensure(["toy"], progress=Told())["toy"], flush=True)
