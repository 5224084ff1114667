"""What a check is."""

from collections.abc import Callable
from dataclasses import dataclass

from components.spec import Spec, milliseconds
from obs.verify.context import Context


def nothing_against(_spec: Spec) -> str | None:
    """For checks that apply to every stack: no reason why not."""
    return None


def seconds(duration: str) -> float:
    """A duration of the stack file in seconds."""
    return milliseconds(duration) / 1000


@dataclass(frozen=True)
class Check:
    """One row of the report."""

    name: str
    pillar: str
    run: Callable[[Context], str]
    """Returns the evidence; raises `CheckFailed`, or `NotApplied` for what only the running stack shows."""
    why_not: Callable[[Spec], str | None] = nothing_against
    """Why it does not apply to a stack; None if it does."""
    calm: bool = False
    """Sends requests that other checks must not disturb; it calls `ctx.calm.done` when they are sent."""


__all__ = ["Check", "nothing_against", "seconds"]
