"""What stands beside a release that has several pods: a name for each gateway, and how many may be away."""

from components.plan import Pillar
from components.render import collector_gateway
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.objects import manifest
from k8s.parts import Manifest
from k8s.site import SPREAD, gateway_services

POD = "statefulset.kubernetes.io/pod-name"
"""The label that Kubernetes puts on each pod of a StatefulSet."""
GUARDED = {"collector": Pillar.TRACING, "jaeger": Pillar.TRACING}
"""Releases whose charts make no budget, or none that says how many are to stay."""


def several_parts(spec: Spec, site: Site) -> list[Manifest]:
    """Nothing where there is one of each."""
    if not spec.kubernetes.ha:
        return []
    return [*_gateways(spec, site), *_budgets(spec)]


def _gateways(spec: Spec, site: Site) -> list[Manifest]:
    """A Service for each gateway. The chart's own leads to any of them, and is not headless, so pods have no
    names in it; a headless one could not be made of it later."""
    if not site.has(SPREAD):
        return []
    program = names.pods(spec, collector_gateway.NAME, own=False)
    port = {"name": "spread", "port": site.port(SPREAD), "targetPort": site.port(SPREAD)}
    return [
        manifest(
            spec,
            Pillar.TRACING,
            "Service",
            name,
            {"spec": {"selector": {**program, POD: name}, "ports": [port]}},
            labels={"app.kubernetes.io/component": name},
        )
        for name in gateway_services(spec)
    ]


def _budgets(spec: Spec) -> list[Manifest]:
    """A node that is drained takes one pod at a time."""
    return [
        manifest(
            spec,
            pillar,
            "PodDisruptionBudget",
            program,
            {
                "spec": {
                    "minAvailable": 1,
                    "selector": {"matchLabels": names.pods(spec, program, own=False)},
                }
            },
        )
        for program, pillar in GUARDED.items()
    ]
