"""The real Jaeger on the real OpenSearch: traces come in by OTLP, are found, outlast the store's absence."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from components.inventory import BY_NAME
from components.render import jaeger as renderer
from components.render.text import texts
from tests.engine import test_collector_traces as traces
from tests.engine.collector_host import CollectorHost
from tests.engine.node import Node, Program
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@dataclass
class Jaeger:
    """A running Jaeger, laid out as the deploy lays it out."""

    node: Node
    executable: Path
    conf: Path
    program: Program

    def get(self, path: str) -> httpx.Response:
        """A question to its query service."""
        return httpx.get(f"http://{self.node.site.dial('jaeger-query-http')}{path}", timeout=30)

    def metrics(self) -> str:
        """What it tells Prometheus."""
        return httpx.get(f"http://{self.node.site.dial('jaeger-metrics')}/metrics", timeout=30).text

    def exporter(self, timeout: int = 5) -> OTLPSpanExporter:
        """Sends spans to it, as the collector does."""
        endpoint = self.node.site.dial("jaeger-otlp-grpc")
        return OTLPSpanExporter(endpoint=endpoint, insecure=True, timeout=timeout)


@pytest.fixture(scope="module")
def jaeger(opensearch: Node, engine_program: Callable[[str, str], Path]) -> Iterator[Jaeger]:
    executable = engine_program("jaeger", "jaeger")
    conf = opensearch.state / "units/jaeger/conf"
    conf.mkdir(parents=True)
    for path, text in texts(renderer.render(opensearch.spec, opensearch.site)).items():
        (conf / path).write_text(text)
    log = conf.parent / "log/jaeger.log"
    program = Program([str(executable), "--config", "jaeger.yaml"], conf, log)
    url = f"http://{opensearch.site.dial('jaeger-health')}{renderer.HEALTH_PATH}"

    def ready() -> bool:
        assert program.alive(), program.tail()
        return httpx.get(url).status_code == 200

    try:
        until(ready, "Jaeger serves", seconds=120)
        yield Jaeger(opensearch, executable, conf, program)
    finally:
        program.stop(seconds=60)


def spans(service: str, count: int) -> Sequence[ReadableSpan]:
    """`count` traces of two spans each."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    tracer = provider.get_tracer("test")
    provider.add_span_processor(SimpleSpanProcessor(kept))
    for _ in range(count):
        with tracer.start_as_current_span("GET /orders") as parent:
            parent.set_attribute("http.route", "/orders")
            with tracer.start_as_current_span("SELECT"):
                pass
    return kept.get_finished_spans()


def identifier(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def validate(executable: Path, conf: Path, file: str) -> subprocess.CompletedProcess[str]:
    command = [str(executable), "validate", "--config", file]
    return subprocess.run(command, cwd=conf, capture_output=True, text=True, timeout=60, check=False)


def test_the_configuration_is_accepted_and_a_broken_one_is_not(jaeger: Jaeger) -> None:
    assert validate(jaeger.executable, jaeger.conf, "jaeger.yaml").returncode == 0
    text = (jaeger.conf / "jaeger.yaml").read_text()
    (jaeger.conf / "broken.yaml").write_text(text.replace("use_aliases", "use_aliasses"))
    done = validate(jaeger.executable, jaeger.conf, "broken.yaml")
    assert done.returncode != 0
    assert "use_aliasses" in done.stderr


def test_a_trace_is_found_by_its_id_its_service_and_its_tag(jaeger: Jaeger) -> None:
    sent = spans("orders", 1)
    assert jaeger.exporter().export(sent) is SpanExportResult.SUCCESS
    trace = identifier(sent[0])

    def found() -> Any:
        answer = jaeger.get(f"/api/traces/{trace}")
        return answer.json()["data"] if answer.status_code == 200 else None

    [data] = until(found, "the trace is found")
    assert {span["operationName"] for span in data["spans"]} == {"GET /orders", "SELECT"}
    assert [process["serviceName"] for process in data["processes"].values()] == ["orders"]
    until(lambda: "orders" in (jaeger.get("/api/services").json()["data"] or []), "the service is listed")
    query = "/api/traces?service=orders&tags=%7B%22http.route%22%3A%22%2Forders%22%7D"
    until(lambda: jaeger.get(query).json()["data"], "the trace is found by its tag")
    assert jaeger.get("/api/traces/" + "1" * 32).status_code == 404


def test_odd_spans_are_found_by_their_trace_id(
    jaeger: Jaeger, engine_program: Callable[[str, str], Path]
) -> None:
    """Through the collector, which mends them: the store refuses the first three as they are."""
    node = jaeger.node
    program = str(engine_program("otelcol", "otelcol"))
    collector = CollectorHost(node.state, program, node.spec, node.spec.deploy.port_base, fake=False)
    now = time.time_ns()
    century = 100 * 365 * 86_400 * 10**9
    odd: list[dict[str, Any]] = [
        {"startTimeUnixNano": "0", "endTimeUnixNano": "0"},
        {"startTimeUnixNano": "5000000000", "endTimeUnixNano": "6000000000"},
        {"startTimeUnixNano": str(2**64 - 2), "endTimeUnixNano": str(2**64 - 1)},
        {"startTimeUnixNano": str(now + century), "endTimeUnixNano": str(now + century)},
        {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now - 10**9)},
        {"spanId": ""},
        {"name": ""},
        {"attributes": [{"key": "k", "value": {"doubleValue": "NaN"}}]},
        {"attributes": [{"key": f"k{n}", "value": {"intValue": str(n)}} for n in range(11_000)]},
        {"attributes": [{"key": "text", "value": {"stringValue": "x" * 2_000_000}}]},
        {"events": [{"name": "e", "timeUnixNano": "0"} for _ in range(11_000)]},
        {"kind": 77, "status": {"code": 2, "message": "x" * 300_000}},
        {"attributes": [{"key": "k" * 40_000, "value": {"bytesValue": "AAH/"}}, {"key": "", "value": {}}]},
    ]
    marked = {"key": "probe.keep", "value": {"boolValue": True}}
    sent = [{**traces.span(f"odd {number}"), **changes} for number, changes in enumerate(odd)]
    for span in sent:
        span["attributes"] = [marked, *span["attributes"]]
    try:
        collector.start()
        for span in sent:
            traces.send(collector, [span])
        for span in sent:

            def found(trace: str = span["traceId"]) -> Any:
                answer = jaeger.get(f"/api/traces/{trace}")
                return answer.json()["data"] if answer.status_code == 200 else None

            until(found, f"{str(span)[:300]} is found", seconds=60)
    finally:
        collector.stop()


def test_its_indices_are_of_a_day_with_the_stacks_settings(jaeger: Jaeger) -> None:
    jaeger.exporter().export(spans("orders", 1))
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    name = f"jaeger-jaeger-span-{day}"
    until(lambda: jaeger.node.documents(name), "a span is stored")
    with jaeger.node.admin() as admin:
        rows = admin.get("/_cat/indices/jaeger-*", params={"format": "json", "h": "index"}).json()
        index = admin.get(f"/{name}?flat_settings=true").json()[name]
    assert {row["index"] for row in rows} == {name, f"jaeger-jaeger-service-{day}"}
    assert index["settings"]["index.number_of_replicas"] == "0"
    assert index["settings"]["index.number_of_shards"] == "1"
    assert index["aliases"] == {"jaeger-jaeger-span-read": {}}
    # Jaeger's own mapping is under ours, or tags would not be found.
    assert index["mappings"]["properties"]["tags"]["type"] == "nested"


def test_it_listens_on_loopback_alone(jaeger: Jaeger) -> None:
    process = psutil.Process(jaeger.program.process.pid)
    places = {
        (socket.laddr.ip, socket.laddr.port)
        for socket in process.net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    }
    site = jaeger.node.site
    assert places == {
        ("127.0.0.1", site.port(it.name)) for it in BY_NAME["jaeger"].sockets if site.has(it.name)
    }


def test_it_tells_of_spans_and_writes(jaeger: Jaeger) -> None:
    jaeger.exporter().export(spans("orders", 1))
    until(lambda: "jaeger_storage_bulk_index_inserts" in jaeger.metrics(), "a write is counted")
    names = {line.split("{")[0].split(" ")[0] for line in jaeger.metrics().splitlines() if line[:1] != "#"}
    assert names >= {
        "otelcol_receiver_accepted_spans_total",
        "otelcol_receiver_refused_spans_total",
        "otelcol_exporter_sent_spans_total",
        "jaeger_storage_bulk_index_attempts_total",
        "jaeger_storage_bulk_index_inserts_total",
    }


class Load:
    """Sends spans all the time, each until it is acknowledged: what the collector's queue does."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.exporter = exporter
        self.sent: set[tuple[int, int]] = set()
        self.retries = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self.ending.is_set():
            batch = spans("load", 25)
            while self.exporter.export(batch) is not SpanExportResult.SUCCESS:
                self.retries += 1
            self.sent |= {(s.context.trace_id, s.context.span_id) for s in batch if s.context}
            time.sleep(0.05)

    def __enter__(self) -> "Load":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.thread.join(300)
        assert not self.thread.is_alive(), "the load could not be sent"


def test_no_span_is_lost_or_doubled_while_the_store_restarts(jaeger: Jaeger) -> None:
    with Load(jaeger.exporter()) as load:
        until(lambda: len(load.sent) > 200, "the load runs")
        jaeger.node.stop()
        before = len(load.sent)
        time.sleep(10)
        jaeger.node.start(seconds=300)
        until(lambda: len(load.sent) > before + 500, "the load runs again", seconds=120)
    day = f"jaeger-jaeger-span-{datetime.now(UTC):%Y-%m-%d}"
    query = {"query": {"term": {"process.serviceName": "load"}}, "track_total_hits": True, "size": 0}

    def stored() -> int:
        with jaeger.node.admin() as admin:
            admin.post(f"/{day}/_refresh")
            return int(admin.post(f"/{day}/_search", json=query).json()["hits"]["total"]["value"])

    until(
        lambda: stored() >= len(load.sent), f"the {len(load.sent)} acknowledged spans are stored", seconds=60
    )
    assert load.retries > 0, "the store was not away for long enough to be noticed"
    assert stored() == len(load.sent)
