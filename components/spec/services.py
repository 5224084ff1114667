"""What is observed: services, the promises they make, and how the demo ones are run."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from components.spec.base import (
    Duration,
    EndpointAddress,
    Extraction,
    JournalUnit,
    LabelValue,
    Like,
    MetricName,
    Model,
    Name,
    NotEmpty,
    Path,
    UrlPath,
)
from components.spec.kubernetes import Selector
from components.spec.logging import Multiline
from components.spec.matchers import examples
from components.spec.scraping import Access

Argument = Annotated[str, StringConstraints(min_length=1, max_length=500)]
OptionName = Annotated[
    str,
    Like(
        r"^[a-z][a-z0-9_]{0,39}$",
        "the name of an option: lower-case letters, digits and underscores, at most 40, first a letter",
    ),
]
Scalar = str | int | float | bool


class MetricsEndpoint(Access):
    """A place where a service serves metrics in the Prometheus or OpenMetrics format."""

    address: EndpointAddress | None = None
    """Where it listens; a port alone (':8000') on each of the service's hosts; a service with `run` may leave
    it out."""
    path: UrlPath = "/metrics"
    interval: Duration | None = None
    """Scrape interval; the stack's `metrics.scrape_interval` if absent."""


class LogSource(Model):
    """Log files of a service, or what a unit of its hosts writes into the journal."""

    path: Path | None = None
    """File or glob, absolute; a service with `run` may leave it out: its standard output is captured."""
    journal: JournalUnit | None = None
    """In place of `path`: a unit of systemd, as in 'nginx.service', whose messages in the journal are the
    lines. Of `text` without `multiline`, time and level are the journal's."""
    format: Literal["json", "regex", "text"] = "json"
    """`json`: one object a line, in the schema; `regex`: fields from named groups; `text`: the line is the
    message."""
    pattern: Extraction | None = None
    """For `regex`: an expression with named groups, `(?P<message>...)`."""
    multiline: Multiline | None = None
    """How a record of several lines begins, such as a stack trace."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.format == "regex") != (self.pattern is not None):
            raise ValueError("expected `pattern` with format 'regex' and only there")
        if self.path is not None and self.journal is not None:
            raise ValueError("expected `path` or `journal`, not both: each log source is read in one place")
        return self

    @property
    def captured(self) -> bool:
        """Whether it is what a service with `run` writes to its standard output."""
        return self.path is None and self.journal is None


class Traces(Model):
    """How a service sends its traces to the collector."""

    protocol: Literal["otlp-grpc", "otlp-http", "none"] = "otlp-grpc"


class MetricsIndicator(Model):
    """Which of the service's own metrics its SLOs are computed from."""

    requests: MetricName = "http_requests_total"
    errors: Annotated[
        str,
        Like(
            r'^[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"[^"\\{}\n\r]*"$',
            "one label matcher, as in 'code=~\"5..\"', without backslashes and braces",
        ),
    ] = 'code=~"5.."'
    """A matcher that picks the failed ones of `requests`, and not all of them."""
    latency: MetricName = "http_request_duration_seconds"
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

    command: Annotated[tuple[Argument, ...], NotEmpty()]
    """Argument list; `{python}` is the suite's interpreter. `--settings settings.json` is appended."""
    port_offset: Annotated[int, Field(ge=100, le=199)]
    """The port, counted from `deploy.port_base`, so that adding a service moves no other."""
    calls: tuple[Name, ...] = ()
    """Services that it calls; it gets their addresses, and starts after them."""
    redis: bool = False
    """Whether it gets the address of the stack's Redis."""
    memory_mb: Annotated[int, Field(ge=16, le=65536)] = 120
    """What it is expected to use, for the check before a deployment that the host has enough; no limit."""
    options: dict[OptionName, Scalar] = {}
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
    hosts: tuple[Name, ...] = ()
    """Names of hosts of `servers`: where it runs, or without `run` where its log files and its metrics are. A
    service with `run` that names none is on the first with the role demo."""
    selector: Selector = {}
    """On Kubernetes, for a service without `run`: labels of its pods, in any namespace, where its metrics
    with a port alone are."""
    traces: Traces = Traces()
    slo: Slo | None = Slo()
    """None (written `null`): no promise, so no alerts but `TargetDown`."""
    correlation_header: Annotated[
        str,
        Like(
            r"^[A-Za-z][A-Za-z0-9-]{0,63}$",
            "the name of a header, as in 'X-Transaction-Id': letters, digits and hyphens, first a letter",
        ),
    ] = "X-Transaction-Id"
    run: Run | None = None


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
