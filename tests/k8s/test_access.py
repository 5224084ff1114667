"""What `obs verify` is given of a stack in a cluster: ways to its pods, its keys, what stands of it."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.errors import SuiteError
from components.target import Access, Lacks
from k8s.operate import PATHS
from k8s.parts import KubernetesPlan, Release
from stacks.loader import load
from targets import target_of
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, fake_cluster, items

HERE = f"/api/v1/namespaces/{NAMESPACE}"
PROMETHEUS = f"obs-prometheus.{NAMESPACE}.svc:9090"
READY = [{"type": "Ready", "status": "True"}]
Object = dict[str, Any]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeCluster]:
    with fake_cluster(tmp_path) as fake:
        for path in PATHS.values():
            fake.answers[path.format(NAMESPACE)] = items()
        yield fake


def access(cluster: FakeCluster, outputs: Callable[[str], Object] = lambda _: {}) -> Access:
    spec = load("staging-k8s")
    plan: KubernetesPlan = target_of(spec).plan(spec, "staging-k8s")
    return target_of(spec).access(spec, plan.model_copy(update={"cluster": cluster.where}), outputs)


def pod(name: str, ready: bool = True, **metadata: Any) -> Object:
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"conditions": READY if ready else []},
    }


def service(cluster: FakeCluster, name: str, port: int, target: int | str, *pods: Object) -> None:
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}
    cluster.answers[f"{HERE}/services/{name}"] = {"spec": spec}
    cluster.answers[f"{HERE}/pods"] = items(*pods)


@pytest.fixture
def program() -> Iterator[int]:
    """Answers with its path, and closes the connection after it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (self.path * 20_000).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not to standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_an_address_of_the_cluster_leads_to_a_pod_that_is_ready(cluster: FakeCluster, program: int) -> None:
    going = pod("a-going", deletionTimestamp="2026-01-01T00:00:00Z")
    service(cluster, "obs-prometheus", 9090, "http", going, pod("b-starting", ready=False), pod("c"))
    cluster.forwards["c:8080"] = program
    reach = access(cluster).reach
    assert reach is not None
    address = reach(PROMETHEUS)
    assert address == reach(PROMETHEUS), "one port for all who ask"

    answers = [httpx.get(f"http://{address}/x", trust_env=False, timeout=20).text for _ in range(3)]
    assert answers == ["/x" * 20_000] * 3, "all of it, though the pod closes after it"
    assert reach.why(PROMETHEUS) == ""


def test_a_pod_that_was_replaced_is_replaced_here_too(cluster: FakeCluster, program: int) -> None:
    service(cluster, "obs-prometheus", 9090, 9090, pod("old"))
    cluster.forwards["old:9090"] = program
    reach = access(cluster).reach
    assert reach is not None
    url = f"http://{reach(PROMETHEUS)}/x"
    assert httpx.get(url, trust_env=False, timeout=20).is_success
    cluster.forwards = {"new:9090": program}
    service(cluster, "obs-prometheus", 9090, 9090, pod("new"))
    assert httpx.get(url, trust_env=False, timeout=20).is_success


def test_why_nothing_answers_is_known(cluster: FakeCluster) -> None:
    reach = access(cluster).reach
    assert reach is not None

    def said() -> str:
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://{reach(PROMETHEUS)}/x", trust_env=False, timeout=20)
        return reach.why(PROMETHEUS)

    assert "services/obs-prometheus: 404" in said()
    service(cluster, "obs-prometheus", 9090, 9090, pod("starting", ready=False))
    assert said() == f"no pod behind {PROMETHEUS} is ready"
    service(cluster, "obs-prometheus", 9090, 9090, pod("gone"))
    assert "404; is the pod gone?" in said()
    cluster.forwards["gone:9090"] = "connection refused in the pod"
    assert said() == "connection refused in the pod"


def test_each_pod_of_a_service_is_an_instance(cluster: FakeCluster) -> None:
    ask = access(cluster).instances
    assert ask is not None
    port = load("staging-k8s").deploy.port_base + 152
    service(cluster, "payments", port, "http", pod("payments-b"), pod("payments-a"))
    assert ask("payments") == ("pod/payments-a:8080", "pod/payments-b:8080")


def test_keys_come_from_the_engines_state(cluster: FakeCluster) -> None:
    kept = {"secret_opensearch-reader": "s3cret", "secret_ca.pem": "PEM"}
    found = access(cluster, lambda part: kept if part == f"keys@{NAMESPACE}" else {})
    assert found.secret("opensearch-reader") == "s3cret"
    assert found.authority() == "PEM"
    with pytest.raises(SuiteError, match="obs up staging-k8s"):
        found.secret("hook")


def test_what_a_service_wrote_comes_from_each_of_its_pods(cluster: FakeCluster) -> None:
    port = load("staging-k8s").deploy.port_base + 152
    service(cluster, "payments", port, "http", pod("one"), pod("two"))
    cluster.answers[f"{HERE}/pods/one/log"] = "a\nb\n"
    cluster.answers[f"{HERE}/pods/two/log"] = "c"
    assert list(access(cluster).log("payments")) == ["a", "b", "c"]
    asked = [query for path, query in cluster.asked if path.endswith("/log")]
    assert {query["container"][0] for query in asked} == {"payments"}
    assert all("sinceTime" in query for query in asked), "not all that it ever wrote"


def test_what_is_not_there_or_not_ready_is_told(cluster: FakeCluster) -> None:
    spec = load("staging-k8s")
    plan: KubernetesPlan = target_of(spec).plan(spec, "staging-k8s")
    releases = [part.name for part in plan.parts if isinstance(part, Release)]

    def secret(name: str, version: int, status: str) -> Object:
        return {"metadata": {"labels": {"name": name, "version": str(version), "status": status}}}

    kept = [secret(name, 1, "deployed") for name in releases if name != "jaeger"]
    kept += [secret("opensearch", 9, "superseded"), secret("opensearch", 10, "pending-upgrade")]
    cluster.answers[f"{HERE}/secrets"] = items(*kept)
    units = access(cluster).units
    silent = {name: why for name, ask in units.items() if (why := ask())}

    assert silent["payments"] == "is not there"
    assert silent["release jaeger"] == "is not there"
    assert silent["release opensearch"] == "pending-upgrade"
    assert "release collector" not in silent
    assert "release collector" in units


def test_what_may_not_be_read_is_left_out(cluster: FakeCluster) -> None:
    cluster.answers[f"{HERE}/secrets"] = (403, "no")
    assert not [name for name in access(cluster).units if name.startswith("release ")]


def test_sockets_of_pods_are_nobodys(cluster: FakeCluster) -> None:
    with pytest.raises(Lacks, match="NetworkPolicies"):
        access(cluster).sockets()


def test_how_a_person_gets_there_is_said(cluster: FakeCluster) -> None:
    assert f"kubectl --context test -n {NAMESPACE} port-forward service/pages" in access(cluster).note
