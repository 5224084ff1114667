"""The dashboards of a stack, as data: what is shown, of what, and why. Each target puts them where its people
look; `components.render.grafana` spells them for Grafana."""

from components.dashboards import health, hosts, promises, services
from components.dashboards.model import Dashboard
from components.spec import Spec


def dashboards(spec: Spec) -> tuple[Dashboard, ...]:
    """All of a stack; one of its own for each service, so that a new service touches no other."""
    return (
        *(services.of(service) for service in spec.services),
        services.journey(),
        promises.promises(spec),
        *((hosts.hosts(),) if "node" in spec.metrics.exporters else ()),
        health.metrics(),
        health.cardinality(spec),
        health.logs(),
        health.traces(),
    )
