"""What happens when something fails that nobody foresaw: one line, and a file to send along."""

import os
import traceback
from datetime import UTC, datetime

from obs.console import err
from obs.paths import state_folder


def report(error: Exception) -> None:
    """Write the traceback, without secrets, to a file in the state folder, and name it."""
    folder = state_folder() / ".crashes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(mask("".join(traceback.format_exception(error))))
    first = mask(str(error)).splitlines()[0] if str(error) else ""
    err.print(
        f"unexpected error: {type(error).__name__}: {first}\n"
        f"The traceback is in {path}; obs --debug shows it.",
        style="bad",
        markup=False,
    )


def mask(text: str) -> str:
    """The text without the values of secrets: those on this host, and those in likely variables."""
    for value in sorted(_values(), key=len, reverse=True):
        text = text.replace(value, "[secret]")
    return text


def _values() -> set[str]:
    values = {
        value
        for name, value in os.environ.items()
        if any(word in name.upper() for word in ("PASS", "SECRET", "TOKEN", "KEY", "WEBHOOK"))
    }
    for path in state_folder().glob("*/secrets/*"):
        if path.is_file():
            values.add(path.read_text(encoding="utf-8", errors="replace").strip())
    return {value for value in values if len(value) >= 6}
