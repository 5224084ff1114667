"""`kubernetes.monitoring_tls`: Prometheus and Alertmanager are asked over TLS, by all that ask them."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from components.spec import Spec
from k8s import authority, names
from k8s.access import access
from k8s.parts import KubernetesPlan, Manifest, Release, StackKeys
from k8s.plan import plan
from obs.verify.clients import Clients
from tests import specs

ASKED = {"prometheus": 9090, "alertmanager": 9093}


@cache
def _spec(*, tls: bool = True, ha: bool = False) -> Spec:
    return specs.spec_on_kubernetes(kubernetes={"monitoring_tls": tls, "ha": ha, "grafana": True})


@cache
def _plan(*, tls: bool = True, ha: bool = False) -> KubernetesPlan:
    return plan(_spec(tls=tls, ha=ha), "local")


def _told(planned: KubernetesPlan, program: str) -> dict[str, Any]:
    (release,) = (part for part in planned.parts if part.id.startswith("kube-prometheus-stack@"))
    assert isinstance(release, Release)
    found: dict[str, Any] = release.values[program][f"{program}Spec"]
    return found


def _object(planned: KubernetesPlan, kind: str, name: str) -> Manifest:
    (found,) = (
        part
        for part in planned.parts
        if isinstance(part, Manifest) and (part.kind, part.object_name) == (kind, name)
    )
    return found


def _named(planned: KubernetesPlan) -> dict[str, set[str]]:
    """Certificate -> what it is good for."""
    (keys,) = (part for part in planned.parts if isinstance(part, StackKeys))
    return {name: {name, *more} for name, more in keys.certificates}


def _refers(value: Any) -> Iterator[tuple[str, str]]:
    """Every Secret and key that is referred to."""
    if isinstance(value, dict):
        if value.keys() == {"name", "key"}:
            yield value["name"], value["key"]
        for item in value.values():
            yield from _refers(item)
    if isinstance(value, list):
        for item in value:
            yield from _refers(item)


def test_without_it_nothing_of_them_speaks_tls() -> None:
    planned = _plan(tls=False)
    assert not ASKED.keys() & _named(planned).keys()
    for program in ASKED:
        told = _told(planned, program)
        assert not {"web", "clusterTLS", "alertingEndpoints"} & told.keys()
        assert (
            _object(planned, "PodMonitor", program).body["spec"]["podMetricsEndpoints"][0]["scheme"] == "http"
        )


@pytest.mark.parametrize("program", ASKED)
def test_each_has_a_certificate_for_its_service_and_for_a_port_forward(program: str) -> None:
    planned = _plan()
    service = f"obs-{program}"
    wanted = {service, f"{service}.observability.svc", "localhost", "127.0.0.1"}
    assert wanted <= _named(planned)[program]
    assert _told(planned, program)["web"] == {
        "tlsConfig": {
            "cert": {"secret": {"name": names.CERTIFICATES, "key": f"{program}.pem"}},
            "keySecret": {"name": names.CERTIFICATES, "key": f"{program}.key"},
        }
    }


@pytest.mark.parametrize("ha", [False, True])
def test_every_key_that_is_referred_to_is_in_the_secret(ha: bool) -> None:
    planned = _plan(ha=ha)
    there = set(_object(planned, "Secret", names.CERTIFICATES).secrets)
    told = [_told(planned, program) for program in ASKED]
    told += [_object(planned, "PodMonitor", program).body for program in ASKED]
    found = [key for secret, key in _refers(told) if secret == names.CERTIFICATES]
    assert len(found) >= 7
    assert set(found) <= there


def test_who_is_asked_by_the_address_of_its_pod_is_known_by_a_name_of_its_certificate() -> None:
    planned = _plan()
    (endpoint,) = _told(planned, "prometheus")["alertingEndpoints"]
    asked = {"alertmanager": endpoint}
    assert (endpoint["namespace"], endpoint["name"]) == ("observability", "obs-alertmanager")
    for program in ASKED:
        monitor = _object(planned, "PodMonitor", program)
        (scraped,) = monitor.body["spec"]["podMetricsEndpoints"]
        assert f"secret-{names.CERTIFICATES}@observability" in monitor.needs
        for way in (scraped, asked.get(program, scraped)):
            assert way["scheme"] == "https"
            assert way["tlsConfig"]["serverName"] in _named(planned)[program]
            assert way["tlsConfig"]["ca"]["secret"]["key"] == "ca.pem"


def test_alertmanagers_ask_each_other_for_certificates_and_only_where_there_are_several() -> None:
    assert "clusterTLS" not in _told(_plan(), "alertmanager")
    ways = _told(_plan(ha=True), "alertmanager")["clusterTLS"]
    assert ways["server"]["clientAuthType"] == "RequireAndVerifyClientCert"
    assert ways["client"]["serverName"] in _named(_plan(ha=True))["alertmanager"]


def test_pages_and_grafana_ask_over_tls_and_know_the_authority() -> None:
    planned = _plan()
    pages = json.loads(_object(planned, "ConfigMap", "pages-conf").body["data"]["settings.json"])
    pod = _object(planned, "Deployment", "pages").body["spec"]["template"]["spec"]
    (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "tls")
    assert pages["ca"] == f"{mount['mountPath']}/ca.pem"
    sources = yaml.safe_load(
        _object(planned, "ConfigMap", "grafana-datasources").body["data"]["datasources.yaml"]
    )["datasources"]
    for program, port in ASKED.items():
        url = f"https://obs-{program}.observability.svc:{port}"
        assert pages["engines"][program] == url
        assert program != "prometheus" or url in [source["url"] for source in sources]


def test_verify_asks_over_tls() -> None:
    spec, planned = _spec(), _plan()
    keys = {"secret_ca.pem": authority.make()[0], "secret_opensearch-reader": "x"}
    clients = Clients(access(spec, planned, lambda _: keys), "local")
    try:
        for client in (clients.prometheus, clients.alertmanager):
            assert client.base.startswith("https://127.0.0.1:")
    finally:
        clients.close()


def test_several_alertmanagers_reach_each_other() -> None:
    """Or each would tell what the others have told already."""
    rules = _object(_plan(ha=True), "NetworkPolicy", "alertmanager").body["spec"]["ingress"]
    (gossip,) = (rule for rule in rules if rule["ports"][0]["port"] == 9094)
    assert [port["protocol"] for port in gossip["ports"]] == ["TCP", "UDP"]
    assert gossip["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "alertmanager"}}}]
    alone = _object(_plan(), "NetworkPolicy", "alertmanager").body["spec"]["ingress"]
    assert 9094 not in [port["port"] for rule in alone for port in rule["ports"]]
