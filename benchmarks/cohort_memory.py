"""What the stacks of a state folder take of memory now, by stack: all processes that name its folder.

    .venv/bin/python -m benchmarks.cohort_memory [.state]

Resident memory counts what several processes map as often as there are processes; by share (PSS) it is
divided among them, so that sums over stacks are what the machine has to have.
"""

import argparse
import sys
from pathlib import Path

import psutil

from cohorts.survivors import processes

MIB = 2**20


def _sizes(pid: int) -> tuple[int, int]:
    """Resident bytes and those by share; nothing of a process that has ended."""
    try:
        found = psutil.Process(pid).memory_full_info()
    except psutil.NoSuchProcess:
        return 0, 0
    return found.rss, found.pss


def main() -> int:
    """Measure and print; 1 if nothing runs there."""
    options = argparse.ArgumentParser()
    options.add_argument("state", type=Path, nargs="?", default=Path(".state"))
    state = options.parse_args().state.resolve()
    rows = {
        stack: [_sizes(process.pid) for process in running]
        for stack, running in sorted(processes(state).items())
    }
    every = [size for sizes in rows.values() for size in sizes]
    for name, sizes in (*rows.items(), ("all", every)):
        resident, shared = (sum(size[place] for size in sizes) // MIB for place in (0, 1))
        print(f"{name}: {len(sizes)} processes, {resident} MiB resident, {shared} MiB by share")
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
