"""node_exporter on every node, as a release of its own: it is upgraded without Prometheus, and is the same
under either Prometheus chart."""

from components.inventory import BY_NAME, certificates_of
from components.render import node_exporter
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values
from k8s.site import CONF

_USER = 65534


def values(spec: Spec, site: Site) -> Values:
    """In the network of the node, whose interfaces it counts. It needs to see no process of it."""
    port, documents = site.port("node-exporter"), node_exporter.render(spec, site)
    files = [
        mounts.documents("node-exporter", documents, CONF),
        mounts.certificates(spec, site, certificates_of(BY_NAME["node-exporter"], site)),
    ]
    tls = bool(documents)
    return {
        "nameOverride": "node-exporter",
        "fullnameOverride": common.named(site, "node-exporter"),
        "image": common.published("prometheus/node-exporter", "node_exporter", "v"),
        "imagePullSecrets": common.pull_secrets(spec),
        "service": {"port": port, "targetPort": port, "annotations": {"prometheus.io/scrape": "false"}},
        "hostPID": False,
        "extraArgs": ["--log.format=json", *([f"--web.config.file={CONF}/web.yml"] if tls else [])],
        **(
            {"extraVolumes": mounts.volumes(files), "extraVolumeMounts": mounts.mounted(files)} if tls else {}
        ),
        "podLabels": names.part_of(spec),
        "resources": common.resources(spec, "node-exporter"),
        "securityContext": common.pod_security(_USER),
        "containerSecurityContext": common.CONTAINER_SECURITY,
        "tolerations": common.EVERYWHERE,
    }
