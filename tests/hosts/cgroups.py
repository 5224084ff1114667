"""A cgroup for each host: without one of its own, all hosts would share their services' cgroups.

It also tells whether anything of a host still runs, freezes it, and kills it at once.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.hosts.commands import LabError
from tests.waiting import until

_MEMBERS = "cgroup.procs"


def roots() -> list[Path]:
    """Where hierarchies that systemd uses are mounted: version 2 first, and systemd's own of version 1 where
    there is one. Empty without a version 2 that we can write to."""
    unified, named = [], []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        folder = Path(left.split()[4])
        kind, _, options = right.split()
        if kind == "cgroup2" and os.access(folder, os.W_OK):
            unified.append(folder)
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            named.append(folder)
    return unified[:1] + named[:1] if unified else []


class Group:
    """The cgroups of one name, `<lab>/<host>` or `<lab>`, one in each hierarchy."""

    def __init__(self, name: str) -> None:
        self.folders = [root / name for root in roots()]

    def make(self) -> list[Path]:
        """Make them; the files to which a process writes its id to be in them."""
        for folder in self.folders:
            folder.mkdir(parents=True, exist_ok=True)
        _delegate(self.folders[0].parent)
        return [folder / _MEMBERS for folder in self.folders]

    def alive(self) -> bool:
        """Whether there is any process in them."""
        try:
            return "populated 1" in (self.folders[0] / "cgroup.events").read_text()
        except FileNotFoundError:
            return False

    def freeze(self, frozen: bool) -> None:
        """Stop all processes where they are, or let them go on; done when it is so."""
        folder = self.folders[0]
        (folder / "cgroup.freeze").write_text(f"{frozen:d}")
        expected = f"frozen {frozen:d}"
        until(lambda: expected in (folder / "cgroup.events").read_text(), f"{folder} {expected}", 10)

    def kill(self) -> None:
        """Kill all processes at once, and wait until they are gone."""
        if self.folders[0].exists():
            (self.folders[0] / "cgroup.kill").write_text("1")
            until(lambda: not self.alive(), f"processes of {self.folders[0]} gone", 30)

    def remove(self) -> None:
        """Kill, and remove the cgroups with all that are in them."""
        self.kill()
        for folder in self.folders:
            until(partial(_removed, folder), f"{folder} removed", 10)


def _removed(folder: Path) -> bool:
    """Remove cgroups bottom up; whether all are gone. One whose last process is just ending is busy."""
    try:
        for below, _, _ in os.walk(folder, topdown=False):
            os.rmdir(below)
    except OSError:
        return False
    return True


def _delegate(folder: Path) -> None:
    """Let the cgroups below a folder limit what this machine's can limit."""
    for at in (folder.parent, folder):
        for controller in _words(at / "cgroup.controllers"):
            try:
                (at / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:
                continue  # a machine whose root group may not be touched has hosts without limits


def _words(file: Path) -> Iterator[str]:
    try:
        yield from file.read_text().split()
    except OSError as error:
        raise LabError(f"{file}: {error}") from None
