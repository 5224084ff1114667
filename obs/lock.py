"""One run at a time per stack, and no lock left behind by a run that died."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from obs.errors import Locked
from obs.paths import STATE_VARIABLE, writing


@contextmanager
def stack_lock(folder: Path, stack: str, command: str, wait: bool = False) -> Iterator[None]:
    """Hold the stack's lock; Locked, naming the holder, if another run has it and `wait` is not given.

    ObsError if the folder, which is in the state folder, cannot be written. The lock is the kernel's (flock),
    so it ends with the process however that ends. The file's text only says who holds it.
    """
    with _opened(folder / f"{stack}.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise Locked(
                    f"{_holder(file, stack)}\n"
                    "Run this again when it has ended; `obs up --wait` and its like wait for that."
                ) from None
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        holder = json.dumps({"pid": os.getpid(), "command": command, "since": _now()})
        with writing(STATE_VARIABLE, folder):  # past the buffer, which a full disk would fail on again later
            os.write(file.fileno(), holder.encode())
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def _opened(path: Path) -> IO[str]:
    with writing(STATE_VARIABLE, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _holder(file: IO[str], stack: str) -> str:
    file.seek(0)
    try:
        holder = json.load(file)
        return (
            f"stack '{stack}' is locked: `obs {holder['command']}` (process {holder['pid']}) "
            f"has worked on it since {holder['since']}."
        )
    except (json.JSONDecodeError, KeyError, TypeError):
        return f"stack '{stack}' is locked by another run of obs."


def clear_stale_locks(backend: Path, stack: str) -> list[str]:
    """Remove the engine's locks on a stack whose process is dead on this machine; returns what was removed.

    `backend` is the folder of a file back end. A lock of a living process, or of another machine, is none of
    ours: Locked, naming it. Call it while holding `stack_lock`.
    """
    removed = []
    for path in sorted((backend / ".pulumi" / "locks").glob(f"**/{stack}/*.json")):
        try:
            lock = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except json.JSONDecodeError:
            lock = {"hostname": socket.gethostname(), "pid": 0}  # killed while it wrote
        host, pid, since = lock.get("hostname", ""), int(lock.get("pid", 0)), lock.get("timestamp", "")
        if host != socket.gethostname() or _alive(pid, since):
            raise Locked(
                f"stack '{stack}' is locked by a Pulumi run (process {pid} on {host}, since {since}).\n"
                "Wait for it to end. If it is gone for certain: pulumi cancel --yes --stack " + stack
            )
        path.unlink(missing_ok=True)
        removed.append(f"a lock of process {pid}, which is gone")
    return removed


def _alive(pid: int, since: str) -> bool:
    """Whether the process that took a lock at `since` (RFC 3339) still runs; a later one may have its id."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.create_time() <= datetime.fromisoformat(_microseconds(since)).timestamp() + 1
    except psutil.NoSuchProcess:
        return False
    except ValueError:
        return True


def _microseconds(timestamp: str) -> str:
    """An RFC 3339 time with nanoseconds, as Go writes it, in the precision that Python reads."""
    import re

    return re.sub(r"(\.\d{6})\d+", r"\1", timestamp)
