"""The plan of a stack with two gateways and two Jaegers: who sends spans where."""

import json
from typing import Any

import pytest
import yaml

from components.spec import Spec
from tests import specs
from vsi.servers.parts import HostReady
from vsi.servers.plan import ServersPlan, plan
from vsi.servers.refusals import refusals

BOTH = ["[2001:db8::12]", "obs-3.example"]


def _spec() -> Spec:
    stack = specs.on_servers()
    stack["servers"]["hosts"][1]["roles"] += ["gateway", "traces"]
    return Spec.model_validate_json(json.dumps(stack))


@pytest.fixture(scope="module")
def planned() -> ServersPlan:
    return plan(_spec(), "four")


def _read(planned: ServersPlan, part: str, file: str) -> Any:
    unit = next(unit for unit in planned.units if unit.id == part)
    return yaml.safe_load(dict(unit.files)[file])


def _at(port: int) -> list[str]:
    return [f"{address}:{port}" for address in BOTH]


def test_nothing_of_it_is_refused() -> None:
    assert refusals(_spec()) == []


@pytest.mark.parametrize("part", ["collector@obs-2", "collector@obs-3", "collector-agent@app-1"])
def test_whoever_sends_spans_of_a_trace_knows_the_same_gateways(planned: ServersPlan, part: str) -> None:
    config = _read(planned, part, "collector.yaml")
    exporter = config["exporters"]["spread/gateways"]
    assert exporter["endpoints"] == _at(21028)
    assert exporter["remember"] == "30000ms"
    own = part.partition("@")[0]
    assert exporter["tls"]["cert_file"] == f"../credentials/{own}.pem"
    way = config["service"]["pipelines"]["traces/spread"]
    assert way["receivers"] == ["otlp"]
    assert "scrub" in way["processors"]


def test_a_gateway_judges_only_what_was_sent_to_it_as_its_own(planned: ServersPlan) -> None:
    config = _read(planned, "collector@obs-2", "collector.yaml")
    assert config["service"]["pipelines"]["traces"]["receivers"] == ["otlp/spread"]
    grpc = config["receivers"]["otlp/spread"]["protocols"]["grpc"]
    assert grpc["endpoint"] == "[2001:db8::12]:21028"
    assert grpc["tls"]["client_ca_file"] == "../credentials/ca.pem"
    jaeger = config["exporters"]["spread/jaeger"]
    assert jaeger["endpoints"] == _at(21032)
    assert "remember" not in jaeger, "what Jaeger took is stored"


def test_every_host_takes_otlp_on_loopback_and_its_services_send_it_there(planned: ServersPlan) -> None:
    hosts = [part for part in planned.parts if isinstance(part, HostReady)]
    for host in hosts:
        receivers = _read(planned, f"collector-agent@{host.place}", "collector.yaml")["receivers"]
        assert receivers["otlp"]["protocols"]["grpc"]["endpoint"] == "127.0.0.1:21035"
        assert "collector-agent" in {certificate.name for certificate in host.certificates}
    assert _read(planned, "orders@app-1", "settings.json")["otlp"]["endpoint"].startswith(
        ("http://127.0.0.1:21035", "http://127.0.0.1:21036")
    )


def test_log_records_and_metrics_go_no_further_than_the_agent(planned: ServersPlan) -> None:
    ways = _read(planned, "collector-agent@app-1", "collector.yaml")["service"]["pipelines"]
    assert ways["logs/otlp"]["exporters"] == ["opensearchlogs"]
    assert ways["metrics/otlp"]["exporters"] == ["prometheus/otlp"]
    [job] = _read(planned, "prometheus@obs-1", "scrape/collector-pushed.yml")["scrape_configs"]
    targets = {target for static in job["static_configs"] for target in static["targets"]}
    assert targets == {*_at(21025), *_at(21029), "192.0.2.11:21029", "192.0.2.14:21029"}
