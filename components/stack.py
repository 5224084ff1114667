"""The component that users see: a stack, its pillars, and under each the engines that make it up."""

from collections.abc import Callable

import pulumi

from components.plan import Pillar, Plan, Unit

Deploy = Callable[[str, Unit, pulumi.ResourceOptions], pulumi.Resource]
"""What a target gives: (resource name, unit, options) -> the resource that carries the unit out."""


class PillarGroup(pulumi.ComponentResource):
    """One pillar of a stack: `obs:components:Metrics`, `Alerting`, `Logging`, `Tracing` or `Services`."""

    def __init__(self, pillar: Pillar, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"obs:components:{pillar.value.capitalize()}", name, None, opts)


class ObservabilityStack(pulumi.ComponentResource):
    """Everything a plan puts on one host, as a tree: stack, pillar, engine.

    The tree is what makes a preview readable, and a resource's place in it is part of its identity: a unit
    that moves to another pillar, or is renamed, needs an alias.
    """

    def __init__(
        self, name: str, plan: Plan, deploy: Deploy, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("obs:components:ObservabilityStack", name, None, opts)
        groups: dict[Pillar, PillarGroup] = {}
        made: dict[str, pulumi.Resource] = {}
        for unit in plan.units:
            if unit.pillar not in groups:
                child = pulumi.ResourceOptions(parent=self)
                groups[unit.pillar] = PillarGroup(unit.pillar, f"{name}-{unit.pillar.value}", child)
            made[unit.name] = deploy(
                f"{unit.name}@{plan.host}",
                unit,
                pulumi.ResourceOptions(
                    parent=groups[unit.pillar], depends_on=[made[needed] for needed in unit.needs]
                ),
            )
        for pillar, group in groups.items():
            group.register_outputs({"units": [unit.name for unit in plan.units if unit.pillar is pillar]})
        self.endpoints = {unit.name: unit.process.ready.url for unit in plan.units}
        """Unit -> the URL that answers when it serves."""
        self.register_outputs({"endpoints": self.endpoints})
