"""The parts of this target: releases of charts and single objects, and the plan that holds them.

Their files are what an engineer knows: `releases/<name>/values.yaml` and `manifests/<kind>-<name>.yaml`. No
part holds the value of a secret: a Secret of the plan names its keys, and the value comes when it is made.
"""

from typing import Any, ClassVar

from pydantic import field_validator

from components.plan import Frozen, Part, Plan
from components.render.document import Document
from components.render.text import text

KINDS = {
    "Namespace": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "PersistentVolumeClaim": "v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "Probe": "monitoring.coreos.com/v1",
    "ScrapeConfig": "monitoring.coreos.com/v1alpha1",
    "AlertmanagerConfig": "monitoring.coreos.com/v1alpha1",
    "Instrumentation": "opentelemetry.io/v1alpha1",
    "Certificate": "cert-manager.io/v1",
}
"""Kind of object -> its version."""
VALUE = "(secret)"
"""What stands for the value of a secret where people read it."""
PROVIDER = "pulumi_kubernetes"
"""The engine that is Pulumi's provider of Kubernetes."""


def token(kind: str) -> str:
    """Pulumi's type of the resource of an object."""
    version = KINDS[kind]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"


class Release(Part):
    """A release of a chart. Its `place` is the namespace."""

    TOKENS: ClassVar[tuple[str, ...]] = ("kubernetes:helm.sh/v3:Release",)

    chart: str
    version: str
    source: str
    """A repository (`https:`), a mirror (`oci:`) or a folder."""
    values: dict[str, Any]
    timeout_seconds: int = 600
    crds: bool = False
    """Whether it brings definitions that the objects of others need."""

    @field_validator("values")
    @classmethod
    def _no_null(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The provider swallows `null`, and the chart's default stays without a word (pulumi-kubernetes
        3811)."""
        if found := nulls(values):
            raise ValueError(f"expected no null in values, found {', '.join(found)}")
        return values

    @property
    def readable(self) -> tuple[tuple[str, str], ...]:
        """The values as Helm takes them."""
        return (("values.yaml", text(Document(self.values, "yaml"))),)

    @property
    def folder(self) -> str:
        """With the other releases."""
        return f"releases/{self.name}"


class Manifest(Part):
    """One object. Its name in the plan is its kind and name."""

    TOKENS: ClassVar[tuple[str, ...]] = tuple(token(kind) for kind in KINDS)

    kind: str
    object_name: str
    namespace: str
    """'' for what is the whole cluster's."""
    body: dict[str, Any]
    """The object without apiVersion, kind and metadata's names."""
    retain: bool = False
    """Whether it stays when the stack goes."""

    @property
    def api_version(self) -> str:
        """By its kind."""
        return KINDS[self.kind]

    @property
    def readable(self) -> tuple[tuple[str, str], ...]:
        """The object as `kubectl` takes it, without values of secrets."""
        namespace = {"namespace": self.namespace} if self.namespace else {}
        whole = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            **self.body,
            "metadata": {"name": self.object_name, **namespace, **self.body["metadata"]},
        }
        if self.secrets:
            whole["stringData"] = {**whole.get("stringData", {}), **dict.fromkeys(self.secrets, VALUE)}
        return ((f"{self.name}.yaml", text(Document(whole, "yaml"))),)

    @property
    def folder(self) -> str:
        """With the other objects."""
        return "manifests"

    @classmethod
    def file_of(cls, key: tuple[str, ...]) -> str | None:
        """The texts of a ConfigMap."""
        return key[1] if len(key) == 2 and key[0] == "data" else None


class StackKeys(Part):
    """The authority, the certificates and the generated passwords of a stack, in Pulumi's state."""

    TOKENS: ClassVar[tuple[str, ...]] = ("pulumi-python:dynamic/k8s:StackKeys",)

    generated: tuple[str, ...]
    """Names of passwords."""
    certificates: tuple[tuple[str, tuple[str, ...]], ...]
    """Pairs of a certificate's name and all other names and addresses that it is good for."""


class Cluster(Frozen):
    """Which cluster a plan is for."""

    kubeconfig: str
    """'' for kubectl's own."""
    context: str
    namespace: str
    storage_class: str = ""
    """'' for the cluster's default."""
    pull_secret: str = ""
    """The Secret with the login of the images' registry; '' for none."""
    ha: bool = False
    """Whether members of a role are kept on different nodes."""
    secrets: tuple[str, ...] = ()
    """Secrets that are there already, and that pods read."""


class KubernetesPlan(Plan):
    """All that one stack puts into a cluster."""

    parts: tuple[Release | Manifest | StackKeys, ...]
    cluster: Cluster

    @property
    def engines(self) -> tuple[str, ...]:
        """The provider alone: what runs comes in images."""
        return (PROVIDER,)


def nulls(value: Any) -> list[str]:
    """Where a value holds null."""
    return _nulls(value, "") if _has_null(value) else []


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list | tuple) else value is None


def _nulls(value: Any, here: str) -> list[str]:
    if value is None:
        return [here]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _nulls(item, f"{here}.{key}".lstrip("."))]
    if isinstance(value, list | tuple):
        return [found for index, item in enumerate(value) for found in _nulls(item, f"{here}[{index}]")]
    return []
