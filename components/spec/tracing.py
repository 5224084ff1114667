"""The tracing pillar: what is kept of which trace, and where."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from components.spec.base import (
    Duration,
    LabelValue,
    Like,
    Model,
    Name,
    NotEmpty,
    Ratio,
    Size,
    duplicates,
    milliseconds,
    size_bytes,
)
from components.spec.logging import _days

SMALLEST_BATCH, LARGEST_BATCH = "256KiB", "8MiB"
AttributeName = Annotated[
    str,
    Like(
        r"^[a-zA-Z_][a-zA-Z0-9_.]{0,99}$",
        "an attribute's name: letters, digits, underscores and dots, at most 100, first a letter or '_'",
    ),
]


class Otlp(Model):
    """Which OTLP receivers the collector opens."""

    grpc: bool = True
    http: bool = True

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if not (self.grpc or self.http):
            raise ValueError("expected at least one of grpc and http to be true")
        return self


class KeepAttribute(Model):
    """A span attribute whose traces are always kept."""

    key: AttributeName
    value: LabelValue | bool


class TailSampling(Model):
    """Which whole traces are kept: the slow, the failed, the marked, and a share of the rest. The first span
    that says so is enough; a trace that nothing speaks for is held, and dropped when its time is over."""

    decision_wait: Duration = "10s"
    """How long after its first span a trace is held whose root has come."""
    root_wait: Duration = "60s"
    """How long a trace is held whose root has not come: its root may still be slow."""
    traces_in_memory: Annotated[int, Field(ge=100, le=10_000_000)] = 50_000
    keep_slow: Duration = "500ms"
    keep_errors: bool = True
    keep_attributes: tuple[KeepAttribute, ...] = ()
    keep_ratio: Ratio = 0.1
    """Share of the remaining traces."""

    @model_validator(mode="after")
    def _slow_within_wait(self) -> Self:
        if milliseconds(self.keep_slow) >= milliseconds(self.decision_wait):
            raise ValueError(
                f"expected keep_slow ({self.keep_slow}) below decision_wait ({self.decision_wait}): a trace "
                "that slow is judged before it can be seen to be; lower the one or raise the other"
            )
        if milliseconds(self.root_wait) < milliseconds(self.decision_wait):
            raise ValueError(
                f"expected root_wait ({self.root_wait}) not below decision_wait ({self.decision_wait}): a "
                "trace without its root is held for longer, not shorter; raise the one or lower the other"
            )
        return self


class Scrubbing(Model):
    """Span attributes that must not be stored as they are; `logging.redaction` applies to spans as well."""

    delete: tuple[AttributeName, ...] = ()
    hash: tuple[AttributeName, ...] = ()


class Batching(Model):
    """How spans are gathered on their way to the store."""

    size: Size = "1MiB"
    """What is sent at once; limits of single spans and of Jaeger follow from it."""
    timeout: Duration = "1s"

    @field_validator("size")
    @classmethod
    def _fits(cls, value: str) -> str:
        if not size_bytes(SMALLEST_BATCH) <= size_bytes(value) <= size_bytes(LARGEST_BATCH):
            raise ValueError(f"expected {SMALLEST_BATCH} to {LARGEST_BATCH}; a span may have a quarter of it")
        return value


class SpanMetrics(Model):
    """Request counts and durations computed from all spans, before sampling."""

    buckets: Annotated[tuple[Duration, ...], NotEmpty()] = (
        "5ms", "10ms", "25ms", "50ms", "100ms", "250ms", "500ms", "1s", "2s", "5s", "10s",
    )  # fmt: skip
    dimensions: tuple[AttributeName, ...] = ("http.route",)
    """Span attributes that become labels, beside service, span name, kind and status."""
    series_per_service: Annotated[int, Field(ge=10, le=100_000)] = 500
    """How many combinations of these labels one service may have; half as many values of one label. What is
    beyond is counted as `other`, and `SpanMetricsBounded` tells the service's owner."""
    other_services: Annotated[int, Field(ge=0, le=10_000)] = 50
    """How many services that are not in the stack file may have a name in span metrics. Together they have as
    many combinations as one service; those beyond are counted as `other`."""

    @field_validator("buckets")
    @classmethod
    def _rising(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        bounds = [milliseconds(bucket) for bucket in value]
        if bounds != sorted(set(bounds)):
            raise ValueError("expected rising bounds, each once")
        return value

    @field_validator("dimensions")
    @classmethod
    def _new(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        given = ("service.name", "span.name", "span.kind", "status.code")
        if twice := duplicates([*given, *value]):
            raise ValueError(f"expected each once, beside {', '.join(given)}; twice: {', '.join(twice)}")
        return value


class TraceStorage(Model):
    """Jaeger's indices in OpenSearch."""

    index_prefix: Name = "jaeger"
    shards: Annotated[int, Field(ge=1, le=100)] = 1
    replicas: Annotated[int, Field(ge=0, le=10)] = 1


class Tracing(Model):
    """From a span in a service to a trace that can be found."""

    otlp: Otlp = Otlp()
    head_sampling: Ratio = 1.0
    """Share of traces that services with `run` record at all; tail sampling sees only these."""
    tail_sampling: TailSampling = TailSampling()
    scrubbing: Scrubbing = Scrubbing()
    batching: Batching = Batching()
    span_metrics: SpanMetrics = SpanMetrics()
    storage: TraceStorage = TraceStorage()
    retention: Duration = "7d"
    """Whole days; older indices are deleted."""

    @field_validator("retention")
    @classmethod
    def _whole_days(cls, value: str) -> str:
        return _days(value)
