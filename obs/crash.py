"""What happens when something fails that nobody foresaw: one line, and a file to send along."""

import contextlib
import os
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from obs.console import err
from obs.paths import state_folder

LIKELY = ("PASS", "SECRET", "TOKEN", "KEY", "WEBHOOK")
"""Words in the names of environment variables that hold secrets."""


def report(error: Exception) -> None:
    """Write the traceback, without secrets, to a file in the state folder, and name it.

    Where it cannot be written, which may be what failed in the first place, only the line is shown.
    """
    first = mask(str(error)).splitlines()[0] if str(error) else ""
    try:
        where = f"The traceback is in {_write(mask(''.join(traceback.format_exception(error))))};"
    except OSError as problem:
        where = f"The traceback cannot be written to {_folder()} ({problem.strerror});"
    err.print(
        f"unexpected error: {type(error).__name__}: {first}\n{where} obs --debug shows it.",
        style="bad",
    )


def _folder() -> Path:
    return state_folder() / ".crashes"


def _write(text: str) -> Path:
    _folder().mkdir(parents=True, exist_ok=True)
    path = _folder() / f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


_named: set[str] = set()


def hide(variables: Iterable[str]) -> None:
    """From now on `mask` hides the values of these environment variables, whatever their names are like."""
    _named.update(variables)


def mask(text: str) -> str:
    """The text without the values of secrets: those on this host, those in variables that a stack file read
    so far names as secrets, and those in variables with likely names."""
    for value in sorted(_values(), key=len, reverse=True):
        text = text.replace(value, "[secret]")
    return text


def _values() -> set[str]:
    values = {
        value
        for name, value in os.environ.items()
        if name in _named or any(word in name.upper() for word in LIKELY)
    }
    with contextlib.suppress(OSError):  # another user's state: its secrets cannot have been read before
        for path in state_folder().glob("*/secrets/*"):
            if path.is_file():
                values.add(path.read_text(encoding="utf-8", errors="replace").strip())
    return {value for value in values if len(value) >= 6}
