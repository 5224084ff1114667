"""What is observed: services, the promises they make, and how the demo ones are run."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from components.spec.base import Duration, Extraction, HostPort, LabelValue, Model, Name, Path
from components.spec.matchers import examples

Argument = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Scalar = str | int | float | bool


class MetricsEndpoint(Model):
    """A place where a service serves metrics in the Prometheus or OpenMetrics format."""

    address: HostPort | None = None
    """Where it listens; a service with `run` may leave it out."""
    path: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=200)] = "/metrics"
    interval: Duration | None = None
    """Scrape interval; the stack's `metrics.scrape_interval` if absent."""


class LogSource(Model):
    """Log files of a service."""

    path: Path | None = None
    """File or glob, absolute; a service with `run` may leave it out: its standard output is captured."""
    format: Literal["json", "regex", "text"] = "json"
    """`json`: one object a line, in the schema; `regex`: fields from named groups; `text`: the line is the
    message."""
    pattern: Extraction | None = None
    """For `regex`: an expression with named groups, `(?P<message>...)`."""

    @model_validator(mode="after")
    def _pattern_goes_with_regex(self) -> Self:
        if (self.format == "regex") != (self.pattern is not None):
            raise ValueError("expected `pattern` with format 'regex' and only there")
        if self.path is not None and not self.path.startswith("/"):
            raise ValueError("expected `path` to be absolute")
        return self


class Traces(Model):
    """How a service sends its traces to the collector."""

    protocol: Literal["otlp-grpc", "otlp-http", "none"] = "otlp-grpc"


class MetricsIndicator(Model):
    """Which of the service's own metrics its SLOs are computed from."""

    requests: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")] = "http_requests_total"
    errors: Annotated[
        str, StringConstraints(pattern=r'^[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"[^"\\{}\n\r]*"$')
    ] = 'code=~"5.."'
    """A matcher that picks the failed ones of `requests`, and not all of them."""
    latency: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")] = (
        "http_request_duration_seconds"
    )
    """A histogram in seconds; `latency.threshold` must be one of its bucket bounds."""

    @field_validator("errors")
    @classmethod
    def _tells_requests_apart(cls, value: str) -> str:
        examples(value)
        return value


class LatencyObjective(Model):
    """That a share of requests is answered within a time."""

    threshold: Duration = "500ms"
    target: Annotated[float, Field(gt=0.0, lt=100.0)] = 99.0
    """Per cent of requests within the threshold."""


class Slo(Model):
    """What a service promises, over 30 days; the alerts are burn rates of these promises."""

    availability: Annotated[float, Field(gt=0.0, lt=100.0)] = 99.5
    """Per cent of requests that do not fail."""
    latency: LatencyObjective = LatencyObjective()
    metrics: MetricsIndicator | None = None
    """Compute from these metrics of the service; if absent, from its server spans (needs `traces`)."""


class Run(Model):
    """A service that the stack itself starts; without `run` it is only observed."""

    command: Annotated[tuple[Argument, ...], Field(min_length=1)]
    """Argument list; `{python}` is the suite's interpreter. `--settings settings.json` is appended."""
    port_offset: Annotated[int, Field(ge=100, le=199)]
    """The port, counted from `deploy.port_base`, so that adding a service moves no other."""
    calls: tuple[Name, ...] = ()
    """Services that it calls; it gets their addresses, and starts after them."""
    redis: bool = False
    """Whether it gets the address of the stack's Redis."""
    memory_mb: Annotated[int, Field(ge=16, le=65536)] = 120
    """What it is expected to use, for the check before a deployment that the host has enough; no limit."""
    options: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Scalar] = {}
    """Settings of its own, passed on as they are."""


class Service(Model):
    """One observed service."""

    name: Name
    owner: Name
    """A team of `alerting.teams`: it gets this service's alerts."""
    language: Literal["python", "java", "node", "go", "rust", "dotnet", "other"] = "other"
    version: LabelValue = "0"
    metrics: tuple[MetricsEndpoint, ...] = ()
    logs: tuple[LogSource, ...] = ()
    traces: Traces = Traces()
    slo: Slo | None = Slo()
    """None (written `null`): no promise, so no alerts but `TargetDown`."""
    correlation_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")] = (
        "X-Transaction-Id"
    )
    run: Run | None = None

    @model_validator(mode="after")
    def _places_are_known(self) -> Self:
        if self.run is None:
            for index, endpoint in enumerate(self.metrics):
                if endpoint.address is None:
                    raise ValueError(f"expected metrics.{index}.address, since the service has no `run`")
            for index, source in enumerate(self.logs):
                if source.path is None:
                    raise ValueError(f"expected logs.{index}.path, since the service has no `run`")
        if self.slo is not None and self.slo.metrics is None and self.traces.protocol == "none":
            raise ValueError("expected slo.metrics, or slo: null, since there are no traces")
        if self.slo is not None and self.slo.metrics is not None and not self.metrics:
            raise ValueError("expected `metrics`, since slo.metrics names metrics of the service")
        return self


__all__ = [
    "LatencyObjective",
    "LogSource",
    "MetricsEndpoint",
    "MetricsIndicator",
    "Run",
    "Service",
    "Slo",
    "Traces",
]
