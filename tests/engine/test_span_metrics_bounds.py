"""One client that sends rubbish as names takes nothing from the others: real collector, real Prometheus."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from components.render import prometheus
from components.render.text import texts
from components.site import Site
from tests import specs
from tests.engine.collector_host import CollectorHost, running
from tests.render.engines import program, write
from tests.render.processes import started
from tests.waiting import until

pytestmark = pytest.mark.engine
LONG = "漢" * 205
"""614 bytes and one: over the limit of 512, and a cut at 512 would be within a character."""


@pytest.fixture
def host(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> Iterator[CollectorHost]:
    spec = specs.spec(
        logging={"inputs": []},
        metrics={"scrape_interval": "500ms", "scrape_timeout": "500ms", "scrape_jobs": []},
        tracing={"span_metrics": {"series_per_service": 100, "other_services": 5}},
    )
    with running(tmp_path / "state", str(engine_program("otelcol", "otelcol")), spec) as started_:
        at: Site = started_.site
        conf = write(tmp_path / "prometheus", texts(prometheus.render(spec, at)))
        command = [
            program("prometheus", "prometheus"),
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address={at.dial('prometheus')}",
        ]
        with started(command, conf, f"http://{at.dial('prometheus')}/-/ready"):
            yield started_


def ask(host: CollectorHost, expr: str) -> list[dict[str, Any]]:
    url = f"http://{host.site.dial('prometheus')}/api/v1/query"
    answer = httpx.get(url, params={"query": expr}, timeout=10).json()
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def value(host: CollectorHost, expr: str) -> float:
    return sum(float(item["value"][1]) for item in ask(host, expr))


def send(
    host: CollectorHost,
    service: str | None,
    names: list[str],
    *,
    span: dict[str, Any] | None = None,
    resource: dict[str, str] | None = None,
    spoil: tuple[bytes, bytes] | None = None,
) -> None:
    """Spans of kind server. `spoil` replaces bytes behind the back of the protocol's own checks."""
    request = ExportTraceServiceRequest()
    entry = request.resource_spans.add()
    for key, text in {**({} if service is None else {"service.name": service}), **(resource or {})}.items():
        entry.resource.attributes.add(key=key).value.string_value = text
    scope = entry.scope_spans.add()
    for name in names:
        one = scope.spans.add(name=name, kind=2, start_time_unix_nano=1, end_time_unix_nano=2)
        one.trace_id, one.span_id = secrets.token_bytes(16), secrets.token_bytes(8)
        for key, text in (span or {}).items():
            one.attributes.add(key=key).value.string_value = text
    body = request.SerializeToString()
    if spoil is not None:
        body = body.replace(*spoil)
    answer = httpx.post(
        f"http://{host.site.dial('collector-otlp-http')}/v1/traces",
        content=body,
        headers={"Content-Type": "application/x-protobuf"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text


def test_one_client_blinds_no_other_and_is_told(host: CollectorHost) -> None:
    send(host, "orders", [LONG])
    send(host, "orders", [f"GET /product/{number}" for number in range(1600)])
    send(host, "orders", ["GET"], span={"http.route": LONG})
    send(host, "orders", ["nul \0 and\nline"], resource={"process.command_line": "x" * 5000})
    send(host, "orders", ["spoilt"], spoil=(b"spoilt", b"bad\xff\xfe "))
    send(host, "orders", ["GET"], resource={"service.instance.id": "i" * 700, "service.namespace": LONG})
    for number in range(300):
        send(host, f"invented-{number}", ["GET /"])
    for nobody in (None, "", LONG, "nul\0"):
        send(host, nobody, ["GET /"])
    send(host, "payments", ["POST /pay"], span={"http.route": "/pay"})

    calls = "traces_span_metrics_calls_total"
    until(lambda: value(host, f'{calls}{{service="payments"}}') == 1, "payments is counted", seconds=60)
    until(lambda: value(host, f'{calls}{{service="orders"}}') == 1605, "all spans of orders are counted")
    until(lambda: value(host, f"sum({calls})") == 1605 + 300 + 4 + 1, "all spans are counted")
    assert [item["value"][1] for item in ask(host, 'up{job="collector-spanmetrics"}')] == ["1"]
    first = f'{calls}{{service="orders",span_name="GET /product/0"}}'
    assert value(host, first) == 1, "the first names no longer work"
    assert value(host, f'{calls}{{service="orders",span_name="other"}}') > 1500
    assert value(host, f"count(count by (service) ({calls}))") <= 5 + 5 + 1 + 1
    told = {
        (item["metric"]["service"], item["metric"]["label"], item["metric"]["reason"])
        for item in until(lambda: ask(host, "otelcol_bound_spans_total > 0"), "it is told")
    }
    assert told >= {
        ("orders", "span_name", "values"),
        ("orders", "span_name", "length"),
        ("orders", "http_route", "length"),
        ("other", "service_name", "values"),
    }
    assert not [service for service, _, _ in told if service == "payments"]

    def firing() -> set[tuple[str, str, str]]:
        found = ask(host, 'ALERTS{alertstate="firing",alertname!="TargetDown"}')
        return {tuple(item["metric"].get(k, "") for k in ("alertname", "team", "service")) for item in found}

    wanted = {("SpanMetricsBounded", "storefront", "orders"), ("SpanMetricsBounded", "platform", "collector")}
    until(lambda: wanted <= firing(), "the owners are told")
    assert not [name for name, _, _ in firing() if name in ("ForbiddenLabelsDropped", "ScrapeAborted")]
