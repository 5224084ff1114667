"""Fluent Bit on every node, as the shipper of the pods' logs. Its configuration is a ConfigMap of the
plan."""

from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values
from k8s.site import POD_LOGS

NAME = "fluent-bit"
CONFIG = "fluent-bit.yaml"
"""The document, in the ConfigMap of the program's documents."""
PASSWORD = "opensearch-collector"  # noqa: S105 - the name of a secret
"""The store knows shippers as one user."""
_PORT = 2020


def values(spec: Spec, site: Site) -> Values:
    """Its place in each file, and what the store has not taken, are in a folder of the node."""
    kept = f"/var/lib/obs/{spec.kubernetes.namespace}/{NAME}"
    files = [*mounts.secrets(site, (PASSWORD,)), mounts.certificates(site)]
    node = [
        mounts.of_node("logs", POD_LOGS),
        mounts.of_node("data", kept, site.data(NAME), read_only=False),
    ]
    return {
        "fullnameOverride": NAME,
        "imagePullSecrets": common.pull_secrets(spec),
        "testFramework": {"enabled": False},
        # It asks the API server nothing: of which pod a file is, its path says.
        "rbac": {"create": False},
        "serviceAccount": {"automountServiceAccountToken": False},
        "existingConfigMap": names.conf(NAME),
        "args": ["--workdir=/fluent-bit/etc", f"--config=/fluent-bit/etc/conf/{CONFIG}"],
        "hotReload": {"enabled": False},
        "metricsPort": _PORT,
        "labels": names.part_of(spec),
        "podLabels": names.part_of(spec),
        "resources": common.resources(spec, NAME),
        "securityContext": common.READS_AS_ROOT,
        "tolerations": common.EVERYWHERE,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        # The chart's own would bring all of /var/log, the shipper's own log with it.
        "daemonSetVolumes": mounts.volumes(node),
        "daemonSetVolumeMounts": mounts.mounted(node),
        "extraVolumes": mounts.volumes(files),
        "extraVolumeMounts": mounts.mounted(files),
    }
