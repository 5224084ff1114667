"""From the name of an environment to its plan, with every problem told in the user's terms."""

from typing import TYPE_CHECKING

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
    """Load a stack's file and plan it; BadInput with all problems, or with why the plan is refused."""
    from components.plan import Refused
    from stacks.loader import StackFileError, load
    from vsi.plan import plan

    try:
        spec = load(stack)
        return spec, plan(spec, stack)
    except (StackFileError, Refused) as error:
        raise BadInput(str(error)) from None
