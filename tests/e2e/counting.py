"""Load on the shop of a stack on servers, and what has to come of it: each log line stored once, each trace
that is to be kept stored whole, each alert told once."""

import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from typing import Any

import pytest

from components.render.opensearch_store import span_prefix
from components.spec import Spec
from components.target import Access
from obs.describe import describe
from obs.verify.clients import Clients
from obs.verify.outcome import Unanswered
from stacks.loader import load
from targets import target_of
from tests.e2e.shop import WAIT_S, Shop
from tests.hosts.host import Host
from tests.hosts.lab import Lab
from tests.waiting import until

SERVICES = ("gateway", "orders", "payments", "inventory", "loadgen")
_KEYS = "import json, obs.outputs; print(json.dumps(dict(obs.outputs.outputs_of({stack!r})('keys@{stack}'))))"
_SENDER = """
import json, secrets, sys, threading, time, urllib.request
end = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), end.set()), daemon=True).start()
while not end.wait(0.5):
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace}-{span}-01", "X-Obs-Probe": "1", "content-type": "application/json"}
    asked = urllib.request.Request("http://127.0.0.1:%d/checkout", b"{}", headers)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            status = answer.status
    except OSError as error:
        status = getattr(error, "code", 0)
    print(json.dumps([trace, span, status]), flush=True)
"""
"""Sends requests whose traces are marked, so that each of them is kept; until its input ends."""

Line = tuple[str, str, str, str]


def reached(shop: Shop, stack: str) -> tuple[Spec, Access, Clients]:
    """A stack on servers and all that it runs, with the keys of its operator."""
    said = subprocess.run(
        [sys.executable, "-c", _KEYS.format(stack=stack)],
        cwd=shop.root,
        env=shop.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    keys: dict[str, Any] = json.loads(said.stdout)
    with pytest.MonkeyPatch.context() as patched:
        for name, value in shop.environment.items():
            patched.setenv(name, value)
        patched.setattr("stacks.loader.load", partial(load, folder=shop.root / "stacks"))
        spec, plan = describe(stack)
        access = target_of(spec).access(spec, plan, lambda _: keys)
        return spec, access, Clients(access, stack)


def silent(access: Access) -> dict[str, str]:
    """Units that do not answer, and what they say instead. Without `obs status`, of which one after another
    would take processors from those that are waited for."""
    with ThreadPoolExecutor(8) as pool:
        said = pool.map(lambda ask: ask(), access.units.values())
    return {unit: problem for unit, problem in zip(access.units, said, strict=True) if problem}


@dataclass
class Trace:
    """What is stored of a trace."""

    spans: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)


class Load:
    """Marked requests, two a second, beside those of the shop's own load generator, until it is stopped."""

    def __init__(self, lab: Lab, stack: str, spec: Spec) -> None:
        self._stack = stack
        self._spec = spec
        self._host: Host = lab["app-1"]
        self.since = _now()
        self.started = time.time()
        python = self._host.ssh("ls /opt/obs/engines/runtime/*/bin/python").split()[0]
        port = next(item.run.port_offset for item in spec.services if item.name == "gateway" and item.run)
        script = _SENDER % (spec.deploy.port_base + port)
        self._sender = subprocess.Popen(
            [*self._host.ssh_command(), f"exec {python} -c '{script}'"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.upto = ""
        self.sent: dict[str, tuple[str, int]] = {}
        """By trace: the id of the span that called, and the status of the answer."""
        self._found: defaultdict[str, Trace] = defaultdict(Trace)
        self._torn: dict[str, str] = {}

    def stop(self) -> None:
        """Send no more."""
        said, _ = self._sender.communicate("", timeout=60)
        self.upto = _now()
        for line in said.splitlines():
            trace, span, status = json.loads(line)
            self.sent[trace] = (span, status)

    def written(self) -> Counter[Line]:
        """Lines of every service's log file while it lasted; debug lines are sampled, so left out."""
        found: Counter[Line] = Counter()
        for service in SERVICES:
            at = f"/var/log/obs/{self._stack}/{service}"
            for line in self._host.ssh(f"cat {at}/*.log*").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if record["log_level"] != "debug" and self.since <= record["timestamp"] < self.upto:
                    found[_line(record)] += 1
        return found

    def stored(self, at: Clients) -> Counter[Line]:
        """The same lines in the store."""
        fields = ["service", "timestamp", "log_level", "span_id"]
        hits = at.opensearch.scan("logs-2*", self._window, fields)
        return Counter(_line(hit["_source"]) for hit in hits)

    @property
    def _window(self) -> dict[str, Any]:
        during = {"range": {"timestamp": {"gte": self.since, "lt": self.upto}}}
        ours = {"terms": {"service": SERVICES}}
        return {"bool": {"filter": [during, ours], "must_not": [{"term": {"log_level": "debug"}}]}}

    def torn(self, at: Clients) -> dict[str, str]:
        """Marked traces that are not stored whole, and why; by their ids. Asks only for those that were torn
        when it was asked last."""
        query = {"terms": {"traceID": sorted(self._torn or self.sent)}}
        fields = ["traceID", "spanID", "process.serviceName", "references"]
        for hit in at.opensearch.scan(f"{span_prefix(self._spec)}-2*", query, fields):
            source = hit["_source"]
            trace = self._found[source["traceID"]]
            trace.spans.add(source["spanID"])
            trace.services.add(source["process"]["serviceName"])
            trace.parents |= {item["spanID"] for item in source.get("references") or ()}
        well = [trace for trace, (_, status) in self.sent.items() if status == 200]
        [(whole, _)] = Counter(len(self._found[trace].spans) for trace in well).most_common(1)
        self._torn = {}
        for name, (caller, status) in self.sent.items():
            trace = self._found[name]
            if missing := trace.parents - trace.spans - {caller}:
                self._torn[name] = f"parents {missing} are missing"
            elif caller not in trace.parents:
                self._torn[name] = "its root is missing"
            elif status == 200 and len(trace.spans) < whole:
                self._torn[name] = f"{len(trace.spans)} of {whole} spans, of {sorted(trace.services)}"
        return self._torn

    def told(self, at: Clients, alert: str, program: str) -> int:
        """How often it was told that an alert on a program began, since this did. After its end it may be
        told once more: two Prometheis see the end some seconds apart."""
        states = []
        with suppress(Unanswered):
            found = at.sink.deliveries(since=self.started, alertname=alert)
            states = [item.status for item in found if item.service == program]
        return len(list(takewhile(lambda state: state == "firing", states)))

    def settle(self, at: Clients) -> None:
        """Wait until all that was written and sent is stored; then no line may be there twice."""

        def lines() -> bool:
            with suppress(Unanswered):
                written = self.written()
                enough = at.opensearch.count("logs-2*", self._window) >= sum(written.values())
                return enough and not written - self.stored(at)
            return False

        def traces() -> bool:
            with suppress(Unanswered):
                return not self.torn(at)
            return False

        until(lines, "every line is stored", seconds=WAIT_S, every=2)
        # read anew: a line may have been on its way to its file
        assert not self.stored(at) - self.written(), "lines are stored more than once"
        until(traces, "every marked trace is stored whole", seconds=WAIT_S, every=2)


def _line(record: dict[str, str]) -> Line:
    """Service, time to the microsecond, level, span: by these a line is known again."""
    span = record.get("span_id") or ""
    return record["service"], record["timestamp"][:26].rstrip("Z"), record["log_level"], span


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
