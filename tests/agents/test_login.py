"""Pages and sink behind a login: nothing is read or delivered without it, but what says that they serve."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from starlette.applications import Starlette

import agents.pages
import agents.sink
import agents.web
from agents.login import Guarded, Login, Reader
from agents.pages import Pages, Settings
from agents.scraping import serve
from agents.sink import Sink
from agents.sink_deliveries import Deliveries
from tests.agents.sink_client import SLACK
from tests.agents.test_pages import settings
from tests.ports import free_port

PASSWORD = "pässwörd: with colon"
APPS = {
    "pages": lambda: Pages(settings(), httpx.MockTransport(lambda _: httpx.Response(200, json={}))).app(),
    "sink": lambda: Sink(Deliveries(None)).app(),
}


@pytest.fixture
def login(tmp_path: Path) -> Login:
    file = tmp_path / "loopback"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return Login(user="obs", password_file=str(file))


def _ask(app: Starlette, login: Login, method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(Guarded(app, login))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


@pytest.mark.parametrize("name", APPS)
def test_every_route_but_those_of_programs_asks(name: str, login: Login) -> None:
    app = APPS[name]()
    open_to_all = set()
    for route in app.routes:
        path = str(route.path).replace("{path:path}", "x").replace(":str}", "").replace("{", "")  # type: ignore[attr-defined]
        for method in ("GET", "POST", "DELETE"):
            answer = _ask(app, login, method, path)
            if answer.status_code != 401:
                open_to_all.add(path)
            else:
                assert answer.headers["www-authenticate"].startswith("Basic ")

    assert open_to_all == {"/health"}


@pytest.mark.parametrize(
    "other", ["/metrics", "/health/", "//health", "/health/..", "/metrics?x=/health", "/HEALTH"]
)
def test_what_only_looks_like_an_open_path(other: str, login: Login) -> None:
    assert _ask(APPS["sink"](), login, "GET", other).status_code == 401


def test_who_logs_in_reads_and_delivers(login: Login) -> None:
    known = (login.user, PASSWORD.encode())

    assert _ask(APPS["pages"](), login, "GET", "/", auth=known).status_code == 200
    assert _ask(APPS["pages"](), login, "GET", "/metrics", auth=known).text.startswith("# HELP")
    assert _ask(APPS["pages"](), login, "GET", "/api/prometheus/api/v1/alerts", auth=known).status_code == 200
    assert _ask(APPS["sink"](), login, "POST", "/slack/shop", json=SLACK, auth=known).text == "ok"
    assert _ask(APPS["sink"](), login, "POST", "/slack/shop", json=SLACK).status_code == 401


@pytest.mark.parametrize("wrong", [("obs", b"x"), ("", PASSWORD.encode()), ("Obs", PASSWORD.encode())])
def test_another_user_or_password_is_nobody(wrong: tuple[str, bytes], login: Login) -> None:
    assert _ask(APPS["pages"](), login, "GET", "/", auth=wrong).status_code == 401


@pytest.mark.parametrize("module", [agents.pages, agents.sink])
def test_a_program_serves_behind_the_login_of_its_settings(
    module: Any, login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": 1, "data": "", "labels": {}}
    if module is agents.pages:
        given = settings().model_dump()
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({**given, "login": login.model_dump()}))
    served: list[Any] = []
    monkeypatch.setattr(agents.web._Server, "run", lambda server: served.append(server.config.app))
    monkeypatch.setattr("sys.argv", ["program", "--settings", str(file)])

    module.main()

    assert isinstance(served[0], Guarded)


def test_the_browser_is_not_told_where_the_password_is(login: Login) -> None:
    whole = Settings.model_validate(settings().model_dump() | {"login": login.model_dump()})
    app = Pages(whole, httpx.MockTransport(lambda _: httpx.Response(200, json={}))).app()

    answer = _ask(app, login, "GET", "/api/stack", auth=(login.user, PASSWORD.encode()))
    assert "login" not in answer.json()


def test_an_exporter_tells_numbers_to_who_logs_in_and_that_it_serves_to_everybody(login: Login) -> None:
    port, told = free_port(), CounterMetricFamily("told", "What is told.", value=1)
    server = serve("127.0.0.1", port, CollectorRegistry(), lambda _: [told], (login,))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert client.get("/health").status_code == 200
            for wrong in (None, ("obs", b"x"), ("Obs", PASSWORD.encode())):
                answer = client.get("/metrics", auth=wrong)
                assert (answer.status_code, "told" in answer.text) == (401, False)
            assert "told_total 1.0" in client.get("/metrics", auth=(login.user, PASSWORD.encode())).text
    finally:
        server.shutdown()
        server.server_close()


def test_a_reader_is_told_of_its_own_kinds_and_of_what_has_none(login: Login, tmp_path: Path) -> None:
    words = {name: tmp_path / name for name in ("ana", "bo")}
    readers = []
    for name, file in words.items():
        file.write_text(f"word of {name}", encoding="utf-8")
        readers.append(Reader(user=f"{name}-reader", password_file=str(file), kinds=(f"logs of {name}",)))
    kept, health = Gauge("kept", "By kind.", ["kind"], registry=None), Gauge("up", "Of all.", registry=None)
    for name in words:
        kept.labels(f"logs of {name}").set(1)
    registry, port = CollectorRegistry(), free_port()
    registry.register(health)
    server = serve("127.0.0.1", port, registry, lambda _: kept.collect(), (login, *readers))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            both = client.get("/metrics", auth=(login.user, PASSWORD.encode())).text
            assert both.count('kind="') == 2
            for name, other in (("ana", "bo"), ("bo", "ana")):
                told = client.get("/metrics", auth=(f"{name}-reader", f"word of {name}")).text
                assert (told.count('kind="'), "up 0.0" in told) == (1, True)
                assert other not in told
                wrong = client.get("/metrics", auth=(f"{other}-reader", f"word of {name}"))
                assert wrong.status_code == 401
            assert client.get("/metrics").status_code == 401
    finally:
        server.shutdown()
        server.server_close()
