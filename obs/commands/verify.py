"""The command `obs verify`; what it checks is in the package `obs.verify`."""

from collections.abc import Sequence
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
    at: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=HOST:PORT", help="Ask a program or service there; may be repeated."),
    ] = None,
) -> int:
    """Prove that it works: follow one request through metrics, logs, traces and alerts.

    obs verify; obs verify local --json; obs verify staging-k8s --at prometheus=127.0.0.1:9090
    """
    return run_verify(env, as_json, patience, at or ())


def run_verify(env: str, as_json: bool = False, patience: int = 1, at: Sequence[str] = ()) -> int:
    """Run the checks; 0 if none failed, else 1."""
    from obs.verify.command import verify as verify_stack

    return verify_stack(env, as_json, patience=patience, at=at)
