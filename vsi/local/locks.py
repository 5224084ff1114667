"""Locks of the operating system: they end with the process that holds them, so none can be left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vsi.errors import DeployError


@contextmanager
def hold(folder: Path, name: str, seconds: float = 900) -> Iterator[None]:
    """Hold the lock `<folder>/<name>.lock`, waiting up to `seconds`; longer raises DeployError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / f"{name}.lock", mode=0o600)
    try:
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except Timeout:
        raise DeployError(
            name,
            f"another run has held {folder / (name + '.lock')} for {seconds:.0f} s. Wait for it, or end it.",
        ) from None
    try:
        yield
    finally:
        lock.release()
