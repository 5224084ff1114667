"""OpenSearch: one node; where `ha`, three that hold data and three small ones that manage the cluster.

What a node is told is the document of every target. What the chart itself sets, and what only holds in a
cluster, comes by environment: the image makes settings of variables with a dot, which stand above the file.
"""

from dataclasses import replace
from typing import Any

from components.render import opensearch
from components.render.text import texts
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values

HOME = "/usr/share/opensearch"
MANAGERS = "opensearch-manager"
NODES = 3
_USER = 1000
_MANAGER_HEAP_MB = 512
_FILES = ("opensearch.yml", "jvm.options", "log4j2.properties")
_SECURITY = "opensearch-security/"


def values(spec: Spec, site: Site) -> Values:
    """The nodes with data, or the only one."""
    name = common.named(site, "opensearch")
    if not spec.kubernetes.ha:
        roles = ["cluster_manager", "data", "ingest"]
        return {**_node(spec, site, name, roles, spec.deploy.opensearch_heap_mb), "singleNode": True}
    return _node(spec, site, name, ["data", "ingest"], spec.deploy.opensearch_heap_mb)


def managers(spec: Spec, site: Site) -> Values:
    """The nodes that manage the cluster where `ha`: a search that fills the memory of a node with data takes
    no manager with it."""
    return {
        **_node(spec, site, MANAGERS, ["cluster_manager"], _MANAGER_HEAP_MB),
        "persistence": _kept(spec, "1GiB"),
    }


def _node(spec: Spec, site: Site, name: str, roles: list[str], heap: int) -> Values:
    ha = spec.kubernetes.ha
    documents = texts(opensearch.render(spec, _as_nodes_see_it(site) if ha else site))
    certificates = mounts.certificates(spec, site, ("opensearch",), f"{HOME}/config/{opensearch.TLS_LINK}")
    return {
        "fullnameOverride": name,
        "clusterName": f"obs-{spec.environment.name}",
        "nodeGroup": "manager" if name == MANAGERS else "data",
        "masterService": MANAGERS if ha else name,
        "singleNode": False,
        "replicas": NODES if ha else 1,
        "roles": roles,
        "majorVersion": common.version("opensearch").partition(".")[0],
        "image": common.published("opensearchproject/opensearch", "opensearch"),
        "imagePullSecrets": common.pull_secrets(spec),
        "labels": names.part_of(spec),
        "httpPort": site.port("opensearch"),
        "transportPort": site.port("opensearch-transport"),
        "config": {file: documents[file] for file in _FILES},
        "securityConfig": {
            "config": {
                "data": {
                    path.removeprefix(_SECURITY): text
                    for path, text in documents.items()
                    if path.startswith(_SECURITY)
                }
            }
        },
        "extraEnvs": [{"name": key, "value": value} for key, value in _environment(ha).items()],
        "opensearchJavaOpts": f"-Xms{heap}m -Xmx{heap}m",
        # Lucene keeps the files that it searches in the memory beside the heap.
        "resources": common.resources(
            spec, MANAGERS if name == MANAGERS else "opensearch", max(2 * heap, heap + 700)
        ),
        "initResources": common.resources(spec, "probe"),
        "podSecurityContext": common.pod_security(_USER),
        # The start script writes a keystore beside the configuration.
        "securityContext": {**common.WRITABLE, "runAsUser": _USER},
        "persistence": _kept(spec, spec.kubernetes.volumes.logs),
        "antiAffinity": "hard" if ha and common.size(spec) == "large" else "soft",
        "topologySpreadConstraints": common.spread({"app.kubernetes.io/instance": name}),
        "extraVolumes": [certificates.volume],
        "extraVolumeMounts": [certificates.mounted],
        "enableServiceLinks": False,
        "startupProbe": {"failureThreshold": 60},
    }


def _kept(spec: Spec, amount: str) -> Values:
    claim = common.claim(spec, amount)
    named = claim.get("storageClassName")
    return {
        # The volume belongs to the group of the pod; nothing runs as root to give it away.
        "enableInitChown": False,
        "size": claim["resources"]["requests"]["storage"],
        "accessModes": claim["accessModes"],
        **({"storageClass": named} if named else {}),
    }


def _as_nodes_see_it(site: Site) -> Site:
    """The site with the managers one by one: that there are several makes the document one of a cluster."""
    port = site.port("opensearch-transport")
    pods = tuple(f"{MANAGERS}-{number}.{MANAGERS}-headless:{port}" for number in range(NODES))
    listener = replace(site.listeners["opensearch-transport"], dial=pods)
    return replace(site, listeners={**site.listeners, "opensearch-transport": listener})


def _environment(ha: bool) -> dict[str, Any]:
    cluster = {
        # By name, as the chart calls nodes after their pods: addresses change.
        "cluster.initial_cluster_manager_nodes": ",".join(f"{MANAGERS}-{number}" for number in range(NODES)),
        # Who has the certificate of the nodes is one. No certificate names the addresses of pods.
        "plugins.security.ssl.transport.enforce_hostname_verification": "false",
    }
    return {
        "DISABLE_INSTALL_DEMO_CONFIG": "true",
        "DISABLE_PERFORMANCE_ANALYZER_AGENT_CLI": "true",
        # Mapping files takes a setting of the node's kernel, which only a privileged container may change.
        "node.store.allow_mmap": "false",
        **(cluster if ha else {}),
    }
