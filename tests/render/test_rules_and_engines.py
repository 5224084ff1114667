"""The metrics that alerts ask for are those that the engines serve: a renamed one would silence an alert."""

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from components.render import alertmanager, prometheus
from components.render.text import texts
from tests.engine.collector_host import running
from tests.ports import free_base
from tests.render.engines import alertmanager_command, program, write
from tests.render.processes import started
from tests.sites import at_base
from tests.specs import spec
from tests.waiting import until
from vsi.site import local_site

METRIC = re.compile(
    r"\b((?:prometheus|alertmanager|node|otelcol|traces|jaeger)_[a-zA-Z_0-9]+)(?=[{\[ ]|$)", re.M
)
LAZY = re.compile(
    # These appear with their first event, which a healthy engine does not have.
    r"otelcol_exporter_(enqueue|send)_failed_\w+|otelcol_(receiver|processor)_(refused|failed)_\w+"
    r"|otelcol_(bound|mend)_spans_total|otelcol_pushed_points_bounded_total"
)


def asked_for(name: str) -> set[str]:
    """The metrics in the expressions of `rules/<name>.yml`."""
    whole = spec()
    text = texts(prometheus.render(whole, local_site(whole)))[f"rules/{name}.yml"]
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return {metric for rule in rules for metric in METRIC.findall(rule["expr"])}


def served(address: str) -> set[str]:
    """Names of all samples that a program serves, as Prometheus asks for them."""
    accept = "application/openmetrics-text;version=1.0.0;escaping=underscores,text/plain;version=0.0.4;q=0.5"
    text = httpx.get(f"http://{address}/metrics", headers={"Accept": accept}, timeout=10).text
    return {re.split(r"[{ ]", line, maxsplit=1)[0] for line in text.splitlines() if line[:1] not in ("#", "")}


@pytest.mark.engine
def test_prometheus_and_alertmanager(tmp_path: Path) -> None:
    at = at_base(free_base(60))
    ours = write(tmp_path / "units" / "prometheus" / "conf", texts(prometheus.render(spec(), at)))
    theirs = write(tmp_path / "units" / "alertmanager" / "conf", texts(alertmanager.render(spec(), at)))
    first = [
        program("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=../data",
        f"--web.listen-address={at.dial('prometheus')}",
    ]
    second = alertmanager_command(at)
    with (
        started(second, theirs, f"http://{at.dial('alertmanager')}/-/ready"),
        started(first, ours, f"http://{at.dial('prometheus')}/-/ready"),
    ):
        wanted = asked_for("platform-prometheus")
        assert len(wanted) >= 9
        until(
            lambda: wanted <= served(at.dial("prometheus")),
            f"{wanted - served(at.dial('prometheus'))} are served",
        )
        wanted = asked_for("platform-alertmanager")
        assert len(wanted) == 3
        assert wanted <= served(at.dial("alertmanager"))


@pytest.mark.engine
def test_node_exporter(tmp_path: Path) -> None:
    address = at_base(free_base(60)).dial("node-exporter")
    command = [program("node_exporter", "node_exporter"), f"--web.listen-address={address}"]
    with started(command, tmp_path, f"http://{address}/"):
        wanted = asked_for("platform-host")
        assert len(wanted) == 5
        assert wanted <= served(address)


def trace(number: int, kind: int) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "GET /",
        "kind": kind,
        "startTimeUnixNano": str(now - 200_000_000),
        "endTimeUnixNano": str(now),
        "status": {"code": 2 if number % 2 else 0},
    }


@pytest.mark.engine
def test_collector_and_its_span_metrics(tmp_path: Path) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "gateway"}}]}
    spans = {"resource": resource, "scopeSpans": [{"spans": [trace(number, 2) for number in range(1, 9)]}]}
    with running(tmp_path, program("otelcol", "otelcol"), spec(logging={"inputs": []})) as host:
        line = {"message": "hello", "log_level": "INFO", "timestamp": "2026-03-01T00:00:00Z"}
        host.log_file("gateway").write_text(json.dumps(line) + "\n")
        url = f"http://{host.site.dial('collector-otlp-http')}/v1/traces"
        httpx.post(url, json={"resourceSpans": [spans]}).raise_for_status()

        wanted = {metric for metric in asked_for("platform-collector") if not LAZY.fullmatch(metric)}
        assert len(wanted) == 14
        asked = {metric for metric in asked_for("gateway") if not LAZY.fullmatch(metric)}
        wanted |= {metric for metric in asked if metric.startswith("otelcol_")}
        own = host.site.dial("collector-metrics")
        until(lambda: wanted <= served(own), f"{wanted} are served", seconds=60)

        spans_asked = {metric for metric in asked if not metric.startswith("otelcol_")}
        assert spans_asked == {
            "traces_span_metrics_calls_total",
            "traces_span_metrics_duration_seconds_bucket",
            "traces_span_metrics_duration_seconds_count",
        }
        other = host.site.dial("collector-spanmetrics")
        until(lambda: spans_asked <= served(other), f"{spans_asked} are served", seconds=60)
        text = httpx.get(f"http://{other}/metrics").text
        for label in (
            'service_name="gateway"',
            'span_kind="SPAN_KIND_SERVER"',
            'status_code="STATUS_CODE_ERROR"',
            'le="0.5"',
        ):
            assert label in text
