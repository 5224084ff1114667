"""Heads in places elsewhere: what these are asked, and what has to follow when a cohort's time moves."""

from collections.abc import Sequence
from pathlib import Path

from cohorts.record import Record
from cohorts.survivors import Away
from components.spec.problem import Refused
from stacks.loader import load
from targets import refusals, target_of


def places(templates: Sequence[str]) -> list[Away]:
    """Where these stacks go, for whoever looks for heads of which nothing else is known."""
    found = []
    for name in templates:
        spec = load(name, refusals=refusals)
        if kind := target_of(spec).heads:
            found.append(Away(spec.environment.target, kind.place(spec)))
    return found


def follow(known: Record, file: Path) -> int:
    """Bring what heads have elsewhere in line with the cohort's time, where it says until when it is; how
    many heads that were."""
    from obs.cohort_runs import create, ended
    from obs.commands.cohort import planned
    from targets import target

    ups = {entry.key for entry in known.participants if entry.state == "up"}
    if target(known.target).heads is None or not ups:
        return 0
    made = planned(file, ups)
    if made.problems:
        raise Refused(made.problems)
    tally = create(made, file, len(made.need.programs), again=False)
    ended(tally, f"obs cohort create {file}")
    return len(tally.done)
