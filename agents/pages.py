"""Web pages of the stack: a start page, and metrics, traces, alerts and runbooks to look at in a browser.

    python -m agents.pages --settings settings.json

The builds of Prometheus and Jaeger that come from Go modules have no web pages, so these stand over their
query interfaces. They only read. Logs are not among them: their store asks for a password, and a page that
needs none would show them to every user of the machine.
"""

import argparse
import ipaddress
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agents.certificates import Certificates
from agents.login import Login
from agents.pages_proxy import HEADERS, Proxy, refusal
from agents.pages_text import documents, frame, rendered
from agents.web import load, serve

STATIC = Path(__file__).with_name("pages_static")
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PAGES = {
    "/": ("Start", "start.js"),
    "/explore": ("Metrics", "explore.js"),
    "/traces": ("Traces", "traces.js"),
    "/alerts": ("Alerts", "alerts.js"),
    "/targets": ("Targets", "targets.js"),
}
REMEMBERED = 60.0
"""Seconds for which it is remembered whether an engine has pages of its own."""

ASKED_BY_PROGRAMS = ("/health", "/metrics")
"""Tell nothing of what is watched. Where the pages listen beyond their own machine, as in a pod, probes and
Prometheus ask for them by addresses that nobody knows beforehand."""
UNTOLD = {"host", "hosts", "port", "logs", "ca", "certificate", "key", "further", "shown", "login"}
"""Settings that are no concern of a browser's."""

Handler = Callable[[Request], Awaitable[Response]]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Service(_Model):
    """A service, and where its requests are counted, as selectors of series."""

    name: str
    owner: str
    version: str
    page: str | None
    requests: str
    errors: str
    buckets: str
    promise: str | None


class Logs(_Model):
    """How a person reads logs: the store's address, and files relative to the working directory."""

    url: str
    user: str
    password_file: str
    ca: str
    indices: str


class Settings(_Model):
    """`settings.json`."""

    stack: str
    host: str
    hosts: tuple[str, ...] = ()
    """Names under which they are reached, besides those of this machine."""
    port: int = Field(ge=1, le=65535)
    labels: dict[str, str]
    engines: dict[str, str]
    """Base URL of prometheus, alertmanager, jaeger."""
    further: dict[str, tuple[str, ...]] = {}
    """Those of their other instances, asked where the first does not answer."""
    ca: str | None = None
    """File of the authority that signed the engines' certificates; none if they go without TLS."""
    certificate: str | None = None
    """File of the own certificate, where the engines ask for one."""
    key: str | None = None
    shown: tuple[str, ...] = ()
    """`host:port` where programs of the stack show certificates, whose ends are measured."""
    login: Login | None = None
    """Who may read them; everybody who can dial them if there is none."""
    sink: str | None
    services: tuple[Service, ...]
    logs: Logs

    def every(self) -> dict[str, tuple[str, ...]]:
        """Base URLs of all instances of each engine."""
        return {name: (url, *self.further.get(name, ())) for name, url in self.engines.items()}

    @property
    def open_pages(self) -> tuple[str, ...]:
        """What is answered under any name."""
        return () if ipaddress.ip_address(self.host).is_loopback else ASKED_BY_PROGRAMS

    @property
    def own(self) -> tuple[str, str] | None:
        """Its own certificate and key."""
        return (self.certificate, self.key) if self.certificate and self.key else None


class Pages:
    """The pages over one stack."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._proxy = Proxy(settings.every(), transport, settings.ca, settings.own)
        self._documents = documents()
        self._registry = CollectorRegistry()
        self._served = Counter(
            "pages_requests", "Requests answered.", ("page", "code"), registry=self._registry
        )
        self._own: tuple[float, dict[str, bool]] = (-REMEMBERED, {})
        self._certificates: Certificates | None = None
        if settings.ca and settings.shown:
            self._certificates = Certificates(settings.shown, settings.ca, settings.own)
            self._registry.register(self._certificates)

    def app(self) -> Starlette:
        """The ASGI app."""

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            yield
            await self._proxy.close()

        routes = [
            *(Route(path, self._guarded(path, self._page(path))) for path in PAGES),
            Route("/services/{name:str}", self._guarded("/services", self._service)),
            Route("/traces/{trace:str}", self._guarded("/traces", self._trace)),
            Route("/docs/{path:path}", self._guarded("/docs", self._document)),
            Route("/static/{name:str}", self._guarded("/static", self._static)),
            Route("/api/stack", self._guarded("/api/stack", self._stack)),
            Route("/api/{engine:str}/{path:path}", self._guarded("/api", self._proxy.read)),
            Route("/health", self._guarded("/health", self._health)),
            Route("/metrics", self._guarded("/metrics", self._metrics)),
            Route("/{path:path}", self._guarded("other", self._missing)),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    def _guarded(self, page: str, handler: Handler) -> Handler:
        """The handler behind the check of who asks, its answer with the headers that every one has."""

        async def answer(request: Request) -> Response:
            site = request.headers.get("sec-fetch-site")
            asked = page in self._settings.open_pages
            host = "localhost" if asked else request.headers.get("host", "")
            why = refusal(host, site, self._settings.hosts)
            found = PlainTextResponse(f"{why}\n", 403) if why else await handler(request)
            found.headers.update(
                {name: value for name, value in HEADERS.items() if name not in found.headers}
            )
            self._served.labels(page=page, code=str(found.status_code)).inc()
            return found

        return answer

    def _html(
        self, title: str, script: str | None = None, main: str = "", here: str = "", status: int = 200
    ) -> Response:
        return HTMLResponse(frame(self._settings.stack, title, main, script, here), status)

    def _page(self, path: str) -> Handler:
        title, script = PAGES[path]

        async def page(_request: Request) -> Response:
            return self._html(title, script, here=path)

        return page

    async def _service(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in {service.name for service in self._settings.services}:
            return await self._missing(request)
        return self._html(name, "service.js", here="/")

    async def _trace(self, request: Request) -> Response:
        trace = request.path_params["trace"]
        if not (1 <= len(trace) <= 32 and set(trace) <= set("0123456789abcdefABCDEF")):
            return await self._missing(request)
        return self._html("Trace", "trace.js", here="/traces")

    async def _document(self, request: Request) -> Response:
        name = f"docs/{request.path_params['path']}"
        if name not in self._documents:
            return await self._missing(request)
        text = self._documents[name].read_text(encoding="utf-8")
        title = text.partition("\n")[0].lstrip("# ") or name
        return self._html(title, main=rendered(name, text, self._documents), here="/docs/runbooks/README.md")

    async def _static(self, request: Request) -> Response:
        found = {path.name: path for path in STATIC.iterdir()}.get(request.path_params["name"])
        if found is None or found.suffix not in KINDS:
            return await self._missing(request)
        return Response(found.read_bytes(), media_type=KINDS[found.suffix])

    async def _stack(self, _request: Request) -> Response:
        settings = self._settings
        told = settings.model_dump(exclude=UNTOLD)
        logs = settings.logs
        paths = {name: str((Path.cwd() / getattr(logs, name)).resolve()) for name in ("password_file", "ca")}
        runbooks = [Path(name).stem for name in self._documents if name.startswith("docs/runbooks/")]
        told |= {"logs": logs.model_dump() | paths, "runbooks": runbooks}
        return JSONResponse(told | {"own_pages": await self._own_pages()})

    async def _own_pages(self) -> dict[str, bool]:
        asked, found = self._own
        if time.monotonic() - asked > REMEMBERED:
            found = {name: await self._proxy.has_page(name) for name in self._settings.engines}
            self._own = (time.monotonic(), found)
        return found

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _metrics(self, _request: Request) -> Response:
        if self._certificates:
            await self._certificates.ask()
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _missing(self, _request: Request) -> Response:
        main = '<h1>There is no such page</h1><p><a href="/">The start page</a> names those there are.</p>'
        return self._html("No such page", main=main, status=404)


def main() -> None:
    """Serve until a signal; with --check only judge the settings."""
    parser = argparse.ArgumentParser(prog="python -m agents.pages")
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--check", action="store_true", help="judge the settings, do not serve")
    given = parser.parse_args()
    settings = load(given.settings, Settings)
    if not given.check:
        serve(Pages(settings).app(), settings.host, settings.port, settings.login)


if __name__ == "__main__":
    main()
