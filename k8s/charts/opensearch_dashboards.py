"""OpenSearch Dashboards: logs and spans in a browser, for whoever logs in as `viewer`.

One pod, also where `ha`: it keeps nothing itself, and of two that start over an empty store each may wait for
the other to make the index that both need (kibana 58388, OpenSearch-Dashboards 6272).
"""

from components.inventory import password_of
from components.render import opensearch_dashboards as dashboards
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values

NAME = dashboards.NAME
HOME = "/usr/share/opensearch-dashboards"
_USER = 1000


def values(spec: Spec, site: Site) -> Values:
    """Of the store's version, which it asks for at start, and refuses another."""
    folders = [
        mounts.certificates(spec, site, (NAME,)),
        # All that it writes: the root file system is read-only.
        mounts.scratch("data", f"{HOME}/data"),
        mounts.scratch("tmp", "/tmp"),  # noqa: S108 - of the pod alone
    ]
    return {
        "fullnameOverride": NAME,
        "replicaCount": 1,
        "image": common.published("opensearchproject/opensearch-dashboards", "opensearch"),
        "imagePullSecrets": common.pull_secrets(spec),
        "opensearchHosts": site.url("opensearch"),
        "service": {"port": dashboards.PORT},
        # As data, not as text: the chart would write a text into the file as one.
        "config": {path: document.data for path, document in dashboards.render(site).items()},
        "extraEnvs": [
            {
                "name": dashboards.variable(secret),
                "valueFrom": {"secretKeyRef": {"name": names.SECRETS, "key": secret}},
            }
            for secret in (password_of(dashboards.SERVER), dashboards.COOKIE)
        ],
        "labels": names.part_of(spec),
        # The chart's binding is to a role that there is not.
        "rbac": {"create": False},
        "serviceAccount": {"automountServiceAccountToken": False},
        "resources": common.resources(spec, NAME),
        "podSecurityContext": common.pod_security(_USER),
        "securityContext": {**common.CONTAINER_SECURITY, "runAsUser": _USER},
        "extraVolumes": mounts.volumes(folders),
        "extraVolumeMounts": mounts.mounted(folders),
        # Its first start makes its index.
        "startupProbe": {"failureThreshold": 60},
    }
