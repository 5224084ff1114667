"""Commands on what was deployed, without the engine: status, logs, stop, start."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import Env, command

if TYPE_CHECKING:
    from components.plan import Plan
    from components.target import Operate

NOTHING = "nothing of '{env}' was brought up from here. Bring it up: obs up {env}"
Units = Annotated[list[str] | None, typer.Argument(metavar="UNITS...", help="Units; all if none is named.")]
Host = Annotated[str | None, typer.Option("--host", metavar="HOST", help="Only what is on this host.")]


@command
def status(
    env: Env = "local",
    host: Host = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> int:
    """Ask every program whether it serves, and whether it is as it was deployed. Exit 1 if one is not.

    obs status; obs status local --json; obs status staging --host obs-1
    """
    from obs.console import print_json, tell
    from obs.describe import check_known, status_of
    from obs.status import draw

    check_known(env)
    rows = [row for row in status_of(env) if _is_on(row.unit, host)]
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
    host: Host = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Last lines of each unit.")] = 50,
) -> int:
    """Show what units write to standard output and error.

    obs logs local collector -f; obs logs local -n 5; obs logs staging prometheus --host obs-1
    """
    import sys

    from obs.console import raw
    from obs.streams import unread

    operate, chosen, away = _known(env, units, host, "logs")
    _some(env, chosen)
    _tell(away)
    width = max((len(unit) for unit in chosen), default=0)
    for unit, line in operate.logs(env, chosen, follow=follow, lines=lines, over=unread):
        raw(f"{unit:<{width}}  {line}\n" if len(chosen) > 1 else f"{line}\n")
        if follow:
            sys.stdout.flush()
    return 1 if away else 0


@command
def stop(env: Env = "local", units: Units = None, host: Host = None) -> int:
    """Stop units; configuration and data stay. `obs start` brings them back.

    obs stop; obs stop local loadgen
    """
    from obs.console import tell

    operate, chosen, away = _known(env, units, host, "stop")
    with _working(env, "stop", operate):
        _some(env, chosen)
        some = chosen if units or host or away else None
        operate.stop(env, some, lambda unit, what: tell(f"{unit}: {what}"))
    _tell(away)
    return 1 if away else 0


@command
def start(env: Env = "local", units: Units = None, host: Host = None) -> int:
    """Start units that were deployed before: after `obs stop`, after a reboot. Waits until they serve.

    obs start; obs start local loadgen
    """
    from obs.console import tell
    from obs.crash import mask

    operate, chosen, away = _known(env, units, host, "start")
    with _working(env, "start", operate):
        _some(env, chosen)
        some = chosen if units or host or away else None
        failures = operate.start(env, some, lambda unit, what: tell(f"{unit}: {what}"))
    for failure in failures:
        tell(mask(str(failure)), "bad")
    _tell(away)
    return 1 if failures or away else 0


def _known(
    env: str, units: list[str] | None, host: str | None, what: str
) -> "tuple[Operate[Plan], list[str], dict[str, str]]":
    """What looks after the stack, the units named, or all, and the hosts that do not answer, with the reason,
    unless only another is asked about. BadInput for a unit that was not deployed. Where several hosts have a
    unit of a name, the name stands for all of them."""
    from components.plan import name_of, place_of
    from obs.describe import check_known, operate_of
    from obs.errors import BadInput, ObsError

    check_known(env)
    operate = operate_of(env, what)
    away: dict[str, str] = {}
    there = operate.units(env, away)
    if host in away:
        raise ObsError(f"{host}: {away[host]}")
    hosts = sorted({place_of(unit) for unit in there if place_of(unit)})
    if host and host not in hosts:
        offered = ", ".join(hosts) or "none: this stack stands on this machine alone"
        raise BadInput(f"unknown host '{host}': expected one of: {offered}")
    known = [unit for unit in there if _is_on(unit, host)]
    chosen: list[str] = []
    for wanted in units or ():
        found = [unit for unit in known if wanted in (unit, name_of(unit))]
        if not found:
            offered = ", ".join(known) or f"there is none yet; run obs up {env}"
            silent = f" ({', '.join(away)} does not answer)" if away and not host else ""
            raise BadInput(f"unknown unit '{wanted}': expected one of: {offered}{silent}")
        chosen += [unit for unit in found if unit not in chosen]
    return operate, chosen or known, {} if host else away


def _tell(away: dict[str, str]) -> None:
    """Hosts that had no part in it: the exit code is 1 then."""
    from obs.console import tell
    from obs.crash import mask

    for place, why in away.items():
        tell(mask(f"{place}: {why}"), "bad")


def _is_on(unit: str, host: str | None) -> bool:
    from components.plan import place_of

    return host is None or place_of(unit) == host


def _some(env: str, units: list[str]) -> None:
    """ObsError if nothing is on this host: to do nothing and say nothing would look like success."""
    from obs.errors import ObsError

    if not units:
        raise ObsError(NOTHING.format(env=env))


@contextmanager
def _working(env: str, what: str, operate: "Operate[Plan]") -> Iterator[None]:
    from components.target import Run
    from obs.lock import stack_lock
    from obs.paths import state_folder

    command = f"{what} {env}"
    with stack_lock(state_folder() / ".locks", env, command), operate.alone(Run(env, command), None):
        yield
