"""What the kernel says of the processes of a stack, for when the supervisor cannot be asked."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil


def state(pid: int) -> str:
    """The kernel's letter for a process's state; `X` for one that is not there."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie, which only waits for its parent."""
    return state(pid) not in ("Z", "X")


def is_suspended(pid: int) -> bool:
    """Whether a process is there but was stopped by a signal or a debugger."""
    return state(pid) in ("T", "t")


def works(pid: int) -> bool:
    """Whether a process can ever answer: it is alive, and not stopped by a signal or a debugger."""
    return state(pid) not in ("Z", "X", "T", "t")


def age(pid: int | None) -> float:
    """How many seconds ago it began; infinite for one that is gone, or none."""
    if pid is None:
        return float("inf")
    try:
        return time.time() - psutil.Process(pid).create_time()
    except psutil.Error:
        return float("inf")


def owner(pid: int) -> int | None:
    """The user id of a process; None if it is gone."""
    try:
        return Path("/proc", str(pid)).stat().st_uid
    except OSError:
        return None


def works_in(pid: int, folder: Path) -> bool:
    """Whether a folder is a process's working directory."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return False


def keeper(config: Path, recorded: Path) -> int | None:
    """The process id of the supervisor that was started with a configuration file: the recorded one or,
    where the record is lost, the one whose command line names it."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(recorded.read_text())
        if _names(pid, config):
            return pid
    if not config.parent.is_dir():
        return None
    return next((pid for pid in psutil.pids() if _names(pid, config) and is_alive(pid)), None)


def _names(pid: int, config: Path) -> bool:
    """Whether a supervisor's command line names the file, under whatever name: links may lead to it."""
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    if not any(word.endswith((b"keeper.py", b"supervisor.supervisord")) for word in words):
        return False
    for word in words:
        if word == os.fsencode(config):
            return True
        if word.endswith(b"/supervisord.conf"):
            with contextlib.suppress(OSError):
                if os.path.samefile(word, config):
                    return True
    return False


def children(pid: int) -> Iterator[tuple[int, Path, float]]:
    """(process id, working directory, start in seconds since the epoch) of each living child."""
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process.pid, Path(process.cwd()), process.create_time()
