"""Alerts on what becomes of spans, told to whoever sends them."""

from components.render import sizes
from components.rules.model import Alert
from components.rules.platform import COUNTED, grew, growth_cases
from components.spec import Service, Spec

_BOUNDED = "otelcol_bound_spans_total"
_MENDED = "otelcol_mend_spans_total"
_WINDOW = "10m"


def bounded(service: Service, spec: Spec) -> Alert:
    """A service has more, or longer, names than span metrics take: its owner is told which label it is."""
    return _bounded(
        f'service="{service.name}"', service.name, service.owner, spec, {"service": service.name}, True
    )


def mended(service: Service) -> Alert:
    """A service sends spans with impossible times or ids, or too large ones: its owner is told."""
    return _mended(f'service="{service.name}"', service.name, service.owner, {"service": service.name}, True)


def mended_unlisted(spec: Spec) -> Alert:
    """The same of services that are not in the stack file."""
    return _mended(
        'listed="false"', "unlisted services", spec.alerting.platform_team, {"service": "collector"}, False
    )


def _mended(selector: str, name: str, team: str, own: dict[str, str], coarse: bool) -> Alert:
    where = {"service": own["service"], "reason": "time"}
    return Alert(
        "SpansMended",
        grew((_MENDED,), f'job="collector",{selector}', _WINDOW, ", ".join(where)),
        "warning",
        team,
        f"{name} sends spans that had to be mended: {{{{ $labels.reason }}}}",
        f"{{{{ $value | humanize }}}} spans of {name} in {_WINDOW} could not be stored as they came (their "
        "{{ $labels.reason }}). They were mended and are kept, marked obs.time_mended, obs.ids_mended or "
        "obs.truncated.",
        growth_cases((_MENDED,), {**COUNTED, **where}, where, _WINDOW, coarse),
        labels=own,
    )


def bounded_unlisted(spec: Spec) -> Alert:
    """The same of services that are not in the stack file, and of those beyond the number with a name."""
    team = spec.alerting.platform_team
    return _bounded('listed="false"', "{{ $labels.service }}", team, spec, {"service": "collector"}, False)


def _bounded(selector: str, name: str, team: str, spec: Spec, own: dict[str, str], coarse: bool) -> Alert:
    metrics = spec.tracing.span_metrics
    where = {"service": own["service"], "label": "span_name", "reason": "values"}
    return Alert(
        "SpanMetricsBounded",
        grew((_BOUNDED,), f'job="collector",{selector}', _WINDOW, ", ".join(where)),
        "warning",
        team,
        f"Span metrics of {name} lose detail: {{{{ $labels.label }}}}",
        f"{{{{ $value | humanize }}}} spans of {name} in {_WINDOW} are counted with less detail than they "
        "came with, for the {{ $labels.reason }} of {{ $labels.label }} on traces_span_metrics_calls_total. "
        f"Allowed: {metrics.series_per_service} combinations, {sizes.span_series(spec).values} values of a "
        f"label, {spec.metrics.limits.label_value_length} bytes of a value. Counts stay complete.",
        growth_cases((_BOUNDED,), {**COUNTED, **where}, where, _WINDOW, coarse),
        labels=own,
    )
