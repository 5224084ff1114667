"""How the pods of a stack's cluster are, as the cluster itself tells, asked by the credentials of the
account: a token as the AWS CLI makes it, for a minute, which is in no file."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aws.account.ask import Asking, missing
from aws.account.finding import Finding
from aws.parts import AwsPlan, Cluster
from aws.pods import OfObjects, Pods, objects_of
from components.errors import SuiteError
from components.target import UnitStatus
from k8s.cluster import Api
from k8s.names import PART_OF
from k8s.parts import Cluster as Where
from k8s.running import Stack, row, workloads

WHO = "x-k8s-aws-id"
"""The header by which a token is for one cluster alone."""
SECONDS = 60
PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "Pod": "/api/v1/namespaces/{}/pods",
}


def found(plan: AwsPlan, asking: Asking, part: OfObjects) -> Iterator[Finding]:
    """What of a part is not there, or not ready. A cluster that does not answer, or whose administrator the
    caller is not, is told of each part whose pods are not known."""
    try:
        known = asking.once("pods", lambda: _known(plan, asking))
    except SuiteError as error:
        yield Finding("unreachable", f"pods are not known: {error}")
        return
    except asking.client("eks").exceptions.ClientError as error:
        if not missing(error, "ResourceNotFoundException"):
            raise
        known = {}  # without a cluster nothing of it is there; its own part says so
    for kind, name, _ in objects_of(part):
        if kind in ("DaemonSet", "Deployment", "Namespace"):
            yield from _of(kind, name, known.get((kind, name)))


def _of(kind: str, name: str, known: UnitStatus | None) -> Iterator[Finding]:
    """In the words in which target kubernetes tells of it."""
    if known is None:
        yield Finding("missing", f"{kind} {name}")
    elif not known.well:
        ready = "" if known.state == "running" else f"{known.state}: "
        yield Finding("starting" if known.starting else "unwell", f"{name}: {ready}{known.silence}")


def _known(plan: AwsPlan, asking: Asking) -> dict[tuple[str, str], UnitStatus]:
    """How each workload of the namespace is, and the namespace, by kind and name."""
    [ground] = [part for part in plan.parts if isinstance(part, Pods)]
    [cluster] = [part for part in plan.parts if isinstance(part, Cluster)]
    api, space = _api(asking, cluster.called), ground.namespace
    items = {kind: api.get(path.format(space))["items"] for kind, path in PATHS.items()}
    stack, now = Stack(part_of=_label(ground), releases={}, own={}), datetime.now(UTC)
    found = {
        (one.kind, one.name): row(plan.stack, stack, one, now)
        for one in workloads(stack, items, items["Pod"])
    }
    if api.find(f"/api/v1/namespaces/{space}"):
        found["Namespace", space] = UnitStatus(
            space, ground.pillar, "running", "", False, 0, 0, 0, (), "", managed=True
        )
    return found


def _label(ground: Pods) -> str:
    """By which objects of the stack are known."""
    labels: Any = [body["metadata"] for kind, _, body in objects_of(ground) if kind == "NetworkPolicy"]
    return str(labels[0]["labels"][PART_OF])


def _api(asking: Asking, cluster: str) -> Api:
    known = asking.client("eks").describe_cluster(name=cluster)["cluster"]
    where = {"server": known.get("endpoint") or ""}
    if not where["server"]:
        raise SuiteError(f"EKS cluster {cluster} is {known['status']}, and has no address yet")
    if authority := known.get("certificateAuthority", {}).get("data"):
        where["certificate-authority-data"] = authority
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": where}],
        "users": [{"name": cluster, "user": {"token": token(asking, cluster)}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
    }
    return Api(Where(kubeconfig="", context=cluster, namespace=""), config)


def token(asking: Asking, cluster: str) -> str:
    """A question to STS who asks, signed and not asked: the cluster asks it. As `aws eks get-token` does."""
    client = asking.client("sts")
    request = {
        "method": "GET",
        "url": f"{client.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {WHO: cluster},
        "context": {},
    }
    url = client._request_signer.generate_presigned_url(
        request, "GetCallerIdentity", region_name=asking.region, expires_in=SECONDS
    )
    return f"k8s-aws-v1.{base64.urlsafe_b64encode(url.encode()).decode().rstrip('=')}"
