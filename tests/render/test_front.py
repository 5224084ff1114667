"""A host's front: what it serves for whom, and that nobody gets in without a certificate of the stack."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.render import front
from components.render.text import texts
from components.site import Folders, Listener, Site
from tests import specs
from tests.ports import free_base
from tests.render import engines
from tests.render.processes import started
from tests.sites import LOOPBACK, of_host
from vsi import tls

SPEC = specs.spec()


def servers(site: Site) -> dict[str, Any]:
    config = json.loads(texts(front.render(SPEC, site))["caddy.json"])
    found: dict[str, Any] = config["apps"]["http"]["servers"]
    return found


def test_it_listens_where_others_dial_and_passes_on_to_loopback() -> None:
    pages = servers(of_host(SPEC, "obs-1"))["to-pages"]
    assert pages["listen"] == ["10.0.0.11:21041"]
    [route] = pages["routes"]
    assert route["handle"][0]["upstreams"] == [{"dial": f"{LOOPBACK}:21041"}]


def test_it_serves_for_the_programs_of_its_host_alone() -> None:
    first, second = (set(servers(of_host(SPEC, host))) for host in ("obs-1", "obs-2"))
    assert {"to-pages", "to-sink", "to-collector-metrics"} <= first - second
    assert "to-collector-agent-metrics" in first & second
    assert "to-orders" in second - first
    assert not {"to-prometheus", "to-redis", "to-opensearch"} & (first | second)


def test_without_addresses_that_others_dial_it_has_its_own_page_alone() -> None:
    assert set(servers(replace(of_host(SPEC, "obs-1"), address=""))) == {"front"}


def test_who_asks_is_asked_for_a_certificate_where_tls_is_mutual() -> None:
    site = of_host(SPEC, "obs-1")
    [policy] = servers(site)["to-pages"]["tls_connection_policies"]
    assert policy["client_authentication"]["mode"] == "require_and_verify"
    assert policy["client_authentication"]["ca"]["pem_files"] == [site.ca]
    [policy] = servers(replace(site, mutual=False))["to-pages"]["tls_connection_policies"]
    assert "client_authentication" not in policy


@dataclass
class Place:
    """A front that runs before a program on loopback."""

    site: Site
    tls: Path

    def ask(self, listener: str, folder: Path | None = None, **headers: str) -> httpx.Response:
        """What it answers to whoever shows the certificate of `pages` in `folder`."""
        context = ssl.create_default_context(cafile=self.tls / "ca.pem")
        if folder:
            context.load_cert_chain(folder / "pages.pem", folder / "pages.key")
        with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
            return client.get(f"{self.site.url(listener)}/health", headers=headers)


def certificates(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in tls.renewed({}, ("front", "pages")).items():
        (folder / name).write_bytes(content)
    return folder


class Page(BaseHTTPRequestHandler):
    """Answers with the headers that it was asked with."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("front")
    base = free_base(6)
    folders = Folders("../secrets", "../tls", "../data", "../log")

    def listener(offset: int) -> Listener:
        return Listener(f"127.0.0.1:{base + offset}", (f"127.0.0.1:{base + offset + 1}",), True, True)

    listeners = {name: listener(2 * number) for number, name in enumerate(("front", "pages", "sink"))}
    site = Site("here", listeners, {}, folders, mutual=True, address="127.0.0.1")
    folder = certificates(root / "tls")
    engines.write(root / "conf", texts(front.render(SPEC, site)))
    (root / "data").mkdir()
    caddy = engines.program("caddy", "caddy")
    server = ThreadingHTTPServer(("127.0.0.1", site.port("pages")), Page)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        ready = f"http://{site.bind('front')}{front.HEALTH_PATH}"
        with started([caddy, "run", "--config", "caddy.json"], root / "conf", ready):
            yield Place(site, folder)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.engine
def test_caddy_takes_it(place: Place) -> None:
    conf = place.tls.parent / "conf"
    done = engines.run([engines.program("caddy", "caddy"), "validate", "--config", "caddy.json"], conf)
    assert done.returncode == 0, done.stdout


@pytest.mark.engine
def test_a_certificate_of_the_stack_opens_it(place: Place) -> None:
    answer = place.ask("pages", place.tls)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")
    assert answer.json()["host"] == place.site.bind("pages")


@pytest.mark.engine
def test_no_certificate_or_one_of_another_authority_does_not(place: Place, tmp_path: Path) -> None:
    for folder in (None, certificates(tmp_path / "other")):
        with pytest.raises((ssl.SSLError, httpx.TransportError)):
            place.ask("pages", folder)


@pytest.mark.engine
def test_its_own_page_tells_how_it_does(place: Place) -> None:
    assert place.ask("front", place.tls).status_code == 200
    metrics = httpx.get(f"http://{place.site.bind('front')}/metrics", trust_env=False)
    assert "caddy_http_requests_total" in metrics.text or "go_goroutines" in metrics.text


@pytest.mark.engine
def test_what_cannot_be_passed_on_is_told_without_what_was_asked(place: Place) -> None:
    assert place.ask("sink", place.tls, authorization="Basic c2VjcmV0").status_code == 502
    log = (place.tls.parent / "conf" / "output.log").read_text()
    assert "connection refused" in log
    assert "c2VjcmV0" not in log
    assert "Authorization" not in log
