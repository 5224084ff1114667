"""What a service's promises are judged by: its series, and the burn rates at which a promise is in danger."""

from dataclasses import dataclass
from decimal import Decimal

from components.rules.model import number
from components.spec import Service, milliseconds
from components.spec.matchers import examples
from components.spec.services import Slo

CALLS = "traces_span_metrics_calls_total"
DURATION = "traces_span_metrics_duration_seconds"
SERVER = 'span_kind="SPAN_KIND_SERVER"'
FAILED_SPAN = 'status_code="STATUS_CODE_ERROR"'


@dataclass(frozen=True)
class Burn:
    """A clause of a burn rate alert: `factor` times the budget, over `long` and, still, over `short`."""

    factor: str
    long: str
    short: str


FAST = (Burn("14.4", "1h", "5m"), Burn("6", "6h", "30m"))
SLOW = (Burn("3", "1d", "2h"), Burn("1", "3d", "6h"))


def threshold(burn: Burn, target: float) -> Decimal:
    """The share of bad requests at which a clause holds: factor times budget. Capped at 0.9 (for budgets
    above that: midway to 1), since a promise below 93.1 % could otherwise never be seen to break."""
    budget = (100 - Decimal(str(target))) / 100
    return min(Decimal(burn.factor) * budget, max(Decimal("0.9"), (1 + budget) / 2))


@dataclass(frozen=True)
class Indicator:
    """Where a service's requests, failures and durations are counted, as selectors; and example series."""

    requests: str
    errors: str
    within: str
    counted: str
    good_series: str
    bad_series: str
    within_series: str
    counted_series: str


def le(threshold: str) -> str:
    """The matcher of a histogram's bucket; whole seconds are written 1 or 1.0 depending on the engine."""
    seconds = number(Decimal(milliseconds(threshold)) / 1000)
    return f'le="{seconds}"' if "." in seconds else f'le=~"{seconds}|{seconds}.0"'


def indicator(service: Service, slo: Slo) -> Indicator:
    """The series a service's promises are judged by: its own metrics if it names them, else server spans."""
    name = f'service="{service.name}"'
    bound = number(Decimal(milliseconds(slo.latency.threshold)) / 1000)
    if slo.metrics is None:
        spans = f"{name},{SERVER}"
        return Indicator(
            requests=f"{CALLS}{{{spans}}}",
            errors=f"{CALLS}{{{spans},{FAILED_SPAN}}}",
            within=f"{DURATION}_bucket{{{spans},{le(slo.latency.threshold)}}}",
            counted=f"{DURATION}_count{{{spans}}}",
            good_series=f'{CALLS}{{{spans},status_code="STATUS_CODE_UNSET"}}',
            bad_series=f"{CALLS}{{{spans},{FAILED_SPAN}}}",
            within_series=f'{DURATION}_bucket{{{spans},le="{bound}"}}',
            counted_series=f"{DURATION}_count{{{spans}}}",
        )
    metrics = slo.metrics
    good, bad = examples(metrics.errors)
    return Indicator(
        requests=f"{metrics.requests}{{{name}}}",
        errors=f"{metrics.requests}{{{name},{metrics.errors}}}",
        within=f"{metrics.latency}_bucket{{{name},{le(slo.latency.threshold)}}}",
        counted=f"{metrics.latency}_count{{{name}}}",
        good_series=f"{metrics.requests}{{{name},{good}}}",
        bad_series=f"{metrics.requests}{{{name},{bad}}}",
        within_series=f'{metrics.latency}_bucket{{{name},le="{bound}"}}',
        counted_series=f"{metrics.latency}_count{{{name}}}",
    )
