"""Alert sink: stands in for Slack, Teams, PagerDuty and a ticket system, and remembers what they were sent.

It refuses a payload that the real receiver would refuse, so that a wrong configuration of Alertmanager
shows here. ``_payloads`` says how each payload is read and what the templates must produce.
"""

import html
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from demo._app import Service, run
from demo._deliveries import LIMIT, Deliveries
from demo._limits import TooMuch, check_size
from demo._logging import logger
from demo._payloads import READERS, Delivery, PayloadError, read_payload
from demo.settings import Frozen, Settings

MAX_RECEIVERS = 200  # values of the label receiver; teams come from the path
FILTERS = ("kind", "team", "receiver", "alertname", "status", "since", "limit")


class Options(Frozen):
    """``data``: folder of the file of deliveries, relative to the working directory; empty: memory only."""

    data: str = ""


class Sink:
    """The endpoints over one store of deliveries."""

    def __init__(self, service: Service, store: Deliveries) -> None:
        self._store = store
        metrics = service.metrics
        self._total = metrics.counter(
            "deliveries_total", "Notifications received.", ("kind", "receiver", "status")
        )
        self._last = metrics.gauge(
            "last_delivery_timestamp_seconds", "When a receiver was last notified.", ("receiver",)
        )
        self._refused = metrics.counter("deliveries_refused_total", "Payloads refused.", ("kind",))
        self._receivers: set[str] = set()
        for item in store.all():  # so that the counters go on where they were
            self._account(item)

    def routes(self) -> list[Route]:
        """What the sink serves beyond what every service does."""
        return [
            *(Route(f"/{kind}/{{team:str}}", self._receive, methods=["POST"]) for kind in READERS),
            Route("/deliveries", self._list, methods=["GET"]),
            Route("/deliveries", self._delete, methods=["DELETE"]),
            Route("/deliveries/count", self._count, methods=["GET"]),
        ]

    async def _receive(self, request: Request) -> Response:
        kind, team = request.url.path.split("/")[1], request.path_params["team"]
        try:
            item = read_payload(kind, team, await _json(kind, request))
        except (PayloadError, TooMuch) as error:
            self._refused.labels(kind=kind).inc()
            logger().warning("payload refused", kind=kind, team=team[:64], reason=str(error))
            return _refusal(kind, str(error), 413 if isinstance(error, TooMuch) else 400)
        self._store.add(item)
        self._account(item)
        logger().info(
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
        by: Counter[str] = Counter(f"{item.receiver} {item.status}" for item in found)
        return JSONResponse({"count": len(found), "by_receiver_and_status": dict(sorted(by.items()))})

    async def _delete(self, _request: Request) -> Response:
        return JSONResponse({"deleted": self._store.clear()})

    def home(self, _request: Request) -> Response:
        """The latest deliveries as a page for people."""
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{html.escape(str(value or ''))}"
                for value in (
                    item.received_at,
                    item.receiver,
                    item.status,
                    item.alertname,
                    item.service,
                    item.severity,
                )
            )
            + f"<td>{_link(item.runbook_url)}"
            for item in reversed(list(self._store.all())[-50:])
        )
        return HTMLResponse(
            "<!doctype html><html lang=en><meta charset=utf-8><title>Alert sink</title>"
            "<h1>Alert sink</h1><p>What Slack, Teams, PagerDuty and the ticket system would have got; "
            "<a href=/deliveries>all as JSON</a>.</p>"
            f"<table><tr><th>received<th>receiver<th>status<th>alert<th>service<th>severity<th>runbook{rows}</table></html>"
        )


def _link(url: str | None) -> str:
    if url is None or not url.startswith(("http://", "https://")):
        return html.escape(url or "")
    return f'<a href="{html.escape(url)}">{html.escape(url.rsplit("/", 1)[-1])}</a>'


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


def read_options(settings: Settings) -> Options:
    """The options. Raises SettingsError."""
    return settings.parse_options(Options)


def create_app(service: Service) -> Starlette:
    """The alert sink."""
    options = read_options(service.settings)
    sink = Sink(service, Deliveries(Path(options.data) if options.data else None))
    return service.app("Alert sink: stands in for the receivers of alerts.", sink.routes(), home=sink.home)


if __name__ == "__main__":
    run(create_app, read_options)
