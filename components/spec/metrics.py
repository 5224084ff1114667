"""The metrics pillar: what is scraped, kept, limited and judged."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from components.spec.base import (
    Duration,
    HostPort,
    LabelName,
    LabelValue,
    Like,
    MetricName,
    Model,
    Name,
    NotEmpty,
    Ratio,
    Severity,
    Size,
    Text,
    UrlPath,
)
from components.spec.scraping import Access, same

Expression = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class ScrapeJob(Access):
    """Something to scrape that is no service of this stack."""

    name: Name
    targets: Annotated[tuple[HostPort, ...], NotEmpty()]
    path: UrlPath = "/metrics"
    interval: Duration | None = None
    labels: dict[LabelName, LabelValue] = {}

    @field_validator("targets")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        seen: dict[str, str] = {}
        for target in value:
            if (first := seen.setdefault(same(target), target)) != target or value.count(target) > 1:
                raise ValueError(f"expected each target once; '{first}' and '{target}' are the same")
        return value


class Retention(Model):
    """How long samples stay: whichever bound is reached first."""

    time: Duration = "15d"
    size: Size = "5GiB"


class Limits(Model):
    """What one scrape may bring; beyond it the scrape fails as a whole and `ScrapeLimitExceeded` fires."""

    samples_per_scrape: Annotated[int, Field(ge=1, le=10_000_000)] = 20_000
    labels_per_series: Annotated[int, Field(ge=1, le=1_000)] = 40
    label_value_length: Annotated[int, Field(ge=1, le=65_536)] = 512


class SeriesData(Model):
    """One input series of a rule test, in promtool's notation."""

    series: Expression
    values: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class RuleCase(Model):
    """Data under which a rule is judged after `after`."""

    series: Annotated[tuple[SeriesData, ...], NotEmpty()]
    after: Duration


class AlertRule(Model):
    """An alert of the user's own. It brings the data that makes it fire and the data that must not."""

    name: Annotated[
        str,
        Like(
            r"^[A-Z][A-Za-z0-9]{2,79}$",
            "a name as in 'CartIsSlow': 3 to 80 letters and digits, first a capital",
        ),
    ]
    expr: Expression
    hold: Duration | None = None
    """How long the expression must hold (`for`)."""
    severity: Severity
    team: Name
    summary: Text
    description: Text
    runbook: Annotated[
        str,
        Like(
            r"^(https?://[!-~]+|docs/runbooks/[A-Za-z0-9_-]+\.md)$",
            "a URL, or a page of this repository as in 'docs/runbooks/CartIsSlow.md'",
        ),
    ]
    fires: RuleCase
    silent: RuleCase


class RecordingRule(Model):
    """A recording rule of the user's own."""

    record: MetricName
    expr: Expression
    labels: dict[LabelName, LabelValue] = {}


class Rules(Model):
    """Thresholds of the built-in alerts, and rules of the user's own."""

    error_ratio: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """`ServiceErrorRatioHigh` fires above this share of failed requests..."""
    error_window: Duration = "5m"
    """...over this window..."""
    error_hold: Duration = "2m"
    """...for this long."""
    min_requests_per_second: Annotated[float, Field(ge=0.0, le=1e6)] = 0.05
    """Ratios of fewer requests than this do not alert: one failure in the night is no incident."""
    target_down: Duration = "2m"
    """`TargetDown` fires after this."""
    disk_free: Ratio = 0.10
    """`DiskSpaceLow` fires below this share of free space."""
    ingestion_stalled: Duration = "5m"
    """`LogIngestionStalled` fires when lines are read and none is stored for this long."""
    alerts: tuple[AlertRule, ...] = ()
    recordings: tuple[RecordingRule, ...] = ()


class Metrics(Model):
    """Scraping, retention, limits and rules."""

    scrape_interval: Duration = "15s"
    scrape_timeout: Duration = "10s"
    evaluation_interval: Duration = "15s"
    exporters: tuple[Literal["node", "redis", "opensearch"], ...] = ("node", "opensearch")
    """Exporters that run beside the engines."""
    scrape_jobs: tuple[ScrapeJob, ...] = ()
    otlp: bool = True
    """Whether the receivers of `tracing.otlp` take metrics as well, of each service as much as a
    scrape may bring."""
    retention: Retention = Retention()
    forbidden_labels: tuple[LabelName, ...] = ("user_id", "session_id", "request_id", "trace_id")
    """Series with one of these are dropped whole, counted, and alerted on (`ForbiddenLabelsDropped`)."""
    limits: Limits = Limits()
    rules: Rules = Rules()
    exemplars: Annotated[int, Field(ge=0, le=100_000_000)] = 100_000
    """How many exemplars are kept in memory; 0 switches them off."""
