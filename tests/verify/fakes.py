"""A small stack in memory that answers the interfaces the checks use, with faults of its own.

What is put into `World.broken` goes wrong; the names stand where they act. Only waiting lets time pass.
"""

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from components.site import runbooks
from components.spec import Service, Spec
from components.target import Access, Bound, Lacks
from obs.verify.clients import Clients
from obs.verify.context import Context
from tests import specs
from tests.verify.clocks import FakeClock, FastClock
from tests.verify.engines import Engines
from tests.verify.queries import Json
from vsi.site import local_site

HOLD = 5.0  # seconds until a cause raises, or ends, its alert


def shop_spec(**changes: Any) -> Spec:
    """The demo shop with the times of a workstation."""
    basis: Json = {
        "metrics": {
            "scrape_interval": "5s",
            "scrape_timeout": "4s",
            "evaluation_interval": "5s",
            "rules": {"error_window": "1m", "error_hold": "10s"},
        },
        "alerting": {"grouping": {"wait": "2s", "interval": "10s", "repeat": "4h"}},
        "tracing": {
            "tail_sampling": {
                "keep_attributes": [{"key": "obs.probe", "value": True}],
                "keep_ratio": 0.2,
                "decision_wait": "5s",
            }
        },
    }
    return specs.spec(**specs._merge(basis, changes))


class World:
    """The stack. Its own state is what the interfaces show."""

    def __init__(self, spec: Spec, folder: Path, *broken: str) -> None:
        self.spec = spec
        self.folder = folder
        self.broken = set(broken)
        self.delay = 0.0
        """Seconds that every answer takes."""
        self.clock: FakeClock | FastClock = FakeClock()
        self.clock.step = self.step
        self.lock = threading.RLock()
        self.faults: dict[tuple[str, str], Json] = {}
        self.logs: list[Json] = []
        self.spans: list[Json] = []
        self.requests: dict[str, int] = {}
        self.pushed: list[dict[str, str]] = []
        """Series that were pushed."""
        self.exemplars: dict[str, str] = {}
        self.firing: dict[tuple[str, str], float] = {}
        self.cause: dict[tuple[str, str], float] = {}
        self.deliveries: list[Json] = []
        self.sampled = 0
        self.card = ""
        self.ids = 0
        engines, at = Engines(self), local_site(spec)
        self.handlers: dict[int, Callable[[httpx.Request], httpx.Response]] = {
            at.port("prometheus"): engines.prometheus,
            at.port("alertmanager"): engines.alertmanager,
            at.port("opensearch"): engines.opensearch,
            at.port("jaeger-query-http"): engines.jaeger,
            at.port("sink"): engines.sink,
            at.port("pages"): engines.pages,
        }
        if at.has("collector-otlp-http"):
            self.handlers[at.port("collector-otlp-http")] = engines.collector
        self.services = {item.name: item for item in spec.services if item.run}
        for item in self.services.values():
            self.handlers[at.service(item).port] = lambda request, item=item: self.service(item, request)  # type: ignore[misc]
        if "watchdog silent" not in self.broken:
            self.deliver("watchdog", "firing", "DeadMansSwitch", None)

    def context(self, whole: float = 300) -> Context:
        """A run against this world, its checks with so many seconds."""
        transport = httpx.MockTransport(self.answer)
        outside = [Bound("redis", "192.0.2.7", 21012)] if "open socket" in self.broken else []
        here = [] if "other processes" in self.broken else [Bound("prometheus", "127.0.0.1", 21000)]
        java = [Bound("java", "::ffff:127.0.0.1", 21010)]
        ends = self.clock.monotonic() + whole
        access = Access(
            site=local_site(self.spec),
            secret=lambda _name: "secret",
            authority=lambda: "",
            identity=None,
            units={
                "prometheus": lambda: "",
                "jaeger": lambda: "refused" if "unit down" in self.broken else "",
            },
            log=self.written,
            sockets=lambda: [*here, *java, *outside],
        )
        return Context(
            spec=self.spec,
            stack="local",
            access=access,
            clients=Clients(access, "local", transport, left=lambda: ends - self.clock.monotonic()),
            clock=self.clock,
            ends=ends,
            whole=whole,
            started=self.clock.now(),
        )

    def written(self, service: str) -> list[str]:
        if "no log files" in self.broken:
            raise Lacks("a service's output is kept in no file here")
        file = self._file(service)
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.delay:
            patience: float = request.extensions["timeout"]["read"]
            self.clock.wait(min(self.delay, patience))
            if patience < self.delay:
                raise httpx.ReadTimeout("no answer in time", request=request)
        with self.lock:
            return self.handlers[request.url.port or 0](request)

    def _file(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def _next(self, digits: int) -> str:
        self.ids += 1
        return f"{self.ids:0{digits}x}"

    # --- the services

    def service(self, service: Service, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.strip("/").split("/")
        if parts[0] == "faults":
            if "no demo" in self.broken:
                return httpx.Response(404, text="not found")
            if request.method == "PUT":
                if "fault refused" in self.broken:
                    return httpx.Response(422, json={"error": "no"})
                self.faults[service.name, parts[1]] = json.loads(request.content)
                self.card = self.faults[service.name, parts[1]].get("value", self.card)
                if parts[1] == "log-flood":
                    for _ in range(20):
                        self.line(service.name, "", "", "", "flood of logs")
            if request.method == "DELETE":
                self.faults.pop((service.name, parts[1]), None)
            return httpx.Response(200, json={"active": {}, "known": ["errors"]})
        if parts[0] == "checkout":
            return self.checkout(service, request)
        return httpx.Response(404)

    def checkout(self, entry: Service, request: httpx.Request) -> httpx.Response:
        if "ingress fails" in self.broken:
            return httpx.Response(500, json={"error": "no"})
        probe = request.headers.get("X-Obs-Probe") == "1"
        given = request.headers.get("traceparent")
        trace_id = given.split("-")[1] if given else self._next(32)
        transaction = f"tx-{self._next(4)}"
        slow = max((fault["ms"] for (_, name), fault in self.faults.items() if name == "latency"), default=0)
        if "latency ignored" not in self.broken:
            self.clock.elapsed += slow / 1000
        failing = any(name == "errors" for _, name in self.faults) and "errors ignored" not in self.broken
        self.requests[entry.name] = self.requests.get(entry.name, 0) + 1
        spans: list[Json] = []
        self.visit(entry, None, trace_id, transaction, spans)
        if "exemplars missing" not in self.broken:
            self.exemplars[entry.name] = trace_id
        if self.kept(probe, slow > 400, failing):
            self.spans += spans
        return httpx.Response(
            502 if failing else 200,
            json={"trace_id": trace_id},
            headers={entry.correlation_header: "" if "no correlation id" in self.broken else transaction},
        )

    def kept(self, probe: bool, slow: bool, failed: bool) -> bool:
        if probe:
            return "probes not kept" not in self.broken
        if slow:
            return "slow not kept" not in self.broken
        if failed:
            return "failed not kept" not in self.broken
        if "calls fail unseen" in self.broken:
            return True
        self.sampled += 1
        return "rest all kept" in self.broken or (
            "rest not kept" not in self.broken
            and self.sampled % round(1 / self.spec.tracing.tail_sampling.keep_ratio) == 0
        )

    def visit(
        self, service: Service, parent: str | None, trace_id: str, transaction: str, spans: list[Json]
    ) -> None:
        name = service.name
        span_id = self._next(16)
        if not (name == "payments" and "payments not traced" in self.broken):
            broken_link = name == "payments" and "context lost" in self.broken
            tags = {"transaction.id": "other" if "transaction differs" in self.broken else transaction}
            spans.append(self.span(trace_id, span_id, None if broken_link else parent, name, tags))
        if "calls fail unseen" in self.broken:
            spans[-1]["tags"].append({"key": "error", "type": "bool", "value": "true"})
        cards = self.faults.get((name, "card-numbers"))
        self.line(name, trace_id, span_id, transaction, "request served")
        if cards:
            number = cards["value"]
            dashed = "-".join(number[i : i + 4] for i in range(0, 16, 4))
            note = dashed if self.broken & {"span leaks", "not redacted"} else self.redact(dashed)
            if "spans not marked" in self.broken:
                note = ""
            spans.append(self.span(trace_id, self._next(16), span_id, name, {"card": note}))
            text = f"charging card {dashed}"
            self.line(name, trace_id, span_id, transaction, text, number)
        for callee in service.run.calls if service.run else ():
            client = self._next(16)
            if not (callee == "payments" and "payments not traced" in self.broken):
                spans.append(self.span(trace_id, client, span_id, name, {}))
            self.visit(self.services[callee], client, trace_id, transaction, spans)

    def redact(self, text: str) -> str:
        rule = self.spec.logging.redaction[0]
        return re.sub(r"\d(?:[ -]?\d){15}", rule.replacement, text)

    def span(
        self, trace_id: str, span_id: str, parent: str | None, service: str, tags: dict[str, str]
    ) -> Json:
        references = [{"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent}] if parent else []
        return {
            "traceID": trace_id,
            "spanID": span_id,
            "references": references,
            "operationName": "work",
            "startTimeMillis": int(self.clock.now() * 1000),
            "tags": [{"key": key, "type": "string", "value": value} for key, value in tags.items()],
            "process": {"serviceName": service},
        }

    def line(
        self, service: str, trace: str, span: str, transaction: str, text: str, number: str = ""
    ) -> None:
        """A line in the service's file, and its document in the store."""
        stamp = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        self.ids += 1
        written = {
            "timestamp": f"{stamp}.{self.ids % 1_000_000:06d}Z",
            "log_level": "info",
            "message": text,
            "service": service,
            "trace_id": trace,
            "span_id": span,
            "transaction_id": transaction,
            "env": self.spec.environment.name,
            "cluster": self.spec.environment.cluster,
        }
        with self._file(service).open("a", encoding="utf-8") as file:
            file.write(json.dumps(written) + "\n")
        stored: Json = {
            **written,
            "message": self.redact(text),
            "timestamp": written["timestamp"][:-1] + "000Z",
        }
        if number:
            stored["payment"] = {
                "number": number if self.broken & {"log leaks", "not redacted"} else self.redact(number)
            }
        if "field missing" in self.broken and service == "orders":
            del stored["cluster"]
        if "wrong env" in self.broken:
            stored["env"] = "prod"
        if "span unknown" in self.broken:
            stored["span_id"] = "f" * 16
        if "payments not logged" in self.broken and service == "payments":
            return
        if "line lost" in self.broken and self.ids % 7 == 0:
            return
        self.logs.append(stored)
        if "line doubled" in self.broken and self.ids % 7 == 0:
            self.logs.append(stored)

    # --- alerts

    def step(self) -> None:
        """Alerts follow their causes."""
        with self.lock:
            causes = set()
            if "errors ignored" not in self.broken:
                causes |= {("ServiceErrorRatioHigh", s) for s, name in self.faults if name == "errors"}
            causes |= {("ForbiddenLabelsDropped", s) for s, name in self.faults if name == "label-explosion"}
            if "alerts silent" in self.broken:
                causes = set()
            now = self.clock.now()
            for key in causes - self.cause.keys():
                self.cause[key] = now
            for key, since in list(self.cause.items()):
                if key in causes and key not in self.firing and now - since >= HOLD:
                    self.firing[key] = now
                    self.notify("firing", *key)
                if key not in causes:
                    del self.cause[key]
            for key in list(self.firing):
                if key not in causes and "alert stays" not in self.broken:
                    del self.firing[key]
                    self.notify("resolved", *key)

    def notify(self, status: str, alert: str, service: str) -> None:
        owner = self.services[service].owner
        receiver = next(team.receiver for team in self.spec.alerting.teams if team.name == owner)
        if "wrong receiver" in self.broken:
            receiver = "platform-pagerduty"
        if "undelivered" in self.broken or (status == "resolved" and "end untold" in self.broken):
            return
        for _ in range(2 if "delivered twice" in self.broken and status == "firing" else 1):
            self.deliver(receiver, status, alert, service)

    def deliver(self, receiver: str, status: str, alert: str, service: str | None) -> None:
        age = 3600 if "watchdog late" in self.broken and receiver == "watchdog" else 0
        stamp = datetime.fromtimestamp(self.clock.now() - age, UTC).isoformat()
        page = f"{runbooks(self.spec, local_site(self.spec))}docs/runbooks/{alert}.md"
        link = None if "no runbook" in self.broken else page
        self.deliveries.append(
            {
                "team": receiver,
                "status": status,
                "alertname": alert,
                "service": service,
                "runbook_url": link,
                "summary": "" if "no runbook" in self.broken else f"Runbook: {page}",
                "received_at": stamp,
            }
        )
