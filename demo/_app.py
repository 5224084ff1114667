"""From a settings file to a running service: the parts, the routes every service has, the life cycle."""

import argparse
import html
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo import _middleware as mw
from demo._calls import Calls
from demo._faults import Faults
from demo._logging import configure_logging, logger
from demo._metrics import Metrics
from demo._telemetry import start_tracing, stop_tracing
from demo.settings import Settings, SettingsError, Tls, load_settings

CALL_TIMEOUT = 10.0  # seconds
GRACE = 2  # seconds that requests in flight get when the service stops

Background = Callable[[], AbstractAsyncContextManager[None]]
Checks = Callable[[], Mapping[str, str]]
Endpoint = Callable[[Request], Awaitable[Response]]


def _verify(tls: Tls | None) -> ssl.SSLContext | bool:
    """What httpx checks certificates by."""
    if tls is None:
        return True
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.own:
        context.load_cert_chain(*tls.own)
    return context


@dataclass(frozen=True)
class Service:
    """The shared parts of one service; a module adds its routes and its own metrics."""

    settings: Settings
    metrics: Metrics
    faults: Faults
    calls: Calls
    client: httpx.AsyncClient

    @classmethod
    def build(cls, settings: Settings, client: httpx.AsyncClient | None = None) -> "Service":
        """Wire the parts together. ``client`` is for tests that need no network."""
        metrics = Metrics(settings.version)
        dependencies = [*settings.calls, *(["redis"] if settings.redis else [])]
        faults = Faults(metrics.registry, dependencies)
        client = client or httpx.AsyncClient(timeout=CALL_TIMEOUT, verify=_verify(settings.tls))
        calls = Calls(settings.calls, settings.correlation_header, faults, client)
        return cls(settings, metrics, faults, calls, client)

    def app(
        self,
        title: str,
        routes: Sequence[Route],
        background: Sequence[Background] = (),
        checks: Checks = dict,
        home: Callable[[Request], Response] | None = None,
    ) -> Starlette:
        """The ASGI app: ``routes`` plus /, /health, /metrics and /faults, inside the middleware.

        ``background``: context managers open while the service runs. ``checks``: what is wrong now, by name;
        anything in it makes /health say ``degraded`` (still 200: a degraded service serves). ``home``: the
        page at ``/`` where the plain list of endpoints is not enough.
        """
        every: list[BaseRoute] = [
            *routes,
            Route("/", self._home(title, routes, home), methods=["GET"]),
            Route("/health", self._health(checks), methods=["GET"]),
            Route("/metrics", self.metrics.endpoint, methods=["GET"]),
            *self.faults.routes(),
        ]

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.client)
                for make in background:
                    await stack.enter_async_context(make())
                yield

        return Starlette(
            routes=every,
            lifespan=lifespan,
            middleware=[
                Middleware(mw.CorrelationMiddleware, header=self.settings.correlation_header),
                Middleware(mw.TracingMiddleware, routes=every),
                Middleware(mw.MetricsMiddleware, routes=every, metrics=self.metrics),
                Middleware(mw.ErrorMiddleware),
                Middleware(mw.FaultMiddleware, faults=self.faults),
            ],
        )

    def _health(self, checks: Checks) -> Endpoint:
        async def health(_request: Request) -> Response:
            problems = dict(checks())
            return JSONResponse(
                {
                    "status": "degraded" if problems else "ok",
                    "service": self.settings.service,
                    "version": self.settings.version,
                    "problems": problems,
                }
            )

        return health

    def _home(
        self, title: str, routes: Sequence[Route], home: Callable[[Request], Response] | None
    ) -> Endpoint:
        endpoints = [
            *(f"{sorted((r.methods or set()) - {'HEAD'})[0]} {r.path}" for r in routes),
            "GET /health",
            "GET /metrics",
            "GET /faults",
            "PUT /faults/{name}",
            "DELETE /faults/{name}",
        ]

        async def page(request: Request) -> Response:
            if "application/json" in request.headers.get("accept", ""):
                return JSONResponse({"service": self.settings.service, "what": title, "endpoints": endpoints})
            if home is not None:
                return home(request)
            items = "".join(f"<li><code>{html.escape(text)}</code></li>" for text in endpoints)
            name = html.escape(self.settings.service)
            return HTMLResponse(
                f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title>"
                f"<h1>{name}</h1><p>{html.escape(title)}</p><ul>{items}</ul></html>"
            )

        return page


class _Server(uvicorn.Server):
    """uvicorn, except that a stop by signal is a normal end (exit code 0) and not a death by signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        previous = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for sig, handler in previous.items():
                signal.signal(sig, handler)


def _serving(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told of TLS."""
    files = settings.serving
    if files is None:
        return {}
    return {
        "ssl_certfile": files.certificate,
        "ssl_keyfile": files.key,
        "ssl_ca_certs": files.ca,
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
    }


def run(
    create_app: Callable[[Service], Starlette],
    read_options: Callable[[Settings], object],
    arguments: Sequence[str] | None = None,
) -> None:
    """The ``main`` of every module: serve until SIGTERM, then flush spans. Exits 2 on bad settings.

    With ``--check`` it says only whether it would take the settings, and touches nothing: the same service
    may be running beside it, with the same port and data. ``read_options`` is that judgement."""
    parser = argparse.ArgumentParser(description=create_app.__module__)
    parser.add_argument("--settings", type=Path, required=True, help="the service's settings.json")
    parser.add_argument("--check", action="store_true", help="judge the settings, do not serve")
    given = parser.parse_args(arguments)
    path = given.settings
    try:
        settings = load_settings(path)
        if given.check:
            read_options(settings)
            return
        configure_logging(settings)
        service = Service.build(settings)
        app = create_app(service)
    except SettingsError as error:
        text = str(error) if str(path) in str(error) else f"{path}: not valid\n{error}"
        sys.stderr.write(f"{text}\n")
        raise SystemExit(2) from None
    provider = start_tracing(settings, service.metrics)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        **_serving(settings),
    )
    try:
        _Server(config).run()
    finally:
        stop_tracing(provider)
        logger().info("service stopped")
