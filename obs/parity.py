"""What `obs parity` shows: a row an aspect, within 80 columns, then what differs, and why where it may."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.table import Table

from components.parity.compare import Declared, Difference
from components.parity.content import ASPECTS
from obs.console import literal, out
from targets.parity import Parity

_WIDTH = 80
_SHOWN = 20
"""Differences that are drawn; `--json` has them all."""


def draw(found: Parity, one: str, other: str) -> None:
    """A table, then one paragraph for each thing to know."""
    out.print(_table(found), width=_WIDTH, soft_wrap=False)
    comparison = found.comparison
    reasons = Counter(declared.reason for _, declared in comparison.declared)
    _paragraph("Declared differences:", ((str(times), reason) for reason, times in reasons.items()))
    _paragraph("Declared, but not found here:", ((item.reason,) for item in comparison.unused))
    title = f"The stack files differ; both targets were given what {found.described} says:"
    _paragraph(title, found.settings)
    different = comparison.different
    for item in different[:_SHOWN]:
        values = ((one, item.one), (other, item.other))
        rows = ((stack, "(nothing)" if value is None else value) for stack, value in values)
        _paragraph(f"{item.aspect}: {item.path}", rows, "bad")
    if len(different) > _SHOWN:
        out.print(literal(f"and {len(different) - _SHOWN} more: --json", "bad"))
    told = f"{len(different)} undeclared differences" if different else "no undeclared difference"
    out.print(literal(f"\nobs parity {one} {other}: {told}", "bad" if different else "good"))


def as_data(found: Parity, one: str, other: str) -> dict[str, Any]:
    """All of it, for programs."""
    comparison = found.comparison
    names = ("equal", "declared", "different")
    return {
        "stacks": [one, other],
        "described": found.described,
        "aspects": {aspect: dict(zip(names, comparison.of(aspect), strict=True)) for aspect in ASPECTS},
        "different": [_data(item) for item in comparison.different],
        "declared": [{**_data(item), "reason": declared.reason} for item, declared in comparison.declared],
        "not_found": [_reason(item) for item in comparison.unused],
        "settings": [{"key": key, "values": values} for key, *values in found.settings],
    }


def _reason(item: Declared) -> dict[str, Any]:
    return {"reason": item.reason, "where": list(item.where)}


def _data(item: Difference) -> dict[str, Any]:
    return {"aspect": item.aspect, "path": item.path, "values": [item.one, item.other]}


def _table(found: Parity) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("what")
    for name in ("equal", "declared", "different"):
        made.add_column(name, justify="right")
    for aspect in ASPECTS:
        equal, declared, different = found.comparison.of(aspect)
        made.add_row(
            aspect, str(equal), str(declared or ""), literal(str(different or ""), "bad" if different else "")
        )
    return made


def _paragraph(title: str, rows: Iterable[tuple[str, ...]], style: str = "note") -> None:
    """A title and rows below it, each cell wrapped in its own column."""
    rows = list(rows)
    if not rows:
        return
    out.print(literal(f"\n{title}", style))
    made = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        made.add_row("", *(literal(cell) for cell in row))
    out.print(made, width=_WIDTH, soft_wrap=False)
