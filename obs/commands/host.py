"""Commands on what was deployed, without the engine: status, logs, stop, start."""

from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import Env, command

if TYPE_CHECKING:
    from components.plan import Plan
    from components.target import Operate

NOTHING = "nothing of '{env}' is on this host. Bring it up: obs up {env}"
Units = Annotated[list[str] | None, typer.Argument(metavar="UNITS...", help="Units; all if none is named.")]


@command
def status(
    env: Env = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> int:
    """Ask every program whether it serves, and whether it is as it was deployed. Exit 1 if one is not.

    obs status; obs status local --json
    """
    from obs.console import print_json, tell
    from obs.describe import check_known, operate_of
    from obs.status import draw

    check_known(env)
    rows = operate_of(env, "status").status(env)
    good = bool(rows) and all(row.well for row in rows)
    if as_json:
        print_json({"stack": env, "ok": good, "units": [asdict(row) for row in rows]})
    elif not rows:
        tell(NOTHING.format(env=env), "note")
    else:
        draw(env, rows)
    return 0 if good else 1


@command
def logs(
    env: Env = "local",
    units: Units = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Last lines of each unit.")] = 50,
) -> int:
    """Show what units write to standard output and error.

    obs logs local collector -f; obs logs local -n 5
    """
    import sys

    from obs.console import raw
    from obs.streams import unread

    operate, chosen = _known(env, units, "logs")
    _some(env, chosen)
    width = max((len(unit) for unit in chosen), default=0)
    for unit, line in operate.logs(env, chosen, follow=follow, lines=lines, over=unread):
        raw(f"{unit:<{width}}  {line}\n" if len(chosen) > 1 else f"{line}\n")
        if follow:
            sys.stdout.flush()
    return 0


@command
def stop(env: Env = "local", units: Units = None) -> int:
    """Stop units; configuration and data stay. `obs start` brings them back.

    obs stop; obs stop local loadgen
    """
    from obs.console import tell

    operate, chosen = _known(env, units, "stop")
    with _working(env, "stop"):
        _some(env, chosen)
        operate.stop(env, chosen if units else None, lambda unit, what: tell(f"{unit}: {what}"))
    return 0


@command
def start(env: Env = "local", units: Units = None) -> int:
    """Start units that were deployed before: after `obs stop`, after a reboot. Waits until they serve.

    obs start; obs start local loadgen
    """
    from obs.console import tell
    from obs.crash import mask

    operate, chosen = _known(env, units, "start")
    with _working(env, "start"):
        _some(env, chosen)
        failures = operate.start(env, chosen if units else None, lambda unit, what: tell(f"{unit}: {what}"))
    for failure in failures:
        tell(mask(str(failure)), "bad")
    return 1 if failures else 0


def _known(env: str, units: list[str] | None, what: str) -> "tuple[Operate[Plan], list[str]]":
    """What looks after the stack, and the units named, or all; BadInput for one that was not deployed."""
    from obs.describe import check_known, operate_of
    from obs.errors import BadInput

    check_known(env)
    operate = operate_of(env, what)
    known = operate.units(env)
    unknown = [unit for unit in units or () if unit not in known]
    if unknown:
        offered = ", ".join(known) or f"there is none yet; run obs up {env}"
        raise BadInput(f"unknown unit '{unknown[0]}': expected one of: {offered}")
    return operate, units or known


def _some(env: str, units: list[str]) -> None:
    """ObsError if nothing is on this host: to do nothing and say nothing would look like success."""
    from obs.errors import ObsError

    if not units:
        raise ObsError(NOTHING.format(env=env))


def _working(env: str, what: str) -> AbstractContextManager[None]:
    from obs.lock import stack_lock
    from obs.paths import state_folder

    return stack_lock(state_folder() / ".locks", env, f"{what} {env}")
