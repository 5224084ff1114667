"""What the Pulumi engine asks of Python, served by the process that starts it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

RUNS = ("up", "preview", "refresh", "destroy")
"""Commands of the CLI for which the engine needs the program or the providers."""


@contextmanager
def served(command: str, variables: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The program and the providers, served by this process for a command that needs them; under the engine's
    variables, as if it had started them. Gives the variables that tell it so."""
    if command not in RUNS:
        yield {}
        return
    from plugins.serving import attached

    before = dict(os.environ)
    os.environ.update(variables)
    try:
        with attached() as hosts:
            yield hosts
    finally:
        os.environ.clear()
        os.environ.update(before)
