"""The Pulumi program: wiring only. `obs up` and `pulumi up -s <environment>` both run it."""

import pulumi

from components.stack import ObservabilityStack
from targets.program import planned, resources


def main() -> None:
    spec, plan = planned()
    stack = ObservabilityStack(plan.stack, plan.parts, resources(spec, plan))
    pulumi.export("endpoints", stack.endpoints)


main()
