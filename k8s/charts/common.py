"""What the values of several charts have alike: sizes, volumes, security, and how folders come into pods.

No value is ever None: the provider takes it out of what it hands to Helm, and the chart's default would stay.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from components.catalog import engine
from components.render.document import Documents
from components.render.text import texts
from components.site import Site
from components.spec import Spec

Values = dict[str, Any]
DIGEST = "obs/documents"
"""The annotation of pods that changes with their documents, so that a change restarts them."""

_TIERS: dict[str, Literal["small", "medium", "large"]] = {
    "dev": "small",
    "test": "small",
    "staging": "medium",
    "prod": "large",
}
_NEEDS: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "alertmanager": ((25, 64), (50, 128), (100, 256)),
    # Its memory limiter refuses above 512 MiB; the runtime needs room beyond.
    "collector": ((100, 768), (500, 768), (2000, 1024)),
    "collector-agent": ((50, 768), (100, 768), (200, 768)),
    "config-reloader": ((10, 32), (10, 48), (20, 64)),
    "fluent-bit": ((50, 96), (100, 128), (200, 256)),
    "grafana": ((50, 192), (100, 256), (200, 512)),
    "jaeger": ((50, 192), (250, 384), (1000, 1024)),
    "kube-state-metrics": ((20, 96), (50, 192), (100, 512)),
    "node-exporter": ((20, 48), (50, 64), (100, 96)),
    # The memory of these follows their heap.
    "opensearch": ((250, 0), (1000, 0), (4000, 0)),
    "opensearch-manager": ((100, 0), (200, 0), (500, 0)),
    "opensearch-dashboards": ((100, 768), (200, 1024), (500, 1536)),
    "operator": ((25, 128), (50, 192), (100, 384)),
    "probe": ((10, 32), (20, 48), (50, 64)),
    "prometheus": ((200, 512), (500, 2048), (2000, 8192)),
    "sidecar": ((10, 96), (20, 128), (50, 192)),
}
"""Thousandths of a processor and MiB of memory that each pod asks for: small, medium, large."""


def size(spec: Spec) -> Literal["small", "medium", "large"]:
    """How large the programs of a stack are."""
    return spec.kubernetes.size or _TIERS[spec.environment.tier]


def resources(spec: Spec, program: str, memory_mb: int = 0) -> Values:
    """Requests and limits. Memory is what it asks for, so that no pod is killed for what its node promised
    twice; of the processor it may take four times as much while nobody else wants it."""
    cpu, memory = _NEEDS[program][("small", "medium", "large").index(size(spec))]
    amount = f"{max(memory, memory_mb)}Mi"
    return {
        "requests": {"cpu": f"{cpu}m", "memory": amount},
        "limits": {"cpu": f"{4 * cpu}m", "memory": amount},
    }


def pod_security(user: int, **more: Any) -> Values:
    """Of a pod, as the level `restricted` of Pod Security wants it. Its files belong to the user's group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
        **more,
    }


CONTAINER_SECURITY: Values = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Of a container, as `restricted` wants it, and nothing of its image can be changed besides."""

WRITABLE: Values = {**CONTAINER_SECURITY, "readOnlyRootFilesystem": False}
"""For images that write into folders of their own at start."""

READS_AS_ROOT: Values = {
    **CONTAINER_SECURITY,
    "runAsNonRoot": False,
    "runAsUser": 0,
    "runAsGroup": 0,
    "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]},
}
"""For a shipper: log files of a node are root's, or of users that only the node knows. It may read them, and
that is all that it may do of what root may."""

_HOST_LOGS = "reads the log files of its node, which are root's, and keeps its place in a folder of the node"
EXCEPTIONS: dict[str, str] = {
    "collector-agent": _HOST_LOGS,
    "fluent-bit": _HOST_LOGS,
    "node-exporter": "reads /proc, /sys and the file systems of its node, in the node's network: anywhere "
    "else it would measure its own",
}
"""Why a release cannot be at the level `restricted` of Pod Security: each mounts folders of its node. All
others are."""


def spread(labels: Mapping[str, str]) -> list[Values]:
    """Pods with these labels on different nodes, and in different zones; rather together than not at all."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


EVERYWHERE = [{"operator": "Exists"}]
"""Tolerations of what every node has, its control plane included."""


def quantity(amount: str) -> str:
    """A size of the stack file as Kubernetes spells it."""
    return amount.removesuffix("B")


def claim(spec: Spec, amount: str) -> Values:
    """The `spec` of a volume that outlives its pod, and the release."""
    named = spec.kubernetes.storage_class
    return {
        "accessModes": ["ReadWriteOnce"],
        **({"storageClassName": named} if named else {}),
        "resources": {"requests": {"storage": quantity(amount)}},
    }


def pull_secrets(spec: Spec) -> list[Values]:
    """The login of the registry, as pods name it."""
    named = spec.kubernetes.images.pull_secret
    return [{"name": named}] if named else []


def named(site: Site, listener: str) -> str:
    """The name of the Service under which a listener is reached."""
    return site.dial(listener).rpartition(":")[0].partition(".")[0]


def version(name: str) -> str:
    """The version of an engine: the same in a cluster as on a host."""
    return engine(name).version


def released(name: str) -> str:
    """The version under which an engine's publisher has it."""
    release = engine(name).release
    return (release and release.version) or version(name)


def digest(documents: Documents) -> str:
    """What changes with any of the documents."""
    found = hashlib.sha256()
    for path, written in texts(documents).items():
        found.update(f"{path}\0{written}\0".encode())
    return found.hexdigest()[:16]


def published(repository: str, name: str, prefix: str = "") -> Values:
    """The publisher's image of an engine, in the version that the stack has everywhere."""
    return {"repository": repository, "tag": f"{prefix}{version(name)}"}


def collector_image(spec: Spec) -> Values:
    """The image with our collector."""
    own = spec.kubernetes.images
    registry = f"{own.registry}/" if own.registry else ""
    return split(own.collector or f"{registry}observability-collector:{version('otelcol')}")


def split(image: str) -> Values:
    """Repository and tag, or digest, of an image."""
    repository, at, named = image.partition("@")
    if at:
        return {"repository": repository, "digest": named}
    repository, _, tag = image.rpartition(":")
    return {"repository": repository, "tag": tag}
