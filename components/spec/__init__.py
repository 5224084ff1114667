"""The model of a stack: what one environment's observability shall be, validated once, frozen, no secret in it.

Built by `stacks.loader`; read by `components.render` and the targets' plans. A module a pillar.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.spec.alerting import Alerting, Receiver, Route, Team
from components.spec.base import LabelName, LabelValue, Model, Name, duplicates, milliseconds, size_bytes
from components.spec.logging import Logging
from components.spec.metrics import AlertRule, Metrics
from components.spec.services import Service
from components.spec.tracing import Tracing

RESERVED_UNITS = (
    "alertmanager", "collector", "housekeeper", "jaeger", "node-exporter", "opensearch",
    "prometheus", "redis", "redis-exporter", "sink",
)  # fmt: skip
"""Names of the stack's own units, which no service may have."""


class Environment(Model):
    """What every signal is labelled with, and where the stack goes."""

    name: Name
    tier: Literal["dev", "test", "staging", "prod"]
    target: Literal["local", "vsi", "kubernetes", "aws"]
    cluster: LabelValue
    region: LabelValue
    team: Name

    @property
    def labels(self) -> dict[str, str]:
        """The labels on every signal: env, cluster, region, team."""
        return {"env": self.name, "cluster": self.cluster, "region": self.region, "team": self.team}


class Deploy(Model):
    """How the stack stands on its host."""

    port_base: Annotated[int, Field(ge=1024, le=65000)] = 21000
    """All ports are counted from here; the environment variable OBS_PORT_BASE overrides it."""
    retain: bool = True
    """Whether `destroy` keeps data."""
    opensearch_heap_mb: Annotated[int, Field(ge=256, le=31_000)] = 768


class SecretSource(Model):
    """Where the value of a named secret comes from; the value itself never stands in a stack file."""

    name: Name
    source: Literal["generated", "environment", "config"]
    """`generated`: made on the host once; `environment`: the variable `key` where `obs` runs; `config`: the
    Pulumi secret `obs:<key>`."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,79}$")] | None = None

    @model_validator(mode="after")
    def _key_where_needed(self) -> Self:
        if (self.source == "generated") != (self.key is None):
            raise ValueError("expected `key` with source 'environment' or 'config' and only there")
        return self


class Spec(Model):
    """One environment's stack, whole."""

    environment: Environment
    deploy: Deploy = Deploy()
    secrets: tuple[SecretSource, ...] = ()
    services: tuple[Service, ...] = ()
    metrics: Metrics = Metrics()
    alerting: Alerting
    logging: Logging = Logging()
    tracing: Tracing = Tracing()

    def problems(self) -> list[tuple[tuple[str | int, ...], object, str]]:
        """What does not fit together across parts: (key path, value, what was expected)."""
        found: list[tuple[tuple[str | int, ...], object, str]] = []
        teams = [team.name for team in self.alerting.teams]
        receivers = [receiver.name for receiver in self.alerting.receivers]
        services = {service.name: service for service in self.services}
        secrets = [secret.name for secret in self.secrets]

        def once(path: tuple[str | int, ...], names: list[str]) -> None:
            for name in duplicates(names):
                found.append((path, name, "expected each name once"))

        def known(path: tuple[str | int, ...], name: str, names: list[str], what: str) -> None:
            if name not in names:
                offered = ", ".join(sorted(names)) or "none is defined"
                found.append((path, name, f"expected the name of a {what}: {offered}"))

        once(("alerting", "teams"), teams)
        once(("alerting", "receivers"), receivers)
        once(("services",), [service.name for service in self.services])
        once(("secrets",), secrets)
        once(("logging", "inputs"), [item.name for item in self.logging.inputs] + list(services))
        once(("metrics", "scrape_jobs"), [job.name for job in self.metrics.scrape_jobs] + list(services))
        once(("metrics", "rules", "alerts"), [rule.name for rule in self.metrics.rules.alerts])
        for index, team in enumerate(self.alerting.teams):
            known(("alerting", "teams", index, "receiver"), team.receiver, receivers, "receiver")
        known(("alerting", "platform_team"), self.alerting.platform_team, teams, "team")
        known(
            ("alerting", "dead_mans_switch", "receiver"),
            self.alerting.dead_mans_switch.receiver, receivers, "receiver",
        )  # fmt: skip
        for index, route in enumerate(self.alerting.routes):
            known(("alerting", "routes", index, "receiver"), route.receiver, receivers, "receiver")
        for index, receiver in enumerate(self.alerting.receivers):
            if receiver.secret is not None:
                known(("alerting", "receivers", index, "secret"), receiver.secret, secrets, "secret")
            if receiver.to_sink and not self.alerting.sink:
                found.append(
                    (("alerting", "receivers", index, "to_sink"), True, "expected alerting.sink: true")
                )
        for index, rule in enumerate(self.metrics.rules.alerts):
            known(("metrics", "rules", "alerts", index, "team"), rule.team, teams, "team")
        offsets: dict[int, str] = {}
        for index, service in enumerate(self.services):
            here: tuple[str | int, ...] = ("services", index)
            known((*here, "owner"), service.owner, teams, "team")
            if service.name in RESERVED_UNITS:
                found.append(((*here, "name"), service.name, "expected a name that no unit of the stack has"))
            for position, endpoint in enumerate(service.metrics):
                interval = endpoint.interval
                if interval and milliseconds(interval) < milliseconds(self.metrics.scrape_timeout):
                    path = (*here, "metrics", position, "interval")
                    found.append((path, interval, "expected at least metrics.scrape_timeout"))
            slo = service.slo
            if slo and slo.metrics is None and slo.latency.threshold not in self.tracing.span_metrics.buckets:
                offered = ", ".join(self.tracing.span_metrics.buckets)
                path = (*here, "slo", "latency", "threshold")
                found.append(
                    (path, slo.latency.threshold, f"expected one of tracing.span_metrics.buckets: {offered}")
                )
            otlp = self.tracing.otlp
            if (service.traces.protocol == "otlp-grpc" and not otlp.grpc) or (
                service.traces.protocol == "otlp-http" and not otlp.http
            ):
                path = (*here, "traces", "protocol")
                found.append((path, service.traces.protocol, "expected a protocol that tracing.otlp opens"))
            if service.run is None:
                continue
            if service.run.port_offset in offsets:
                path = (*here, "run", "port_offset")
                other = offsets[service.run.port_offset]
                found.append(
                    (path, service.run.port_offset, f"expected an offset of its own; {other} has it")
                )
            offsets[service.run.port_offset] = service.name
            for position, callee in enumerate(service.run.calls):
                runnable = [name for name, other in services.items() if other.run and name != service.name]
                known((*here, "run", "calls", position), callee, runnable, "service with `run`")
        for name in _cycle(services):
            found.append((("services",), name, "expected no circle in run.calls"))
        return found


def _cycle(services: dict[str, Service]) -> list[str]:
    """The services that stand on a circle of calls, sorted."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            run = services[todo.pop()].run
            for name in run.calls if run else ():
                if name in services and name not in seen:
                    seen.add(name)
                    todo.append(name)
        return seen

    return sorted(name for name in services if name in reachable(name))


__all__ = [
    "RESERVED_UNITS",
    "AlertRule",
    "Alerting",
    "Deploy",
    "Environment",
    "LabelName",
    "Logging",
    "Metrics",
    "Receiver",
    "Route",
    "SecretSource",
    "Service",
    "Spec",
    "Team",
    "Tracing",
    "milliseconds",
    "size_bytes",
]
