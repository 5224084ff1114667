"""What `obs status` shows: a row a unit, within 80 columns, then a line for each thing that is not as it
should be, with what to do."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table

from components.target import UnitStatus
from obs.console import literal, out

COLUMNS = ("unit", "state", "pid", "up", "restarts", "ports", "files")
SERVES, SILENT, STARTING = "serves", "no answer", "starting"


def draw(env: str, rows: list[UnitStatus]) -> None:
    """Rows, then problems; nothing but the rows where all is well."""
    out.print(table(rows), soft_wrap=False)
    for line in problems(env, rows):
        out.print(literal(line, "bad" if not line.startswith(" ") else "note"), soft_wrap=True)


def table(rows: Iterable[UnitStatus]) -> Table:
    """A row a unit. The last column speaks of files only: a stopped unit may have the right ones."""
    rows = list(rows)
    cells = [_cells(row) for row in rows]
    may_lack = COLUMNS[2:] if all(row.managed for row in rows) else ("restarts",)
    names = [name for name in COLUMNS if name not in may_lack or any(row[name] for row in cells)]
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        made.add_column(name, justify="right" if name in ("pid", "up", "restarts") else "left")
    for row in cells:
        made.add_row(*(row[name] for name in names))
    return made


def _cells(row: UnitStatus) -> dict[str, Any]:
    """By column; '' where there is nothing to say."""
    state = state_words(row)
    good = "good" if state == SERVES else "note" if state == STARTING else "bad"
    counts = row.state == "running" and (row.uptime or not row.managed)
    return {
        "unit": row.unit,
        "state": literal(state, good),
        "pid": str(row.pid or ""),
        "up": span(row.uptime) if counts else "",
        "restarts": str(row.restarts or ""),
        "ports": ports(row.ports),
        "files": literal("differ", "bad") if row.drift else "" if row.managed else "as deployed",
    }


def problems(env: str, rows: Iterable[UnitStatus]) -> Iterator[str]:
    """What is not as it should be, unit by unit, and below it what to do."""
    down: list[str] = []
    silent: list[str] = []
    different = False
    others: dict[str, None] = {}
    for row in rows:
        if row.managed and row.state != "running":
            others[row.what_to_do] = None
            yield f"{row.unit}: {row.state}: {row.silence}"
        elif row.state != "running":
            down.append(row.unit)
            yield f"{row.unit}: its process is {row.state}{f'; {row.silence}' if row.silence else ''}"
        elif row.silence and row.starting:
            yield f"{row.unit}: starting for {span(row.uptime)}: {row.silence}"
        elif row.silence:
            silent.append(row.unit)
            yield f"{row.unit}: runs, but does not answer: {row.silence}"
        if row.drift:
            different = True
            yield f"{row.unit}: {row.drift}"
    yield from (f"  {what_to_do}" for what_to_do in others)
    if down:
        yield f"  bring back what does not run: obs start {env}"
    if silent:
        names = " ".join(silent)
        yield f"  see why it does not answer: obs logs {env} {names}"
        yield f"  start it anew: obs stop {env} {names}; obs start {env}"
    if different:
        yield f"  bring files in line: obs up {env}"


def state_words(row: UnitStatus) -> str:
    """`serves`, `starting`, `no answer`, or what its process is instead of running."""
    if row.state != "running":
        return row.state
    if not row.silence:
        return SERVES
    return STARTING if row.starting else SILENT


def ports(numbers: Iterable[int]) -> str:
    """`21010-21011 21020`: those in a row as one, since some programs have many."""
    groups: list[list[int]] = []
    for number in sorted(numbers):
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return " ".join(f"{group[0]}-{group[-1]}" if len(group) > 1 else str(group[0]) for group in groups)


def span(seconds: int) -> str:
    """`45s`, `12m`, `3h`, `2d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
