"""The command `obs verify`; what it checks is in the package `obs.verify`."""

from typing import Annotated

import typer

from obs.cli import Env, command


@command
def verify(
    env: Env = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> int:
    """Prove that it works: follow one request through metrics, logs, traces and alerts.

    obs verify; obs verify local --json
    """
    return run_verify(env, as_json)


def run_verify(env: str, as_json: bool = False) -> int:
    """Run the checks; 0 if none failed, else 1."""
    import importlib

    from obs.describe import describe
    from obs.errors import ObsError

    describe(env)
    try:
        package = importlib.import_module("obs.verify")
    except ModuleNotFoundError as error:
        if error.name != "obs.verify":
            raise
        raise ObsError("obs verify: this version has no checks yet") from None
    return int(package.run(env, as_json=as_json))
