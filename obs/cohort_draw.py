"""What `obs cohort` shows: tables of heads, and the sums below them."""

from typing import TYPE_CHECKING

from rich.table import Table

from obs.console import out, tell

if TYPE_CHECKING:
    from cohorts.plan import CohortPlan


def table(*names: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the manner of `obs status`."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def draw_plan(made: "CohortPlan") -> None:
    """A row a head, then what is needed in all and what there is, then what stands in the way."""
    need, place = made.need, made.place
    heads = table("participant", "team", "stack", "ports", "memory", "disk", "", right=("memory", "disk"))
    for head in made.heads:
        there = head.stack in made.standing
        heads.add_row(
            head.person.name,
            head.person.team or "",
            head.stack,
            f"{head.port_base}-{head.last_port}" if head.port_base else "none left",
            f"{need.memory_mb} MB",
            f"{need.disk_mb} MB",
            "there" if there else "to be made",
        )
    out.print(heads, soft_wrap=False)
    more = made.to_make
    sums = table("", "needed", "free here", right=("needed", "free here"))
    sums.add_row("memory", f"{more * need.memory_mb} MB", f"{place.memory_mb} MB")
    sums.add_row("disk", f"{more * need.disk_mb} MB", f"{place.disk_mb} MB")
    out.print("")
    out.print(sums, soft_wrap=False)
    cohort = made.cohort
    out.print(
        f"{len(made.heads)} heads, {more} to be made; at most {made.fits} fit here; until "
        f"{cohort.expires.isoformat(timespec='minutes')}"
    )
    for note in made.notes:
        tell(note, "note")
    for problem in made.problems:
        tell(str(problem), "bad")
    if made.problems:
        tell("nothing can be made like this", "bad")
