"""What `obs cohort` shows: tables of heads, and the sums below them."""

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from obs.console import err, literal, out, tell

if TYPE_CHECKING:
    from cohorts.heads import Head
    from cohorts.plan import CohortPlan
    from cohorts.record import Entry
    from cohorts.status import HeadStatus
    from cohorts.survivors import Survivor
    from cohorts.work import Result

WORDS = {"making": ("making", "is up"), "leaving": ("taking down", "is down")}


def table(*names: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the manner of `obs status`."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def draw_plan(made: "CohortPlan") -> None:
    """A row a head, then what is needed in all and what there is, then what stands in the way."""
    out.print(_heads(made), soft_wrap=False)
    out.print("")
    out.print(_sums(made), soft_wrap=False)
    cohort = made.cohort
    out.print(
        f"{len(made.heads)} heads, {made.to_make} to be made; at most {made.fits} fit here; until "
        f"{cohort.expires.isoformat(timespec='minutes')}"
        if not made.unbounded
        else f"{len(made.heads)} heads, {made.to_make} to be made; nothing here says how many fit; until "
        f"{cohort.expires.isoformat(timespec='minutes')}"
    )
    for note in made.notes:
        tell(note, "note")
    for problem in made.problems:
        tell(str(problem), "bad")
    if made.problems:
        tell("nothing can be made like this", "bad")


def _heads(made: "CohortPlan") -> Table:
    need = made.need
    amounts: list[tuple[str, Callable[[Head], str]]] = [
        *([("ports", lambda head: _ports(head.port_base, head.last_port))] if made.has_ports else []),
        *([("memory", lambda _: f"{need.memory_mb} MB")] if need.memory_mb else []),
        *([("disk", lambda _: f"{need.disk_mb} MB")] if need.disk_mb else []),
    ]
    shown = table(
        "participant", "team", "stack", *(name for name, _ in amounts), "", right=("memory", "disk")
    )
    for head in made.heads:
        there = "there" if head.stack in made.standing else "to be made"
        of = [amount(head) for _, amount in amounts]
        shown.add_row(head.person.name, head.person.team or "", head.stack, *of, there)
    if made.store and made.store_need:
        shared = made.store
        shown.add_row(
            shared.person.name,
            "",
            shared.stack,
            _ports(shared.port_base, shared.last_port),
            f"{made.store_need.memory_mb} MB",
            "with theirs",
            "there" if made.store_stands else "to be made",
        )
    return shown


def _ports(first: int | None, last: int | None) -> str:
    return f"{first}-{last}" if first else "none left"


def _sums(made: "CohortPlan") -> Table:
    need, place, more = made.need, made.place, made.to_make
    sums = table("", "needed", "free here", right=("needed", "free here"))
    if need.memory_mb:
        sums.add_row("memory", f"{more * need.memory_mb + made.store_mb} MB", f"{place.memory_mb} MB")
    if need.disk_mb:
        sums.add_row("disk", f"{more * need.disk_mb} MB", f"{place.disk_mb} MB")
    for limit in made.limits:
        needed = f"{limit.each:g} each" if limit.alone else f"{limit.each * more:g}"
        free = f"not known: {limit.what_to_do}" if limit.free is None else f"{limit.free:g}"
        sums.add_row(limit.what, needed if limit.each else "?", free)
    return sums


def draw_status(rows: "Iterable[HeadStatus]") -> None:
    """A row a head, then what is not as it should be."""
    rows = list(rows)
    shown = table(
        "participant", "team", "stack", "state", "units", "memory", "disk", right=("memory", "disk")
    )
    for row in rows:
        good = "bad" if row.trouble else "good"
        shown.add_row(
            row.entry.name,
            row.entry.team or "",
            row.stack,
            literal(row.entry.state, good),
            f"{row.serving}/{row.units}",
            f"{row.memory_mb} MB",
            f"{row.disk_mb} MB",
        )
    out.print(shown, soft_wrap=False)
    memory, disk = sum(row.memory_mb for row in rows), sum(row.disk_mb for row in rows)
    out.print(f"{len(rows)} heads use {memory} MB of memory and {disk} MB of disk")
    for row in rows:
        for trouble in row.trouble:
            tell(f"{row.stack}: {trouble}", "bad")


def draw_leaving(pairs: "Iterable[tuple[str, Entry]]", found: "Iterable[Survivor]") -> None:
    """What would be taken down: heads, then each thing of them that is there."""
    heads = table("participant", "stack", "state")
    for stack, entry in pairs:
        heads.add_row(entry.name, stack, entry.state)
    out.print(heads, soft_wrap=False)
    out.print("")
    _lines(found, "there now")


def draw_survivors(found: "Iterable[Survivor]") -> None:
    """What is left that should not be; nothing if nothing is."""
    rows = list(found)
    if not rows:
        return
    _lines(rows, "still there")
    tell(f"{len(rows)} things are still there. End or remove them, then run this again", "bad")


def _lines(found: "Iterable[Survivor]", heading: str) -> None:
    """A line each, however long: paths are there to be copied."""
    rows = [("stack", "kind", heading), *found]
    width = max(len(stack) for stack, _, _ in rows)
    for stack, kind, what in rows:
        out.print(f"{stack:<{width}}  {kind:<7}  {what}")


class Display:
    """How far a run over heads is: one bar for all, and a line for each that is at work. Where there is no
    terminal, a line when each begins and when it ends. Called from several threads."""

    def __init__(self, heads: int, parts: int) -> None:
        self._parts = parts
        self._alone = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._what: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f}", markup=False),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._all = self._progress.add_task("heads", total=heads)

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, stack: str, what: str) -> None:
        """A head is begun, for a state as the record has it."""
        with self._alone:
            self._what[stack] = what
            self._done[stack] = 0
            self._tasks[stack] = self._progress.add_task(f"  {stack}", total=self._parts or 1)
            if not err.is_terminal:
                tell(f"{WORDS[what][0]} {stack}")

    def step(self, stack: str, text: str) -> None:
        """A line that its run said."""
        with self._alone:
            if text.startswith("✓ "):
                self._done[stack] += 1
            done, total = self._done[stack], max(self._parts, self._done[stack], 1)
            self._progress.update(
                self._tasks[stack], description=f"  {stack}: {text[:60]}", completed=done, total=total
            )

    def end(self, stack: str, result: "Result", seconds: float) -> None:
        """A head is done, or is not."""
        with self._alone:
            self._progress.remove_task(self._tasks.pop(stack))
            if result.how == "done":
                self._progress.advance(self._all)
                err.print(f"✓ {stack} {WORDS[self._what[stack]][1]} after {seconds:.0f} s", style="good")
            elif result.how == "failed":
                err.print(f"✗ {stack} failed after {seconds:.0f} s", style="bad")
