"""redis_exporter beside the Redis of the stack's services."""

from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common
from k8s.charts.common import Values

PORT = 9121
"""Where the chart's container listens, whatever its Service is told."""


def values(spec: Spec, site: Site) -> Values:
    """Scraped as a job of the stack, as on a host."""
    return {
        "fullnameOverride": common.named(site, "redis-exporter"),
        "image": {"pullSecrets": [item["name"] for item in common.pull_secrets(spec)]},
        "redisAddress": f"redis://{site.dial('redis')}",
        "extraArgs": {"log-format": "json"},
        "service": {"port": site.port("redis-exporter")},
        "labels": names.part_of(spec),
        "resources": common.resources(spec, "probe"),
        "podSecurityContext": common.pod_security(59000),
        "securityContext": common.CONTAINER_SECURITY,
    }
