"""Which targets there are: a name, as in `environment.target`, and the module that holds the target.

A module is imported when its target is asked for, so that nobody pays for the others.
"""

from collections.abc import Iterator
from importlib import import_module

from components.plan import Plan
from components.spec import Spec
from components.spec.problem import Problem, Refused
from components.target import AnyTarget, Operate, StandIn

MODULES = {
    "local": "vsi.target",
    "vsi": "vsi.servers.target",
    "kubernetes": "k8s.target",
    "aws": "aws.target",
}
"""Each has a `TARGET`."""


def target(name: str) -> AnyTarget:
    """The target of that name; KeyError if there is none."""
    found: AnyTarget = import_module(MODULES[name]).TARGET
    return found


def target_of(spec: Spec) -> AnyTarget:
    """Where a stack goes; KeyError for a target that there is not, which `refusals` has told."""
    return target(spec.environment.target)


def refusals(spec: Spec) -> list[Problem]:
    """Every setting that the stack's target cannot honour, for whoever knows where it stands in a file."""
    name = spec.environment.target
    if name not in MODULES:
        offered = ", ".join(f"'{known}'" for known in MODULES)
        return [
            Problem(("environment", "target"), name, f"expected {offered}; this target does not exist yet")
        ]
    return target(name).refusals(spec)


_planned: list[tuple[str, Spec, Plan]] = []
"""What was planned last."""


def plan(spec: Spec, stack: str) -> Plan:
    """The plan of a stack. Raises `Refused` with every setting that its target cannot honour.

    What was planned last is not planned again, since equal specs have equal plans: the program, served by the
    command that runs it, asks for the same."""
    if refused := refusals(spec):
        raise Refused(refused)
    if not _planned or _planned[0][:2] != (stack, spec):
        _planned[:] = [(stack, spec, target_of(spec).plan(spec, stack))]
    return _planned[0][2]


def operating() -> Iterator[tuple[str, Operate[Plan]]]:
    """(name, operations) of each target that has any."""
    for name in MODULES:
        if operate := target(name).operate:
            yield name, operate


def standing_in() -> Iterator[tuple[str, StandIn[Plan]]]:
    """(name, what takes its place) of each target that has such a thing."""
    for name in MODULES:
        if found := target(name).stand_in:
            yield name, found
