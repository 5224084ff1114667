"""Prometheus itself asks targets as a stack file says: over TLS, with a login, at an IPv6 address."""

import base64
import http.server
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.render import prometheus
from components.render.text import texts
from components.spec import Spec
from tests import specs
from tests.ports import free_base, free_port
from tests.waiting import until
from vsi.site import local_site
from vsi.tls import renewed

pytestmark = pytest.mark.engine
PASSWORD = "a password: with ünlaut"
LOGIN = base64.b64encode(f"prom:{PASSWORD}".encode()).decode()


class _Guarded(http.server.BaseHTTPRequestHandler):
    """Metrics for those who log in."""

    wanted: str | None = f"Basic {LOGIN}"

    def do_GET(self) -> None:
        known = self.wanted is None or self.headers.get("authorization") == self.wanted
        self.send_response(200 if known else 401)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"edge_up 1\n" if known else b"")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Open(_Guarded):
    wanted = None


class _Server6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def _serving(server: http.server.ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _targets(folder: Path) -> Iterator[tuple[str, str]]:
    """A target over TLS with a login, and one on IPv6: their addresses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "edge.pem", folder / "edge.key")
    guarded_port, open_port = free_port(), free_port()
    guarded = http.server.ThreadingHTTPServer(("127.0.0.1", guarded_port), _Guarded)
    guarded.socket = context.wrap_socket(guarded.socket, server_side=True)
    with ExitStack() as stack:
        stack.enter_context(_serving(guarded))
        try:
            stack.enter_context(_serving(_Server6(("::1", open_port), _Open)))
        except OSError:
            pytest.skip("no IPv6 on this machine")
        yield f"localhost:{guarded_port}", f"[::1]:{open_port}"


@contextmanager
def _prometheus(program: Path, spec: Spec, conf: Path) -> Iterator[str]:
    """A Prometheus with the rendered configuration: the address at which it listens."""
    at = local_site(spec)
    for name, text in texts(prometheus.render(spec, at)).items():
        (conf / name).parent.mkdir(parents=True, exist_ok=True)
        (conf / name).write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [
            str(program),
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={conf.parent / 'data'}",
            f"--web.listen-address={at.dial('prometheus')}",
        ],
        cwd=conf,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield at.dial("prometheus")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_targets_over_tls_with_a_login_and_on_ipv6_are_scraped(
    tmp_path: Path, engine_program: Callable[[str, str], Path]
) -> None:
    program = engine_program("prometheus", "prometheus")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "edge-password").write_text(PASSWORD, encoding="utf-8")
    for name, data in renewed({}, ("edge",)).items():
        (secrets / name).write_bytes(data)
    with _targets(secrets) as (guarded, six):
        login = {"username": "prom", "secret": "edge-password"}
        over_tls = {"scheme": "https", "ca": str(secrets / "ca.pem"), "basic_auth": login}
        spec = specs.spec(
            deploy={"port_base": free_base(50)},
            secrets=[{"name": "edge-password", "source": "environment", "key": "X"}],
            metrics={
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "scrape_jobs": [
                    {"name": "guarded", "targets": [guarded], **over_tls},
                    {"name": "six", "targets": [six]},
                ],
            },
        )
        with _prometheus(program, spec, tmp_path / "units" / "prometheus" / "conf") as listen:

            def scraped() -> dict[str, str] | None:
                asked = {"query": "edge_up"}
                answer = httpx.get(f"http://{listen}/api/v1/query", params=asked, trust_env=False)
                if answer.status_code != 200:  # it starts
                    return None
                metrics = [item["metric"] for item in answer.json()["data"]["result"]]
                found = {metric["job"]: metric["instance"] for metric in metrics}
                return found if len(found) == 2 else None

            found = until(scraped, "both targets scraped", 30)
    assert found == {"guarded": guarded, "six": six}
