"""`obs status` of programs in pods: the cluster is asked, by a token that AWS's credentials make."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from aws.account import verify
from aws.account.status import status
from aws.parts import AwsPlan, Cluster
from aws.plan import plan
from aws.pods import Pod, Pods, objects_of
from components.target import UnitStatus
from tests.aws.account import REGION, by_itself, with_pods
from tests.aws_account.test_status import asked
from tests.aws_account.wire import Answer, Answering, refused
from tests.k8s.fake_cluster import FakeCluster, fake_cluster, items

NAMESPACE = "obs-local"
OLD = "2026-01-01T00:00:00Z"
SESSION = boto3.session.Session()


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(with_pods(), "prod-aws")


@pytest.fixture(scope="module", autouse=True)
def there(stack: AwsPlan) -> Iterator[None]:
    """It in an account of moto's, which has no cluster that could be asked."""
    with by_itself(stack):
        yield


@pytest.fixture
def cluster(tmp_path: Path, stack: AwsPlan) -> Iterator[FakeCluster]:
    """One that has every object of the stack, all ready, and takes a token as EKS does: it asks whom the URL
    names, which must be signed for this cluster."""
    with fake_cluster(tmp_path) as fake:
        fake.knows = _of_this_cluster
        kinds: dict[str, list[Any]] = {"Deployment": [], "DaemonSet": []}
        for part in stack.parts:
            for kind, name, body in objects_of(part) if isinstance(part, Pod) else []:
                if kind in kinds:
                    kinds[kind].append(_ready(name, body))
        fake.answers |= {
            f"/api/v1/namespaces/{NAMESPACE}": {"metadata": {"name": NAMESPACE}},
            f"/api/v1/namespaces/{NAMESPACE}/pods": items(),
            f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments": items(*kinds["Deployment"]),
            f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets": items(*kinds["DaemonSet"]),
        }
        yield fake


def _of_this_cluster(token: str) -> bool:
    prefix, _, rest = token.partition(".")
    url = urlsplit(base64.urlsafe_b64decode(f"{rest}{'=' * (-len(rest) % 4)}").decode())
    query = parse_qs(url.query)
    return (
        prefix == "k8s-aws-v1"
        and url.hostname == f"sts.{REGION}.amazonaws.com"
        and query["Action"] == ["GetCallerIdentity"]
        and "x-k8s-aws-id" in query["X-Amz-SignedHeaders"][0].split(";")
        and int(query["X-Amz-Expires"][0]) <= 60
    )


def _ready(name: str, body: Any) -> dict[str, Any]:
    status = {"readyReplicas": 1, "desiredNumberScheduled": 3, "numberReady": 3}
    return {**body, "metadata": {"name": name, **body["metadata"]}, "status": status}


def _rows(stack: AwsPlan, fake: FakeCluster, **answers: Answer) -> dict[str, UnitStatus]:
    known = {"endpoint": f"http://127.0.0.1:{fake.server.server_port}", "status": "ACTIVE"}
    only = tuple(part.name for part in stack.parts if isinstance(part, Pod | Pods))
    return asked(stack, {"eks.DescribeCluster": {"cluster": known}, **answers}, only=(*only, "cluster"))


def _deployment(fake: FakeCluster, name: str) -> dict[str, Any]:
    found = fake.answers[f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"]["items"]
    one: dict[str, Any]
    [one] = [item for item in found if item["metadata"]["name"] == name]
    return one


def _pod(fake: FakeCluster, name: str, created: str = OLD, **status: Any) -> None:
    """A pod of a program, which is not ready."""
    own = _deployment(fake, name)
    own["status"] = {}
    metadata = {
        "name": f"{name}-1",
        "creationTimestamp": created,
        "labels": own["spec"]["selector"]["matchLabels"],
        "ownerReferences": [{"kind": "ReplicaSet"}],
    }
    fake.answers[f"/api/v1/namespaces/{NAMESPACE}/pods"] = items({"metadata": metadata, "status": status})


def test_all_is_well_and_the_cluster_is_asked_once(stack: AwsPlan, cluster: FakeCluster) -> None:
    rows = _rows(stack, cluster)
    assert {name: row.silence for name, row in rows.items() if name != "cluster" and not row.well} == {}
    assert len(cluster.asked) == 4, "each list once, whatever the number of parts"


def test_a_pod_that_does_not_run_is_told_in_the_clusters_words(stack: AwsPlan, cluster: FakeCluster) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    _pod(cluster, "jaeger", containerStatuses=[{"name": "jaeger", "state": {"waiting": waiting}}])
    rows = _rows(stack, cluster)
    assert (rows["jaeger"].state, rows["jaeger"].silence) == (
        "unwell",
        "jaeger: 0/1 ready: jaeger: ImagePullBackOff: no such image",
    )
    assert rows["collector"].well


def test_one_that_was_just_made_starts(stack: AwsPlan, cluster: FakeCluster) -> None:
    _pod(cluster, "jaeger", created="2999-01-01T00:00:00Z")
    row = _rows(stack, cluster)["jaeger"]
    assert (row.state, row.starting, row.silence) == ("starting", True, "jaeger: 0 of 1 pods ready")


@pytest.mark.parametrize(
    ("path", "part", "words"),
    [
        ("/apis/apps/v1/namespaces/{}/deployments", "collector", "not there: Deployment collector"),
        ("/apis/apps/v1/namespaces/{}/daemonsets", "fluent-bit", "not there: DaemonSet fluent-bit"),
    ],
)
def test_what_is_not_there_is_named(
    stack: AwsPlan, cluster: FakeCluster, path: str, part: str, words: str
) -> None:
    cluster.answers[path.format(NAMESPACE)] = items()
    row = _rows(stack, cluster)[part]
    assert (row.state, row.silence) == ("missing", words)


def test_without_its_namespace_the_ground_is_missing(stack: AwsPlan, cluster: FakeCluster) -> None:
    del cluster.answers[f"/api/v1/namespaces/{NAMESPACE}"]
    assert _rows(stack, cluster)["pods"].silence == "not there: Namespace obs-local"


def test_who_is_no_administrator_is_told_that_pods_are_not_known(
    stack: AwsPlan, cluster: FakeCluster
) -> None:
    cluster.knows = lambda _token: False
    rows = _rows(stack, cluster)
    for name in ("pods", "collector", "fluent-bit"):
        assert rows[name].state == "unreachable"
        assert "pods are not known: cluster of context 'obs-local': " in rows[name].silence
        assert "it does not know who asks" in rows[name].silence
        assert "obs preflight prod-aws" in rows[name].what_to_do
    assert len(cluster.asked) == 1, "who is refused once does not ask twelve times"


def test_a_cluster_that_is_being_made_has_no_address(stack: AwsPlan, cluster: FakeCluster) -> None:
    answer: Answer = {"cluster": {"status": "CREATING"}}
    row = _rows(stack, cluster, **{"eks.DescribeCluster": answer})["jaeger"]
    assert (row.state, row.silence) == (
        "unreachable",
        "pods are not known: EKS cluster obs-local is CREATING, and has no address yet",
    )


def test_without_a_cluster_its_pods_are_missing(stack: AwsPlan, cluster: FakeCluster) -> None:
    gone = refused("ResourceNotFoundException")
    rows = _rows(stack, cluster, **{"eks.DescribeCluster": gone})
    assert rows["jaeger"].silence == "not there: Deployment jaeger"
    assert rows["cluster"].silence.startswith("not there: EKS cluster obs-local")
    assert cluster.asked == []


def test_verify_of_a_stack_with_pods_keeps_its_promises_and_has_a_row_for_each_program(
    stack: AwsPlan, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deployment(cluster, "jaeger")["status"] = {}
    here = {"endpoint": f"http://127.0.0.1:{cluster.server.server_port}", "certificateAuthority": {}}
    known = {**boto3.client("eks").describe_cluster(name=NAMESPACE)["cluster"], **here}
    parts = tuple(part for part in stack.parts if isinstance(part, Cluster | Pod | Pods))
    few = stack.model_copy(update={"parts": parts})
    monkeypatch.setattr(verify, "status", lambda _, asking: status(few, asking))
    monkeypatch.setattr(verify, "queried", lambda *_: [{"metric": {"job": "gateway"}, "value": [0, "1"]}])

    found = verify.checks(
        stack, Answering(stack, {"eks.DescribeCluster": {"cluster": known}}, session=SESSION)
    )
    rows = {row.name: (row.result, row.text) for row in found}
    failed = {name for name, (result, _) in rows.items() if result == "failed"}
    # moto has no add-ons, nor the groups' tags, which are the real provider's to set.
    assert failed == {"cluster stands", "jaeger stands", "nothing open to the world"}
    assert "no pod of it is there" in rows["jaeger stands"][1]
    assert f"obs-local-config-123456789012-{REGION}" in rows["buckets private, versioned, encrypted"][1]
