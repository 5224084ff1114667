"""What a run leaves of a stack, for people: data, what is protected, what the engine does not know."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from obs.console import out, tell

if TYPE_CHECKING:
    from components.target import Kept


def list_kept(kept: "Iterable[Kept]") -> None:
    """Where data is of what was taken away."""
    from engines.progress import size

    for path, count in kept:
        out.print(f"kept  {size(count):>9}  {path}")


def list_protected(env: str, stays: Iterable[tuple[str, str]]) -> None:
    """What of a stack was not taken away, though it costs on."""
    for kind, name in sorted(stays):
        out.print(f"kept  {kind}  {name}")
    if stays:
        tell(
            f"What is kept, and what it needs, stays where it is and goes on costing. To lose its data: "
            f"deploy.retain: false in the stack file, obs up {env}, obs destroy {env}",
            "note",
        )


def list_survivors(env: str, stays: Collection[str]) -> None:
    """What the place itself has of a stack, whatever the engine's state knows."""
    from components.errors import SuiteError
    from obs.describe import describe
    from stacks.loader import load
    from targets import target_of

    ask = target_of(load(env)).survivors
    if ask is None:
        return
    try:
        _, plan = describe(env)
    except SuiteError:  # refused by now, so nobody knows its names
        return
    # The engine's name of a thing may be its ARN.
    names = {part for name in stays for part in (name, name.rpartition("/")[2])}
    found = [(what, name) for what, name in ask(plan) if name not in names]
    for what, name in found:
        out.print(f"there {what}  {name}")
    if found:
        tell(
            f"This has the mark of {env} too: what is kept needs some of it; else another run made it, or it "
            "could not be taken away, and it goes on costing until somebody does",
            "note",
        )
