"""The Pulumi program: wiring only. `obs up` and `pulumi up -s <environment>` both run it."""

import pulumi

from components.stack import ObservabilityStack
from obs.program import engines_of, planned, secret_values, tell_moves
from vsi.provider import Unit
from vsi.unit import HostUnit


def main() -> None:
    spec, plan = planned()
    tell_moves(plan)
    engines = engines_of(plan)
    secrets = secret_values(spec, plan)

    def deploy(unit: HostUnit, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        return Unit(plan, unit, engines, secrets, opts)

    stack = ObservabilityStack(plan.stack, plan.parts, deploy)
    pulumi.export("endpoints", stack.endpoints)


main()
