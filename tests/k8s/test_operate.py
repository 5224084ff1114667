"""Status and logs of a stack in a namespace, asked of the cluster's interface."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from components.errors import SuiteError
from components.plan import Pillar
from components.target import UnitStatus
from k8s import operate
from k8s.parts import KubernetesPlan
from k8s.record import is_there, recall, remember
from obs.commands import host as commands
from stacks.loader import load
from targets import target_of
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, fake_cluster, items

PART_OF = {"app.kubernetes.io/part-of": "observability-staging-k8s"}
OLD = "2024-01-01T00:00:00Z"
LOG = f"/api/v1/namespaces/{NAMESPACE}/pods/{{}}/log"
Object = dict[str, Any]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    """With the example stack brought up there, as far as the record says."""
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    spec = load("staging-k8s")
    plan: KubernetesPlan = target_of(spec).plan(spec, "staging-k8s")
    with fake_cluster(tmp_path) as fake:
        remember(plan.model_copy(update={"cluster": fake.where}))
        for path in operate.PATHS.values():
            fake.answers[path.format(NAMESPACE)] = items()
        yield fake


def put(cluster: FakeCluster, kind: str, *objects: Object) -> None:
    cluster.answers[operate.PATHS[kind].format(NAMESPACE)] = items(*objects)


def workload(name: str, replicas: int | None = 1, ready: int = 1, metadata: Object | None = None) -> Object:
    return {
        "metadata": {"name": name, **({"labels": dict(PART_OF)} if metadata is None else metadata)},
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {"matchLabels": {"app": name}},
            "template": {"spec": {"containers": [{"name": name, "ports": [{"containerPort": 8080}]}]}},
        },
        "status": {"readyReplicas": ready} if ready else {},
    }


def pod(name: str, owner: str = "ReplicaSet", created: str = OLD, **status: Any) -> Object:
    return {
        "metadata": {
            "name": f"{name}-x",
            "labels": {"app": name},
            "creationTimestamp": created,
            "ownerReferences": [{"kind": owner, "apiVersion": "apps/v1"}],
        },
        "status": status,
    }


def container(name: str = "main", restarts: int = 0, **state: Any) -> Object:
    return {"name": name, "restartCount": restarts, "containerID": "containerd://1", "state": state}


def rows() -> dict[str, UnitStatus]:
    return {row.unit: row for row in operate.status("staging-k8s")}


def test_what_serves_is_told_with_ports_restarts_and_pillar(cluster: FakeCluster) -> None:
    put(cluster, "Deployment", workload("payments"))
    put(cluster, "Pod", pod("payments", containerStatuses=[container(restarts=3, running={})]))
    row = rows()["payments"]

    assert row.well
    assert (row.restarts, row.ports, row.pillar, row.drift) == (3, (8080,), Pillar.SERVICES, "")
    assert row.uptime > 86_400


def test_only_workloads_of_the_stack_count(cluster: FakeCluster) -> None:
    helm = {"annotations": {"meta.helm.sh/release-name": "jaeger"}}
    others = {"annotations": {"meta.helm.sh/release-name": "wordpress"}}
    operated = {"ownerReferences": [{"kind": "Prometheus", "apiVersion": "monitoring.coreos.com/v1"}]}
    put(
        cluster,
        "Deployment",
        workload("payments"),
        workload("jaeger", metadata=helm),
        workload("blog", metadata=others),
        workload("nobodys", metadata={"labels": {}}),
        workload("going", metadata={"labels": dict(PART_OF), "deletionTimestamp": OLD}),
    )
    put(cluster, "StatefulSet", workload("prometheus-main", metadata=operated))
    done = workload("opensearch-setup")
    done["status"] = {"succeeded": 1}
    put(cluster, "Job", done)

    assert set(rows()) == {"payments", "jaeger", "prometheus-main"}
    assert rows()["jaeger"].pillar is Pillar.TRACING


@pytest.mark.parametrize(
    ("replicas", "ready", "pods", "state", "words"),
    [
        (3, 2, [pod("cart")], "2/3 ready", ""),
        (0, 0, [], "scaled to 0", ""),
        (1, 0, [], "0/1 ready", ""),
        (None, 0, [pod("cart", created="2999-01-01T00:00:00Z")], "running", "0 of 1 pods ready"),
        (
            1,
            0,
            [
                pod(
                    "cart",
                    containerStatuses=[
                        {
                            **container(waiting={"reason": "CrashLoopBackOff", "message": "back-off 5m"}),
                            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                        }
                    ],
                )
            ],
            "0/1 ready",
            "main: CrashLoopBackOff: ended with 137, OOMKilled",
        ),
        (
            1,
            0,
            [
                pod(
                    "cart",
                    containerStatuses=[container(waiting={"reason": "ImagePullBackOff", "message": "no x"})],
                )
            ],
            "0/1 ready",
            "main: ImagePullBackOff: no x",
        ),
        (
            1,
            0,
            [
                pod(
                    "cart",
                    phase="Pending",
                    conditions=[
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/1 nodes are available: 1 Insufficient memory.",
                        }
                    ],
                )
            ],
            "0/1 ready",
            "Unschedulable: 0/1 nodes are available: 1 Insufficient memory.",
        ),
    ],
)
def test_what_does_not_serve_says_why(
    cluster: FakeCluster, replicas: int | None, ready: int, pods: list[Object], state: str, words: str
) -> None:
    put(cluster, "Deployment", workload("cart", replicas, ready))
    put(cluster, "Pod", *pods)
    row = rows()["cart"]

    assert not row.well
    assert row.state == state
    assert words in row.silence
    assert row.starting == (state == "running")


def test_an_upgrade_that_hangs_is_told_though_the_pod_before_still_serves(cluster: FakeCluster) -> None:
    new = pod(
        "cart", containerStatuses=[container(waiting={"reason": "ErrImagePull", "message": "not found"})]
    )
    put(cluster, "Deployment", workload("cart"))
    put(cluster, "Pod", pod("cart", containerStatuses=[container(running={})]), new)
    row = rows()["cart"]

    assert not row.well
    assert (row.state, row.silence) == ("1/1 ready", "main: ErrImagePull: not found")


def test_a_quota_that_forbids_pods_is_the_reason(cluster: FakeCluster) -> None:
    found = workload("cart", 1, 0)
    found["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    ]
    put(cluster, "Deployment", found)

    assert rows()["cart"].silence == "FailedCreate: exceeded quota"


def test_an_agent_of_a_cluster_without_nodes_for_it_is_well(cluster: FakeCluster) -> None:
    found = workload("collector-agent", None)
    found["status"] = {"desiredNumberScheduled": 0, "numberReady": 0}
    put(cluster, "DaemonSet", found)

    assert rows()["collector-agent"].well


def test_status_fits_80_columns_and_says_what_to_do(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = "kube-prometheus-stack-kube-state-metrics"
    put(cluster, "Deployment", workload(long), workload("cart", 1, 0))
    put(cluster, "Pod", pod(long, containerStatuses=[container(running={})]))

    with pytest.raises(typer.Exit) as ended:
        commands.status("staging-k8s")
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "as deployed" not in shown  # nobody asked
    assert "cart: 0/1 ready: no pod of it is there\n" in shown
    assert "see why: obs logs staging-k8s cart" in shown
    assert "obs start" not in shown


def test_logs_of_each_container_and_of_the_one_before_where_it_said_nothing(cluster: FakeCluster) -> None:
    put(cluster, "Deployment", workload("cart"))
    fresh = {"name": "waits", "state": {"waiting": {}}}
    put(cluster, "Pod", pod("cart", containerStatuses=[container("a"), container("b"), fresh]))

    def log(query: dict[str, list[str]]) -> Any:
        box, last = query["container"][0], query["tailLines"][0]
        assert last == "7"
        if box == "a":
            return "one\ntwo ü\nunfinished"
        return "died of this\n" if "previous" in query else ""

    cluster.answers[LOG.format("cart-x")] = log
    found = list(operate.logs("staging-k8s", ["cart"], follow=False, lines=7, over=lambda: True))

    assert found == [
        ("cart", "one"),
        ("cart", "two ü"),
        ("cart", "unfinished"),
        ("cart", "died of this"),
    ]


def test_one_pod_that_cannot_be_read_keeps_nobody_from_the_others(cluster: FakeCluster) -> None:
    put(cluster, "Deployment", workload("cart"), workload("till"))
    boxes = [container("main", running={})]
    put(cluster, "Pod", pod("cart", containerStatuses=boxes), pod("till", containerStatuses=boxes))
    cluster.answers[LOG.format("cart-x")] = (500, "the kubelet is away")
    cluster.answers[LOG.format("till-x")] = "here\n"

    for follow in (False, True):
        found = dict(
            operate.logs("staging-k8s", ["cart", "till"], follow=follow, lines=5, over=lambda: False)
        )
        assert "the kubelet is away" in found["cart"]
        assert found["till"] == "here"


def test_what_an_operator_left_behind_is_waited_for_after_a_destroy(cluster: FakeCluster) -> None:
    operated = {"ownerReferences": [{"kind": "Prometheus", "apiVersion": "monitoring.coreos.com/v1"}]}
    path = operate.PATHS["StatefulSet"].format(NAMESPACE)
    left = [items(workload("prometheus-main", metadata=operated))] * 2

    cluster.answers[path] = lambda _: left.pop() if left else items()
    assert operate.units("staging-k8s") == []


def test_volumes_that_stay_are_listed_and_the_stack_is_forgotten_with_the_last(cluster: FakeCluster) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
    size = {"status": {"capacity": {"storage": "20Gi"}}}
    ours = {"metadata": {"name": "data-0", "labels": {"app.kubernetes.io/instance": "opensearch"}}, **size}
    others = {"metadata": {"name": "blog", "labels": {"app.kubernetes.io/instance": "wordpress"}}, **size}
    cluster.answers[path] = items(ours, others)

    assert operate.kept("staging-k8s") == [(f"{NAMESPACE}/data-0", 20 * 1024**3)]
    assert is_there("staging-k8s")
    cluster.answers[path] = items(others)
    assert operate.kept("staging-k8s") == []
    assert not is_there("staging-k8s")
    assert operate.units("staging-k8s") == []
    assert operate.status("staging-k8s") == []


@pytest.mark.parametrize("command", [operate.stop, operate.start])
def test_stopping_and_starting_are_refused_with_what_does_it(command: Any) -> None:
    with pytest.raises(SuiteError, match=r"obs (destroy|up) staging-k8s") as refused:
        command("staging-k8s", None, lambda *_: None)
    assert refused.value.exit_code == 2


def test_a_record_that_cannot_be_read_is_named(cluster: FakeCluster, tmp_path: Path) -> None:
    file = tmp_path / "state" / "staging-k8s" / "cluster.json"
    file.write_text("{")

    with pytest.raises(SuiteError, match=r"cluster\.json: .*Take the file away"):
        recall("staging-k8s")


def test_the_record_holds_no_secret(cluster: FakeCluster, tmp_path: Path) -> None:
    text = (tmp_path / "state" / "staging-k8s" / "cluster.json").read_text()

    assert set(json.loads(text)) == {"cluster", "part_of", "releases", "own"}
    assert "of-the-test" not in text


def test_a_cluster_that_is_away_is_said_in_a_line(cluster: FakeCluster) -> None:
    cluster.server.shutdown()
    cluster.server.server_close()

    with pytest.raises(SuiteError, match="context 'test' does not answer"):
        operate.status("staging-k8s")
