"""blackbox_exporter: asks pages from inside the cluster, for objects of the kind `Probe`."""

from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values

NAME = "blackbox-exporter"
MODULES: Values = {
    "http": {"prober": "http", "timeout": "5s", "http": {"preferred_ip_protocol": "ip4"}},
    "https": {"prober": "http", "timeout": "5s"},
    "tcp": {"prober": "tcp", "timeout": "5s"},
}


def values(spec: Spec, site: Site) -> Values:
    """Two where `ha`: it keeps nothing. `https` trusts the stack's authority alone."""
    ca = mounts.certificates(site)
    trusting = {"fail_if_not_ssl": True, "tls_config": {"ca_file": site.ca}}
    return {
        "nameOverride": NAME,
        "fullnameOverride": NAME,
        "replicas": 2 if spec.kubernetes.ha else 1,
        "image": {"pullSecrets": [item["name"] for item in common.pull_secrets(spec)]},
        "config": {"modules": {**MODULES, "https": {**MODULES["https"], "http": trusting}}},
        "extraArgs": ["--log.format=json"],
        "extraVolumes": [ca.volume],
        "extraVolumeMounts": [ca.mounted],
        "pod": {"labels": names.part_of(spec)},
        "resources": common.resources(spec, "probe"),
        "podSecurityContext": common.pod_security(1000),
        "securityContext": {**common.CONTAINER_SECURITY, "runAsUser": 1000, "runAsGroup": 1000},
        "topologySpreadConstraints": common.spread({"app.kubernetes.io/name": NAME}),
        **({"podDisruptionBudget": {"minAvailable": 1}} if spec.kubernetes.ha else {}),
    }
