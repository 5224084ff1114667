"""A small plan of target kubernetes on the cluster, carried out by the real Pulumi engine and provider."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.runtime import is_dry_run

from components.plan import Pillar
from components.stack import ObservabilityStack
from k8s.cluster import Api
from k8s.parts import Cluster as Named
from k8s.parts import KubernetesPlan, Manifest, Release
from k8s.pending import free
from k8s.resources import resources
from obs.pulumi import BoundPulumi, environment, find_pulumi
from tests.cluster import settings
from tests.cluster.node import Cluster

CHARTS = Path(__file__).parent / "charts"
NAMESPACE = "watched"
IMAGE = "registry.test/node-exporter:1"


@dataclass
class Small:
    """A namespace, a ConfigMap, and a release of the chart `web`; what it says can be changed."""

    cluster: Cluster
    folder: Path
    image: str = IMAGE
    text: str = "one"
    retain: bool = True
    seconds: int = 60

    def plan(self) -> KubernetesPlan:
        """What shall be there."""
        ground = Manifest(
            name=f"namespace-{NAMESPACE}",
            place=NAMESPACE,
            pillar=Pillar.METRICS,
            kind="Namespace",
            object_name=NAMESPACE,
            namespace="",
            body={},
            retain=True,
        )
        conf = Manifest(
            name="configmap-conf",
            place=NAMESPACE,
            pillar=Pillar.METRICS,
            needs=(ground.id,),
            kind="ConfigMap",
            object_name="conf",
            namespace=NAMESPACE,
            body={"data": {"rules.yml": "{{ $labels.x }} of $1\n"}},
        )
        release = Release(
            name="web",
            place=NAMESPACE,
            pillar=Pillar.METRICS,
            needs=(conf.id,),
            chart="web",
            version="1.0.0",
            source=str(CHARTS),
            values={"image": self.image, "text": self.text},
            timeout_seconds=self.seconds,
        )
        named = Named(kubeconfig=str(self.cluster.kubeconfig), context=settings.CONTEXT, namespace=NAMESPACE)
        return KubernetesPlan(stack="small", parts=(ground, conf, release), retain=self.retain, cluster=named)

    def preview(self) -> dict[str, int]:
        """What an `up` would do: operation -> how many resources."""
        return _counted(self._stack().preview(refresh=True).change_summary)

    def up(self) -> dict[str, int]:
        """What was done."""
        return _counted(self._stack().up(refresh=True).summary.resource_changes or {})

    def destroy(self) -> None:
        """Take it down."""
        self._stack().destroy()

    def _stack(self) -> auto.Stack:
        plan = self.plan()

        def program() -> None:
            if not is_dry_run():
                free(plan, Api(plan.cluster))
            ObservabilityStack(plan.stack, plan.parts, resources(plan, {}))

        pulumi = find_pulumi()
        variables = {
            **environment("local", pulumi),
            "PULUMI_BACKEND_URL": f"file://{self.folder}?create_dir=true",
        }
        return auto.create_or_select_stack(
            "small",
            "small",
            program,
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(self.folder), env_vars=variables, pulumi_command=BoundPulumi(pulumi)
            ),
        )

    def releases(self) -> dict[str, str]:
        """Revision of the release -> its status, as Helm keeps it."""
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector=owner=helm"
        labels = [item["metadata"]["labels"] for item in self.cluster.ask(path)["items"]]
        return {label["version"]: label["status"] for label in labels}


def _counted(found: Mapping[Any, int]) -> dict[str, int]:
    """By the operation's name, which a preview has as an enumeration and an update as a text."""
    return {str(getattr(op, "value", op)): number for op, number in found.items()}


@contextlib.contextmanager
def on_path() -> Iterator[None]:
    """The provider of the cache on PATH, where `obs up` has it too."""
    before = os.environ["PATH"]
    os.environ["PATH"] = environment("local", find_pulumi())["PATH"]
    try:
        yield
    finally:
        os.environ["PATH"] = before
