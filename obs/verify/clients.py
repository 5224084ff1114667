"""The interfaces of what runs, as few methods as the checks need.

Everything goes over the network interface that a user has; nothing reads an engine's files. An answer that
cannot be used is `Unanswered`, naming the address and what to look at.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from components.errors import SuiteError
from components.inventory import BY_NAME, password_of
from components.site import LOGIN, Listener
from components.target import Access
from obs.verify.outcome import AGAIN, Unanswered

Json = dict[str, Any]
Labels = dict[str, str]
TIMEOUT = 10.0  # seconds, per request
PAGE = 1000  # documents in one answer

NOWHERE = Listener("absent.invalid:1", ("absent.invalid:1",))
"""Where a program is that a stack does not have, as one without a sink: no check that applies asks it."""


def forever() -> float:
    """The time that is left where no run ends."""
    return math.inf


class Http:
    """One server: its name in messages, its address, and where its log is. Of several that replace each other
    (`further` addresses) the next is asked when one does not answer.

    `why` says what else is known of a connection that failed.
    `left` says how many seconds the run has left: no request takes longer, so that the run ends in time."""

    def __init__(
        self,
        name: str,
        base: str,
        stack: str,
        transport: httpx.BaseTransport | None = None,
        left: Callable[[], float] = forever,
        further: Sequence[str] = (),
        why: Callable[[], str] = str,
        **options: Any,
    ) -> None:
        self.name = name
        self._why = why
        self._bases = deque((base, *further))
        self.stack = stack
        self._left = left
        self._client = httpx.Client(transport=transport, trust_env=False, **options)

    @property
    def base(self) -> str:
        """The address that is asked next."""
        return self._bases[0]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(
        self, method: str, path: str, timeout: float = TIMEOUT, left: float | None = None, **options: Any
    ) -> httpx.Response:
        """Any answer; `Unanswered` if there is none, also if no time is left for it.

        `left` stands for what the run has left, for those who undo things after it."""
        what = path.split("?")[0]
        for last in (*[False] * (len(self._bases) - 1), True):
            limit = min(timeout, self._left() if left is None else left)
            if limit <= 0:
                raise Unanswered(f"time to ask {self.name} for {method} {what}", "none left", AGAIN)
            try:
                return self._client.request(method, f"{self.base}{path}", timeout=limit, **options)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if last:
                    known = self._why()
                    raise Unanswered(
                        f"{self.name} to answer at {self.base}{what}",
                        f"{type(error).__name__}: {known or error}",
                        f"See `obs status {self.stack}` and `obs logs {self.name}`.",
                    ) from None
                self._bases.rotate(-1)
        raise AssertionError("the last raises")

    def json(self, method: str, path: str, accept: tuple[int, ...] = (200,), **options: Any) -> Any:
        """The JSON of an answer with one of the statuses in `accept`; `Unanswered` otherwise."""
        answer = self.request(method, path, **options)
        if answer.status_code not in accept:
            raise Unanswered(
                f"{self.name} to answer {method} {path.split('?')[0]} with {accept[0]}",
                f"{answer.status_code}: {answer.text[:300]}",
                f"See `obs logs {self.name}`.",
            )
        try:
            return answer.json()
        except ValueError:
            raise Unanswered(
                f"JSON from {self.name} for {method} {path.split('?')[0]}",
                repr(answer.text[:200]),
                f"See `obs logs {self.name}`.",
            ) from None


@dataclass(frozen=True)
class Exemplar:
    """An exemplar and the series that it hangs on."""

    series: Labels
    trace_id: str


class Prometheus(Http):
    """Its HTTP interface, version 1."""

    def _data(self, path: str, params: Any = None) -> Any:
        return self.json("GET", f"/api/v1/{path}", params=params)["data"]

    def vector(self, expression: str) -> list[tuple[Labels, float]]:
        """The series of an instant query, now."""
        result = self._data("query", {"query": expression})["result"]
        return [(item["metric"], float(item["value"][1])) for item in result]

    def total(self, selector: str) -> float:
        """The values of a selector's series, added up; 0 without series."""
        return sum(value for _, value in self.vector(selector))

    def exemplars(self, selector: str, start: float, end: float) -> list[Exemplar]:
        """Exemplars between two times (seconds since the epoch)."""
        found = self._data("query_exemplars", {"query": selector, "start": start, "end": end})
        return [
            Exemplar(item["seriesLabels"], exemplar["labels"].get("trace_id", ""))
            for item in found
            for exemplar in item["exemplars"]
        ]

    def targets(self) -> list[Json]:
        """Active scrape targets."""
        found: list[Json] = self._data("targets", {"state": "active"})["activeTargets"]
        return found

    def formatted(self, expression: str) -> str:
        """An expression in the form that it gives all."""
        return str(self._data("format_query", {"query": expression}))

    def alertmanagers(self) -> list[str]:
        """Addresses of the Alertmanagers that it sends to."""
        return [item["url"] for item in self._data("alertmanagers")["activeAlertmanagers"]]

    def rules(self) -> list[Json]:
        """Rules with their health, each with its group's name under `group`."""
        groups = self._data("rules")["groups"]
        return [
            {**rule, "group": group["name"], "interval": group.get("interval")}
            for group in groups
            for rule in group["rules"]
        ]

    def alerts(self, name: str, service: str) -> list[Json]:
        """Pending and firing alerts of a name about a service."""
        return [
            alert
            for alert in self._data("alerts")["alerts"]
            if alert["labels"].get("alertname") == name and alert["labels"].get("service") == service
        ]

    def everything(self, start: float, end: float) -> str:
        """All series and exemplars between two times, as text to be searched."""
        times: Json = {"start": start, "end": end}
        parts = [
            self.request("GET", "/api/v1/series", params={"match[]": '{__name__=~".+"}', **times}),
            self.request("GET", "/api/v1/query_exemplars", params={"query": '{__name__=~".+"}', **times}),
        ]
        for part in parts:
            if part.status_code != 200:
                raise Unanswered(
                    "Prometheus to list all series and exemplars",
                    f"{part.status_code}: {part.text[:300]}",
                    "See `obs logs prometheus`.",
                )
        return "\n".join(part.text for part in parts)


class Alertmanager(Http):
    """Its HTTP interface, version 2."""

    def alerts(self) -> list[Json]:
        """Alerts that it knows now."""
        found: list[Json] = self.json("GET", "/api/v2/alerts")
        return found

    def configuration(self) -> str:
        """What it was given, as it has read it: complete, without secrets."""
        return str(self.json("GET", "/api/v2/status")["config"]["original"])

    def knows(self, name: str, service: str) -> bool:
        """Whether it knows an alert of a name about a service."""
        return any(
            alert["labels"].get("alertname") == name and alert["labels"].get("service") == service
            for alert in self.alerts()
        )


class OpenSearch(Http):
    """Its search interface, as the user `opensearch-reader`."""

    def scan(self, index: str, query: Json, source: list[str] | None = None) -> Iterator[Json]:
        """All documents of an index pattern that match, as hits with `_index`, `_id` and `_source`."""
        body: Json = {"query": query, "size": PAGE, "sort": ["_doc"]}
        if source is not None:
            body["_source"] = source
        answer = self.json("POST", f"/{index}/_search?scroll=1m&ignore_unavailable=true", json=body)
        scroll = answer.get("_scroll_id")
        try:
            while hits := answer["hits"]["hits"]:
                yield from hits
                if len(hits) < PAGE or not scroll:
                    break
                more = {"scroll": "1m", "scroll_id": scroll}
                answer = self.json("POST", "/_search/scroll", json=more)
                scroll = answer.get("_scroll_id", scroll)
        finally:
            if scroll:
                self.request("DELETE", "/_search/scroll", json={"scroll_id": [scroll]})

    def count(self, index: str, query: Json) -> int:
        """How many documents match."""
        path = f"/{index}/_count?ignore_unavailable=true"
        return int(self.json("POST", path, json={"query": query})["count"])


@dataclass(frozen=True)
class Span:
    """A stored span. `parent` is the id of its parent, None for a root; `tags` by name, as text."""

    trace_id: str
    span_id: str
    parent: str | None
    service: str
    operation: str
    tags: Labels


class Jaeger(Http):
    """Its query interface, as its own page uses it."""

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of a trace; none if it is not stored."""
        answer = self.json("GET", f"/api/traces/{trace_id}", accept=(200, 404))
        found = answer.get("data") or []
        return [
            Span(
                trace_id=item["traceID"],
                span_id=item["spanID"],
                parent=next(
                    (ref["spanID"] for ref in item.get("references", ()) if ref["refType"] == "CHILD_OF"),
                    None,
                ),
                service=trace["processes"][item["processID"]]["serviceName"],
                operation=item["operationName"],
                tags={tag["key"]: str(tag["value"]) for tag in item.get("tags", ())},
            )
            for trace in found
            for item in trace["spans"]
        ]


@dataclass(frozen=True)
class Delivery:
    """A notification as the sink got it. `receiver` is the receiver's name in the stack."""

    receiver: str
    status: str
    alertname: str | None
    service: str | None
    runbook_url: str | None
    summary: str
    received_at: str


class Sink(Http):
    """The stack's own alert sink."""

    def deliveries(self, since: float | None = None, alertname: str | None = None) -> list[Delivery]:
        """Notifications since a time (seconds since the epoch), oldest first."""
        wanted = {"since": since, "alertname": alertname}
        params = {key: value for key, value in wanted.items() if value is not None}
        found = self.json("GET", "/deliveries", params=params)["deliveries"]
        return [
            Delivery(
                receiver=item["team"],
                status=item["status"],
                alertname=item["alertname"],
                service=item["service"],
                runbook_url=item["runbook_url"],
                summary=item["summary"],
                received_at=item["received_at"],
            )
            for item in found
        ]


class Clients:
    """Everything that a stack offers."""

    def __init__(
        self,
        access: Access,
        stack: str,
        transport: httpx.BaseTransport | None = None,
        left: Callable[[], float] = forever,
    ) -> None:
        self._stack = stack
        self._transport = transport
        self._left = left
        self._services: dict[str, Http] = {}
        self._tls: Json = {} if transport else {"verify": _tls(access, stack, access.identity)}

        self._reach = access.reach

        def at(program: str) -> Json:
            listener = access.site.listeners.get(BY_NAME[program].api, NOWHERE)
            return {**self._common, "name": program, **self._at(listener.tls, *listener.dial)}

        self.prometheus = Prometheus(**at("prometheus"))
        self.alertmanager = Alertmanager(**at("alertmanager"))
        self.jaeger = Jaeger(**at("jaeger"))
        name = access.site.password
        login: Json = {"auth": (LOGIN, _given(access.secret, stack, name))} if name else {}
        self.sink = Sink(**at("sink"), **login)
        self.pages = Http(**at("pages"), **login)
        auth = (access.reader, _given(access.secret, stack, password_of("reader")))
        # a store of another stack's knows no certificate of ours, and refuses whoever shows one
        stranger: Json = {"verify": _tls(access, stack, None)} if self._tls and access.site.authority else {}
        self.opensearch = OpenSearch(**{**at("opensearch"), **stranger}, auth=auth)

    @property
    def _common(self) -> Json:
        """What all are told."""
        told = {"stack": self._stack, "transport": self._transport, "left": self._left}
        return {**told, **self._tls}

    def _at(self, tls: bool, *addresses: str) -> Json:
        """Where one is asked that replace each other."""
        scheme, reach = "https" if tls else "http", self._reach
        first, *further = (f"{scheme}://{reach(one) if reach else one}" for one in addresses)
        told: Json = {"base": first, "further": further}
        return {**told, "why": partial(reach.why, addresses[0])} if reach else told

    def service(self, name: str, listener: Listener) -> Http:
        """A service with `run`, or another listener that speaks HTTP."""
        return self.instance(name, listener.dial[0], tls=listener.tls)

    def instance(self, name: str, address: str, *, tls: bool) -> Http:
        """One of several of a service."""
        if address not in self._services:
            self._services[address] = Http(name, **self._common, **self._at(tls, address))
        return self._services[address]

    def close(self) -> None:
        """Close all connections."""
        fixed = (self.prometheus, self.alertmanager, self.jaeger, self.sink, self.pages, self.opensearch)
        for client in (*fixed, *self._services.values()):
            client.close()


def _given(ask: Callable[..., str], stack: str, *names: str) -> str:
    try:
        return ask(*names)
    except SuiteError as error:
        what = f"the secret {names[0]}" if names else "the certificate authority"
        raise Unanswered(f"{what} of the stack", str(error), f"Run `obs up {stack}`.") from None


def _tls(access: Access, stack: str, identify: Callable[[], tuple[str, str]] | None) -> Any:
    """Trusts the stack's authority, and shows who we are where the stack asks for that."""
    import ssl
    import tempfile

    authority = _given(access.authority, stack)
    identity = identify() if identify else None
    try:
        context = ssl.create_default_context(cadata=authority)
        if identity:
            with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:  # ssl reads files only
                file.write("".join(identity))
                file.flush()
                context.load_cert_chain(file.name)
    except (ValueError, ssl.SSLError) as error:
        what = "the certificate of the stack's own authority"
        raise Unanswered(what, str(error), f"Run `obs up {stack}`.") from None
    return context
