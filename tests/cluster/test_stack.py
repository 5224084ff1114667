"""A whole stack on the cluster: from nothing to ready pods, measured, drifted, repaired, taken down."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engines.store import Store
from tests.cluster import content, whole
from tests.cluster.node import Cluster
from tests.cluster.whole import NAMESPACE, STACK
from tests.e2e.shop import PATIENCE, Shop
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
HERE = f"/api/v1/namespaces/{NAMESPACE}"
RULE = f"/apis/monitoring.coreos.com/v1/namespaces/{NAMESPACE}/prometheusrules/orders"
PROMETHEUS = "https:obs-prometheus:9090"
Running = tuple[Shop, Cluster]


@pytest.fixture(scope="module")
def running(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Brought up from nothing by one command, which waits for ready pods."""
    made = [name for name in content.ENGINES if name != "runtime"]
    if absent := [name for name in made if Store().locate(name) is None]:
        pytest.skip(f"not in the cache of engines: {', '.join(absent)}; `make cluster` builds them")
    whole.prepare(cluster)
    shop = whole.project(cluster, tmp_path_factory.mktemp("whole"))
    shop.obs("up", STACK, "--yes")
    yield shop, cluster
    shop.obs("destroy", STACK, "--yes", expect=None)


def asked(cluster: Cluster, service: str, path: str) -> Any:
    """What a program answers, through the API's proxy."""
    return cluster.ask(f"{HERE}/services/{service}/proxy/{path}")["data"]


def test_every_pod_is_ready_when_up_ends(running: Running) -> None:
    """But for one of each DaemonSet, which Helm does not wait for, as DaemonSets allow: it is soon."""
    _, cluster = running

    def waiting() -> list[tuple[str, str]]:
        return [
            (pod["metadata"]["ownerReferences"][0]["kind"], pod["metadata"]["name"])
            for pod in cluster.ask(f"{HERE}/pods")["items"]
            if pod["status"]["phase"] != "Succeeded"
            and not all(container["ready"] for container in pod["status"]["containerStatuses"])
        ]

    assert len(cluster.ask(f"{HERE}/pods")["items"]) >= 14
    assert [name for kind, name in waiting() if kind != "DaemonSet"] == []
    until(lambda: not waiting(), "the pods of DaemonSets", 60)


def test_status_finds_every_workload_and_that_it_serves(running: Running) -> None:
    shop, cluster = running
    found = json.loads(shop.obs("status", STACK, "--json").stdout)
    of_cluster = {
        item["metadata"]["name"]
        for kind in ("deployments", "statefulsets", "daemonsets")
        for item in cluster.ask(f"/apis/apps/v1/namespaces/{NAMESPACE}/{kind}")["items"]
    }

    assert found["ok"]
    assert {row["unit"] for row in found["units"]} == of_cluster
    assert len(of_cluster) >= 14


def test_logs_come_from_the_pods(running: Running) -> None:
    shop, _ = running
    said = shop.obs("logs", STACK, "gateway", "obs-operator", "-n", "5").stdout

    assert {line.split()[0] for line in said.splitlines()} == {"gateway", "obs-operator"}


def test_a_second_up_changes_nothing(running: Running) -> None:
    shop, _ = running
    assert "nothing to change" in shop.obs("up", STACK, "--yes").stderr


def test_every_target_is_scraped_and_every_rule_loaded(running: Running) -> None:
    _, cluster = running

    def up() -> bool:
        targets = asked(cluster, PROMETHEUS, "api/v1/targets?state=active")["activeTargets"]
        return len(targets) >= 16 and all(one["health"] == "up" for one in targets)

    until(up, "all targets up", 60)
    groups = asked(cluster, PROMETHEUS, "api/v1/rules")["groups"]
    sick = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"]
    assert sum(len(group["rules"]) for group in groups) > 200
    assert sick == []


def test_who_asks_prometheus_or_alertmanager_in_plain_is_refused(running: Running) -> None:
    _, cluster = running
    for service in ("obs-prometheus:9090", "obs-alertmanager:9093"):
        assert cluster.answer(f"{HERE}/services/https:{service}/proxy/-/ready").is_success
        refused = cluster.answer(f"{HERE}/services/{service}/proxy/-/ready")
        assert (refused.status_code, "HTTPS server" in refused.text) == (400, True), service


def test_a_request_of_the_shop_is_found_as_a_trace(running: Running) -> None:
    _, cluster = running
    path = "api/traces?service=gateway&limit=20"

    def whole_trace() -> bool:
        try:
            traces = asked(cluster, "jaeger:16686", path)
        except httpx.HTTPStatusError:  # the first index of spans is being made
            return False
        names = [{item["serviceName"] for item in one["processes"].values()} for one in traces]
        return any({"gateway", "orders", "payments"} <= name for name in names)

    until(whole_trace, "a trace through gateway, orders and payments", 90)


@pytest.mark.timeout(1200)
def test_verify_follows_a_request_and_sees_a_fault_delivered(running: Running) -> None:
    shop, _ = running
    done = shop.obs("verify", STACK, "--json", "--patience", PATIENCE, expect=None)
    found = {row["name"]: row for row in json.loads(done.stdout)["rows"]}

    assert not [row for row in found.values() if row["result"] == "failed"]
    assert {name for name, row in found.items() if row["result"] == "not applied"} == {
        "observed services scraped",
        "loopback only",
    }
    assert "NetworkPolicies" in found["loopback only"]["text"]
    assert "release collector" in found["engines answer"]["text"]


def test_what_was_changed_by_hand_is_named_and_put_back(running: Running) -> None:
    shop, cluster = running
    before = cluster.ask(RULE)["spec"]
    cluster.kubectl(
        "-n", NAMESPACE, "patch", "prometheusrule", "orders", "--type=merge", "-p", '{"spec":{"groups":[]}}'
    )
    cluster.kubectl("-n", NAMESPACE, "delete", "configmap", "sink-conf")
    cluster.kubectl("-n", NAMESPACE, "scale", "deployment", "sink", "--replicas=0")

    def forgotten() -> bool:
        """The operator and the kubelet take a minute to bring new rules."""
        groups = asked(cluster, PROMETHEUS, "api/v1/rules")["groups"]
        return not any("-orders-" in group["file"] for group in groups)

    until(forgotten, "Prometheus without the rules that were taken away", 240, every=1)
    said = shop.obs("verify", STACK, "--json", expect=1).stdout
    found = {row["name"]: row for row in json.loads(said)["rows"]}
    assert "missing or different" in found["rules loaded"]["text"]
    assert "sink (" in found["engines answer"]["text"]
    status = shop.obs("status", STACK, expect=1).stdout
    assert "sink: scaled to 0: nobody asks for a pod of it" in status
    assert f"put it back: obs up {STACK}" in status
    said = shop.obs("refresh", STACK).stderr
    assert "prometheusrule-orders" in said
    assert "configmap-sink-conf" in said
    shop.obs("up", STACK, "--yes")

    assert cluster.ask(RULE)["spec"] == before
    assert cluster.ask(f"{HERE}/configmaps/sink-conf") is not None
    assert json.loads(shop.obs("status", STACK, "--json").stdout)["ok"]


def test_destroy_leaves_the_namespace_and_what_is_kept(running: Running) -> None:
    shop, cluster = running
    told = shop.obs("destroy", STACK, "--yes")

    assert "was lost, or is elsewhere" not in told.stderr
    assert f"{NAMESPACE}/opensearch-" in told.stdout
    assert cluster.ask(HERE)["status"]["phase"] == "Active"
    claims = {item["metadata"]["name"] for item in cluster.ask(f"{HERE}/persistentvolumeclaims")["items"]}
    assert any(name.startswith("opensearch-") for name in claims)
    assert cluster.ask("/apis/apps/v1/namespaces/observability/deployments")["items"] == []
    assert cluster.ask("/apis/apps/v1/namespaces/observability/statefulsets")["items"] == []
