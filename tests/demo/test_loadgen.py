"""The load generator keeps its rate, survives an absent gateway and never piles up."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from tests.demo.support import Json, Program, make_settings
from tests.ports import free_port
from tests.waiting import until


class Gateway(ThreadingHTTPServer):
    """Notes the requests; holds every answer back while ``hold`` is not set."""

    daemon_threads = True

    def __init__(self) -> None:
        self.port = free_port()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.let_go = Event()
        super().__init__(("127.0.0.1", self.port), _Handler)
        Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        assert self.command == "GET" or b"items" in body
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        self.server.let_go.wait(30)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    yield server
    server.let_go.set()
    server.shutdown()
    server.server_close()


def value(program: Program, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)", httpx.get(f"{program.url}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_load(tmp_path: Path, gateway: Gateway) -> None:
    options = {"rate": 40, "concurrency": 3, "summary_seconds": 0.5, "seed": 1, "timeout_seconds": 20}
    settings = make_settings(
        "loadgen", calls={"gateway": f"http://127.0.0.1:{gateway.port}"}, options=options
    )
    program = Program("loadgen", settings, tmp_path).start()
    try:
        program.ready()
        # The gateway answers nothing: three wait, the others are dropped and counted.
        until(lambda: value(program, "loadgen_dropped_total") > 5, "requests are dropped")
        assert len(gateway.seen) <= 3

        gateway.let_go.set()
        ok = 'loadgen_requests_total{code="200",route="/%s"}'
        until(lambda: value(program, ok % "checkout") > 5, "checkouts")
        until(lambda: value(program, ok % "products") > 2, "looks at products")
        assert {(m, p) for m, p, _ in gateway.seen} == {("POST", "/checkout"), ("GET", "/products")}
        assert not any("traceparent" in {k.lower() for k in headers} for _, _, headers in gateway.seen)
        assert httpx.get(f"{program.url}/health").json()["status"] == "ok"

        # Gone altogether: errors are counted and it goes on.
        gateway.shutdown()
        gateway.server_close()
        none = 'loadgen_requests_total{code="none",route="/checkout"}'
        until(lambda: value(program, none) > 3, "refused requests")
        assert httpx.get(f"{program.url}/health").json()["status"] == "degraded"

        assert httpx.put(f"{program.url}/rate", json={"rate": 0}).json() == {"rate": 0}
        bad = httpx.put(f"{program.url}/rate", json={"rate": "fast"})
        assert (bad.status_code, bad.json()["error"].startswith("rate: ")) == (422, True)
        assert value(program, "loadgen_target_rate") == 0
        until(lambda: summaries(program)[-1]["sent"] == 0, "a summary of nothing")
        counted = [line for line in summaries(program) if line["codes"].get("200")]
        assert counted
        assert all(line["sent"] == sum(line["codes"].values()) for line in counted)
        assert program.stop() == 0
        assert program.errors.read_text() == ""
    finally:
        program.kill()


def summaries(program: Program) -> list[Json]:
    return [line for line in program.lines() if line["message"] == "load summary"]
