"""Objects of the cluster of a stack whose programs are pods, as the Kubernetes target has its own: pods that
Pod Security `restricted` admits, names of Services for all, a policy of who may send."""

from collections.abc import Iterable
from typing import Any

from aws.documents import canonical
from aws.names import Names
from aws.site import POD_LOGS, namespace, opened
from aws.tasks import CONF, FILES, ROOM, Work, filled, mounts, placed, programs_image
from components.render.document import Document
from components.render.text import text
from components.spec import Spec
from k8s.charts.common import EVERYWHERE, READS_AS_ROOT
from k8s.parts import KINDS
from k8s.workloads import CONTAINER_SECURITY, POD_SECURITY, spread

COLLECTOR = "collector"
PYTHON_MB = 128
"""What a container takes at least that asks AWS from Python."""
LOGS = "logs"
"""The volume of what pods of a node write."""
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
Item = dict[str, Any]


def ground(spec: Spec) -> list[Item]:
    """The namespace; who reaches its pods: each other, and whoever sends to the gateways."""
    # What reads logs of nodes needs their files, which nothing may in a namespace of restricted pods.
    level = {
        f"pod-security.kubernetes.io/{mode}": level
        for mode, level in (("enforce", "privileged"), ("warn", "restricted"), ("audit", "restricted"))
    }
    senders = [
        {
            "from": [{"namespaceSelector": {}}],
            "ports": [{"port": port, "protocol": "TCP"} for port in opened(spec)],
        }
    ]
    inside: Item = {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}]}],
    }
    gateways: Item = {
        "podSelector": {"matchLabels": {NAME: COLLECTOR}},
        "policyTypes": ["Ingress"],
        "ingress": senders,
    }
    return [
        _item("Namespace", namespace(spec), {"metadata": {"labels": level}}),
        _item("NetworkPolicy", "inside", _labelled(spec, inside)),
        *([_item("NetworkPolicy", "senders", _labelled(spec, gateways))] if opened(spec) else []),
    ]


def of(spec: Spec, names: Names, work: Work, instances: tuple[str, ...]) -> list[Item]:
    """The service account of a program; of each instance a Deployment, and a Service that is its name; or one
    DaemonSet."""
    account = _labelled(spec, {}, {NAME: work.name})
    found = [_item("ServiceAccount", work.name, {**account, "automountServiceAccountToken": False})]
    if work.on_nodes:
        labels = {NAME: work.name}
        template = {"metadata": {"labels": labels}, "spec": _pod(spec, names, work, several=False)}
        daemon: Item = {
            "selector": {"matchLabels": labels},
            "template": template,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        }
        return [*found, _item("DaemonSet", work.name, _labelled(spec, daemon, labels))]
    for instance in instances:
        labels = {NAME: work.name, INSTANCE: instance}
        deployment: Item = {
            "replicas": 1,
            # What keeps something, or does work of its own, must not be there twice.
            "strategy": {"type": "RollingUpdate" if work.serves else "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(spec, names, work, several=len(instances) > 1),
            },
        }
        # Without an address of its own: its name leads to the pod, at whichever port.
        service: Item = {"clusterIP": "None", "selector": labels}
        found += [
            _item("Deployment", instance, _labelled(spec, deployment, labels)),
            _item("Service", instance, _labelled(spec, service, labels)),
        ]
    return found


def listed(namespace: str, items: Iterable[Item]) -> str:
    """Objects as `kubectl` takes them."""
    found = [
        {
            "apiVersion": KINDS[item["kind"]],
            "kind": item["kind"],
            "metadata": {
                "name": item["name"],
                **({} if item["kind"] == "Namespace" else {"namespace": namespace}),
                **item["body"]["metadata"],
            },
            **{key: value for key, value in item["body"].items() if key != "metadata"},
        }
        for item in items
    ]
    return text(Document({"apiVersion": "v1", "kind": "List", "items": found}, "yaml"))


def _item(kind: str, name: str, body: Item) -> Item:
    return {"kind": kind, "name": name, "body": body}


def _labelled(spec: Spec, of: Item, labels: dict[str, str] | None = None) -> Item:
    part_of = {"app.kubernetes.io/part-of": f"observability-{spec.environment.name}", **(labels or {})}
    return {"metadata": {"labels": part_of}, **({"spec": of} if of else {})}


def _pod(spec: Spec, names: Names, work: Work, *, several: bool) -> Item:
    first = {
        **_container(names, work, "files", FILES, programs_image(spec), "/"),
        "env": [*_region(names), {"name": "FILES", "value": canonical(_settings(names, work))}],
    }
    before = (
        [_container(names, work, "setup", work.before, programs_image(spec), CONF)] if work.before else []
    )
    return {
        "serviceAccountName": work.name,
        "automountServiceAccountToken": False,
        "securityContext": POD_SECURITY,
        **({"topologySpreadConstraints": [spread({NAME: work.name})]} if several else {}),
        "initContainers": [first, *before],
        "containers": [
            {**_container(names, work, work.name, work.command, work.image, CONF), **_asked(work)}
        ],
        "volumes": [_volume(spec, work, name) for name in _mounted(work)],
        **({"tolerations": EVERYWHERE} if work.on_nodes else {}),
    }


def _mounted(work: Work) -> dict[str, str]:
    """Volume -> where it is."""
    return {**mounts(work), **({LOGS: POD_LOGS} if work.on_nodes else {})}


def _volume(spec: Spec, work: Work, name: str) -> Item:
    """Gone with the pod, but for what a shipper has of its node: the logs, and its place in them."""
    if work.on_nodes and name == LOGS:
        return {"name": name, "hostPath": {"path": POD_LOGS, "type": "Directory"}}
    if work.on_nodes and name == "data":
        kept = f"/var/lib/obs/{namespace(spec)}/{work.name}"
        return {"name": name, "hostPath": {"path": kept, "type": "DirectoryOrCreate"}}
    return {"name": name, "emptyDir": {}}


def _settings(names: Names, work: Work) -> Item:
    """Of the first container, which reads secrets by the role of the pod."""
    return {**placed(names, work), "stored": {name: names.secret(name) for name in sorted(work.secrets)}}


def _region(names: Names) -> list[Item]:
    """Whatever asks AWS asks there."""
    return [{"name": name, "value": names.region} for name in ("AWS_DEFAULT_REGION", "AWS_REGION")]


def _container(
    names: Names, work: Work, name: str, command: tuple[str, ...], image: str, folder: str
) -> Item:
    own = name == work.name
    more = [{"name": key, "value": value} for key, value in work.environment] if own else []
    memory = work.memory_mb if own else max(work.memory_mb, PYTHON_MB)
    return {
        "name": name,
        "image": image,
        "command": filled(command, work.name),
        "workingDir": folder,
        "env": [*_region(names), *more],
        "resources": {
            "requests": {"cpu": "50m", "memory": f"{memory}Mi"},
            "limits": {"memory": f"{ROOM * memory}Mi"},
        },
        "securityContext": READS_AS_ROOT if work.on_nodes and own else CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": volume, "mountPath": path, **({"readOnly": True} if volume == LOGS else {})}
            for volume, path in _mounted(work).items()
        ],
    }


def _asked(work: Work) -> Item:
    """How the cluster learns that it serves."""
    if not work.port:
        return {}
    asked = {"tcpSocket": {"port": work.port}, "periodSeconds": 5}
    return {"readinessProbe": asked, "startupProbe": {**asked, "failureThreshold": 24}}
