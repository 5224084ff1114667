"""What runs in a namespace, read from the objects that the cluster answers with: a row a workload.

Pure. A workload is a Deployment, StatefulSet, DaemonSet or Job of the stack; those that the Prometheus
Operator makes count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.plan import Pillar
from components.target import UnitStatus
from k8s.names import PART_OF

Json = Mapping[str, Any]
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
OPERATOR = "monitoring.coreos.com/"
RELEASE = "meta.helm.sh/release-name"
STARTING_S = 600
"""How long after its creation a pod may take to get ready: it pulls images, and OpenSearch starts slowly."""


@dataclass(frozen=True)
class Stack:
    """How the objects of a stack are known: by the label that ours have, and by the releases of Helm."""

    part_of: str
    releases: Mapping[str, Pillar]
    """By name."""
    own: Mapping[str, Pillar]
    """Workloads of ours by name."""

    def owns(self, item: Json) -> bool:
        """Whether a workload is the stack's."""
        metadata = item["metadata"]
        if metadata.get("deletionTimestamp"):
            return False
        if metadata.get("labels", {}).get(PART_OF) == self.part_of:
            return True
        if metadata.get("annotations", {}).get(RELEASE) in self.releases:
            return True
        return self.operated(item)

    @staticmethod
    def operated(item: Json) -> bool:
        """Whether an operator made it from an object of its own."""
        owners = item["metadata"].get("ownerReferences", [])
        return any(owner["apiVersion"].startswith(OPERATOR) for owner in owners)

    def owns_claim(self, claim: Json) -> bool:
        """Whether a volume was asked for by one of its workloads."""
        labels = claim["metadata"].get("labels", {})
        return (
            labels.get(PART_OF) == self.part_of
            or labels.get("app.kubernetes.io/instance") in self.releases
            or any(key.startswith("operator.prometheus.io/") for key in labels)
        )

    def pillar(self, item: Json) -> Pillar:
        """As planned; of what the operator makes, by its name."""
        metadata = item["metadata"]
        name, release = metadata["name"], metadata.get("annotations", {}).get(RELEASE, "")
        if self.operated(item):
            return Pillar.ALERTING if name.startswith("alertmanager") else Pillar.METRICS
        return self.own.get(name) or self.releases.get(release) or Pillar.METRICS


@dataclass(frozen=True)
class Workload:
    """One that the stack has, with its pods."""

    kind: str
    item: Json
    pods: tuple[Json, ...]

    @property
    def name(self) -> str:
        """Of its object."""
        return str(self.item["metadata"]["name"])


def workloads(stack: Stack, items: Mapping[str, Iterable[Json]], pods: Iterable[Json]) -> list[Workload]:
    """Those of the stack, by name, with the pods that each has made. `items` by kind. A Job
    that ended well is none."""
    pods = list(pods)
    found = []
    for kind in KINDS:
        for item in items.get(kind, ()):
            done = kind == "Job" and item.get("status", {}).get("succeeded")
            if stack.owns(item) and not done:
                found.append(Workload(kind, item, tuple(pod for pod in pods if _is_of(pod, kind, item))))
    return sorted(found, key=lambda one: one.name)


def _is_of(pod: Json, kind: str, item: Json) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    selector = item["spec"].get("selector", {})
    wanted = selector.get("matchLabels", {})
    labels = pod["metadata"].get("labels", {})
    if not wanted or any(labels.get(key) != value for key, value in wanted.items()):
        return False
    owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
    return ("ReplicaSet" if kind == "Deployment" else kind) in owners


def row(name: str, stack: Stack, one: Workload, now: datetime) -> UnitStatus:
    """Its row of `obs status` of the stack of that name. `state` says how many pods are
    ready where not all are, though they had the time."""
    wanted, ready = _counts(one)
    silence = "; ".join(dict.fromkeys(_troubles(one)))
    ages = [int((now - _time(pod["metadata"]["creationTimestamp"])).total_seconds()) for pod in one.pods]
    well = ready >= wanted and (wanted > 0 or one.kind == "DaemonSet") and not silence
    starting = not well and not silence and bool(ages) and min(ages) < STARTING_S
    lacking = f"{ready}/{wanted} ready" if wanted else "scaled to 0"
    what_to_do = f"see why: obs logs {name} {one.name}" if wanted else f"put it back: obs up {name}"
    if starting:
        silence = f"{ready} of {wanted} pods ready"
    return UnitStatus(
        unit=one.name,
        pillar=stack.pillar(one.item),
        state="running" if well or starting else lacking,
        silence="" if well else silence or _quiet(one, wanted),
        starting=starting,
        pid=0,
        uptime=max(0, min(ages, default=0)),
        restarts=sum(status.get("restartCount", 0) for status in _containers(one)),
        ports=tuple(sorted(_ports(one))),
        drift="",
        managed=True,
        what_to_do="" if well else what_to_do,
    )


def _quiet(one: Workload, wanted: int) -> str:
    """What can be said of one that is not ready and gives no reason."""
    if not wanted:
        return "nobody asks for a pod of it"
    return "running, and its readiness probe does not pass" if one.pods else "no pod of it is there"


def _counts(one: Workload) -> tuple[int, int]:
    """How many pods it should have, and how many are ready, with what its template says now."""
    spec, status = one.item["spec"], one.item.get("status", {})
    if one.kind == "DaemonSet":
        return status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    if one.kind == "Job":
        return 1, 0
    return spec.get("replicas", 1), status.get("readyReplicas", 0)


def _containers(one: Workload) -> Iterator[Json]:
    for pod in one.pods:
        status = pod.get("status", {})
        yield from (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))


def _troubles(one: Workload) -> Iterator[str]:
    """Why pods are not ready, in the cluster's words."""
    for condition in one.item.get("status", {}).get("conditions", ()):
        bad = (condition["type"], condition["status"]) in (("ReplicaFailure", "True"), ("Failed", "True"))
        if bad:
            yield f"{condition.get('reason', '')}: {condition.get('message', '')[:200]}".strip(": ")
    for pod in one.pods:
        for condition in pod.get("status", {}).get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                yield f"{condition.get('reason', '')}: {condition.get('message', '')[:200]}"
    for status in _containers(one):
        waiting = status.get("state", {}).get("waiting", {})
        ended = (
            status.get("lastState", {}).get("terminated") or status.get("state", {}).get("terminated") or {}
        )
        reason = waiting.get("reason", "")
        if reason in ("", "ContainerCreating", "PodInitializing"):
            continue
        why = waiting.get("message", "")
        if reason == "CrashLoopBackOff":
            why = f"ended with {ended.get('exitCode', '?')}, {ended.get('reason', 'no reason')}"
        yield f"{status['name']}: {reason}{f': {why[:200]}' if why else ''}"


def _ports(one: Workload) -> set[int]:
    template = one.item["spec"].get("template", {}).get("spec", {})
    return {port["containerPort"] for box in template.get("containers", ()) for port in box.get("ports", ())}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
