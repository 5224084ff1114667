"""The agent and the gateway as two processes on one host, as more than one host will run them: each does its
work and none of the other's, and neither needs the other."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.render import collector_agent, collector_gateway
from tests import specs
from tests.engine.collector_host import CollectorHost, running
from tests.engine.writer import line
from tests.waiting import until

pytestmark = pytest.mark.engine
QUICK: dict[str, Any] = {"inputs": [], "buffer": {"flush_interval": "100ms"}, "sampling": {"debug": 1.0}}


@pytest.fixture
def gateway(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> Iterator[CollectorHost]:
    program = str(engine_program("otelcol", "otelcol"))
    with running(tmp_path / "state", program, specs.spec(logging=QUICK), collector_gateway.render) as started:
        yield started


@pytest.fixture
def agent(gateway: CollectorHost) -> Iterator[CollectorHost]:
    spec, base = specs.spec(logging=QUICK), gateway.port_base
    host = CollectorHost(
        gateway.root, gateway.program, spec, base, name=collector_agent.NAME, render=collector_agent.render
    )
    host.start()
    try:
        yield host
    finally:
        host.kill()


def send(gateway: CollectorHost, message: str) -> None:
    """A log record over OTLP."""
    record = {"timeUnixNano": str(time.time_ns()), "severityNumber": 9, "body": {"stringValue": message}}
    service = {"key": "service.name", "value": {"stringValue": "gateway"}}
    resource = {"resource": {"attributes": [service]}, "scopeLogs": [{"logRecords": [record]}]}
    url = f"http://{gateway.site.dial('collector-otlp-http')}/v1/logs"
    assert httpx.post(url, json={"resourceLogs": [resource]}, timeout=10).status_code == 200


def stored(gateway: CollectorHost) -> list[str]:
    return sorted(document["message"] for document in gateway.store.find("logs-2"))


def test_each_brings_its_own_records_to_the_store_once(gateway: CollectorHost, agent: CollectorHost) -> None:
    agent.log_file("gateway").write_text(line(1) + "\n")
    send(gateway, "sent")
    until(lambda: len(stored(gateway)) >= 2, "both records are stored")
    assert stored(gateway) == ["line 1", "sent"]
    for host in (agent, gateway):
        assert host.metrics()["otelcol_exporter_sent_log_records_total"] == 1


def test_neither_needs_the_other(gateway: CollectorHost, agent: CollectorHost) -> None:
    agent.kill()
    agent.log_file("gateway").write_text(line(1) + "\n")
    send(gateway, "sent")
    until(lambda: stored(gateway) == ["sent"], "what was sent is stored without an agent")
    gateway.kill()
    agent.start()
    until(lambda: stored(gateway) == ["line 1", "sent"], "the line is stored without a gateway")
