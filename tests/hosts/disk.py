"""The disk of a test host: the base below, what the host writes above it."""

import errno
import os
import shutil
from pathlib import Path

from tests.hosts.commands import LabError, run

SMALL = {"lib": "var/lib", "opt": "opt"}
"""Folders of a host that share its small disk, if it has one: where services keep data, where programs go."""


class Disk:
    """In `folder`, which also holds a link `base`. With `small_mb`, SMALL have so much room and no more."""

    def __init__(self, folder: Path, small_mb: int | None = None) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.small_mb = small_mb
        self._small = folder / "small"

    def make(self) -> None:
        """As a host has it that was never booted."""
        self.root.mkdir()
        try:
            self._overlay()
        except LabError:  # a file system that cannot be written above another: that of a container
            run("cp", "-a", "--reflink=auto", f"{self.folder / 'base'}/.", str(self.root), timeout=300)
        if self.small_mb:
            self._make_small(self.small_mb)

    def remove(self) -> None:
        """With all that is on it."""
        unmount_below(self.folder)
        for name in ("up", "work", "root", "small"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def binds(self) -> list[str]:
        """Options of systemd-nspawn that mount the small disk."""
        return [f"--bind={self._small / name}:/{where}" for name, where in SMALL.items() if self.small_mb]

    def path(self, inside: str) -> Path:
        """Where a file of the host is on this machine."""
        for name, where in SMALL.items():
            if self.small_mb and inside.startswith(f"/{where}/"):
                return self._small / name / inside.removeprefix(f"/{where}/")
        return self.root / inside.removeprefix("/")

    def fill(self, leave_kb: int = 0) -> None:
        """Leave so much room on the small disk."""
        room = os.statvfs(self._filler.parent)
        size = room.f_bavail * room.f_frsize - leave_kb * 1024
        with self._filler.open("wb") as file:
            while size > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                    return
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                size -= room.f_frsize

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    @property
    def _filler(self) -> Path:
        if not self.small_mb:
            raise LabError("a disk that can be filled has to be asked for at the start: small_mb=64")
        return self._small / ".filled"

    def _overlay(self) -> None:
        for name in ("up", "work"):
            (self.folder / name).mkdir()
        (self.folder / "up").chmod(0o755)  # it is the host's root folder, whatever our umask is
        # Relative, since these options would not take every path.
        options = "--options=lowerdir=base,upperdir=up,workdir=work"
        run("mount", "-t", "overlay", "overlay", options, "root", cwd=self.folder)

    def _make_small(self, megabytes: int) -> None:
        taken = sum(int(run("du", "-sk", str(self.root / where)).split()[0]) for where in SMALL.values())
        self._small.mkdir()
        size = f"--options=mode=0755,size={megabytes * 1024 + taken}k"
        run("mount", "-t", "tmpfs", "tmpfs", size, str(self._small))
        for name, where in SMALL.items():
            run("cp", "-a", str(self.root / where), str(self._small / name))


def unmount_below(folder: Path) -> None:
    """Unmount everything that is mounted in a folder."""
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        at = Path(line.split()[4].encode().decode("unicode_escape").encode("latin-1").decode())
        if folder in at.parents:
            run("umount", str(at))
