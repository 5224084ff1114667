"""The changes of a preview, for people: what matters in full, what follows from it as a line."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from obs.console import out
from obs.diff import Change, PartChange

STYLES = {"+": "green", "-": "red", "@": "note"}
LINES = 40
"""Lines of one difference that are shown; `--full` shows the rest."""
SLACK = 10
"""So few more are shown as well: a line that says so would save little."""
FOLLOWS = ("tests/",)
"""Files that nobody writes by hand and that follow from others: the tests of rules."""


def draw(found: Sequence[PartChange], full: bool) -> None:
    """A line per unit and per file, and a unified difference where a file that was there changes.

    New and removed files are named with their length, tests of rules counted. With `full`, everything."""
    if not found:
        out.print("no changes", style="good")
        return
    for unit in found:
        out.print(f"{unit.unit}: {unit.op}", style="bold")
        for text, style in _unit(unit, full):
            out.print(text, style=style)
    names = ", ".join(unit.unit for unit in found)
    files = sum(change.file for unit in found for change in unit.changes)
    out.print(f"would change: {len(found)} units ({names}), {files} files", style="bold")
    if not full:
        out.print("obs preview --full shows every line", style="quiet")


def _unit(unit: PartChange, full: bool) -> Iterator[tuple[str, str]]:
    """(line, style) for one unit."""
    whole = unit.op in ("create", "delete")
    following: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in unit.changes:
        folder = next((prefix for prefix in FOLLOWS if change.name.startswith(prefix)), None)
        if full:
            yield from _whole(change)
        elif folder:
            following[folder, change.kind].append(change)
        elif whole or change.kind != "changed":
            if change.file or not whole:
                yield f"  {change.kind} {change.name} ({_size(change)})", "note"
        else:
            yield from _short(change)
    for (folder, kind), changes in following.items():
        size = sum(_lines(change) for change in changes)
        yield f"  {kind} {folder} ({_count(len(changes), 'file')}, {_count(size, 'line')})", "note"


def _whole(change: Change) -> Iterator[tuple[str, str]]:
    yield f"  {change.kind} {change.name}", "note"
    yield from ((f"    {line}", STYLES.get(line[:1], "")) for line in change.lines)


def _short(change: Change) -> Iterator[tuple[str, str]]:
    """The hunks, up to a limit."""
    yield f"  {change.kind} {change.name}", "note"
    shown = change.lines if len(change.lines) <= LINES + SLACK else change.lines[:LINES]
    yield from ((f"    {line}", STYLES.get(line[:1], "")) for line in shown)
    if rest := len(change.lines) - len(shown):
        yield f"    ... {_count(rest, 'line')} more", "quiet"


def _lines(change: Change) -> int:
    """How many lines come or go."""
    return sum(line[:1] in "+-" for line in change.lines if line)


def _size(change: Change) -> str:
    return _count(_lines(change), "line")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
