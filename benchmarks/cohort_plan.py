"""What a plan of a cohort costs: of one head, and of thirty, in one process and as `obs cohort plan`.

Prints the least and the median of all rounds, and exits 1 if thirty heads cost more than ten times one.

    .venv/bin/python -m benchmarks.cohort_plan [--rounds 5]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import targets
from obs.commands.cohort import planned

FACTOR = 10


def _file(folder: Path, heads: int) -> Path:
    file = folder / f"{heads}.yaml"
    rows = "".join(
        f"  - {{name: Person {number}, email: p{number}@example.org}}\n" for number in range(heads)
    )
    file.write_text(
        f"name: bench\ntemplate: local\ntarget: local\nexpires: '2099-01-01T00:00:00Z'\nroster:\n{rows}",
        encoding="utf-8",
    )
    return file


def _in_process(file: Path) -> None:
    targets._planned.clear()
    planned(file)


def _as_command(file: Path) -> None:
    # 2 where this machine is too small for thirty: the plan was made all the same.
    found = subprocess.run(
        [sys.executable, "-m", "obs", "cohort", "plan", str(file), "--json"], check=False, capture_output=True
    )
    assert found.returncode in (0, 2), found.stderr


def _seconds(run: Callable[[Path], None], file: Path, rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        begun = time.monotonic()
        run(file)
        found.append(time.monotonic() - begun)
    return found


def main() -> int:
    """Measure and print; 1 if thirty heads cost too much."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        one, thirty = (_file(Path(folder), heads) for heads in (1, 30))
        _in_process(one)  # imports, once
        for name, run in (("in one process", _in_process), ("as a command", _as_command)):
            few, many = (_seconds(run, file, rounds) for file in (one, thirty))
            factor = min(many) / min(few)
            slow |= factor > FACTOR
            print(
                f"{name}: 1 head {min(few):.3f} s (median {statistics.median(few):.3f}), "
                f"30 heads {min(many):.3f} s (median {statistics.median(many):.3f}): {factor:.1f} times"
            )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
