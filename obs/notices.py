"""Notices that need no action: told once, and again only after they were gone."""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from obs.console import tell
from obs.paths import state_folder


def tell_new(subject: str, texts: Iterable[str]) -> None:
    """Tell those of the texts that the last run on the subject did not have. Where that cannot be remembered,
    all of them."""
    current = list(dict.fromkeys(texts))
    file = state_folder() / ".notices" / f"{subject}.json"
    before = _read(file)
    for text in current:
        if text not in before:
            tell(text, "note")
    if current != before:
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(current), encoding="utf-8")


def _read(file: Path) -> list[str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
