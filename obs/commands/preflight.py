"""The command that asks a place what it lacks: preflight. `up` and `preview` ask the same."""

from typing import Annotated

import typer

from obs.cli import Env, command


@command
def preflight(
    env: Env = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> int:
    """Ask where a stack goes whether it can come up there, and say what to do. Changes nothing.

    obs preflight prod-aws; obs preflight staging --json

    Exit 1 if something stops it.
    """
    from obs.console import print_json
    from obs.describe import describe
    from obs.errors import ObsError
    from obs.preflight import as_data, draw
    from targets import target_of

    spec, plan = describe(env)
    target = target_of(spec)
    if target.preflight is None:
        raise ObsError(f"target {target.name} has no `obs preflight`")
    found = target.preflight(plan)
    stops = any(obstacle.fatal for obstacle in found)
    if as_json:
        print_json({"stack": env, "ok": not stops, "found": as_data(found)})
    else:
        draw(env, found)
    return 1 if stops else 0
