"""Alert sink: stands in for Slack, Teams, PagerDuty and a ticket system, and remembers what they were sent.

It refuses a payload that the real receiver would refuse, so that a wrong configuration of Alertmanager
shows here. `agents.sink_payloads` says how each is read and what the templates must produce.

    python -m agents.sink --settings settings.json
"""

import argparse
import collections
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agents.login import Login
from agents.records import configure
from agents.sink_deliveries import LIMIT, Deliveries
from agents.sink_limits import TooMuch, check_size
from agents.sink_page import page
from agents.sink_payloads import READERS, Delivery, PayloadError, read_payload
from agents.web import load, refuse, serve

MAX_RECEIVERS = 200  # values of the label receiver; teams come from the path
FILTERS = ("kind", "team", "receiver", "alertname", "status", "since", "limit")


class Settings(BaseModel):
    """`settings.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    data: str
    """Folder of the file of deliveries, relative to the working directory; empty: memory only."""
    labels: dict[str, str]
    """The environment's, on every log line."""
    login: Login | None = None
    """Who may deliver and read; everybody who can dial it if there is none."""


class Sink:
    """The endpoints over one store of deliveries."""

    def __init__(self, store: Deliveries) -> None:
        self._store = store
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._total = Counter(
            "deliveries_total",
            "Notifications received.",
            ("kind", "receiver", "status"),
            registry=registry,
        )
        self._last = Gauge(
            "last_delivery_timestamp_seconds",
            "When a receiver was last notified.",
            ("receiver",),
            registry=registry,
        )
        self._refused = Counter("deliveries_refused_total", "Payloads refused.", ("kind",), registry=registry)
        self._receivers: set[str] = set()
        for item in store.all():  # so that the counters go on where they were
            self._account(item)

    def app(self) -> Starlette:
        """The ASGI app."""
        return Starlette(
            routes=[
                *(Route(f"/{kind}/{{team:str}}", self._receive, methods=["POST"]) for kind in READERS),
                Route("/deliveries", self._list, methods=["GET"]),
                Route("/deliveries", self._delete, methods=["DELETE"]),
                Route("/deliveries/count", self._count, methods=["GET"]),
                Route("/", self._home, methods=["GET"]),
                Route("/health", self._health, methods=["GET"]),
                Route("/metrics", self._metrics, methods=["GET"]),
            ]
        )

    async def _receive(self, request: Request) -> Response:
        kind, team = request.url.path.split("/")[1], request.path_params["team"]
        try:
            item = read_payload(kind, team, await _json(kind, request))
        except (PayloadError, TooMuch) as error:
            self._refused.labels(kind=kind).inc()
            structlog.get_logger().warning("payload refused", kind=kind, team=team[:64], reason=str(error))
            return _refusal(kind, str(error), 413 if isinstance(error, TooMuch) else 400)
        self._store.add(item)
        self._account(item)
        structlog.get_logger().info(
            "notification received",
            kind=kind,
            team=team[:64],
            status=item.status,
            alertname=item.alertname,
            severity=item.severity,
        )
        if kind == "slack":
            return PlainTextResponse("ok")
        if kind == "pagerduty":
            key = item.group_key or "none-given"
            body = {"status": "success", "message": "Event processed", "dedup_key": key}
            return JSONResponse(body, status_code=202)
        return JSONResponse({"status": "accepted"}, status_code=202 if kind == "teams" else 200)

    def _account(self, item: Delivery) -> None:
        receiver = item.team
        if receiver not in self._receivers and len(self._receivers) >= MAX_RECEIVERS:
            receiver = "other"
        self._receivers.add(receiver)
        self._total.labels(kind=item.kind, receiver=receiver, status=item.status).inc()
        self._last.labels(receiver=receiver).set(datetime.fromisoformat(item.received_at).timestamp())

    def _found(self, request: Request) -> list[Delivery]:
        query = dict(request.query_params)
        if unknown := sorted(query.keys() - set(FILTERS)):
            raise PayloadError(f"{unknown[0]}: unknown; expected one of {', '.join(FILTERS)}")
        since = _instant(query.pop("since")) if "since" in query else None
        limit = query.pop("limit", str(LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= LIMIT:
            raise PayloadError(f"limit: {limit!r}; expected a number from 1 to {LIMIT}")
        return self._store.find(since=since, limit=int(limit), **query)

    async def _list(self, request: Request) -> Response:
        try:
            found = self._found(request)
        except PayloadError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        return JSONResponse(
            {"count": len(found), "deliveries": [item.model_dump(mode="json") for item in found]}
        )

    async def _count(self, request: Request) -> Response:
        try:
            found = self._found(request)
        except PayloadError as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        by = collections.Counter(f"{item.receiver} {item.status}" for item in found)
        return JSONResponse({"count": len(found), "by_receiver_and_status": dict(sorted(by.items()))})

    async def _delete(self, _request: Request) -> Response:
        return JSONResponse({"deleted": self._store.clear()})

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _home(self, _request: Request) -> Response:
        """The latest deliveries as a page for people."""
        return HTMLResponse(page(reversed(list(self._store.all())[-50:])))


async def _json(kind: str, request: Request) -> Any:
    body = await request.body()
    check_size(kind, len(body))
    try:
        return json.loads(body)
    except ValueError as error:
        raise PayloadError(f"(body): is not JSON: {error}") from None


def _refusal(kind: str, reason: str, status: int) -> Response:
    if kind == "pagerduty":
        body = {"status": "invalid event", "message": "Event object is invalid", "errors": [reason]}
        return JSONResponse(body, status_code=status)
    if kind == "slack":
        return PlainTextResponse(f"invalid_payload: {reason}", status_code=status)
    return JSONResponse({"error": reason}, status_code=status)


def _instant(text: str) -> datetime:
    """Seconds since 1970, or RFC 3339. Raises PayloadError."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        value = datetime.fromisoformat(text.replace(" ", "+"))  # a "+" in a query reads as a space
    except ValueError:
        raise PayloadError(f"since: {text!r} is neither RFC 3339 nor seconds since 1970") from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal; with --check only judge the settings, and touch nothing: the same sink may be
    running beside it, with the same port and data."""
    parser = argparse.ArgumentParser(prog="python -m agents.sink")
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--check", action="store_true", help="judge the settings, do not serve")
    given = parser.parse_args(arguments)
    settings = load(given.settings, Settings)
    if given.check:
        return
    configure("sink", settings.labels)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        store = Deliveries(Path(settings.data) if settings.data else None)
    except OSError as error:
        refuse(given.settings, f"data: cannot be used (value {settings.data!r}): {error}")
    serve(Sink(store).app(), settings.host, settings.port, settings.login)


if __name__ == "__main__":
    main()
