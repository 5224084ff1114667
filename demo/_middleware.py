"""What surrounds every request, outermost first: correlation, tracing, metrics, errors, faults.

Plain ASGI, because it must also see streamed bodies and because context variables set in it are those the
handler sees. Operational paths (/metrics, /health, /faults) get none of it: scraping is not traffic.
"""

import time
from collections.abc import Sequence

import structlog
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo._context import (
    PROBE_HEADER,
    PROBE_KEY,
    accept_transaction_id,
    is_probe,
    trace_id,
    transaction_id,
    with_probe,
)
from demo._faults import Faults
from demo._logging import logger
from demo._metrics import METHODS, Metrics
from demo._telemetry import mark_error

OPERATIONAL = ("/metrics", "/health", "/faults")


def is_operational(scope: Scope) -> bool:
    """Whether the request comes from those who run the service, not from those who use it."""
    path: str = scope.get("path", "")
    return scope["type"] != "http" or any(path == p or path.startswith(f"{p}/") for p in OPERATIONAL)


def route_template(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """The route as it was declared (``/reservations/{id}``); raw paths would be endless label values."""
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return "unmatched"


class CorrelationMiddleware:
    """Takes over or creates the transaction id, returns it, and sets up this request's context."""

    def __init__(self, app: ASGIApp, header: str) -> None:
        self._app = app
        self._header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_operational(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        ident = accept_transaction_id(headers.get(self._header))
        context = propagate.extract(dict(headers.items()))
        if headers.get(PROBE_HEADER) == "1":
            context = with_probe(context)
        token = otel_context.attach(context)

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[self._header] = ident
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(transaction_id=ident):
                await self._app(scope, receive, send_with_header)
        finally:
            otel_context.detach(token)


class TracingMiddleware:
    """The server span, named after the route, with the stable HTTP semantic conventions."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_operational(scope):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        route = route_template(scope, self._routes)
        attributes: dict[str, str | bool] = {
            "http.request.method": method,
            "http.route": route,
            "url.path": scope["path"],
            "url.scheme": scope.get("scheme", "http"),
            "transaction.id": transaction_id(),
        }
        if is_probe():
            attributes[PROBE_KEY] = True
        tracer = trace.get_tracer("demo")
        with tracer.start_as_current_span(
            f"{method} {route}", kind=SpanKind.SERVER, attributes=attributes
        ) as span:

            async def send_with_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        mark_error(span, f"answered {message['status']}")
                    MutableHeaders(scope=message)["X-Trace-Id"] = trace_id()
                await send(message)

            await self._app(scope, receive, send_with_status)


class MetricsMiddleware:
    """Counts and times the request and writes its access line, inside the span so that both link to it."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], metrics: Metrics) -> None:
        self._app = app
        self._routes = routes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_operational(scope):
            await self._app(scope, receive, send)
            return
        route = route_template(scope, self._routes)
        status, size, started = 500, 0, time.perf_counter()

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        self._metrics.inflight.inc()
        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._metrics.inflight.dec()
            seconds = time.perf_counter() - started
            self._metrics.observe(scope["method"], route, status, seconds, size)
            write = logger().error if status >= 500 else logger().info
            write(
                "request served",
                http_method=scope["method"],
                http_route=route,
                http_status=status,
                http_response_bytes=size,
                duration_ms=round(seconds * 1000, 3),
            )


class ErrorMiddleware:
    """Turns an unhandled exception into one log line, one span event and a 500 that names the trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as error:
            trace.get_current_span().record_exception(error)
            mark_error(trace.get_current_span(), type(error).__name__)
            logger().exception("request failed", error_type=type(error).__name__)
            if started:  # too late for a 500: break the connection, so that the client sees it
                raise
            body = {
                "error": "internal error",
                "trace_id": trace_id(),
                "transaction_id": transaction_id(),
            }
            await JSONResponse(body, status_code=500)(scope, receive, send)


class FaultMiddleware:
    """Applies the faults that concern every request."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_operational(scope):
            await self._faults.before_request()
        await self._app(scope, receive, send)
