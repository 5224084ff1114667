"""What the Pulumi program needs beside the component: checked configuration, engines, secret values.

Everything that a user can get wrong ends in `pulumi.RunError`, which any language host shows without a
traceback.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import pulumi

from components.errors import SuiteError
from components.plan import Plan
from components.spec import Spec
from obs.describe import describe
from obs.errors import BadInput
from obs.secret_values import problems
from vsi.handover import moves
from vsi.machine import machine_of
from vsi.unit import HostPlan


def planned() -> tuple[Spec, HostPlan]:
    """Spec and plan of the stack that the engine runs; RunError with every problem of its stack file."""
    stack = pulumi.get_stack()
    try:
        spec, plan = describe(stack)
        check_configuration(stack, pulumi.Config("obs").get("spec"))
    except SuiteError as error:
        raise pulumi.RunError(str(error)) from None
    return spec, plan


def check_configuration(stack: str, given: str | None) -> None:
    """BadInput unless the engine's `obs:spec` (JSON text) says what the stack file says.

    The program reads the file, for its lines and its base file, so a value given in another way
    (`-c obs:spec…`, `--config-file`) would otherwise be ignored without a word.
    """
    from stacks.loader import KEY, stack_file
    from stacks.source import parse

    file = stack_file(stack)
    name = f"{file.parent.name}/{file.name}"
    written = parse(file, name).plain()["config"][KEY]
    try:
        same = given is not None and _comparable(json.loads(given)) == _comparable(written)
    except json.JSONDecodeError:
        same = False
    if not same:
        raise BadInput(
            f"obs:spec: the engine was given another value than {name} holds. "
            f"Expected no `--config obs:spec…` and no `--config-file`: write the change into {name}."
        )


def tell_moves(plan: HostPlan) -> None:
    """Say which ports pass from one unit to another, and that the one is stopped for it."""
    for move in moves(plan, machine_of(plan.stack)):
        pulumi.log.warn(str(move))


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


def engines_of(plan: Plan) -> dict[str, str]:
    """Engine -> key of its artifact in the cache; RunError if one is not there.

    The program changes nothing and so builds nothing: `obs up` and `obs preview` bring engines first.
    """
    from engines.errors import EngineError
    from engines.store import Store

    store = Store()
    try:
        found = {engine: store.find(engine) for engine in plan.engines}
    except EngineError as error:
        raise pulumi.RunError(str(error)) from None
    missing = [engine for engine, artifact in found.items() if artifact is None]
    if missing:
        raise pulumi.RunError(
            f"not in the cache of engines: {', '.join(missing)}. Run: obs engines build {' '.join(missing)}"
        )
    return {engine: artifact.key for engine, artifact in found.items() if artifact}


def secret_values(spec: Spec, plan: Plan) -> dict[str, pulumi.Output[str]]:
    """Values of the secrets that come from outside the host, as Pulumi secrets; RunError with all that are
    absent, empty, or not what their receivers need."""
    config = pulumi.Config("obs")
    outside = [secret for secret in plan.secrets if secret.source != "generated"]
    texts = {
        secret.key: pulumi.runtime.get_config(config.full_key(secret.key))
        for secret in outside
        if secret.source == "config"
    }
    if found := problems(spec, plan, texts):
        raise pulumi.RunError("\n".join(found))
    return {
        secret.name: pulumi.Output.secret(
            os.environ[secret.key] if secret.source == "environment" else texts[secret.key]
        )
        for secret in outside
    }
