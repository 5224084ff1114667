"""`obs cohort`: a stack for each participant of a training, planned, made and taken down together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import guarded

if TYPE_CHECKING:
    from cohorts.plan import CohortPlan

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Cohort file (docs/cohorts.md).")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def _cohort() -> None:
    """Cohorts: a stack for each participant of a training, made from one template."""


@app.command()
@guarded
def plan(file: File, as_json: Json = False) -> int:
    """What a cohort needs, head by head and in all, and whether this place has it. Changes nothing.

    obs cohort plan training.yaml
    """
    from obs.cohort_draw import draw_plan
    from obs.console import print_json

    made = planned(file)
    if as_json:
        print_json(made.as_json())
    else:
        draw_plan(made)
    return 2 if made.problems else 0


def planned(file: Path) -> "CohortPlan":
    """The plan of a cohort file, for this place as it is now. Refused if the file, or its template, cannot be
    used; what there is too little of is in the plan's `problems`."""
    import os
    from datetime import UTC, datetime

    from cohorts import plan, record
    from cohorts.heads import PREFIX
    from cohorts.load import load
    from cohorts.place import survey
    from cohorts.template import template_of
    from obs.describe import was_deployed
    from obs.paths import state_folder
    from stacks.loader import names

    cohort = load(file, [name for name in names() if not name.startswith(PREFIX)])
    state = state_folder()
    known = record.read(state, cohort.name)
    others = [port for one in record.read_all(state) if one.cohort != cohort.name for port in one.ports]
    stacks = {known.stack(entry) for entry in known.heads.values()} if known else set()
    return plan.plan(
        cohort,
        template_of(cohort),
        survey(state, others),
        datetime.now(UTC),
        known.seats if known else {},
        {stack for stack in stacks if was_deployed(stack)},
        os.environ,
    )
