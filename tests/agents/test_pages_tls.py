"""The pages read engines whose certificate the stack's authority signed, and no others; to those that ask for
one they show their own."""

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agents.certificates import Certificates
from agents.pages_proxy import Proxy
from vsi import tls


class Engine(BaseHTTPRequestHandler):
    """Has a page of its own."""

    def do_GET(self) -> None:
        body = b"<script></script>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""


def written(folder: Path) -> Path:
    folder.mkdir()
    for name, content in tls.renewed({}, ("pages", "prometheus")).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(params=[False, True], ids=["one side", "both sides"])
def mutual(request: pytest.FixtureRequest) -> bool:
    """Whether the engine asks for a certificate."""
    return bool(request.param)


@pytest.fixture
def engine(tmp_path: Path, mutual: bool) -> Iterator[tuple[str, Path]]:
    """(URL, folder of its authority's certificate)."""
    folder = written(tmp_path / "tls")
    server = HTTPServer(("127.0.0.1", 0), Engine)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "prometheus.pem", folder / "prometheus.key")
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", folder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def has_page(url: str, ca: Path, own: tuple[str, str] | None = None) -> bool:
    async def ask() -> bool:
        proxy = Proxy({"prometheus": (url,)}, ca=str(ca), own=own)
        try:
            return await proxy.has_page("prometheus")
        finally:
            await proxy.close()

    return asyncio.run(ask())


def test_an_engine_of_the_stacks_authority_is_read(engine: tuple[str, Path]) -> None:
    url, folder = engine
    assert has_page(url, folder / "ca.pem", own(folder))


def own(folder: Path) -> tuple[str, str]:
    return str(folder / "pages.pem"), str(folder / "pages.key")


def test_who_is_asked_for_a_certificate_and_shows_none_gets_nothing(
    engine: tuple[str, Path], mutual: bool
) -> None:
    url, folder = engine
    assert has_page(url, folder / "ca.pem") is not mutual


def test_one_of_another_authority_is_not(engine: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = engine
    assert not has_page(url, written(tmp_path / "other") / "ca.pem", own(engine[1]))


def ends(addresses: list[str], ca: Path, own: tuple[str, str] | None = None) -> dict[str, float]:
    measured = Certificates(addresses, str(ca), own)
    asyncio.run(measured.ask())
    return {sample.labels["address"]: sample.value for it in measured.collect() for sample in it.samples}


def test_the_end_of_each_certificate_is_measured_where_it_is_shown(engine: tuple[str, Path]) -> None:
    url, folder = engine
    address, away = url.removeprefix("https://"), "127.0.0.1:1"
    found = ends([address, away], folder / "ca.pem", own(folder))

    year, day = 365 * 86_400, 86_400
    assert found.keys() == {address, "authority"}, "who is away has no date"
    assert abs(found[address] - time.time() - year) < day
    assert abs(found["authority"] - time.time() - 10 * year) < day


def test_one_of_another_authority_has_no_date(engine: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = engine
    other = written(tmp_path / "other") / "ca.pem"
    assert ends([url.removeprefix("https://")], other, own(folder)).keys() == {"authority"}
