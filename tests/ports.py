"""Ports for tests: of loopback, free, and of one test process only.

They lie below the kernel's ephemeral range, since any outgoing connection of anything on the machine may hold
a port in there for a moment. Processes share them out with one lock file per slot of ports.
"""

import fcntl
import itertools
import os
import tempfile
from pathlib import Path

from vsi.local.ports import is_free

SLOT = 400
"""Ports in a slot, more than one stack takes."""
_SLOTS: list[int] = [*range(11_000, 21_000 - SLOT, SLOT), *range(21_400, 32_000 - SLOT, SLOT)]
"""First ports; 21000, where a stack of the user's own is by default, is left out."""
_FOLDER = Path(tempfile.gettempdir()) / f"obs-test-ports.{os.getuid()}"

_held: list[int] = []
"""Descriptors of this process's locks; they last as long as it does."""
_rest: list[int] = []
"""What is left of the slot that it took last."""


def free_base(span: int) -> int:
    """The first of `span` (at most SLOT) ports in a row that are free and that no other test gets.
    AssertionError if there are none."""
    assert 0 < span <= SLOT
    while True:
        if len(_rest) < span:
            first = _take_slot()
            _rest[:] = range(first, first + SLOT)
        ports = _rest[:span]
        del _rest[:span]
        if all(is_free(port) for port in ports):
            return ports[0]


def free_port() -> int:
    """One such port."""
    return free_base(1)


def _take_slot() -> int:
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    first = os.getpid() % len(_SLOTS)
    for base in itertools.islice(itertools.cycle(_SLOTS), first, first + len(_SLOTS)):
        lock = os.open(_FOLDER / str(base), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _held.append(lock)
        return base
    raise AssertionError(f"all {len(_SLOTS)} slots of test ports are taken; lock files are in {_FOLDER}")
