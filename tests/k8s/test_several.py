"""Where `ha`: what is there several times, on different nodes, and goes on without one of them."""

from typing import Any

import pytest

from components.render import collector_agent, collector_gateway, jaeger
from components.spec import Spec
from k8s.parts import KubernetesPlan, Manifest, Release
from k8s.plan import certificate_names, plan
from k8s.site import gateway_services, site_of
from tests import specs

ONE, SEVERAL = (specs.spec_on_kubernetes(kubernetes={"ha": ha}) for ha in (False, True))


@pytest.fixture(scope="module")
def planned() -> KubernetesPlan:
    return plan(SEVERAL, "several")


def _gateway(spec: Spec) -> Any:
    return collector_gateway.render(spec, site_of(spec))["collector.yaml"].data


def _of(planned: KubernetesPlan, kind: str) -> dict[str, Manifest]:
    found = (part for part in planned.parts if isinstance(part, Manifest) and part.kind == kind)
    return {part.object_name: part for part in found}


def test_each_gateway_is_reached_by_a_name_of_its_own(planned: KubernetesPlan) -> None:
    """Its pod's, by the label that Kubernetes gives it; the release has as many."""
    (release,) = [part for part in planned.parts if isinstance(part, Release) and part.name == "collector"]
    assert release.values["replicaCount"] == len(gateway_services(SEVERAL)) == 2
    for name in gateway_services(SEVERAL):
        service = _of(planned, "Service")[name].body["spec"]
        assert service["selector"] == {
            "app.kubernetes.io/instance": "collector",
            "statefulset.kubernetes.io/pod-name": name,
        }
        assert [port["port"] for port in service["ports"]] == [4319]


def test_a_trace_goes_to_one_gateway_whichever_a_client_asks() -> None:
    """What clients send is passed on, and only what was passed on is counted and judged."""
    config = _gateway(SEVERAL)
    assert config["exporters"]["spread/gateways"]["endpoints"] == [
        "collector-0.observability.svc:4319",
        "collector-1.observability.svc:4319",
    ]
    pipelines = config["service"]["pipelines"]
    assert pipelines["traces/spread"]["receivers"] == ["otlp"]
    assert pipelines["traces"]["receivers"] == ["otlp/spread"]
    assert [name for name in _gateway(ONE)["exporters"] if "spread" in name] == []


def test_agents_take_no_spans_and_have_no_certificate() -> None:
    """Clients reach any gateway by its Service; an agent reads files."""
    site = site_of(SEVERAL)
    config = collector_agent.render(SEVERAL, site)["collector.yaml"].data
    assert not any(name.startswith("otlp") for name in config["receivers"])
    assert "collector-agent" not in certificate_names(SEVERAL, site)


@pytest.mark.parametrize("spec", [ONE, SEVERAL], ids=["one", "several"])
def test_spans_go_to_jaeger_over_tls_and_both_show_who_they_are(spec: Spec) -> None:
    sent = _gateway(spec)["exporters"]["otlp/jaeger"]["tls"]
    assert sent.keys() == {"ca_file", "cert_file", "key_file"}
    taken = jaeger.render(spec, site_of(spec))["jaeger.yaml"].data["receivers"]["otlp"]["protocols"]["grpc"]
    assert taken["tls"].keys() == {"cert_file", "key_file", "client_ca_file"}


def test_certificates_are_good_for_every_name_that_is_dialled() -> None:
    site = site_of(SEVERAL)
    known = certificate_names(SEVERAL, site)
    for listener, name in (
        ("collector-spread", "collector"),
        ("jaeger-otlp-grpc", "jaeger"),
        ("opensearch", "opensearch"),
    ):
        dialled = {address.rpartition(":")[0] for address in site.dial_all(listener)}
        assert dialled <= {name, *known[name]}, listener


def test_only_gateways_pass_spans_on_to_each_other(planned: KubernetesPlan) -> None:
    policy = _of(planned, "NetworkPolicy")["collector"].body["spec"]
    (rule,) = [item for item in policy["ingress"] if item["ports"] == [{"port": 4319}]]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "collector"}}}]


def test_a_node_that_is_drained_leaves_one_of_each(planned: KubernetesPlan) -> None:
    """By a budget of ours, or of the chart's."""
    ours = _of(planned, "PodDisruptionBudget")
    assert {"collector", "jaeger"} <= set(ours)
    values = {part.name: part.values for part in planned.parts if isinstance(part, Release)}
    for program in ("prometheus", "alertmanager"):
        assert values["kube-prometheus-stack"][program]["podDisruptionBudget"]["enabled"]
    assert not any("collector" in name for name in _of(plan(ONE, "one"), "PodDisruptionBudget"))
