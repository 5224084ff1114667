"""Commands that neither run the engine nor touch the host: render, parity, env, verify, engines."""

from pathlib import Path
from typing import Annotated

import typer

from obs.cli import Env, app, command
from obs.commands import cohort, engines, verify  # noqa: F401 - `verify` adds its command to `app`

app.add_typer(engines.app, name="engines")
app.add_typer(cohort.app, name="cohort")


@command
def render(
    env: Env = "local",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to.")] = Path("out"),
) -> int:
    """Write every file of an environment to a folder, byte for byte as they will be deployed.

    obs render local --out /tmp/rendered
    """
    from obs.console import tell
    from obs.describe import describe
    from obs.render import write

    _, plan = describe(env)
    tell(f"{len(write(plan, out))} files in {out}", "good")
    return 0


@command
def parity(
    one: Annotated[str, typer.Argument(metavar="A", help="Environment: stacks/Pulumi.<A>.yaml.")],
    other: Annotated[str, typer.Argument(metavar="B", help="The one that it is held against.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Whether two environments get the same rules, jobs, routes and pipelines of one description.

    obs parity dev-vsi staging-k8s
    """
    from obs.console import print_json
    from obs.parity import as_data, draw
    from stacks.loader import load
    from targets import refusals
    from targets.parity import parity

    found = parity((one, load(one, refusals=refusals)), (other, load(other, refusals=refusals)))
    if as_json:
        print_json(as_data(found, one, other))
    else:
        draw(found, one, other)
    return 1 if found.comparison.different else 0


@command
def env(env: Env = "local") -> int:
    """Print the variables under which `pulumi`, typed by hand, works as `obs` does.

    eval "$(obs env local)"; pulumi preview -s local
    """
    from components.errors import SuiteError
    from obs.console import out, tell
    from obs.describe import check_environment, describe, engine_variables
    from obs.pulumi import environment, exports, find_pulumi

    check_environment(env)
    variables = environment(env, find_pulumi())
    try:
        variables |= engine_variables(*describe(env))
    except SuiteError as error:  # what is there can be looked at, and taken down
        tell(f"without what only a stack that can be deployed has: {str(error).splitlines()[0]}", "note")
    out.print(exports(variables))
    return 0
