"""`obs cohort`: a stack for each participant of a training, planned, made and taken down together."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import guarded

if TYPE_CHECKING:
    from datetime import datetime

    from cohorts.plan import CohortPlan
    from cohorts.record import Record

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Cohort file (docs/cohorts.md).")]
Known = Annotated[
    Path, typer.Argument(metavar="FILE", help="Cohort file, or the name of a cohort that was made.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="WHO", help="Only this participant: e-mail, slug or stack. Repeatable."),
]
Team = Annotated[str | None, typer.Option("--team", metavar="TEAM", help="Only participants of this team.")]
Template = Annotated[
    list[str] | None,
    typer.Option("--template", metavar="STACK", help="Look where this stack goes, too. Repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be taken down; change nothing.")]


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


@app.command()
@guarded
def create(
    file: File,
    only: Only = None,
    team: Team = None,
    again: Annotated[bool, typer.Option("--again", help="Bring heads in line that are up, too.")] = False,
) -> int:
    """Make each participant's stack that is not up yet. A second run changes nothing; after an interruption,
    or where heads failed, it goes on with what is missing.

    obs cohort create training.yaml; obs cohort create training.yaml --team red
    """
    from cohorts.load import name_in
    from components.spec.problem import Refused
    from obs.cohort_runs import alone, chosen_keys, create, ended
    from obs.console import tell

    with alone(name_in(file), "create"):
        made = planned(file)
        if only or team:
            made = planned(file, chosen_keys(made, only or (), team))
        if made.problems:
            raise Refused(made.problems)
        for note in made.notes if not (only or team) else ():
            tell(note, "note")
        tally = create(made, file, len(made.need.programs), again)
    ended(tally, f"obs cohort create {file}")
    done = f"{len(tally.done)} brought up, {len(tally.untouched)} up before"
    tell(
        f"cohort {made.cohort.name}: {done}"
        if tally.done
        else f"cohort {made.cohort.name}: nothing to change",
        "good",
    )
    return 0


@app.command()
@guarded
def status(file: Known, as_json: Json = False) -> int:
    """How each head is: what serves, what it uses, how long it has. Exit 1 if something is not right.

    obs cohort status training.yaml
    """
    from datetime import UTC, datetime

    from cohorts import status
    from obs.cohort_draw import draw_status
    from obs.cohort_runs import where
    from obs.console import print_json, tell
    from obs.describe import status_of

    known = _known(file)
    rows, now = status.status(known, where(known), status_of), datetime.now(UTC)
    good = not any(row.trouble for row in rows) and now < known.expires
    if as_json:
        print_json(
            {
                "cohort": known.cohort,
                "ok": good,
                "expires": known.expires.isoformat(),
                "expired": now >= known.expires,
                "heads": [row.as_json() for row in rows],
            }
        )
    else:
        draw_status(rows)
        tell(status.left(known, now), "note" if now < known.expires else "bad")
    return 0 if good else 1


@app.command()
@guarded
def destroy(
    file: Known, only: Only = None, team: Team = None, yes: Yes = False, dry_run: DryRun = False
) -> int:
    """Take heads down, with their data, and list what is left of them. Exit 1 while something is.

    obs cohort destroy training.yaml --yes; obs cohort destroy training.yaml --dry-run
    """
    from obs.cohort_runs import alone, chosen, destroyed
    from obs.commands.stack import _ask

    known = _known(file)
    entries = chosen(known, only or (), team)
    if dry_run:
        return _shown(known, only, team)
    if not yes:
        _ask(f"Take down {len(entries)} heads of cohort '{known.cohort}', with their data?")
    with alone(known.cohort, "destroy"):
        known = _known(file)
        return destroyed(known, chosen(known, only or (), team), f"obs cohort destroy {file}")


@app.command()
@guarded
def handout(file: Known, only: Only = None, team: Team = None) -> int:
    """Write a page for each participant whose stack is up, and beside it what one logs in with.

    obs cohort handout training.yaml
    """
    from cohorts import record
    from obs.cohort_handout import handout
    from obs.cohort_runs import alone, chosen
    from obs.console import out, tell

    known = _known(file)
    with alone(known.cohort, "handout"):
        known = _known(file)
        ups = [
            entry for entry in chosen(known, only or (), team) if entry.state == "up" and not entry.is_store
        ]
        for entry in ups:
            out.print(str(handout(known, entry)))
    given = ", ".join((record.CREDENTIALS, record.AUTHORITY, record.CERTIFICATE, record.KEY, record.CURL))
    tell(f"{len(ups)} handouts; beside each, for its participant alone: {given}", "note")
    return 0 if ups else 1


@app.command()
@guarded
def extend(
    file: File,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Point in time, with offset.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="SPAN", help="From its expiry on, as in 2d.")
    ] = None,
) -> int:
    """Move a cohort's expiry: in its file, in its record, and in what its heads' stack files say.

    obs cohort extend training.yaml --by 2d; obs cohort extend training.yaml --until 2026-12-09T18:00:00+01:00
    """
    from cohorts import files, record
    from cohorts.load import load, name_in
    from obs.cohort_away import follow
    from obs.cohort_runs import alone, where
    from obs.console import tell
    from obs.errors import ObsError
    from obs.paths import state_folder

    with alone(name_in(file), "extend"):
        cohort = load(file, _templates())
        moment = _moment(cohort.expires, until, by)
        text = files.extended(file.read_text(encoding="utf-8"), moment.isoformat())
        if text is None:
            raise ObsError(
                f"{file}: its line `expires: '...'` was not found; write the new time there yourself"
            )
        file.write_text(text, encoding="utf-8")
        if known := record.read(state_folder(), cohort.name):
            known.expires = moment
            record.write(state_folder(), known)
            for entry in known.heads.values():
                files.set_expiry(where().stacks / f"Pulumi.{known.stack(entry)}.yaml", moment.isoformat())
            if count := follow(known, file):
                tell(f"{count} heads say so in their place, too", "note")
    tell(f"cohort {cohort.name}: until {moment.isoformat()}", "good")
    return 0


@app.command()
@guarded
def expire(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="One cohort; all that were made if none is given.")
    ] = None,
    dry_run: DryRun = False,
) -> int:
    """Warn of cohorts whose time ends soon, and take down those whose time is over. For a timer.

    obs cohort expire; obs cohort expire --dry-run
    """
    from datetime import UTC, datetime

    from cohorts import record
    from cohorts.status import left
    from components.errors import SuiteError
    from obs.console import tell
    from obs.errors import Interrupted
    from obs.paths import state_folder

    worst = 0
    for known in [_known(file)] if file else list(record.read_all(state_folder())):
        now = datetime.now(UTC)
        over = now >= known.expires
        tell(f"cohort {known.cohort}: {left(known, now)}", "bad" if over else "note")
        if over and dry_run:
            _shown(known, None, None)
        elif over:
            try:
                worst = max(worst, _expired(known.cohort))
            except Interrupted:
                raise
            except SuiteError as error:  # the others' time is over all the same
                tell(f"cohort {known.cohort}: {error}", "bad")
                worst = max(worst, error.exit_code)
    return worst


def _expired(name: str) -> int:
    """Take a cohort down, unless its time was moved meanwhile; the exit code."""
    from datetime import UTC, datetime

    from obs.cohort_runs import alone, destroyed, record_of

    with alone(name, "expire"):
        known = record_of(name, Path(name))
        if datetime.now(UTC) < known.expires:
            return 0
        return destroyed(known, list(known.heads.values()), f"obs cohort expire {name}")


@app.command()
@guarded
def orphans(as_json: Json = False, template: Template = None) -> int:
    """What is of heads that no cohort knows any more: here, where cohorts that are known have gone, and where
    the stacks go that are named. Changes nothing; exit 1 if there is something.

    obs cohort orphans; obs cohort orphans --template staging-aws
    """
    from cohorts import record, survivors
    from obs.cohort_away import places
    from obs.cohort_draw import draw_survivors
    from obs.cohort_runs import where
    from obs.console import print_json, tell
    from obs.paths import state_folder

    begun = list(record.read_all(state_folder()))
    known = {one.stack(entry) for one in begun for entry in one.heads.values()}
    found = survivors.orphans(where(*begun, more=places(template or ())), known)
    if as_json:
        print_json({"orphans": [one._asdict() for one in found]})
    else:
        draw_survivors(found)
        for stack in sorted({one.stack for one in found if one.kind == "unit"}):
            tell(f"take it down: obs destroy {stack}", "note")
        if not found:
            tell("nothing is here of heads that no cohort knows", "good")
    return 1 if found else 0


def planned(file: Path, chosen: Collection[str] | None = None) -> "CohortPlan":
    """The plan of a cohort file, for this place as it is now; of those participants alone that are chosen, by
    `Person.key`. Refused if the file, or its template, cannot be used; what there is too little of is in the
    plan's `problems`."""
    import os
    from datetime import UTC, datetime

    from cohorts import plan, record
    from cohorts.load import load
    from cohorts.place import survey
    from cohorts.template import template_of
    from obs.describe import was_deployed
    from obs.paths import state_folder

    cohort = load(file, _templates())
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
        chosen,
        lambda kind, one: kind.limits(one),
    )


def _templates() -> list[str]:
    from components.heads import PREFIX
    from stacks.loader import names

    return [name for name in names() if not name.startswith(PREFIX)]


def _known(file: Path) -> "Record":
    """The record of a cohort that was made, by its file, whatever else is wrong with that, or by its name."""
    from cohorts.load import name_in
    from obs.cohort_runs import record_of

    return record_of(name_in(file) if file.exists() else str(file), file)


def _shown(known: "Record", only: Collection[str] | None, team: str | None) -> int:
    """What would be taken down."""
    from cohorts.survivors import of_heads
    from obs.cohort_draw import draw_leaving
    from obs.cohort_runs import chosen, where

    entries = chosen(known, list(only or ()), team)
    stacks = {known.stack(entry): entry.port_base for entry in entries}
    draw_leaving([(known.stack(entry), entry) for entry in entries], of_heads(where(known), stacks))
    return 0


def _moment(expires: "datetime", until: str | None, by: str | None) -> "datetime":
    """The new expiry; BadInput unless it is said in one way, and lies in the future."""
    from datetime import UTC, datetime, timedelta

    from components.spec.base import milliseconds
    from obs.errors import BadInput

    if (until is None) == (by is None):
        raise BadInput("expected either --until TIME or --by SPAN")
    try:
        if by is not None:
            found = expires + timedelta(milliseconds=milliseconds(by))
        else:
            found = datetime.fromisoformat(until or "")
    except ValueError:
        words = (
            "a span, as in 2d or 12h"
            if by
            else "a point in time with its offset, as in 2026-12-05T18:00:00+01:00"
        )
        raise BadInput(f"{'--by' if by else '--until'} {by or until}: expected {words}") from None
    if found.tzinfo is None:
        raise BadInput(
            f"--until {until}: expected a point in time with its offset, as in 2026-12-05T18:00:00+01:00"
        )
    if found <= datetime.now(UTC):
        raise BadInput(f"{found.isoformat()} is past; expected a point in time to come")
    return found
