"""Up to where a journal was read, and whether anything of it can be gone that was not.

A journal drops its oldest entries. Where the last one that was read is among them, the place is gone; but
nothing is lost, unless the journal now begins after the time up to which all of the unit was read.
"""

import json
import os
import re
import select
import subprocess
import time
from typing import Any

from agents.journal_file import Kept

ASK = ("journalctl", "--quiet", "--no-pager", "--all", "--output=json", "--output-fields=_UID")
SECONDS = 10
"""As long as a question takes at most."""
OF_THE_SYSTEM = "_UID=0"
"""Of root something is said in all files of the system's journal; those of users' own are left out, since one
that nobody writes any more stays when newer ones of the system go."""
_PLACE = re.compile(r"s=(?P<of>[0-9a-f]+);i=(?P<number>[0-9a-f]+);")


def environment() -> dict[str, str]:
    """Without the libraries that our own Python brings, which are not those of the host's programs."""
    return {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}


def micros() -> int:
    """Now, as journals have it."""
    return time.time_ns() // 1000


def newer(cursor: str, seen: int, last: Kept) -> bool:
    """Whether an entry comes after the last one that was read: by its number in the journal, if both are of
    one, since a clock that is set back has later entries look older; else by its time."""
    here, there = _PLACE.match(cursor), _PLACE.match(last.cursor)
    if here and there and here["of"] == there["of"] and int(here["number"], 16) > int(there["number"], 16):
        return True
    return cursor != last.cursor and seen > last.seen


def latest(unit: str) -> list[tuple[str, int]] | None:
    """Cursor and time of the last entry of a unit that the journal has, if it has any; None if it does not
    say."""
    asked = [*ASK, "--merge", f"--unit={unit}", "--lines=1"]
    try:
        done = subprocess.run(
            asked,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
            timeout=SECONDS,
            check=False,
        )
        return None if done.returncode else [_entry(line) for line in done.stdout.splitlines()]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None


def begins() -> int | None:
    """When the system's journal of this machine got the oldest entry that it still has; None if it does not
    say. One that was copied from another machine with its disk is not asked."""
    try:
        child = subprocess.Popen(
            [*ASK, OF_THE_SYSTEM],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
    except OSError:
        return None
    with child:
        out, line = child.stdout, b""
        if out and select.select([out], [], [], SECONDS)[0]:
            line = out.readline()
        child.kill()
    try:
        return _entry(line)[1]
    except (ValueError, KeyError, TypeError):
        return None


def _entry(line: bytes) -> tuple[str, int]:
    entry: Any = json.loads(line)
    return str(entry["__CURSOR"]), int(entry["__REALTIME_TIMESTAMP"])


def may_be_lost(last: Kept) -> bool:
    """Whether the journal can have dropped what was not read, where it has the last entry no more that was.
    A time up to which it was read that is yet to come was told by another clock, and says nothing."""
    until = max(last.seen, last.followed)
    begun = begins()
    return begun is None or begun > until or until > micros()


class Place:
    """Where the reading begins: after the last entry that is in the file, if the journal still has it."""

    def __init__(self, last: Kept | None) -> None:
        self._last = last
        self.known = last is None
        """Whether it is found, or found to be gone."""
        self.gone = False
        """Whether the journal has it no more."""

    def is_new(self, cursor: str, seen: int) -> bool:
        """Whether an entry comes after it. journalctl begins with the last one itself, or else with what it
        finds nearest to its place."""
        if self._last is None:
            return True
        if not self.known:
            self.known, self.gone = True, cursor != self._last.cursor
            if not self.gone:
                self._last = None
                return False
        if not newer(cursor, seen, self._last):
            return False
        self._last = None
        return True

    def all_read(self, last: Kept, found: list[tuple[str, int]]) -> bool:
        """Whether nothing is to come, where that is the last entry that was read and those are the last that
        the journal has."""
        if any(newer(*entry, last) for entry in found):
            return False
        if not self.known and last.cursor not in (cursor for cursor, _ in found):
            self.known = self.gone = True
        return True
