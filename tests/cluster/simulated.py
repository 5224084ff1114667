"""A cluster of three nodes of which only the nodes are simulated: etcd, API server, controllers and scheduler
are real, and kwok says of every pod that is placed that it is ready. No program runs, so nothing is cut:
sizes, numbers of pods and rules of placement are those of the stack file.

The Prometheus Operator runs beside it, with the arguments and the rights of its Deployment.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from engines.store import Store
from tests.cluster import settings
from tests.cluster.images import Image
from tests.cluster.node import ENGINES, Cluster

NODES = 3
VOLUMES = 16
_CONTROL = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_ACCOUNT = "run/secrets/kubernetes.io/serviceaccount"


class Simulated(Cluster):
    """Three nodes, in three zones."""

    ENGINES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **{name: ENGINES[name] for name in ("etcd", "kubernetes")},
        "kwok": ("kwok",),
        "prometheus_operator": ("operator",),
    }
    SYSCTLS: ClassVar[tuple[str, ...]] = ()
    """No kubelet sets any."""

    def operator(self, namespace: str, deployment: str = "obs-operator") -> None:
        """Run the operator as its pod would: with its arguments, and as its account."""
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"
        pod = self.ask(path)["spec"]["template"]["spec"]
        account = pod["serviceAccountName"]
        folder = Path(f"/proc/{self._inside()}/root", _ACCOUNT)
        folder.mkdir(parents=True)
        token = self.kubectl("-n", namespace, "create", "token", account, "--duration=2h")
        (folder / "token").write_text(token.strip())
        (folder / "namespace").write_text(namespace)
        (folder / "ca.crt").write_text((self.place.folder / "ca.pem").read_text())
        command = [*self._enter(), str(self._programs["operator"]), *pod["containers"][0]["args"]]
        where = {"KUBERNETES_SERVICE_HOST": self.place.address, "KUBERNETES_SERVICE_PORT": "6443"}
        self._others.append(self._started("operator", command, where))

    def _commands(self) -> dict[str, list[str]]:
        real = settings.commands(self.place)
        kwok = [
            f"--kubeconfig={self.place.kubeconfig}",
            f"--config={Path(__file__).parent / 'stages.yaml'}",
            f"--node-ip={self.place.address}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
        ]
        return {**{name: real[name] for name in _CONTROL}, "kwok": kwok}

    def _equip(self, images: Iterable[Image]) -> None:
        """No image is needed: nothing is pulled."""
        del images
        objects = [*map(_node, range(NODES)), *map(_volume, range(VOLUMES)), _INGRESS]
        self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(objects))

    def _is_ready(self) -> bool:
        nodes = self.ask("/api/v1/nodes")["items"]
        return sum(map(_takes_pods, nodes)) == NODES and bool(
            self.ask("/api/v1/namespaces/default/serviceaccounts/default")
        )


def lacks() -> list[str]:
    """Engines that are not in the cache."""
    store = Store()
    return [name for name in (*Simulated.ENGINES, "pulumi_kubernetes") if store.locate(name) is None]


def _takes_pods(node: dict[str, Any]) -> bool:
    ready = any(
        one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", ())
    )
    return ready and not node["spec"].get("taints")


def _node(number: int) -> dict[str, Any]:
    room = {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "500Gi"}
    labels = {
        "kubernetes.io/hostname": f"node-{number}",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": f"zone-{number}",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": labels},
        "status": {"capacity": room, "allocatable": room},
    }


def _volume(number: int) -> dict[str, Any]:
    """As somebody makes them by hand, reached from every node."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{number}"},
        "spec": {
            "capacity": {"storage": "500Gi"},
            "accessModes": ["ReadWriteOnce"],
            "nfs": {"server": "volumes.test", "path": f"/{number}"},
        },
    }


_INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {
        "name": "simulated",
        "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"},
    },
    "spec": {"controller": "registry.test/simulated"},
}
