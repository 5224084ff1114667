"""What the stacks of a state folder take of memory now, by stack: all processes that name its folder.

    .venv/bin/python -m benchmarks.cohort_memory [.state] [--programs] [--lone local]

Resident memory counts what several processes map as often as there are processes; by share (PSS) it is
divided among them, so that sums over stacks are what the machine has to have. With `--lone` a stack that runs
there beside a cohort's is taken for what each participant would have alone: the exit code is 1 if the cohort
takes more than half of as many of them.
"""

import argparse
import sys
from pathlib import Path

import psutil

from cohorts.heads import STORE
from cohorts.survivors import processes
from components.heads import PREFIX

MIB = 2**20
SHARE = 0.5


def _sizes(pid: int) -> tuple[int, int]:
    """Resident bytes and those by share; nothing of a process that has ended."""
    try:
        found = psutil.Process(pid).memory_full_info()
    except psutil.NoSuchProcess:
        return 0, 0
    return found.rss, found.pss


def _sum(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(size[0] for size in sizes), sum(size[1] for size in sizes)


def main() -> int:
    """Measure and print; 1 if nothing runs there, or a cohort takes too much."""
    options = argparse.ArgumentParser()
    options.add_argument("state", type=Path, nargs="?", default=Path(".state"))
    options.add_argument("--programs", action="store_true", help="each process, too")
    options.add_argument("--lone", metavar="STACK", help="a stack to hold the cohort against")
    given = options.parse_args()
    found: dict[str, list[tuple[int, int]]] = {}
    for stack, running in sorted(processes(given.state.resolve()).items()):
        for process in running:
            size = _sizes(process.pid)
            found.setdefault(stack, []).append(size)
            if given.programs:
                print(f"  {stack}: {size[0] // MIB} {size[1] // MIB} {process.command}")
    rows = {**found, "all": [size for sizes in found.values() for size in sizes]}
    for name, sizes in rows.items():
        resident, shared = (size // MIB for size in _sum(sizes))
        print(f"{name}: {len(sizes)} processes, {resident} MiB resident, {shared} MiB by share")
    if given.lone is None:
        return 0 if found else 1
    return _held_against(found, given.lone)


def _held_against(found: dict[str, list[tuple[int, int]]], lone: str) -> int:
    """Print by which part of its lone stacks a cohort does; 1 if that is too much, or either is missing."""
    cohort = {name: _sum(sizes) for name, sizes in found.items() if name.startswith(PREFIX)}
    heads = [name for name in cohort if not name.endswith(f"-{STORE}")]
    if not heads or lone not in found:
        print(f"expected a cohort's heads and stack {lone} to run there", file=sys.stderr)
        return 1
    shares = []
    for kind, place in (("resident", 0), ("by share", 1)):
        whole = sum(size[place] for size in cohort.values())
        alone = len(heads) * _sum(found[lone])[place]
        shares.append(whole / alone)
        print(f"{len(heads)} heads, {kind}: {whole // MIB} of {alone // MIB} MiB, {whole / alone:.1%}")
    return 1 if max(shares) > SHARE else 0


if __name__ == "__main__":
    sys.exit(main())
