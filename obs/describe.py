"""From the name of an environment to its plan, with every problem told in the user's terms."""

import os
from typing import TYPE_CHECKING

from obs.crash import hide
from obs.errors import ObsError
from obs.passphrase import lent

if TYPE_CHECKING:
    from components.plan import Plan
    from components.spec import Spec
    from components.target import Operate, UnitStatus


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
    """Whether something of the stack is in a target, or in the engine's state."""
    from obs.pulumi import has_state

    return deployed_in(stack) is not None or has_state(stack)


def deployed_in(stack: str) -> "Operate[Plan] | None":
    """What looks after the stack where something of it is, whatever its stack file says; None if nothing is
    anywhere."""
    from targets import operating

    _tell_how_to_decrypt()
    return next((operate for _, operate in operating() if operate.is_there(stack)), None)


def operate_of(stack: str, command: str) -> "Operate[Plan]":
    """What looks after the stack: where something of it is, else where its stack file says it goes.

    Refused if that cannot be read; ObsError if that target has no such thing."""
    if found := deployed_in(stack):
        return found
    from targets import target_of

    spec, _ = describe(stack)
    target = target_of(spec)
    if target.operate is None:
        raise ObsError(f"target {target.name} has no `obs {command}`")
    return target.operate


def status_of(stack: str) -> "list[UnitStatus]":
    """How a stack is, wherever something of it is remembered; else as its target tells of what is planned."""
    found = deployed_in(stack)
    if found is None:
        from targets import target_of

        spec, plan = describe(stack)
        if ask := target_of(spec).status:
            return ask(plan)
        found = operate_of(stack, "status")
    return found.status(stack)


def why_unreadable(stack: str) -> str:
    """What is wrong with the stack file, in one line; '' if nothing is."""
    from stacks.loader import StackFileError, load

    try:
        load(stack)
    except StackFileError as error:
        return str(error).splitlines()[0]
    return ""


def describe(stack: str) -> tuple["Spec", "Plan"]:
    """Load a stack's file and plan it; Refused with every problem, what its target cannot do included."""
    from stacks.loader import load
    from targets import plan, refusals

    _tell_how_to_decrypt()
    spec = load(stack, refusals=refusals)
    os.environ.update(lent(stack))
    hide(secret.key for secret in spec.secrets if secret.source == "environment")
    planned = plan(spec, stack)
    hide(secret.key for secret in planned.secrets if secret.source == "environment")
    return spec, planned


def engine_variables(spec: "Spec", plan: "Plan") -> dict[str, str]:
    """What the Pulumi engine is started with to change what a target has; SuiteError if that cannot be."""
    from targets import target_of

    ask = target_of(spec).variables
    return dict(ask(plan)) if ask else {}


def _tell_how_to_decrypt() -> None:
    """What a host is logged in to with may stand in the stack's configuration."""
    from components.target import decrypt_by

    def decrypt(stack: str, key: str) -> str | None:
        from obs.configuration import value

        return value(stack, key)

    decrypt_by(decrypt)
