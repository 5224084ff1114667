"""Alerts on what becomes of spans and metrics that somebody sends, told to whoever that is.

Each is there twice: for a service of the stack, whose owner is told, and for everybody else together.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from components.render import sizes
from components.rules.model import AMOUNT, LABEL, METRIC, REASON, Alert
from components.rules.platform import COUNTED, grew, growth_cases
from components.spec import Service, Spec

_WINDOW = "10m"


@dataclass(frozen=True)
class Sender:
    """Who sends, and who is told."""

    selector: str
    name: str
    """How alerts name it; may be a template over labels."""
    team: str
    service: str
    """The alerts' `service` label."""
    listed: bool

    def alert(
        self, *, name: str, counter: str, labels: Mapping[str, str], summary: str, description: str
    ) -> Alert:
        """An alert as soon as the collector counts something of this sender; `labels` are those, beside
        `service`, by which it is told apart, with examples."""
        where = {"service": self.service, **labels}
        return Alert(
            name=name,
            expr=grew((counter,), f'job="collector",{self.selector}', _WINDOW, ", ".join(where)),
            severity="warning",
            team=self.team,
            summary=summary,
            description=description,
            cases=lambda: growth_cases((counter,), {**COUNTED, **where}, where, _WINDOW, coarse=self.listed),
            labels={"service": self.service},
        )


def of(service: Service, spec: Spec) -> tuple[Alert, ...]:
    """What a service sends that is not taken as it comes."""
    sender = Sender(f'service="{service.name}"', service.name, service.owner, service.name, listed=True)
    return spans_bounded(sender, spec), spans_mended(sender), *pushed_bounded(sender, spec)


def unlisted(spec: Spec, name: str = "{{ $labels.service }}") -> Sender:
    """Whoever is not in the stack file, and those beyond the number with a name."""
    return Sender('listed="false"', name, spec.alerting.platform_team, "collector", listed=False)


def spans_bounded(sender: Sender, spec: Spec) -> Alert:
    """More, or longer, names than span metrics take: told with the label that it is."""
    metrics = spec.tracing.span_metrics
    return sender.alert(
        name="SpanMetricsBounded",
        counter="otelcol_bound_spans_total",
        labels={"label": "span_name", "reason": "values"},
        summary=f"Span metrics of {sender.name} lose detail: {LABEL}",
        description=f"{AMOUNT} spans of {sender.name} in {_WINDOW} are counted with less detail than they "
        f"came with, for the {REASON} of {LABEL} on traces_span_metrics_calls_total. "
        f"Allowed: {metrics.series_per_service} combinations, {sizes.span_series(spec).values} values of a "
        f"label, {spec.metrics.limits.label_value_length} bytes of a value. Counts stay complete.",
    )


def spans_mended(sender: Sender) -> Alert:
    """Spans with impossible times or ids, or too large ones."""
    return sender.alert(
        name="SpansMended",
        counter="otelcol_mend_spans_total",
        labels={"reason": "time"},
        summary=f"{sender.name} sends spans that had to be mended: {REASON}",
        description=f"{AMOUNT} spans of {sender.name} in {_WINDOW} could not be stored as they came (their "
        f"{REASON}). They were mended and are kept, marked obs.time_mended, obs.ids_mended or "
        "obs.truncated.",
    )


def pushed_bounded(sender: Sender, spec: Spec) -> tuple[Alert, ...]:
    """Pushed metrics that are not taken, in whole or in part: told with metric and label. None where the
    stack takes no pushed metrics."""
    if not spec.metrics.otlp:
        return ()
    limits = spec.metrics.limits
    return (
        sender.alert(
            name="PushedMetricsBounded",
            counter="otelcol_pushed_points_bounded_total",
            labels={"metric": "cart_items", "label": "user_id", "reason": "forbidden"},
            summary=f"Metrics that {sender.name} pushes are not taken as sent: {METRIC}",
            description=f"{AMOUNT} points of {METRIC} that {sender.name} pushed in {_WINDOW} "
            f"were dropped or cut, for: {REASON} {LABEL}. Allowed: "
            f"{limits.samples_per_scrape} samples, {limits.labels_per_series} labels, "
            f"{limits.label_value_length} bytes of a value. No other metric is touched.",
        ),
    )
