"""Limits that belong together, computed from one another: how large messages with spans may be, and how many
span metrics there may be.

Every receiver takes more than what comes before it sends: a client's request is split into batches of
`tracing.batching.size`, and the largest span, with its resource and scope, fits into one.

A scrape over its limits fails as a whole, and span metrics of all services come in one. So the collector
bounds what becomes a label (`bound`), service by service, and all that comes after it has room for what that
lets through.
"""

from dataclasses import dataclass

from components.spec import Spec, size_bytes

FOLDED = 18
"""Further series of a service beyond its bounds: the rest is counted together, by kind (6) and status (3)."""
_STEP = 50
"""Room is made for so many services at a time: a further one changes no limit of the others'."""
_LONGEST_OWN = 64
"""Room for the names of span metrics and the values that the collector itself gives labels."""
_OWN_LABELS = 24
"""Room for labels beside the dimensions: metric, span, kind, status, scope, job, target, bucket."""


REQUEST_MIB = 16
"""What a client may send to the collector at once. Libraries send up to 512 spans."""


HELD_TRACES = 128 * 2**20
"""Memory for traces that nothing speaks for yet: a third of what the collector may take before it refuses."""


@dataclass(frozen=True)
class Messages:
    """Bytes of messages with spans, on their way from the collector to the store."""

    batch: int
    span: int
    """The largest span; a resource may have half of that, a scope a quarter, so that all three fit."""
    receive_mib: int
    """What Jaeger takes."""


def messages(spec: Spec) -> Messages:
    """The sizes of a stack's messages with spans."""
    batch = size_bytes(spec.tracing.batching.size)
    return Messages(batch, batch // 4, receive_mib=4 + 2 * -(-batch // 2**20))


@dataclass(frozen=True)
class SpanSeries:
    """How much detail span metrics may have."""

    services: tuple[str, ...]
    """Those with bounds of their own."""
    other_services: int
    """How many more have a name; all of these share the bounds of one."""
    series: int
    """Combinations of labels of one service."""
    values: int
    """Values of one label of one service: half of its series, so that it leaves room for other labels."""
    length: int
    """Bytes of a value."""
    series_limit: int
    """Combinations that the connector keeps of one service."""
    services_limit: int
    """Services that the connector keeps."""
    sample_limit: int
    """Samples in a scrape."""
    label_limit: int
    """Labels of a sample."""
    length_limit: int
    """Bytes of a label's value in a scrape."""


def span_series(spec: Spec) -> SpanSeries:
    """The bounds of a stack's span metrics, and the limits that have room for them."""
    metrics, limits = spec.tracing.span_metrics, spec.metrics.limits
    names = tuple(sorted(service.name for service in spec.services))
    # Each unlisted service, and what has no place of its own, may be beyond its bounds.
    unlisted = metrics.series_per_service + FOLDED * (metrics.other_services + 1)
    listed = -(-max(len(names), 1) // _STEP) * _STEP
    combinations = listed * (metrics.series_per_service + FOLDED) + unlisted
    # A request counter, and a histogram: its buckets, one without end, its sum and its count.
    samples = 1 + len(metrics.buckets) + 3
    return SpanSeries(
        services=names,
        other_services=metrics.other_services,
        series=metrics.series_per_service,
        values=max(metrics.series_per_service // 2, 1),
        length=limits.label_value_length,
        series_limit=metrics.series_per_service + FOLDED,
        services_limit=listed + metrics.other_services + 1,
        sample_limit=combinations * samples,
        label_limit=max(limits.labels_per_series, len(metrics.dimensions) + _OWN_LABELS),
        length_limit=max(limits.label_value_length, _LONGEST_OWN),
    )


PUSHED_OTHER_SERVICES = 50
"""How many services that are not in the stack file may have a name in pushed metrics."""


@dataclass(frozen=True)
class Pushed:
    """How much of what clients send as metrics reaches Prometheus."""

    services: tuple[str, ...]
    """Those with bounds of their own; all others share the bounds of one."""
    samples: int
    """Samples of one service."""
    labels: int
    """Labels of one point."""
    length: int
    """Bytes of a value."""
    sample_limit: int
    """Samples in a scrape."""
    label_limit: int
    """Labels of a sample."""
    length_limit: int
    """Bytes of a label's value in a scrape."""


def pushed(spec: Spec) -> Pushed:
    """A service may push what one scrape of it may bring; the page has room for that of all."""
    limits = spec.metrics.limits
    names = tuple(sorted(service.name for service in spec.services))
    listed = -(-max(len(names), 1) // _STEP) * _STEP
    return Pushed(
        services=names,
        samples=limits.samples_per_scrape,
        labels=limits.labels_per_series,
        length=limits.label_value_length,
        # Twice: what is no longer sent leaves the page a little later than it gives up its place.
        sample_limit=2 * (listed + 1) * limits.samples_per_scrape,
        label_limit=limits.labels_per_series + _OWN_LABELS,
        length_limit=max(limits.label_value_length, _LONGEST_OWN) + len("_bucket"),
    )
