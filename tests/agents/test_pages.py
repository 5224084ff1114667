"""The stack's web pages: who may read them, what they pass on, and that nothing of others becomes markup."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.pages import PAGES, STATIC, Pages, Settings
from agents.pages_proxy import HEADERS
from agents.pages_text import documents, frame, rendered

ENGINES = {
    name: f"http://127.0.0.1:{port}" for name, port in (("prometheus", 1), ("alertmanager", 2), ("jaeger", 3))
}
HOSTILE = "<script>alert(1)</script>\"'&"


def settings(**changes: Any) -> Settings:
    service = {
        "name": "gateway",
        "owner": "shop",
        "version": "1",
        "page": None,
        "requests": "r{}",
        "errors": "e{}",
        "buckets": "b{}",
        "promise": None,
    }
    fields = {
        "stack": "test",
        "host": "127.0.0.1",
        "port": 1,
        "labels": {"env": "test"},
        "engines": ENGINES,
        "sink": None,
        "services": [service],
        "logs": {"url": "https://x", "user": "reader", "password_file": "p", "ca": "c", "indices": "logs-*"},
    }
    return Settings.model_validate(fields | changes)


Answer = Callable[[httpx.Request], httpx.Response]


class Browser:
    """Requests to the pages without a network; `asked` are the requests that reached an engine."""

    def __init__(self, answer: Answer | None = None, **changes: Any) -> None:
        self.asked: list[httpx.Request] = []

        def engine(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return answer(request) if answer else httpx.Response(200, json={"status": "success", "data": []})

        self._app = Pages(settings(**changes), httpx.MockTransport(engine)).app()

    def request(
        self, method: str, path: str, host: str = "127.0.0.1:38041", **headers: str
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as session:
                return await session.request(method, path, headers={"host": host, **headers})

        return asyncio.run(send())

    def get(self, path: str, host: str = "127.0.0.1:38041", **headers: str) -> httpx.Response:
        return self.request("GET", path, host, **headers)


@pytest.fixture
def browser() -> Browser:
    return Browser()


EVERY = [
    *PAGES,
    "/services/gateway",
    "/traces/0af7651916cd43dd8448eb211c80319c",
    "/docs/runbooks/TargetDown.md",
]


@pytest.mark.parametrize("path", EVERY)
def test_every_page_is_there_and_leads_to_the_others(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    links = re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)
    assert len(links) >= 6
    for address in links:
        assert browser.get(address).status_code == 200, address


@pytest.mark.parametrize("path", [*EVERY, "/static/start.js", "/api/stack", "/nothing", "/metrics"])
def test_every_answer_has_the_headers_that_keep_scripts_of_others_out(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert {name: headers.get(name) for name in HEADERS} == dict(HEADERS)
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:38041",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "10.0.0.1",
        "",
        "[::1",
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/api/stack", "/api/prometheus/api/v1/query", "/static/start.js", "/metrics"]
)
def test_another_name_for_this_machine_reads_nothing(browser: Browser, host: str, path: str) -> None:
    assert browser.get(path, host).status_code == 403
    assert browser.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:38041", "LOCALHOST", "[::1]:5"])
def test_loopback_names_read(browser: Browser, host: str) -> None:
    assert browser.get("/", host).status_code == 200


def test_off_loopback_they_are_probed_by_any_address_and_read_under_their_own_names() -> None:
    browser = Browser(host="0.0.0.0", hosts=["obs.example.com"])  # noqa: S104 - as in a pod
    assert browser.get("/metrics", "10.0.0.1:21041").status_code == 200
    assert browser.get("/", "10.0.0.1:21041").status_code == 403
    assert browser.get("/", "obs.example.com").status_code == 200


def test_another_site_reads_nothing(browser: Browser) -> None:
    answer = browser.get("/api/prometheus/api/v1/query?query=up", **{"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert browser.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/prometheus/api/v1/query?query=up",
        "/api/prometheus/api/v1/query_range?query=up&start=1&end=2&step=1",
        "/api/prometheus/api/v1/label/__name__/values",
        "/api/alertmanager/api/v2/alerts",
        "/api/jaeger/api/traces/0af7651916cd43dd8448eb211c80319c",
        "/api/jaeger/api/traces?service=a%26b&tags=%7B%22x%22%3A%22y%22%7D",
    ],
)
def test_what_may_be_read_is_passed_on_as_it_is(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == 200
    [asked] = browser.asked
    engine, _, rest = path.removeprefix("/api/").partition("/")
    expected = httpx.URL(f"{ENGINES[engine]}/{rest}")
    assert (asked.method, asked.url.host, asked.url.port, asked.url.path) == (
        "GET",
        expected.host,
        expected.port,
        expected.path,
    )
    assert asked.url.params.multi_items() == expected.params.multi_items()


@pytest.mark.parametrize(
    "path",
    [
        "/api/prometheus/api/v1/admin/tsdb/delete_series",
        "/api/prometheus/api/v1/status/config",
        "/api/prometheus/-/quit",
        "/api/prometheus/api/v1/query/../status/config",
        "/api/prometheus/api/v1/query%2f..%2fstatus/config",
        "/api/prometheus/api/v1/label/a%2f..%2f..%2fstatus%2fconfig/values",
        "/api/prometheus//api/v1/query",
        "/api/alertmanager/api/v2/status",
        "/api/alertmanager/api/v2/silence/x",
        "/api/jaeger/api/traces/../services",
        "/api/jaeger/api/archive/1",
        "/api/opensearch/_search",
        "/api/127.0.0.1:9/x",
        "/api/prometheus",
    ],
)
def test_nothing_else_is_passed_on(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404 or "api/v1/status" not in str(answer.url)
    assert [str(r.url) for r in browser.asked if "status" in r.url.path or "admin" in r.url.path] == []
    assert browser.asked == [] or ".." in path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_but_reading(browser: Browser, method: str) -> None:
    for path in ("/", "/api/prometheus/api/v1/query", "/api/alertmanager/api/v2/silences"):
        assert browser.request(method, path).status_code == 405
    assert browser.asked == []


def test_an_engine_that_is_away_is_named() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    answer = Browser(away).get("/api/jaeger/api/services")
    assert answer.status_code == 502
    assert answer.json()["error"].startswith("jaeger does not answer")


def test_an_engines_error_reaches_the_reader() -> None:
    body = {"status": "error", "error": "1:3: parse error"}
    answer = Browser(lambda _r: httpx.Response(400, json=body)).get("/api/prometheus/api/v1/query?query=a(")
    assert (answer.status_code, answer.json()) == (400, body)


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/javascript"])
def test_nothing_but_json_comes_from_an_engine(kind: str) -> None:
    engine = Browser(lambda _r: httpx.Response(200, text=HOSTILE, headers={"content-type": kind}))
    answer = engine.get("/api/prometheus/api/v1/query?query=up")
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/json"


def test_an_answer_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.pages_proxy.MAX_ANSWER", 1000)
    answer = Browser(lambda _r: httpx.Response(200, json=["x" * 2000])).get("/api/jaeger/api/services")
    assert answer.status_code == 502
    assert "ask for less" in answer.json()["error"]


@pytest.mark.parametrize(
    ("status", "text", "own"),
    [(500, "", False), (404, "404 page not found", False), (200, "<html><script src=x></script>", True)],
)
def test_an_engines_own_pages_are_linked_only_where_it_has_some(status: int, text: str, own: bool) -> None:
    told = Browser(lambda _r: httpx.Response(status, text=text)).get("/api/stack").json()
    assert told["own_pages"] == dict.fromkeys(ENGINES, own)


def test_the_stack_is_told_without_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p").write_text("very secret")
    monkeypatch.chdir(tmp_path)
    answer = Browser().get("/api/stack")
    assert answer.json()["logs"]["password_file"] == str(tmp_path / "p")
    assert "very secret" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/services/nobody",
        "/services/%3Cscript%3E",
        "/traces/xyz",
        "/traces/" + "a" * 33,
        "/docs/../README.md",
        "/docs/%2e%2e/README.md",
        "/docs/runbooks/..%2f..%2f..%2fetc/passwd",
        "/static/..%2fpages.py",
        "/static/",
        "/secrets/x",
    ],
)
def test_what_is_not_there_says_so_and_leads_back(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert '<a href="/">' in answer.text
    assert "<script>" not in answer.text


def test_names_of_strangers_are_escaped_in_the_frame() -> None:
    page = frame(HOSTILE, HOSTILE, "")
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;") == 4


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>)",
        "[x](//evil.example/)",
        "<img src=x onerror=alert(1)>",
        "![x](javascript:alert(1))",
        "```\n</code></pre><script>\n```",
        "| a |\n|---|\n| <b onclick=x> |",
        '<https://ok.example/"onclick=x>',
    ],
)
def test_a_runbooks_text_stays_text(text: str) -> None:
    page = rendered("docs/runbooks/X.md", text, {})
    assert not re.search(r"<(?:script|img[^>]*onerror|b )", page)
    assert not re.search(r'(?:href|src)="(?:javascript|data:text|//)', page)
    assert not re.search(r'<a [^>]*"\s*onclick', page)


def test_runbooks_lead_to_one_another_and_nowhere_else() -> None:
    known = documents()
    assert "docs/runbooks/TargetDown.md" in known
    text = (
        "[a](TargetDown.md) [b](../first-tour.md#x) [c](../../README.md) [d](https://x.example/) [e](#here)"
    )
    page = rendered("docs/runbooks/README.md", text, known)
    assert re.findall(r'href="([^"]+)"', page) == [
        "/docs/runbooks/TargetDown.md",
        "/docs/first-tour.md",
        "https://x.example/",
        "#here",
    ]


@pytest.mark.parametrize("name", sorted(documents()))
def test_no_document_leads_to_a_page_that_is_not_there(browser: Browser, name: str) -> None:
    answer = browser.get(f"/{name}")
    assert answer.status_code == 200
    for address in re.findall(r'href="(/docs/[^"#]+)', answer.text):
        assert browser.get(address).status_code == 200, address


def test_scripts_write_no_markup_and_load_nothing_from_elsewhere() -> None:
    for path in STATIC.iterdir():
        text = path.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", text
        ), path.name
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[\w.]+", text) == [], path.name


def in_node(script: str) -> Any:
    """What a module prints as JSON, run by Node.js beside the pages' scripts."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed; it runs the scripts of the pages")
    command = [node, "--input-type=module", "-e", f"import * as pure from '{STATIC}/pure.js';\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        ("  http.status_code=500   error=true ", {"http.status_code": "500", "error": "true"}),
        ('q="a b" r=1', {"q": "a b", "r": "1"}),
        (r'q="say \"no\" = ok"', {"q": 'say "no" = ok'}),
        ("url=http://x/?a=b", {"url": "http://x/?a=b"}),
        ("empty= x=y", {"empty": "", "x": "y"}),
        ("ünï=çødé", {"ünï": "çødé"}),
        ("alone", None),
        ("a=b alone", None),
    ],
)
def test_attributes_to_search_for(text: str, expected: dict[str, str] | None) -> None:
    script = f"let r = null; try {{ r = pure.tags({json.dumps(text)}); }} catch {{}} "
    script += "console.log(JSON.stringify(r));"
    assert in_node(script) == expected


def span(name: str, parent: str | None = None, start: int = 0) -> dict[str, Any]:
    return {"spanID": name, "startTime": start, "references": [{"spanID": parent}] if parent else []}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([span("b", "a", 2), span("a"), span("c", "a", 1)], [["a", 0], ["c", 1], ["b", 1]]),
        ([span("b", "lost"), span("a", None, 1)], [["b", 0], ["a", 0]]),
        ([span("a", "b"), span("b", "a", 1)], [["a", 0], ["b", 1]]),
        ([span("a", "a")], [["a", 0]]),
        ([], []),
    ],
    ids=["a tree", "a parent that is lost", "a circle", "its own parent", "none"],
)
def test_the_spans_of_a_trace_stand_in_order_each_once(spans: list[Any], expected: list[Any]) -> None:
    script = f"console.log(JSON.stringify(pure.ordered({json.dumps(spans)}).map(([s, d]) => [s.spanID, d])));"
    assert in_node(script) == expected


def test_a_chain_of_spans_may_be_long() -> None:
    script = """
const references = (i) => (i ? [{spanID: String(i - 1)}] : []);
const one = (i) => ({spanID: String(i), startTime: i, references: references(i)});
const spans = Array.from({length: 20000}, (_, i) => one(i));
console.log(JSON.stringify(pure.ordered(spans).length));
"""
    assert in_node(script) == 20_000


def test_requests_are_counted(browser: Browser) -> None:
    browser.get("/")
    browser.get("/nothing")
    text = browser.get("/metrics").text
    assert 'pages_requests_total{code="200",page="/"} 1.0' in text
    assert 'pages_requests_total{code="404",page="other"} 1.0' in text
