"""Looking after what stands in a namespace: its workloads, asked of the cluster's own interface."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from queue import Empty, Queue
from threading import Thread
from typing import NoReturn

from kubernetes.utils.quantity import parse_quantity

from components.errors import SuiteError
from components.target import Kept, Progress, UnitStatus
from k8s.cluster import Api
from k8s.record import Record, forget, is_there, recall
from k8s.running import KINDS, Json, Workload, row, workloads

PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": "/api/v1/namespaces/{}/pods",
}
GOING_S = 60.0
"""Seconds for the cluster to clear away what belonged to what was just deleted."""


class NotHere(SuiteError):
    """What this target does not do."""

    exit_code = 2


def present(record: Record, api: Api) -> list[Workload]:
    """The workloads of a stack, asked of the cluster."""
    namespace = record.cluster.namespace
    with ThreadPoolExecutor(len(PATHS)) as pool:
        asked = {kind: pool.submit(api.get, path.format(namespace)) for kind, path in PATHS.items()}
        items: dict[str, list[Json]] = {kind: answer.result()["items"] for kind, answer in asked.items()}
    return workloads(record.stack, {kind: items[kind] for kind in KINDS}, items["Pod"])


def _there(stack: str) -> tuple[Record, Api]:
    record = recall(stack)
    if record is None:
        raise SuiteError(f"nothing of '{stack}' was brought up from here: run obs up {stack}")
    return record, Api(record.cluster)


def units(stack: str, away: dict[str, str] | None = None) -> list[str]:
    """See `Units`. A cluster is one place: it answers, or nothing does."""
    del away
    if not is_there(stack):
        return []
    record, api = _there(stack)
    ends = time.monotonic() + GOING_S
    while found := present(record, api):
        if time.monotonic() > ends or not all(record.stack.operated(one.item) for one in found):
            break
        time.sleep(0.5)  # what they were made from is gone; the cluster is clearing them away
    return [one.name for one in found]


def status(stack: str) -> list[UnitStatus]:
    """A row a workload; none if nothing was brought up. SuiteError where the cluster does not answer."""
    if not is_there(stack):
        return []
    record, api = _there(stack)
    now = datetime.now(UTC)
    return [row(stack, record.stack, one, now) for one in present(record, api)]


def logs(
    stack: str, units: list[str], *, follow: bool, lines: int, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """See `Logs`: every container of every pod. What ended before the last start counts among the last lines
    where a container has not said anything since."""
    record, api = _there(stack)
    sources = [
        (one.name, f"/api/v1/namespaces/{record.cluster.namespace}/pods/{pod['metadata']['name']}/log", box)
        for one in present(record, api)
        if one.name in units
        for pod in one.pods
        for box in _started(pod)
    ]
    if not follow:
        for unit, path, box in sources:
            for line in _last(api, path, box, lines):
                yield unit, line
        return
    came: Queue[tuple[str, str]] = Queue(10_000)

    def listen(unit: str, path: str, box: str) -> None:
        query = {"container": box, "tailLines": str(lines), "follow": "true"}
        try:
            for line in api.lines(path, **query):
                came.put((unit, line))
        except SuiteError as error:
            came.put((unit, str(error)))

    threads = [Thread(target=listen, args=source, daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    while True:
        try:
            yield came.get(timeout=0.5)
        except Empty:
            if over() or not any(thread.is_alive() for thread in threads):
                return


def _started(pod: Json) -> list[str]:
    """Names of containers that have said, or may have said, something."""
    status = pod.get("status", {})
    boxes = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return [box["name"] for box in boxes if box.get("containerID")]


def _last(api: Api, path: str, box: str, lines: int) -> list[str]:
    query = {"container": box, "tailLines": str(lines)}
    try:
        found = list(api.lines(path, **query))
        return found or list(api.lines(path, **query, previous="true"))
    except SuiteError as error:  # a container that is just gone, or never ran before
        return [] if "previous" in str(error) else [str(error)]


def stop(stack: str, units: list[str] | None, progress: Progress) -> NoReturn:
    """The cluster keeps pods running, and an operator would start its own again at once."""
    del units, progress
    raise NotHere(
        f"target kubernetes has no `obs stop`: the cluster keeps pods running. Take all down by "
        f"obs destroy {stack}, or scale one by hand with kubectl; the next `obs up` puts it back"
    )


def start(stack: str, units: list[str] | None, progress: Progress) -> NoReturn:
    """See `stop`."""
    del units, progress
    raise NotHere(
        f"target kubernetes has no `obs start`: the cluster starts pods itself. What was scaled down is "
        f"put back by obs up {stack}; `obs status {stack}` says why a pod does not run"
    )


def remove(stack: str, told: Callable[[str], None]) -> None:
    """Wait for what the cluster clears away by itself. The rest is Helm's, and of no record here."""
    record, api = _there(stack)
    ends = time.monotonic() + GOING_S
    before = present(record, api)
    while left := present(record, api):
        if time.monotonic() > ends:
            names = ", ".join(one.name for one in left)
            where = f"--kube-context {record.cluster.context} -n {record.cluster.namespace}"
            raise SuiteError(
                f"{names}: still in namespace {record.cluster.namespace}, and not in Pulumi's state. See "
                f"`helm {where} list -a`, then `helm {where} uninstall NAME`"
            )
        time.sleep(0.5)
    for one in before:
        told(one.name)


def kept(stack: str) -> list[Kept]:
    """Volumes that stay, with what they may hold. A stack of which nothing is left is known no more."""
    if not is_there(stack):
        return []
    record, api = _there(stack)
    namespace = record.cluster.namespace
    claims = api.find(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims") or {"items": []}
    found = [
        Kept(f"{namespace}/{item['metadata']['name']}", int(parse_quantity(_capacity(item))))
        for item in claims["items"]
        if record.stack.owns_claim(item)
    ]
    if not found and not present(record, api):
        forget(stack)
    return found


def _capacity(claim: Json) -> str:
    return str(claim.get("status", {}).get("capacity", {}).get("storage", "0"))
