"""Changes of stack files, drawn by a seed: what a pull request may do to a stack, a thing or two at a time.

A change works on the `obs:spec` of a stack file as data. What the stack then refuses is not a change that
anybody can deploy: another one is drawn in its place.
"""

import copy
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from components.errors import SuiteError
from components.plan import Plan
from components.spec import Spec
from stacks.loader import KEY, STACKS, load
from targets import plan, refusals

Data = dict[str, Any]
DAYS = ("2d", "5d", "9d", "20d", "45d", "60d", "100d", "150d", "400d")
SETTINGS: dict[str, tuple[Any, ...]] = {
    "metrics.rules.error_ratio": (0.01, 0.03, 0.08, 0.125),
    "metrics.rules.error_hold": ("10s", "1m", "4m"),
    "metrics.rules.error_window": ("30s", "2m", "10m"),
    "metrics.rules.target_down": ("1m", "3m", "10m"),
    "metrics.rules.disk_free": (0.05, 0.2),
    "metrics.rules.ingestion_stalled": ("3m", "10m"),
    "metrics.rules.min_requests_per_second": (0, 0.2, 2),
    "metrics.retention.time": DAYS,
    "metrics.retention.size": ("512MiB", "2GiB", "6GiB", "7GiB"),
    "metrics.scrape_interval": ("10s", "20s", "1m"),
    "metrics.otlp": (False, True),
    "metrics.limits.samples_per_scrape": (5_000, 50_000),
    "metrics.exporters": (["opensearch"], ["node", "opensearch"], []),
    "logging.retention": DAYS,
    "logging.sampling.debug": (0.0, 0.25, 0.5),
    "logging.sampling.info": (0.2, 0.9),
    "logging.index.prefix": ("records", "log-records"),
    "logging.index.replicas": (0, 1, 2),
    "logging.index.refresh_interval": ("2s", "30s"),
    "logging.buffer.batch": (500, 5_000),
    "logging.otlp": (False, True),
    "tracing.retention": DAYS,
    "tracing.tail_sampling.keep_ratio": (0.05, 0.5, 1),
    "tracing.tail_sampling.keep_slow": ("200ms", "1s"),
    "tracing.head_sampling": (0.5, 1),
    "environment.cluster": ("blue", "green"),
    "environment.region": ("eu-2", "north"),
    "environment.team": ("payments", "warehouse"),
    "deploy.port_base": (22000, 24000),
    "deploy.retain": (False, True),
    "deploy.opensearch_heap_mb": (512, 900, 1500),
    "alerting.grouping.wait": ("2s", "20s"),
    "alerting.grouping.repeat": ("1h", "12h"),
    "alerting.dead_mans_switch.interval": ("30s", "2m"),
    "alerting.sink": (False, True),
    "aws.log_retention": ("30d", "60d", "180d"),
    "aws.archive.retention": ("90d", "730d"),
    "aws.domain.storage_gib": (100, 300),
    "aws.domain.nodes": (6,),
    "aws.domain.managers": (False, True),
    "aws.budget.monthly_usd": (500, 4_000),
    "aws.tags.cost_centre": ("shop-2", "platform"),
    "aws.images.collector": ("registry.example/obs/collector:1.0.1", "registry.example/obs/collector:2.0.0"),
    "aws.images.prometheus": ("registry.example/obs/prometheus:3.0.1",),
    "kubernetes.volumes.metrics": ("8GiB", "15GiB"),
    "kubernetes.volumes.logs": ("10GiB", "40GiB"),
    "kubernetes.ha": (False, True),
    "kubernetes.size": ("small", "large"),
    "kubernetes.grafana": (True, False),
    "kubernetes.opensearch_dashboards": (True, False),
    "kubernetes.shipper": ("fluent-bit", "collector"),
    "kubernetes.images.registry": ("registry.example/other", "mirror.example/obs"),
    "kubernetes.images.redis": ("docker.io/library/redis:6.2.20",),
    "kubernetes.ingress.host": ("obs.example.com", "pages.example.com"),
    "servers.port": (22, 2222),
}
"""Setting -> values that it may get."""

Edit = Callable[[Random, Data], str | None]
"""Changes the data, and says what; None where the stack has nothing to change so."""


def _section(data: Data, *keys: str) -> Data:
    for key in keys:
        data = data.setdefault(key, {})
    return data


def _setting(draw: Random, data: Data) -> str | None:
    name = draw.choice(sorted(SETTINGS))
    *above, last = name.split(".")
    if above[0] in ("aws", "kubernetes", "servers") and above[0] not in data:
        return None
    where, value = _section(data, *above), draw.choice(SETTINGS[name])
    if where.get(last) == value:
        return None
    where[last] = value
    return f"{name}: {value}"


def _service_comes(draw: Random, data: Data) -> str | None:
    name = f"shop-{draw.randrange(1000)}"
    owner = draw.choice(("payments", "warehouse", "shop-web"))
    made: Data = {"name": name, "owner": owner, "version": "1.2.3", "slo": None}
    if data["environment"]["target"] == "aws":
        made["metrics"] = [{"address": f"{name}.shop.internal:8000"}]
    else:
        used = {service["run"]["port_offset"] for service in data["services"] if "run" in service}
        offset = next(port for port in range(160, 199) if port not in used)
        made |= {"language": "python", "metrics": [{}], "logs": [{}]}
        made["run"] = {"command": ["{python}", "-m", "demo.payments"], "port_offset": offset}
    data["services"].append(made)
    return f"service {name} comes"


def _service_goes(draw: Random, data: Data) -> str | None:
    name = draw.choice([service["name"] for service in data["services"]])
    data["services"] = [service for service in data["services"] if service["name"] != name]
    for service in data["services"]:
        calls = service.get("run", {}).get("calls", [])
        if name in calls:
            calls.remove(name)
    return f"service {name} goes"


def _service_changes(draw: Random, data: Data) -> str | None:
    service = draw.choice(data["services"])
    what = draw.choice(("owner", "version", "slo", "port", "memory", "options", "traces", "metrics"))
    run = service.get("run")
    if what in ("port", "memory", "options") and run is None:
        return None
    if what == "owner":
        service["owner"] = draw.choice(("payments", "warehouse", "shop-web", "platform"))
    elif what == "version":
        service["version"] = f"1.{draw.randrange(99)}.0"
    elif what == "slo":
        slo = {"availability": draw.choice((99.0, 99.9)), "metrics": {"errors": 'code=~"5.."'}}
        service["slo"] = draw.choice((None, slo))
    elif what == "port":
        run["port_offset"] = draw.randrange(170, 199)
    elif what == "memory":
        run["memory_mb"] = draw.choice((90, 200, 300))
    elif what == "options":
        run["options"] = {**run.get("options", {}), "rate": draw.randrange(1, 20)}
    elif what == "traces":
        service["traces"] = {"protocol": draw.choice(("none", "otlp-http", "otlp-grpc"))}
    else:
        service["metrics"] = [{**endpoint, "interval": "45s"} for endpoint in service.get("metrics", [])]
    return f"{what} of service {service['name']}"


def _receiver(draw: Random, data: Data) -> str | None:
    receivers = data["alerting"]["receivers"]
    if draw.random() < 0.5:
        receiver = draw.choice(receivers)
        if receiver["kind"] == "slack" and draw.random() < 0.7:
            receiver["channel"] = f"#room-{draw.randrange(100)}"
        else:
            receiver["send_resolved"] = not receiver.get("send_resolved", True)
        return f"receiver {receiver['name']} changes"
    name = f"desk-{draw.randrange(100)}"
    if not receivers[0].get("to_sink"):
        return None  # where values of secrets are needed, no new ones are drawn
    receivers.append({"name": name, "kind": "ticket", "to_sink": True})
    route = {"match": {"severity": draw.choice(("warning", "critical"))}, "receiver": name}
    data["alerting"].setdefault("routes", []).append(route)
    return f"receiver {name} comes, with a route"


def _redaction(draw: Random, data: Data) -> str | None:
    rules = _section(data, "logging").setdefault("redaction", [])
    if rules and draw.random() < 0.3:
        return f"redaction {rules.pop()['name']} goes"
    name = f"numbers-{draw.randrange(100)}"
    rules.append({"name": name, "pattern": f"id-[0-9]{{{draw.randrange(4, 9)}}}", "replacement": "[id]"})
    return f"redaction {name} comes"


def _field(draw: Random, data: Data) -> str | None:
    if draw.random() < 0.4:
        _section(data, "logging", "enrichment")["site"] = draw.choice(("north", "south", "west"))
        return "a label of every record"
    name = f"detail_{draw.randrange(100)}"
    kind = draw.choice(("keyword", "long"))
    _section(data, "logging").setdefault("fields", []).append({"name": name, "type": kind})
    return f"field {name}"


def _alert(draw: Random, data: Data) -> str | None:
    alerts = _section(data, "metrics", "rules").setdefault("alerts", [])
    if alerts and draw.random() < 0.6:
        alert = draw.choice(alerts)
        alert["severity"] = {"warning": "critical", "critical": "warning"}[alert["severity"]]
        alert["hold"] = draw.choice(("3m", "7m"))
        return f"alert {alert['name']} changes"
    number = draw.randrange(1000)
    name, limit = f"QueueLong{number}", draw.randrange(5, 50)
    series = "queue_length{service='payments',env='x'}"
    alerts.append(
        {
            "name": name,
            "expr": f"max by (service, env) (queue_length) > {limit}",
            "hold": "5m",
            "severity": "warning",
            "team": draw.choice(("payments", "warehouse")),
            "summary": "The queue is long",
            "description": "Orders wait.",
            "runbook": "https://runbooks.example/queue",
            "fires": {"series": [{"series": series, "values": f"{limit + 1}x20"}], "after": "10m"},
            "silent": {"series": [{"series": series, "values": f"{limit - 1}x20"}], "after": "10m"},
        }
    )
    return f"alert {name} comes"


def _scrape_job(draw: Random, data: Data) -> str | None:
    jobs = _section(data, "metrics").setdefault("scrape_jobs", [])
    if jobs and draw.random() < 0.5:
        return f"scrape job {jobs.pop()['name']} goes"
    name = f"edge-{draw.randrange(100)}"
    jobs.append({"name": name, "targets": [f"{name}.example:9100"], "labels": {"zone": "a"}})
    return f"scrape job {name} comes"


def host_key(number: int) -> str:
    """The public key of a host that is nowhere."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + bytes([number]) * 32
    return f"{kind.decode()} {b64encode(blob).decode()}"


def _host(draw: Random, data: Data) -> str | None:
    hosts = data.get("servers", {}).get("hosts")
    if not hosts:
        return None
    what = draw.choice(("comes", "goes", "label", "address"))
    if what == "comes":
        name = f"app-{draw.randrange(2, 90)}"
        number = draw.randrange(100, 250)
        address, key = f"192.0.2.{number}", host_key(number)
        host: Data = {
            "name": name,
            "address": address,
            "roles": ["agent"],
            "host_keys": [key],
            "labels": {"rack": "b"},
        }
        hosts.append(host)
    elif what == "goes":
        host = draw.choice(hosts)
        hosts.remove(host)
    elif what == "label":
        host = draw.choice(hosts)
        host.setdefault("labels", {})["rack"] = draw.choice("abcdef")
    else:
        host = draw.choice(hosts)
        host["address"] = f"198.51.100.{draw.randrange(1, 250)}"
    return f"host {host['name']} {what}"


EDITS: tuple[Edit, ...] = (
    *(_setting,) * 8,
    _service_comes,
    _service_goes,
    _service_changes,
    _receiver,
    _redaction,
    _field,
    _alert,
    _scrape_job,
    _host,
    _host,
)
"""Dealt out like cards, so that a short walk has some of each."""


@dataclass(frozen=True)
class Moment:
    """A stack as it was at one time, and what was done to it for that."""

    said: str
    data: Data
    spec: Spec
    plan: Plan


def copied(folder: Path, stack: str) -> Path:
    """A new folder, with one stack's files in it."""
    folder.mkdir(parents=True)
    for name in (f"Pulumi.{stack}.yaml", f"hosts.{stack}.yaml", "base.yaml"):
        if (STACKS / name).is_file():
            shutil.copy(STACKS / name, folder / name)
    return folder


class Walk:
    """A stack file that changes, in a folder of its own."""

    def __init__(self, folder: Path, stack: str, seed: int) -> None:
        """`folder` has the stack's files, and may have others."""
        self.folder, self.stack = folder, stack
        self._draw = Random(f"{stack} {seed}")  # noqa: S311 - the same changes in every run
        self._dealt: list[Edit] = []
        self.refused = 0
        self.now = self.moment("as it is in the repository", self._read())

    @property
    def file(self) -> Path:
        """The stack file."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def _read(self) -> Data:
        whole: Data = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        found: Data = whole["config"][KEY]
        return found

    def write(self, data: Data) -> None:
        """As the stack's own part of the file."""
        whole: Data = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        whole["config"][KEY] = data
        self.file.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")

    def moment(self, said: str, data: Data) -> Moment:
        """What the file says, which `data` was written into."""
        spec = load(self.stack, self.folder, refusals)
        return Moment(said, data, spec, plan(spec, self.stack))

    def _deal(self) -> Edit:
        if not self._dealt:
            self._dealt = self._draw.sample(EDITS, len(EDITS))
        return self._dealt.pop()

    def changes(self, count: int) -> Iterator[tuple[Moment, Moment]]:
        """Pairs of before and after, each from what the last one left. The file is that of after."""
        made = 0
        while made < count:
            before, data = self.now, copy.deepcopy(self.now.data)
            said = [self._deal()(self._draw, data) for _ in range(self._draw.choice((1, 1, 2)))]
            if None in said or data == before.data:
                continue
            self.write(data)
            try:
                self.now = self.moment("; ".join(map(str, said)), data)
            except SuiteError:
                self.refused += 1
                self.write(before.data)
                continue
            made += 1
            yield before, self.now
