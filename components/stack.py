"""The component that users see: a stack, its pillars, and under each the parts that make it up."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pulumi

from components.plan import Part, Pillar, labels

P = TypeVar("P", bound=Part)


class PillarGroup(pulumi.ComponentResource):
    """One pillar of a stack: `obs:components:Metrics`, `Alerting`, `Logging`, `Tracing` or `Services`."""

    def __init__(self, pillar: Pillar, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(f"obs:components:{pillar.value.capitalize()}", name, None, opts)


class ObservabilityStack(pulumi.ComponentResource):
    """Everything that a plan holds, as a tree: stack, pillar, part.

    The tree is what makes a preview readable, and a resource's place in it is part of its identity: a part
    that moves to another pillar, or gets another id, needs an alias.
    """

    def __init__(
        self,
        name: str,
        parts: Sequence[P],
        deploy: Callable[[P, pulumi.ResourceOptions], pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`parts` in an order in which each comes after what it needs, as a plan has them. `deploy` is what a
        target gives: the resource that carries a part out, named by the part's id."""
        super().__init__("obs:components:ObservabilityStack", name, None, opts)
        groups: dict[Pillar, PillarGroup] = {}
        made: dict[str, pulumi.Resource] = {}
        called = labels(part.id for part in parts)
        for part in parts:
            if part.pillar not in groups:
                child = pulumi.ResourceOptions(parent=self)
                groups[part.pillar] = PillarGroup(part.pillar, f"{name}-{part.pillar.value}", child)
            options = pulumi.ResourceOptions(
                parent=groups[part.pillar], depends_on=[made[needed] for needed in part.needs]
            )
            made[part.id] = deploy(part, options)
        for pillar, group in groups.items():
            group.register_outputs({"units": [called[part.id] for part in parts if part.pillar is pillar]})
        self.endpoints = {called[part.id]: part.url for part in parts if part.url}
        """Part -> the URL that answers when it serves."""
        self.register_outputs({"endpoints": self.endpoints})
