"""From the name of an environment to its plan, with every problem told in the user's terms."""

from typing import TYPE_CHECKING

from obs.crash import hide

if TYPE_CHECKING:
    from components.spec import Spec
    from vsi.unit import HostPlan


def check_environment(stack: str) -> None:
    """Refused, naming the environments there are, if `stack` has no stack file."""
    from stacks.loader import stack_file

    stack_file(stack)


def check_known(stack: str) -> None:
    """As `check_environment`, but what was deployed is known without its stack file too.

    On another branch there may be none, and what runs must be seen and taken down all the same."""
    if not was_deployed(stack):
        check_environment(stack)


def was_deployed(stack: str) -> bool:
    """Whether something of the stack is on this host, or in the engine's state."""
    from obs.pulumi import has_state
    from vsi.errors import DeployError
    from vsi.paths import state_paths

    try:
        return state_paths(stack).units.is_dir() or has_state(stack)
    except DeployError:
        return False


def why_unreadable(stack: str) -> str:
    """What is wrong with the stack file, in one line; '' if nothing is."""
    from stacks.loader import StackFileError, load

    try:
        load(stack)
    except StackFileError as error:
        return str(error).splitlines()[0]
    return ""


_planned: list[tuple[str, "Spec", "HostPlan"]] = []
"""What was planned last."""


def describe(stack: str) -> tuple["Spec", "HostPlan"]:
    """Load a stack's file and plan it; Refused with every problem, what its target cannot do included.

    The file is read each time; a spec that was planned last is not planned again, since equal specs have
    equal plans: the program, served by the command that runs it, asks for the same."""
    from stacks.loader import load
    from vsi.plan import plan, refusals

    spec = load(stack, refusals=refusals)
    hide(secret.key for secret in spec.secrets if secret.source == "environment")
    if not _planned or _planned[0][:2] != (stack, spec):
        _planned[:] = [(stack, spec, plan(spec, stack))]
    return spec, _planned[0][2]
