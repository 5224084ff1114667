"""blackbox_exporter: asks pages from inside the cluster, for objects of the kind `Probe`."""

from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common
from k8s.charts.common import Values

NAME = "blackbox-exporter"
PORT = 9115
"""The chart's own."""
MODULES: Values = {
    "http": {"prober": "http", "timeout": "5s", "http": {"preferred_ip_protocol": "ip4"}},
    "https": {"prober": "http", "timeout": "5s", "http": {"fail_if_not_ssl": True}},
    "tcp": {"prober": "tcp", "timeout": "5s"},
}


def values(spec: Spec, site: Site) -> Values:
    """Two where `ha`: it keeps nothing. It trusts the authorities of its image, as who visits a page does."""
    del site
    return {
        "nameOverride": NAME,
        "fullnameOverride": NAME,
        "replicas": 2 if spec.kubernetes.ha else 1,
        "image": {"pullSecrets": [item["name"] for item in common.pull_secrets(spec)]},
        "config": {"modules": MODULES},
        "extraArgs": ["--log.format=json"],
        "pod": {"labels": names.part_of(spec)},
        "resources": common.resources(spec, "probe"),
        "podSecurityContext": common.pod_security(1000),
        "securityContext": {**common.CONTAINER_SECURITY, "runAsUser": 1000, "runAsGroup": 1000},
        "topologySpreadConstraints": common.spread({"app.kubernetes.io/name": NAME}),
        **({"podDisruptionBudget": {"minAvailable": 1}} if spec.kubernetes.ha else {}),
    }
