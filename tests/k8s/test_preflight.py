"""What stands in the way of a stack in a cluster is told before anything is changed, each with what to do."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from k8s.parts import Cluster, KubernetesPlan
from k8s.plan import plan
from k8s.preflight import preflight
from stacks.loader import load
from targets import target_of
from tests import specs
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, fake_cluster, items, node

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
Change = Callable[[FakeCluster], None]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    with fake_cluster(tmp_path) as fake:
        yield fake


@pytest.fixture(scope="module")
def planned() -> KubernetesPlan:
    spec = load("staging-k8s")
    plan: KubernetesPlan = target_of(spec).plan(spec, "staging-k8s")
    return plan


def plan_for(planned: KubernetesPlan, where: Cluster, **changes: Any) -> KubernetesPlan:
    cluster = planned.cluster.model_copy(
        update={
            "kubeconfig": where.kubeconfig,
            "context": where.context,
            "namespace": where.namespace,
            "storage_class": "",
            "pull_secret": "",
            "ha": False,
            **changes,
        }
    )
    return planned.model_copy(update={"cluster": cluster})


def told(planned: KubernetesPlan, cluster: FakeCluster, **changes: Any) -> list[str]:
    return [str(found) for found in preflight(plan_for(planned, cluster.where, **changes))]


def answer(path: str, with_what: Any) -> Change:
    return lambda fake: fake.answers.__setitem__(path, with_what)


def definition(**annotations: str) -> dict[str, Any]:
    notes = {f"meta.helm.sh/release-{key}": value for key, value in annotations.items()}
    return {"metadata": {"name": "x", "annotations": notes}, "spec": {"group": "monitoring.coreos.com"}}


def pending(name: str) -> dict[str, Any]:
    labels = {"name": name, "status": "pending-upgrade", "version": "3", "owner": "helm"}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": {"name": f"sh.helm.release.v1.{name}.v3", "labels": labels, "creationTimestamp": now}}


def test_nothing_stands_in_the_way_of_a_cluster_that_has_all(
    planned: KubernetesPlan, cluster: FakeCluster
) -> None:
    ours = definition(name="prometheus-operator-crds", namespace=NAMESPACE)
    cluster.answers[DEFINITIONS] = items(ours, {**definition(), "spec": {"group": "cert-manager.io"}})
    cluster.answers[f"{SECRETS}/obs-tls-of-pages"] = {}
    wanted = [part for part in planned.parts if part.name.startswith("ingress-")]
    for part in wanted:
        for tls in part.body["spec"].get("tls", ()):  # type: ignore[union-attr]
            cluster.answers[f"{SECRETS}/{tls['secretName']}"] = {}
        if name := part.body["spec"].get("ingressClassName"):  # type: ignore[union-attr]
            cluster.answers["/apis/networking.k8s.io/v1/ingressclasses"] = items({"metadata": {"name": name}})

    assert told(planned, cluster) == []


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (answer("/version", {"major": "1", "minor": "24"}), {}, ["1.24", "1.25 or newer"]),
        (
            answer(f"/api/v1/namespaces/{NAMESPACE}", {"status": {"phase": "Terminating"}}),
            {},
            ["kubernetes.namespace", "being deleted"],
        ),
        (
            lambda fake: (
                fake.answers.pop(f"/api/v1/namespaces/{NAMESPACE}"),
                fake.denied.add("create namespaces"),
            ),
            {},
            ["kubernetes.namespace", "may not make it"],
        ),
        (
            lambda fake: fake.denied.update(("create clusterroles", "create secrets")),
            {},
            ["may not create clusterroles, create secrets in observability", "ClusterRole"],
        ),
        (
            lambda _: None,
            {"storage_class": "gold"},
            ["kubernetes.storage_class: gold", "this cluster has fast"],
        ),
        (
            answer("/apis/storage.k8s.io/v1/storageclasses", items({"metadata": {"name": "slow"}})),
            {},
            ["no default", "slow"],
        ),
        (lambda _: None, {"pull_secret": "login"}, ["kubernetes.images.pull_secret: login", "create secret"]),
        (
            answer(DEFINITIONS, items(definition(name="monitoring", namespace="kube-monitoring"))),
            {},
            ["kube-monitoring/monitoring", "Helm refuses", "kubernetes.operator: existing"],
        ),
        (answer(DEFINITIONS, items(definition())), {}, ["somebody without Helm"]),
        (
            answer(SECRETS, items(pending("jaeger"), pending("of-others"))),
            {},
            ["observability/jaeger", "pending-upgrade", "delete secret sh.helm.release.v1.jaeger.v3"],
        ),
        (
            answer("/api/v1/nodes", items(node("one", "False"), node("two", unschedulable=True))),
            {},
            ["none of its 2"],
        ),
        (lambda _: None, {"ha": True}, ["kubernetes.ha", "1 nodes take pods", "3 different"]),
        (
            answer("/api/v1/nodes", (403, "nodes is forbidden")),
            {},
            ["could not ask: Nodes", "nodes is forbidden"],
        ),
    ],
)
def test_what_is_lacking_is_named(
    planned: KubernetesPlan, cluster: FakeCluster, change: Change, settings: dict[str, Any], words: list[str]
) -> None:
    before = told(planned, cluster)
    change(cluster)
    new = [text for text in told(planned, cluster, **settings) if text not in before]

    assert len(new) == 1, new
    for word in words:
        assert word in new[0]


def test_volumes_made_by_hand_need_no_class(planned: KubernetesPlan, cluster: FakeCluster) -> None:
    before = told(planned, cluster)
    cluster.answers["/apis/storage.k8s.io/v1/storageclasses"] = items()
    free = {"spec": {}, "status": {"phase": "Available"}}
    cluster.answers["/api/v1/persistentvolumes"] = items(free)
    assert told(planned, cluster) == before

    held: dict[str, Any] = {"status": {"phase": "Bound"}, "spec": {"claimRef": {"namespace": NAMESPACE}}}
    cluster.answers["/api/v1/persistentvolumes"] = items(held)
    assert told(planned, cluster) == before

    held["spec"]["claimRef"]["namespace"] = "of-others"
    cluster.answers["/api/v1/persistentvolumes"] = items(held)
    assert len(told(planned, cluster)) == len(before) + 1


def test_an_operator_of_others_has_to_be_there(cluster: FakeCluster) -> None:
    stack = plan(specs.spec_on_kubernetes(kubernetes={"operator": "existing"}), "beside")
    cluster.answers[DEFINITIONS] = items({**definition(), "spec": {"group": "cert-manager.io"}})
    (said,) = [text for text in told(stack, cluster) if "kubernetes.operator" in text]
    assert "the cluster has no Prometheus Operator" in said
    cluster.answers[DEFINITIONS] = items(definition(name="theirs", namespace="monitoring"))
    assert not any("kubernetes.operator" in text for text in told(stack, cluster))


def test_secrets_that_the_stack_file_names_have_to_be_there(
    planned: KubernetesPlan, cluster: FakeCluster
) -> None:
    (said,) = [text for text in told(planned, cluster, secrets=("webhooks",)) if "webhooks" in text]
    assert "no such Secret" in said
    cluster.answers[f"{SECRETS}/webhooks"] = {}
    assert not any("webhooks" in text for text in told(planned, cluster, secrets=("webhooks",)))


def test_a_release_of_others_that_hangs_is_theirs(planned: KubernetesPlan, cluster: FakeCluster) -> None:
    before = told(planned, cluster)
    cluster.answers[SECRETS] = items(pending("of-others"))

    assert told(planned, cluster) == before


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"token": "wrong"}, ["401", "log in anew"]),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login"}},
            ["no-such-login"],
        ),
    ],
)
def test_who_is_not_let_in_is_told(
    planned: KubernetesPlan, cluster: FakeCluster, user: dict[str, Any], words: list[str]
) -> None:
    where = cluster.where
    cluster.kubeconfig(**user)
    (found,) = preflight(plan_for(planned, where))

    assert found.fatal
    assert found.key == "kubernetes.context"
    for word in words:
        assert word in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "clusters: 3",
        "a: b: c",
        "apiVersion: v1\nkind: Config\ncontexts: []\nclusters: []\nusers: []\n",
        "apiVersion: v1\nkind: Config\ncontexts:\n- name: test\n",
        "\x00\x01",
    ],
)
def test_a_kubeconfig_that_is_none_is_told(planned: KubernetesPlan, tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd"
    file.write_text(text)
    (found,) = preflight(plan_for(planned, Cluster(kubeconfig=str(file), context="test", namespace="n")))

    assert found.fatal
    assert "kubectl config get-contexts" in str(found)


def test_a_cluster_that_does_not_answer_is_the_only_thing_told(
    planned: KubernetesPlan, cluster: FakeCluster
) -> None:
    where = cluster.where
    cluster.server.shutdown()
    cluster.server.server_close()
    (found,) = preflight(plan_for(planned, where))

    assert found.fatal
    assert "does not answer" in str(found)
