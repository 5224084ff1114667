"""Spans through the real collector: sampled, scrubbed, counted. A second collector stands in for Jaeger."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from components.render import jaeger
from components.render.text import texts
from tests import specs
from tests.engine.collector_host import CollectorHost, running
from tests.engine.node import Program
from tests.waiting import until

pytestmark = pytest.mark.engine
CARD = "4111111111111111"
Attributes = dict[str, Any]


@pytest.fixture
def host(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> Iterator[CollectorHost]:
    yield from started(tmp_path, str(engine_program("otelcol", "otelcol")))


def started(folder: Path, program: str) -> Iterator[CollectorHost]:
    """A collector, and one that stands for Jaeger and writes what it takes to `spans.json`."""
    sampling = {"decision_wait": "1s", "keep_slow": "400ms", "keep_ratio": 0.25}
    spec = specs.spec(
        tracing={"tail_sampling": sampling, "batching": {"timeout": "100ms"}}, logging={"inputs": []}
    )
    with running(folder / "state", program, spec) as host:
        receiving = texts(jaeger.render(spec, host.site))["jaeger.yaml"]
        config = {
            "receivers": yaml.safe_load(receiving)["receivers"],
            "exporters": {"file": {"path": str(folder / "spans.json"), "flush_interval": "50ms"}},
            "service": {
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
                "telemetry": {"metrics": {"level": "none"}},
            },
        }
        (folder / "jaeger.json").write_text(json.dumps(config))
        command = [program, "--config", "jaeger.json"]
        stand_in = Program(command, folder, folder / "jaeger.log")
        try:
            yield host
        finally:
            stand_in.stop()


def attributes(values: Attributes) -> list[Attributes]:
    kinds = {bool: "boolValue", int: "intValue", str: "stringValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def span(
    name: str, seconds: float = 0.01, *, error: str = "", values: Attributes | None = None
) -> Attributes:
    """A root span of a trace of its own."""
    end = time.time_ns()
    return {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": 2,
        "startTimeUnixNano": str(end - int(seconds * 1e9)),
        "endTimeUnixNano": str(end),
        "status": {"code": 2, "message": error} if error else {},
        "attributes": attributes(values or {}),
    }


def send(host: CollectorHost, spans: list[Attributes]) -> None:
    resource = {"attributes": attributes({"service.name": "orders"})}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    answer = httpx.post(f"http://{host.site.dial('collector-otlp-http')}/v1/traces", json=body, timeout=10)
    assert answer.status_code == 200, answer.text


def kept(host: CollectorHost) -> list[Attributes]:
    """Spans that reached Jaeger."""
    path = host.root.parent / "spans.json"
    # The last line may still be being written.
    lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
    return [
        span
        for line in lines
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def span_metrics(host: CollectorHost, accept: str = "application/openmetrics-text") -> str:
    url = f"http://{host.site.dial('collector-spanmetrics')}/metrics"
    return httpx.get(url, headers={"Accept": accept}, timeout=10).text


def test_tail_sampling_keeps_the_slow_the_failed_the_marked_and_a_share(host: CollectorHost) -> None:
    rest, each = 400, 20
    send(host, [span("rest") for _ in range(rest)])
    send(host, [span("slow", 0.5) for _ in range(each)])
    send(host, [span("failed", error="no") for _ in range(each)])
    send(host, [span("marked", values={"probe.keep": True}) for _ in range(each)])
    send(host, [span("unmarked", values={"probe.keep": False}) for _ in range(each)])

    def names() -> dict[str, int]:
        found = [item["name"] for item in kept(host)]
        return {name: found.count(name) for name in ("slow", "failed", "marked", "rest", "unmarked")}

    until(
        lambda: all(names()[n] == each for n in ("slow", "failed", "marked")), "the wanted traces are there"
    )
    until(lambda: 0.15 < names()["rest"] / rest < 0.35, "every trace is judged")
    assert names()["unmarked"] < each
    text = span_metrics(host)
    until(lambda: f" {float(rest)}" in calls(host, "rest"), "all spans are counted, whatever was kept")
    assert "STATUS_CODE_ERROR" in text or "STATUS_CODE_ERROR" in span_metrics(host)


def child(of: Attributes, name: str, **changes: Any) -> Attributes:
    """A further span of a trace, which begins with its root and is over after 10 ms."""
    begin = of["startTimeUnixNano"]
    times = {"startTimeUnixNano": begin, "endTimeUnixNano": str(int(begin) + 10**7)}
    return {**span(name, **changes), **times, "traceId": of["traceId"], "parentSpanId": of["spanId"]}


def judged(host: CollectorHost) -> float:
    """How many traces' fate is known."""
    counts = host.metrics()
    return counts["otelcol_keep_kept_traces_total"] + counts["otelcol_keep_dropped_traces_total"]


def all_judged(host: CollectorHost, number: float) -> bool:
    """Whether the fate of that many is."""
    return judged(host) >= number


def test_a_trace_whose_root_comes_last_is_kept_whole(host: CollectorHost) -> None:
    """The children are over at once; the roots come when `decision_wait` has long passed."""
    roots = [span("root", 5) for _ in range(40)]
    send(host, [child(root, "child") for root in roots])
    for _ in range(3):
        due = judged(host) + 20
        send(host, [span("other") for _ in range(20)])
        until(partial(all_judged, host, due), "the wait is over for what came after them")
    send(host, roots)
    wanted = {root["traceId"] for root in roots}
    until(
        lambda: sum(item["traceId"] in wanted for item in kept(host)) == 80,
        "all roots and all children are there",
    )
    assert host.metrics()["otelcol_keep_kept_late_traces_total"] == 0


def test_a_dropped_trace_is_kept_from_the_span_on_that_makes_it_wanted(host: CollectorHost) -> None:
    roots = [span(f"root {number}") for number in range(40)]
    send(host, roots)
    until(partial(all_judged, host, 40), "every trace is judged")
    until(lambda: len(kept(host)) == host.metrics()["otelcol_keep_kept_traces_total"], "the share is there")
    share = {item["traceId"] for item in kept(host)}
    dropped = [root for root in roots if root["traceId"] not in share]
    send(host, [child(root, "quiet") for root in dropped])
    send(host, [child(root, "failed", error="no") for root in dropped])
    send(host, [child(root, "after") for root in dropped])

    def late() -> list[tuple[str, bool]]:
        return sorted(
            (item["name"], "obs.late" in json.dumps(item))
            for item in kept(host)
            if item["traceId"] not in share
        )

    expected = [*[("after", False)] * len(dropped), *[("failed", True)] * len(dropped)]
    until(lambda: late() == expected, "what makes them wanted is there, and what follows")
    assert host.metrics()["otelcol_keep_kept_late_traces_total"] == len(dropped) > 0


def calls(host: CollectorHost, name: str) -> str:
    """The lines of the request counter of spans of that name."""
    return "\n".join(
        line.partition(" # ")[0]
        for line in span_metrics(host).splitlines()
        if line.startswith("traces_span_metrics_calls_total{") and f'span_name="{name}"' in line
    )


def test_span_metrics_have_the_stacks_buckets_and_exemplars(host: CollectorHost) -> None:
    sent = span("GET /orders", 0.02, values={"http.route": "/orders"})
    send(host, [sent])
    until(lambda: "traces_span_metrics_calls_total{" in span_metrics(host), "the span is counted")
    text = span_metrics(host)
    buckets = [line for line in text.splitlines() if "duration_seconds_bucket{" in line]
    assert any('le="0.025"' in line for line in buckets)
    assert any(f'trace_id="{sent["traceId"]}"' in line for line in buckets), "no exemplar"
    assert 'service_name="orders"' in buckets[0]
    assert 'http_route="/orders"' in buckets[0]


def test_no_card_number_and_no_forbidden_attribute_leaves(host: CollectorHost) -> None:
    sent = span(
        f"pay {CARD}",
        error=f"declined {CARD}",
        values={
            "card": CARD,
            "number": int(CARD),
            "enduser.id": "alice",
            "http.request.header.authorization": "x",
        },
    )
    sent["events"] = [
        {
            "name": f"event {CARD}",
            "timeUnixNano": sent["endTimeUnixNano"],
            "attributes": attributes({"exception.stacktrace": f"at {CARD}\n"}),
        }
    ]
    send(host, [sent])
    until(lambda: len(kept(host)) == 1, "the span is there")
    text = json.dumps(kept(host))
    assert CARD not in text
    assert "alice" not in text
    assert "authorization" not in text
    assert kept(host)[0]["name"] == "pay [card]"
    until(lambda: "pay [card]" in span_metrics(host), "the span is counted")
    assert CARD not in span_metrics(host)
