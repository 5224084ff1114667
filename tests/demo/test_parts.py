"""The shared parts alone: logging of libraries and crashes, sampling, exporting, metrics, spans."""

import asyncio
import io
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import StatusCode
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo._app import Service
from demo._logging import configure_logging, logger
from demo._metrics import Metrics
from demo._telemetry import ProbeOrRatio, QuietExporter, make_exporter, resource_of, span, traced
from demo.settings import Otlp, Settings
from tests.demo.support import Json, check_line, make_settings

RAW = make_settings("parts")


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged; the process's own logging is put back afterwards."""
    # A server that another test made in this process had uvicorn log by itself, past the root.
    monkeypatch.setattr(logging.getLogger("uvicorn"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("uvicorn"), "handlers", [])
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook
    stream = io.StringIO()
    logging.captureWarnings(
        False
    )  # an import elsewhere may have left it on, for warnings as pytest had them then
    configure_logging(Settings.model_validate(RAW), stream)
    yield stream
    root.handlers, hook = before[0], before[2]
    root.setLevel(before[1])
    sys.excepthook = hook
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[Json]:
    return [check_line(line, RAW) for line in stream.getvalue().splitlines()]


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Spans made in the test."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return memory


def test_library_records_follow_the_schema(output: io.StringIO) -> None:
    try:
        raise ValueError("from\na library")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n", extra={"peer": "x"})
    logging.getLogger("anything").critical("with %s", "arguments")
    with warnings.catch_warnings():
        warnings.simplefilter("always")  # whatever an import elsewhere has filtered
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    failed, critical, warned = lines(output)
    assert failed["log_level"] == "error"
    assert failed["exception"].endswith("ValueError: from\na library")
    assert failed["peer"] == "x"
    assert (critical["message"], critical["log_level"]) == ("with arguments", "critical")
    assert "DeprecationWarning: old" in warned["message"]


def test_a_crash_is_one_line(output: io.StringIO) -> None:
    error = RuntimeError("broken")
    sys.excepthook(RuntimeError, error, None)
    (crash,) = lines(output)
    assert crash["log_level"] == "critical"
    assert "RuntimeError: broken" in crash["exception"]


@pytest.mark.parametrize("method", ["debug", "info", "warning", "error", "critical"])
def test_levels_and_odd_values(output: io.StringIO, method: str) -> None:
    getattr(logger(), method)("two\nlines and \u00fcmlauts", number=1, thing=object())
    (line,) = lines(output)
    assert line["log_level"] == method
    assert line["message"] == "two\nlines and \u00fcmlauts"
    assert line["number"] == 1


def test_a_line_in_a_span_names_it(output: io.StringIO, exporter: InMemorySpanExporter) -> None:
    with span("work"):
        logger().info("inside")
    logger().info("outside")
    inside, outside = lines(output)
    (done,) = exporter.get_finished_spans()
    assert done.context is not None
    assert inside["trace_id"] == format(done.context.trace_id, "032x")
    assert inside["span_id"] == format(done.context.span_id, "016x")
    assert outside["trace_id"] == ""


def test_traced_and_span(exporter: InMemorySpanExporter) -> None:
    @traced("double")
    async def double(number: int) -> int:
        with span("inner", item__id="i-1", absent=None):
            return number * 2

    @traced("fail")
    async def fail() -> None:
        raise ValueError("no")

    assert asyncio.run(double(4)) == 8
    with pytest.raises(ValueError, match="no"):
        asyncio.run(fail())
    inner, outer, failed = exporter.get_finished_spans()
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert inner.attributes == {"item.id": "i-1"}
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.events[0].name == "exception"


@pytest.mark.parametrize(("ratio", "probe", "kept"), [(0, False, 0), (0, True, 50), (1, False, 50)])
def test_head_sampling_always_keeps_probes(ratio: float, probe: bool, kept: int) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(root=ProbeOrRatio(ratio)))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    for _ in range(50):
        provider.get_tracer("t").start_span("s", attributes={"obs.probe": True} if probe else {}).end()
    assert len(memory.get_finished_spans()) == kept


def test_exporter_speaks_only_when_its_state_changes(output: io.StringIO) -> None:
    class Flaky(SpanExporter):
        answers = iter("bb!ggb")

        def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
            answer = next(self.answers)
            if answer == "!":
                raise OSError("gone")
            return SpanExportResult.SUCCESS if answer == "g" else SpanExportResult.FAILURE

    metrics = Metrics("1")
    quiet = QuietExporter(Flaky(), metrics.spans)
    for _ in range(6):
        quiet.export([])
    assert [line["message"].split(";")[0] for line in lines(output)] == [
        "spans cannot be exported",
        "spans are exported again",
        "spans cannot be exported",
    ]


def test_no_exemplar_without_a_sampled_trace() -> None:
    metrics = Metrics("1")
    parent = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=True, trace_flags=trace.TraceFlags(0)))
    with trace.use_span(parent):
        metrics.observe("GET", "/x", 200, 0.1, 10)
    families = {family.name: family for family in metrics.registry.collect()}
    assert not any(sample.exemplar for sample in families["http_request_duration_seconds"].samples)
    sampled = trace.SpanContext(0xAB, 1, is_remote=True, trace_flags=trace.TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(sampled)):
        metrics.observe("GET", "/x", 200, 0.1, 10)
    families = {family.name: family for family in metrics.registry.collect()}
    (example,) = [s.exemplar for s in families["http_request_duration_seconds"].samples if s.exemplar]
    assert example.labels == {"trace_id": format(0xAB, "032x")}


def test_metrics_as_prometheus_asks_for_them() -> None:
    metrics = Metrics("1")
    accept = (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )
    scope = {"type": "http", "method": "GET", "headers": [(b"accept", accept.encode())]}
    answer = asyncio.run(metrics.endpoint(Request(scope)))
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert bytes(answer.body).endswith(b"# EOF\n")


def test_spans_over_http() -> None:
    got: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        exporter = make_exporter(Otlp(endpoint=f"http://127.0.0.1:{server.server_port}", protocol="http"))
        assert exporter is not None
        provider = TracerProvider(resource=resource_of(Settings.model_validate(RAW)))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.get_tracer("t").start_span("over http").end()
        thread.join(10)
    ((path, body),) = got
    assert path == "/v1/traces"
    assert b"over http" in body
    assert b"parts" in body


def test_a_route_with_parameters_is_one_label_and_one_span_name(exporter: InMemorySpanExporter) -> None:
    async def thing(request: Request) -> Response:
        return Response(request.path_params["id"])

    service = Service.build(Settings.model_validate(RAW))
    app = service.app("Things.", [Route("/things/{id}", thing)])

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as session:
            for number in range(5):
                assert (await session.get(f"/things/{number}")).text == str(number)

    asyncio.run(ask())
    counted = service.metrics.registry.get_sample_value(
        "http_requests_total", {"method": "GET", "route": "/things/{id}", "code": "200"}
    )
    assert counted == 5
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} == {"GET /things/{id}"}
    assert {(span.attributes or {})["url.path"] for span in spans} == {f"/things/{n}" for n in range(5)}
