"""Spans reach a receiver whose certificate the stack's authority signed, over both protocols, and one that
asks for such a certificate too."""

import ssl
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from demo._telemetry import make_exporter
from demo.settings import Otlp
from vsi import tls


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with those of an authority, of `collector` and of `shop`."""
    for name, content in tls.renewed({}, ("collector", "shop")).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture(params=[False, True], ids=["one side", "both sides"])
def mutual(request: pytest.FixtureRequest) -> bool:
    """Whether the receiver asks for a certificate."""
    return bool(request.param)


def send(folder: Path, port: int, protocol: Literal["grpc", "http"], *, mutual: bool) -> None:
    """One span, called `over TLS`."""
    own = {"certificate": str(folder / "shop.pem"), "key": str(folder / "shop.key")} if mutual else {}
    otlp = Otlp(endpoint=f"https://127.0.0.1:{port}", protocol=protocol, ca=str(folder / "ca.pem"), **own)
    exporter = make_exporter(otlp)
    assert exporter is not None
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("t").start_span("over TLS").end()
    provider.shutdown()


def test_over_http(certificates: Path, mutual: bool) -> None:
    got: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "collector.pem", certificates / "collector.key")
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "ca.pem")
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            send(certificates, server.server_port, "http", mutual=mutual)
        finally:
            server.shutdown()
            thread.join()
    [body] = got
    assert b"over TLS" in body


def test_over_grpc(certificates: Path, mutual: bool) -> None:
    got: list[str] = []

    class Receiver(TraceServiceServicer):
        def Export(self, request: Any, _context: Any) -> Any:
            got.extend(
                span.name
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            )
            return ExportTraceServiceResponse()

    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        add_TraceServiceServicer_to_server(Receiver(), server)  # type: ignore[no-untyped-call]
        pair = [(certificates / name).read_bytes() for name in ("collector.key", "collector.pem")]
        asked = ((certificates / "ca.pem").read_bytes(), True) if mutual else (None, False)
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([tuple(pair)], *asked))
        server.start()
        try:
            send(certificates, port, "grpc", mutual=mutual)
        finally:
            server.stop(0).wait()
    assert got == ["over TLS"]
