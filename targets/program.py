"""What the Pulumi program needs beside the component: checked configuration, secret values, its target.

Everything that a user can get wrong ends in `pulumi.RunError`, which any language host shows without a
traceback.
"""

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi

import targets
from components.errors import SuiteError
from components.plan import Plan
from components.spec import Spec
from stacks.loader import KEY, load, stack_file
from stacks.source import parse
from targets.secret_values import check

if TYPE_CHECKING:
    from components.target import Deploy


def planned() -> tuple[Spec, Plan]:
    """Spec and plan of the stack that the engine runs; RunError with every problem of its stack file."""
    stack = pulumi.get_stack()
    try:
        spec = load(stack, refusals=targets.refusals)
    except SuiteError as error:
        raise pulumi.RunError(str(error)) from None
    check_configuration(stack, pulumi.Config("obs").get("spec"))
    return spec, targets.plan(spec, stack)


def check_configuration(stack: str, given: str | None) -> None:
    """RunError unless the engine's `obs:spec` (JSON text) says what the stack file says.

    The program reads the file, for its lines and its base file, so a value given in another way
    (`-c obs:spec…`, `--config-file`) would otherwise be ignored without a word.
    """
    file = stack_file(stack)
    name = f"{file.parent.name}/{file.name}"
    written = parse(file, name).plain()["config"][KEY]
    try:
        same = given is not None and _comparable(json.loads(given)) == _comparable(written)
    except json.JSONDecodeError:
        same = False
    if not same:
        raise pulumi.RunError(
            f"obs:spec: the engine was given another value than {name} holds. "
            f"Expected no `--config obs:spec…` and no `--config-file`: write the change into {name}."
        )


def _comparable(value: Any) -> Any:
    """A value as the engine may have rewritten it: its YAML reader keeps neither the type of every scalar nor
    an empty value."""
    if isinstance(value, Mapping):
        return {str(key): _comparable(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(float(value))
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return str(value)


def resources(spec: Spec, plan: Plan) -> "Deploy":
    """What makes the resource of each part; RunError if the target cannot, or if secrets are absent."""
    try:
        return targets.target_of(spec).resources(plan, secret_values(spec, plan))
    except SuiteError as error:
        raise pulumi.RunError(str(error)) from None


def secret_values(spec: Spec, plan: Plan) -> dict[str, pulumi.Output[str]]:
    """Values of the secrets that come from outside the target, as Pulumi secrets; Refused with all that are
    absent, empty, or not what their receivers need."""
    config = pulumi.Config("obs")
    outside = [secret for secret in plan.secrets if secret.source != "generated"]
    texts = {
        secret.key: pulumi.runtime.get_config(config.full_key(secret.key))
        for secret in outside
        if secret.source == "config"
    }
    check(spec, plan, texts)
    return {
        secret.name: pulumi.Output.secret(
            os.environ[secret.key] if secret.source == "environment" else texts[secret.key]
        )
        for secret in outside
    }
