"""Metrics that OpenTelemetry clients push, through the real collector, as Prometheus would scrape them."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from tests import specs
from tests.engine.collector_host import CollectorHost, running
from tests.waiting import until

pytestmark = pytest.mark.engine
CARD = "4111111111111111"
LIMITS = {"samples_per_scrape": 200, "label_value_length": 64}


@pytest.fixture(scope="module")
def host(
    tmp_path_factory: pytest.TempPathFactory, engine_program: Callable[[str, str], Path]
) -> Iterator[CollectorHost]:
    program = str(engine_program("otelcol", "otelcol"))
    spec = specs.spec(logging={"inputs": []}, metrics={"limits": LIMITS})
    with running(tmp_path_factory.mktemp("pushed") / "state", program, spec) as started:
        yield started


def page(host: CollectorHost) -> str:
    answer = httpx.get(
        f"http://{host.site.dial('collector-pushed')}/metrics",
        headers={"Accept": "application/openmetrics-text; version=1.0.0"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def shown(host: CollectorHost, pattern: str) -> list[str]:
    """Lines of the page that match, as soon as there are any."""

    def lines() -> list[str]:
        return [line for line in page(host).splitlines() if re.search(pattern, line)]

    until(lambda: bool(lines()), f"a line with {pattern!r} is on the page")
    return lines()


def value(line: str) -> float:
    return float(line.partition(" # ")[0].rpartition(" ")[2])


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": text}} for key, text in values.items()]


def push(host: CollectorHost, service: str, *metrics: dict[str, Any]) -> None:
    """Metrics as JSON over HTTP, as a client of any language could."""
    resource = {"attributes": attributes({"service.name": service})}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": list(metrics)}]}]}
    url = f"http://{host.site.dial('collector-otlp-http')}/v1/metrics"
    answer = httpx.post(url, json=body, timeout=10)
    assert answer.status_code == 200, answer.text


def gauge(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    now = str(time.time_ns())
    made = [{"asDouble": 1, "timeUnixNano": now, "attributes": attributes(point)} for point in points]
    return {"name": name, "gauge": {"dataPoints": made}}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("delta", [False, True])
def test_metrics_of_the_sdk_are_on_the_page(host: CollectorHost, protocol: str, delta: bool) -> None:
    service = f"sdk-{protocol}-{'delta' if delta else 'cumulative'}"
    temporality = (
        dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA) if delta else None
    )  # fmt: skip
    exporter = (
        GrpcMetrics(
            endpoint=f"http://{host.site.dial('collector-otlp-grpc')}",
            insecure=True,
            preferred_temporality=temporality,  # type: ignore[arg-type]
        )
        if protocol == "grpc"
        else HttpMetrics(
            endpoint=f"http://{host.site.dial('collector-otlp-http')}/v1/metrics",
            preferred_temporality=temporality,  # type: ignore[arg-type]
        )
    )
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        Resource({"service.name": service, "service.instance.id": "pod-1", "host.name": "x" * 700}),
    )
    meter = provider.get_meter("shop")
    orders, took = meter.create_counter("orders"), meter.create_histogram("pay.time", unit="s")
    with trace.get_tracer("t", tracer_provider=TracerProvider()).start_as_current_span("pay") as span:
        for _ in range(2):
            orders.add(3, {"paid.with": f"card {CARD}"})
            took.record(0.2)
            provider.force_flush()
    series = f'paid_with="card \\[card\\]".*service="{service}"'
    until(lambda: value(shown(host, f"orders_total.*{series}")[0]) == 6, "all six orders are counted")
    (line,) = shown(host, f"orders_total.*{series}")
    assert 'instance="pod-1"' in line
    assert CARD not in page(host)
    (count,) = shown(host, f'pay_time_seconds_count.*service="{service}"')
    assert value(count) == 2
    trace_id = format(span.get_span_context().trace_id, "032x")
    assert any(trace_id in line for line in shown(host, f'pay_time_seconds_bucket.*service="{service}"'))
    provider.shutdown()


def test_a_client_without_measure_takes_nothing_from_the_others(host: CollectorHost) -> None:
    push(host, "orders", gauge("stock", {"item": "pen"}))
    for start in range(0, 10_000, 500):
        points = ({"id": str(number)} for number in range(start, start + 500))
        push(host, "gateway", gauge("visits", *points))
    push(host, "gateway", gauge("long.one", {"path": "/" * 600}), gauge("mine", {"user.id": "u1"}))
    push(host, "gateway", gauge("up", {}), gauge("bad", {"__name__": "up", "nul": "a\x00b", "le": "1"}))
    broken = {
        "name": "broken",
        "histogram": {
            "aggregationTemporality": 2,
            "dataPoints": [{"timeUnixNano": str(time.time_ns()), "explicitBounds": [1, 2]}],
        },
    }
    push(host, "gateway", broken, gauge("stock", {"item": "x" * 100}))
    push(host, "orders", gauge("stock", {"item": "ink"}))
    assert len(shown(host, 'stock.*service="orders"')) == 2
    text = page(host)
    assert len(re.findall(r"^visits\{", text, re.MULTILINE)) <= 200
    assert "/" * 65 not in text
    assert "user_id" not in text
    assert not re.search(r"^up\{", text, re.MULTILINE)
    assert "broken" not in text
    assert text.endswith("# EOF\n")
    url = f"http://{host.site.dial('collector-metrics')}/metrics"
    told = httpx.get(url, timeout=10).text
    for metric, label, reason in (
        ("visits", "", "series"),
        ("mine", "user_id", "forbidden"),
        ("up", "", "form"),
    ):
        pattern = (
            f'otelcol_pushed_points_bounded_total{{.*label="{label}".*metric="{metric}".*reason="{reason}"'
        )
        assert re.search(pattern.replace("total{", r"total\{"), told), (metric, label, reason)
