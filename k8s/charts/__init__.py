"""The releases of a stack: a module a chart, each with `values(spec, site)`, which is pure.

Values refer to Secrets and ConfigMaps by the names of `k8s.names`, and hold no secret and no null.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.charts import Chart, chart
from components.plan import Pillar
from components.site import Site
from components.spec import Spec
from k8s.charts import prometheus_operator_crds

Values = Callable[[Spec, Site], dict[str, Any]]


@dataclass(frozen=True)
class ReleaseOf:
    """A release that a stack may have."""

    name: str
    chart: Chart
    pillar: Pillar
    values: Values
    needs: tuple[str, ...] = ()
    """Names of the releases that must be there before; those that the stack goes without are passed over."""
    runs: Callable[[Spec], bool] = lambda _spec: True
    crds: bool = False
    """Whether it brings definitions that the objects of others need."""


RELEASES: tuple[ReleaseOf, ...] = (
    ReleaseOf(
        "prometheus-operator-crds",
        chart("prometheus-operator-crds"),
        Pillar.METRICS,
        prometheus_operator_crds.values,
        crds=True,
    ),
)
"""In the order in which they come."""
