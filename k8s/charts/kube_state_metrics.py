"""kube-state-metrics: what the API server knows of the cluster's objects, as metrics."""

from components.site import Site
from components.spec import Spec
from k8s.charts import common
from k8s.charts.common import Values

COLLECTORS = (
    "cronjobs", "daemonsets", "deployments", "horizontalpodautoscalers", "ingresses", "jobs", "namespaces",
    "nodes", "persistentvolumeclaims", "persistentvolumes", "poddisruptionbudgets", "pods", "replicasets",
    "resourcequotas", "services", "statefulsets", "storageclasses",
)  # fmt: skip
"""Kinds of objects. Its role may read these alone: no Secret and no ConfigMap among them."""


def values(spec: Spec, site: Site) -> Values:
    """One, with a monitor of its own: no other target has it, so no scrape job of the stack names it."""
    del site
    return {
        "fullnameOverride": "kube-state-metrics",
        "imagePullSecrets": common.pull_secrets(spec),
        "prometheusScrape": False,
        "collectors": list(COLLECTORS),
        "prometheus": {
            "monitor": {
                "enabled": True,
                "http": {
                    # Its labels are those of the objects, not of its own pod.
                    "honorLabels": True,
                    "relabelings": [
                        {"targetLabel": "owner", "replacement": spec.alerting.platform_team},
                    ],
                },
            }
        },
        "resources": common.resources(spec, "kube-state-metrics"),
        "securityContext": common.pod_security(65534),
        "containerSecurityContext": common.CONTAINER_SECURITY,
    }
