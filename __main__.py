"""The Pulumi program: wiring only. `obs up` and `pulumi up -s <environment>` both run it."""

import pulumi

from components.plan import Unit
from components.stack import ObservabilityStack
from obs.program import engines_of, planned, secret_values, tell_moves
from vsi.provider import Unit as HostUnit


def main() -> None:
    spec, plan = planned()
    tell_moves(plan)
    engines = engines_of(plan)
    secrets = secret_values(spec, plan)

    def deploy(name: str, unit: Unit, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        return HostUnit(name, plan, unit, engines, secrets, opts)

    stack = ObservabilityStack(plan.stack, plan, deploy)
    pulumi.export("endpoints", stack.endpoints)


main()
