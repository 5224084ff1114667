"""The command `obs verify`; what it checks is in the package `obs.verify`."""

from typing import Annotated

import typer

from obs.cli import Env, command


@command
def verify(
    env: Env = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    patience: Annotated[
        int,
        typer.Option(
            min=1, max=10, metavar="N", help="Wait N times as long for everything, on a slow or busy machine."
        ),
    ] = 1,
) -> int:
    """Prove that it works: follow one request through metrics, logs, traces and alerts.

    obs verify; obs verify local --json; obs verify dev-vsi --patience 3
    """
    return run_verify(env, as_json, patience)


def run_verify(env: str, as_json: bool = False, patience: int = 1) -> int:
    """Run the checks; 0 if none failed, else 1."""
    from obs.verify.command import verify as verify_stack

    return verify_stack(env, as_json, patience=patience)
