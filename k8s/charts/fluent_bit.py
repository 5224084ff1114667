"""Fluent Bit on every node, as the shipper of the pods' logs. Its configuration is a ConfigMap of the
plan."""

from components.render.fluent_bit import CONFIG, NAME, PASSWORD, render
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values
from k8s.site import log_folder

PORT = 2020


def values(spec: Spec, site: Site) -> Values:
    """Its place in each file, and what the store has not taken, are in a folder of the node."""
    kept = f"/var/lib/obs/{spec.kubernetes.namespace}/{NAME}"
    files = [*mounts.secrets(site, (PASSWORD,)), mounts.certificates(spec, site)]
    node = [
        mounts.of_node("logs", log_folder(spec)),
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
        "metricsPort": PORT,
        "podAnnotations": {common.DIGEST: common.digest(render(spec, site))},
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
