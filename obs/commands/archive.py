"""`obs archive`: what was put away for long, and comes back."""

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import Env, app, guarded

if TYPE_CHECKING:
    from components.target import Restored

archive = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
app.add_typer(archive, name="archive")


class Speed(StrEnum):
    """How fast cold storage gives back what it has; the faster, the dearer."""

    STANDARD = "standard"
    BULK = "bulk"
    EXPEDITED = "expedited"


@archive.callback()
def _archive() -> None:
    """Days of logs that were put away for long."""


@archive.command()
@guarded
def restore(
    env: Env,
    day: Annotated[str, typer.Option("--day", metavar="DAY", help="As 2026-11-28, in UTC.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where it goes; `restored/ENV` if absent."),
    ] = None,
    speed: Annotated[
        Speed, typer.Option(help="Of cold storage: hours, half a day, or minutes.")
    ] = Speed.STANDARD,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came back as JSON.")] = False,
) -> int:
    """Bring a day of logs back from the archive, and prove by count and hash that all of it is there.

    obs archive restore prod-aws --day 2026-11-28

    Exit 1 if lines are missing, or are on their way back from cold storage: run it again then.
    """
    from obs.console import print_json
    from obs.describe import describe
    from obs.errors import ObsError
    from targets import target_of

    asked = _day(day)
    spec, plan = describe(env)
    bring = target_of(spec).restore
    if bring is None:
        raise ObsError(f"target {spec.environment.target} has no archive")
    try:
        found = bring(plan, asked.isoformat(), str(out or Path("restored") / env), speed.value.capitalize())
    except OSError as error:
        raise ObsError(f"--out: {error.filename}: {error.strerror}; expected a folder to write to") from None
    if as_json:
        print_json(_as_data(found))
    else:
        _draw(env, found)
    return 0 if found.whole else 1


def _day(text: str) -> date:
    """BadInput for what is none, or is not over."""
    from obs.errors import BadInput

    today = datetime.now(UTC).date()
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadInput(f"--day {text}: expected a day, as in {today.isoformat()}") from None
    if found.isoformat() != text:
        raise BadInput(f"--day {text}: expected it as {found.isoformat()}")
    if found >= today:
        why = "it is not over" if found == today else "it is yet to come"
        raise BadInput(f"--day {text}: {why}; expected one before {today.isoformat()} (UTC)")
    return found


def _as_data(found: "Restored") -> dict[str, object]:
    return {
        "day": found.day,
        "ok": found.whole,
        "file": found.file,
        "expected": found.expected,
        "count": found.count,
        "sha256": found.sha256,
        "objects": found.objects,
        "problems": list(found.problems),
        "waiting": list(found.waiting),
    }


def _draw(env: str, found: "Restored") -> None:
    from obs.console import tell

    for problem in found.problems:
        tell(problem, "bad")
    for waiting in found.waiting:
        tell(waiting, "note")
    lines = f"{found.count} of {found.expected} lines, in {found.objects} objects: {found.file}"
    if found.whole:
        empty = "" if found.expected else "; that day was empty"
        tell(f"{found.day}: {lines}{empty}; all are there (sha256 {found.sha256})", "good")
    else:
        tell(f"{found.day}: {lines}", "bad")
    if found.waiting:
        tell(f"run it again when they are here: obs archive restore {env} --day {found.day}", "note")
