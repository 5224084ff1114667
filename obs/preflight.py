"""What `obs preflight` shows: a row for each thing that stands in the way, within 80 columns."""

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from components.target import Obstacle
from obs.console import literal, out
from obs.crash import mask

WIDTH = 80


def draw(env: str, found: list[Obstacle]) -> None:
    """The table, and what it means."""
    if found:
        out.print(table(found), width=WIDTH, soft_wrap=False)
    stops = sum(obstacle.fatal for obstacle in found)
    things = f"{stops} thing{'' if stops == 1 else 's'} to put right before"
    text = f"{things} obs up {env}" if stops else f"nothing stops obs up {env}"
    out.print(literal(text, "bad" if stops else "good"))


def table(found: Iterable[Obstacle]) -> Table:
    """What it is about, what was found, what was expected and what to do; what stops a run first."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 1, 0))
    made.add_column("", no_wrap=True)
    made.add_column("about", ratio=3, overflow="fold")
    made.add_column("found", ratio=4, overflow="fold")
    made.add_column("what to do", ratio=7, overflow="fold")
    for it in sorted(found, key=lambda obstacle: not obstacle.fatal):
        kind = literal("stops", "bad") if it.fatal else literal("note", "note")
        told = f"{it.expected}. {it.what_to_do}"
        made.add_row(kind, *(literal(mask(text)) for text in (it.key, str(it.value), told)))
    return made


def as_data(found: Iterable[Obstacle]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "about": it.key,
            "found": mask(str(it.value)),
            "expected": it.expected.removeprefix("expected "),
            "what_to_do": it.what_to_do,
            "stops": it.fatal,
        }
        for it in found
    ]
