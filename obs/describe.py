"""From the name of an environment to its plan, with every problem told in the user's terms."""

from typing import TYPE_CHECKING

from obs.crash import hide
from obs.errors import BadInput

if TYPE_CHECKING:
    from components.plan import Plan
    from components.spec import Spec


def check_environment(stack: str) -> None:
    """BadInput, naming the environments there are, if `stack` has no stack file."""
    from stacks.loader import StackFileError, stack_file

    try:
        stack_file(stack)
    except StackFileError as error:
        raise BadInput(str(error)) from None


def describe(stack: str) -> tuple["Spec", "Plan"]:
    """Load a stack's file and plan it; BadInput with every problem, what its target cannot do included."""
    from stacks.loader import StackFileError, load
    from vsi.plan import plan, refusals

    try:
        spec = load(stack, refusals=refusals)
    except StackFileError as error:
        raise BadInput(str(error)) from None
    hide(secret.key for secret in spec.secrets if secret.source == "environment")
    return spec, plan(spec, stack)
