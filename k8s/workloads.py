"""Pods of our own: each as Pod Security `restricted` asks, with requests, limits, probes and a spread over
nodes."""

import re
from dataclasses import dataclass, field
from typing import Any

from components.catalog import engine
from components.plan import Pillar
from components.render.document import Documents
from components.running import Health
from components.spec import Spec
from k8s import names
from k8s.issued import holders
from k8s.objects import conf_map, digest, identity, manifest, secret_volume
from k8s.parts import Manifest
from k8s.site import CERTIFICATES, CONF, DATA, SECRETS

_CPU = {"small": ("10m", "500m"), "medium": ("50m", "1"), "large": ("100m", "2")}
"""Size -> processor that is asked for, and that may be taken."""
_ROOM = {"small": 2, "medium": 2, "large": 3}
"""Size -> how many times the expected memory may be taken."""
_BY_TIER = {"dev": "small", "test": "small", "staging": "medium", "prod": "large"}
NOBODY = 65534


def size(spec: Spec) -> str:
    """The stack's size, by its tier unless it is given."""
    return spec.kubernetes.size or _BY_TIER[spec.environment.tier]


def image(spec: Spec, name: str) -> str:
    """What an image of ours is called: `programs` or `collector`."""
    images = spec.kubernetes.images
    if given := {"programs": images.programs, "collector": images.collector}[name]:
        return given
    version = engine({"programs": "runtime", "collector": "otelcol"}[name]).version
    return f"{images.registry}/observability-{name}:{version}"


def resources(spec: Spec, memory_mb: int) -> dict[str, Any]:
    """Requests and limits of a program that is expected to take so much memory."""
    asked, most = _CPU[size(spec)]
    return {
        "requests": {"cpu": asked, "memory": f"{memory_mb}Mi"},
        "limits": {"cpu": most, "memory": f"{memory_mb * _ROOM[size(spec)]}Mi"},
    }


POD_SECURITY: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": NOBODY,
    "runAsGroup": NOBODY,
    "fsGroup": NOBODY,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""`restricted`, and a root file system that nobody writes to."""


@dataclass(frozen=True)
class Workload:
    """A program of ours in a pod."""

    name: str
    pillar: Pillar
    image: str
    command: tuple[str, ...]
    documents: Documents
    memory_mb: int
    port: int = 0
    """0 for one that listens nowhere."""
    health: Health | None = None
    """Without one that speaks HTTP, its port is to take connections."""
    secrets: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    """Files of certificates that it reads."""
    certificates_at: str = CERTIFICATES
    environment: tuple[tuple[str, str], ...] = ()
    replicas: int = 1
    needs: tuple[str, ...] = field(default=())
    """Ids of parts."""


def command(given: tuple[str, ...]) -> list[str]:
    """A command of `components.running` as a container has it: programs are found on its PATH."""
    folders = {"python": "python", "conf": CONF, "data": DATA, "secrets": SECRETS}
    filled = [re.sub(r"\{engine:[^:}]+:([^}]+)\}", r"\1", part) for part in given]
    return [re.sub(r"\{(\w+)\}", lambda found: folders.get(found[1], found[0]), part) for part in filled]


def deployment(spec: Spec, work: Workload) -> list[Manifest]:
    """Its ConfigMap, its Deployment and its Service; of several pods a budget of disruptions."""
    labels = names.labels(spec, work.name)
    conf = conf_map(spec, work.pillar, work.name, work.documents)
    body = {
        "spec": {
            "replicas": work.replicas,
            # What keeps something in a folder must not run twice.
            "strategy": {"type": "RollingUpdate" if work.replicas > 1 else "Recreate"},
            "selector": {"matchLabels": labels},
            "template": template(spec, work),
        }
    }
    needs = [conf.id, *secret_parts(spec, work), *work.needs]
    made = manifest(spec, work.pillar, "Deployment", work.name, body, needs=needs, labels=labels)
    parts = [conf, made, service(spec, work)]
    if work.replicas > 1:
        budget = {"spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}}
        parts.append(manifest(spec, work.pillar, "PodDisruptionBudget", work.name, budget, labels=labels))
    return parts


def service(spec: Spec, work: Workload) -> Manifest:
    """The name under which it is reached."""
    labels = names.labels(spec, work.name)
    port = {"name": "http", "port": work.port, "targetPort": "http"}
    return manifest(
        spec,
        work.pillar,
        "Service",
        work.name,
        {"spec": {"selector": labels, "ports": [port]}},
        labels=labels,
    )


def secret_parts(spec: Spec, work: Workload) -> list[str]:
    """Ids of the Secrets that it reads."""
    own = [identity(spec, "Secret", names.SECRETS)] if work.secrets else []
    return [*own, *holders(spec, work.certificates)]


def template(spec: Spec, work: Workload, *, restart: str = "Always") -> dict[str, Any]:
    """Its pod."""
    labels = names.labels(spec, work.name)
    volumes, mounts = _mounts(spec, work)
    pull = spec.kubernetes.images.pull_secret
    container = {
        "name": work.name,
        "image": work.image,
        "command": command(work.command),
        "workingDir": CONF,
        "env": [{"name": name, "value": value} for name, value in work.environment],
        "resources": resources(spec, work.memory_mb),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts,
        **_listening(work),
    }
    documents = {path: [document.format, document.data] for path, document in work.documents.items()}
    return {
        "metadata": {"labels": labels, "annotations": {"obs/documents": digest(documents)}},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": restart,
            "securityContext": POD_SECURITY,
            **({"imagePullSecrets": [{"name": pull}]} if pull else {}),
            **({"topologySpreadConstraints": [spread(labels)]} if work.replicas > 1 else {}),
            "containers": [container],
            "volumes": volumes,
        },
    }


def spread(labels: dict[str, str]) -> dict[str, Any]:
    """Pods of one program on different nodes, where there are any."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }


def _listening(work: Workload) -> dict[str, Any]:
    if not work.port:
        return {}
    http = work.health is not None and work.health.protocol == "http"
    asked: dict[str, Any] = (
        {"httpGet": {"path": work.health.path, "port": "http"}}
        if work.health and http
        else {"tcpSocket": {"port": "http"}}
    )
    seconds = work.health.seconds if work.health else 60
    return {
        "ports": [{"name": "http", "containerPort": work.port}],
        "startupProbe": {**asked, "periodSeconds": 2, "failureThreshold": max(seconds // 2, 1)},
        "readinessProbe": {**asked, "periodSeconds": 5},
        "livenessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 15, "failureThreshold": 4},
    }


def _mounts(spec: Spec, work: Workload) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    items = [{"key": names.key(path), "path": path} for path in sorted(work.documents)]
    volumes: list[dict[str, Any]] = [
        {"name": "conf", "configMap": {"name": names.conf(work.name), "items": items}},
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "conf", "mountPath": CONF},
        {"name": "data", "mountPath": DATA},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the pod alone
    ]
    secrets = {name: (names.SECRETS, name) for name in sorted(work.secrets)}
    certificates = {file: names.certificate(spec, file) for file in sorted(work.certificates)}
    for name, held, at in (("secrets", secrets, SECRETS), ("tls", certificates, work.certificates_at)):
        if held:  # only its own, and not for the world to read
            volumes.append(secret_volume(name, held))
            mounts.append({"name": name, "mountPath": at, "readOnly": True})
    return volumes, mounts
