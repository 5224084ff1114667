"""What takes the place of a target on this machine, for a stack that is for training: there while a command
works, and after it as long as the Pulumi engine knows something there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from obs.errors import Locked

if TYPE_CHECKING:
    from components.plan import Plan
    from components.target import StandIn


@contextmanager
def standing(stack: str, plan: "Plan | None" = None, *, down: bool = False) -> Iterator[None]:
    """While inside it answers, if the stack has one; without a plan, one that was started before. Whoever
    started it, or takes the stack `down`, ends it where nothing of the stack is left. SuiteError if it does
    not come up."""
    from obs.console import tell
    from targets import standing_in

    there, started = list(standing_in()), False
    for name, stand_in in there:
        if stand_in.start(stack, plan):
            started = True
            tell(f"{stack}: a stand-in for {name} was started on this machine, empty", "note")
    try:
        yield
    finally:
        if (started or down) and _nothing_left(stack):
            _end(stack, [stand_in for _, stand_in in there])


def _end(stack: str, there: "list[StandIn[Plan]]") -> None:
    """Unless another run has the stack, which needs it."""
    from obs.lock import stack_lock
    from obs.paths import state_folder

    with suppress(Locked), stack_lock(state_folder() / ".locks", stack, f"stand-in {stack}"):
        for stand_in in there:
            stand_in.end(stack)


def _nothing_left(stack: str) -> bool:
    """Whether the engine knows nothing of the stack. Where its state is no folder, that is not known."""
    from obs import recorded
    from obs.pulumi import checkpoint_of

    checkpoint = checkpoint_of(stack)
    return checkpoint is not None and not recorded.urns(checkpoint)
