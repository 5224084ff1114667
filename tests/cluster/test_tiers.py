"""The stack files of tiers as they are, on three simulated nodes: what the API server, its controllers, its
scheduler, the operator and the provider make of them. No program of the stack runs there
(tests/cluster/simulated.py); those of tests/cluster/test_stack.py do."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import simulated, whole
from tests.cluster.simulated import NODES, Simulated
from tests.cluster.whole import NAMESPACE
from tests.e2e.shop import Shop
from tests.given import from_environment
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
HERE = f"/api/v1/namespaces/{NAMESPACE}"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
RULE = f"/apis/monitoring.coreos.com/v1/namespaces/{NAMESPACE}/prometheusrules/payments"
BUDGETS = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"
SEVERAL = {
    "prometheus-obs-prometheus": 2,
    "alertmanager-obs-alertmanager": 3,
    "opensearch": 3,
    "opensearch-manager": 3,
    "collector": 2,
    "jaeger": 2,
}
"""Where `ha`: the StatefulSet or Deployment, and how many pods it has."""


@dataclass(frozen=True)
class Tier:
    """A stack on a cluster of its own."""

    stack: str
    shop: Shop
    cluster: Simulated
    ha: bool
    retain: bool

    def owned(self, kind: str) -> list[dict[str, Any]]:
        """Workloads of a kind."""
        found: list[dict[str, Any]] = self.cluster.ask(f"{APPS}/{kind}")["items"]
        return found

    def pods(self, workload: str = "") -> list[dict[str, Any]]:
        """All, or those of a workload."""
        found = self.cluster.ask(f"{HERE}/pods")["items"]
        return [pod for pod in found if not workload or _maker(pod) == workload]


def _maker(pod: dict[str, Any]) -> str:
    """The workload that a pod is of."""
    (owner,) = pod["metadata"]["ownerReferences"]
    return str(owner["name"].rpartition("-")[0] if owner["kind"] == "ReplicaSet" else owner["name"])


@pytest.fixture(scope="module", params=["dev-k8s", "prod-k8s"])
def tier(
    request: pytest.FixtureRequest, built: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tier]:
    """Its cluster, on which nothing is yet."""
    if absent := simulated.lacks():
        pytest.skip(f"not in the cache of engines: {', '.join(absent)}; `make cluster` builds them")
    folder: Path = tmp_path_factory.mktemp("tier")
    with Simulated.start() as cluster:
        described = whole.uncut(cluster, whole.charts(folder / "charts"), request.param)
        spec = described["config"]["obs:spec"]
        secrets = from_environment(spec)
        shop = whole.project_of(request.param, yaml.safe_dump(described, sort_keys=False), folder)
        shop.environment |= secrets
        ha = spec["kubernetes"].get("ha", False)
        yield Tier(request.param, shop, cluster, ha, spec["deploy"]["retain"])


def test_a_preview_of_nothing_that_is_there_yet(tier: Tier) -> None:
    told = tier.shop.obs("preview", tier.stack).stdout
    assert "kube-prometheus-stack: create" in told
    assert "prometheusrule-payments: create" in told
    assert tier.cluster.ask(HERE) is None


def test_up_has_all_pods_placed_and_ready(tier: Tier) -> None:
    tier.shop.obs("up", tier.stack, "--yes")
    tier.cluster.operator(NAMESPACE)

    def ready() -> bool:
        sets = {one["metadata"]["name"]: one for one in tier.owned("statefulsets")}
        return all(
            name in sets and sets[name]["status"].get("readyReplicas") == sets[name]["spec"]["replicas"]
            for name in list(SEVERAL)[:2]
        )

    until(ready, "what the operator makes ready", 60)
    waiting = [pod["metadata"]["name"] for pod in tier.pods() if pod["status"]["phase"] == "Pending"]
    assert waiting == []
    assert json.loads(tier.shop.obs("status", tier.stack, "--json").stdout)["ok"]


def test_members_of_a_role_are_on_different_nodes(tier: Tier) -> None:
    for workload, number in SEVERAL.items():
        nodes = Counter(pod["spec"]["nodeName"] for pod in tier.pods(workload))
        if tier.ha:
            assert nodes.total() == number, workload
            assert max(nodes.values()) == 1, (workload, nodes)
        elif workload != "opensearch-manager":
            assert nodes.total() == 1, workload


def test_a_second_up_changes_nothing(tier: Tier) -> None:
    assert "nothing to change" in tier.shop.obs("up", tier.stack, "--yes").stderr


def test_what_was_changed_by_hand_is_named_and_put_back(tier: Tier) -> None:
    before = tier.cluster.ask(RULE)["spec"]
    on = ("-n", NAMESPACE)
    tier.cluster.kubectl(
        *on, "patch", "prometheusrule", "payments", "--type=merge", "-p", '{"spec":{"groups":[]}}'
    )
    tier.cluster.kubectl(*on, "delete", "configmap", "pages-conf")
    tier.cluster.kubectl(*on, "delete", "networkpolicy", "opensearch")
    tier.cluster.kubectl(*on, "scale", "deployment", "pages", "--replicas=0")
    said = tier.shop.obs("refresh", tier.stack).stderr
    for part in (
        "prometheusrule-payments",
        "configmap-pages-conf",
        "networkpolicy-opensearch",
        "deployment-pages",
    ):
        assert part in said
    tier.shop.obs("up", tier.stack, "--yes")

    assert tier.cluster.ask(RULE)["spec"] == before
    assert tier.cluster.ask(f"{HERE}/configmaps/pages-conf") is not None
    assert tier.cluster.ask(f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies/opensearch")
    assert json.loads(tier.shop.obs("status", tier.stack, "--json").stdout)["ok"]


def test_a_node_that_is_drained_takes_one_pod_of_a_role_at_a_time(tier: Tier) -> None:
    budgets = {one["metadata"]["name"]: one["status"] for one in tier.cluster.ask(BUDGETS)["items"]}
    if not tier.ha:
        assert not budgets.keys() & {"collector", "jaeger", "obs-prometheus"}
        return
    assert len(budgets) >= len(SEVERAL)
    for name, status in budgets.items():
        assert 0 < status["disruptionsAllowed"] < status["currentHealthy"], name
    # Nobody takes what is driven out, so that the second finds its budget used.
    nodes = [f"node-{number}" for number in range(NODES)]
    tier.cluster.kubectl("cordon", *nodes)
    assert [_evicted(tier, f"collector-{number}") for number in (0, 1)] == [201, 429]
    tier.cluster.kubectl("uncordon", *nodes)

    def running() -> int:
        return sum(pod["status"]["phase"] == "Running" for pod in tier.pods("collector"))

    until(lambda: running() == SEVERAL["collector"], "both back", 60)


def _evicted(tier: Tier, pod: str) -> int:
    """The answer of the API server to the wish that a pod goes."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    return tier.cluster.post(f"{HERE}/pods/{pod}/eviction", body)


def test_destroy_leaves_only_what_it_was_told_to_keep(tier: Tier) -> None:
    told = tier.shop.obs("destroy", tier.stack, "--yes")
    if tier.retain:
        assert f"{NAMESPACE}/opensearch-" in told.stdout
        assert tier.cluster.ask(HERE)["status"]["phase"] == "Active"
        assert len(tier.cluster.ask(f"{HERE}/persistentvolumeclaims")["items"]) >= sum(
            list(SEVERAL.values())[:5]
        )
    else:
        until(lambda: tier.cluster.ask(HERE) is None, "the namespace gone", 60)
    for kind in ("deployments", "statefulsets", "daemonsets"):
        assert tier.owned(kind) == []
    assert tier.pods() == []
