"""Alerts on what becomes of metrics that clients push, told to whoever sends them."""

from components.rules.model import Alert
from components.rules.platform import COUNTED, grew, growth_cases
from components.spec import Service, Spec

_BOUNDED = "otelcol_pushed_points_bounded_total"
_WINDOW = "10m"


def bounded(service: Service, spec: Spec) -> tuple[Alert, ...]:
    """A service pushes what is not taken, in whole or in part: its owner is told metric and label."""
    if not spec.metrics.otlp:
        return ()
    labels = {"service": service.name}
    return (_bounded(f'service="{service.name}"', service.name, service.owner, spec, labels, True),)


def bounded_unlisted(spec: Spec) -> tuple[Alert, ...]:
    """The same of services that are not in the stack file."""
    if not spec.metrics.otlp:
        return ()
    team = spec.alerting.platform_team
    return (_bounded('listed="false"', "{{ $labels.service }}", team, spec, {"service": "collector"}, False),)


def _bounded(selector: str, name: str, team: str, spec: Spec, own: dict[str, str], coarse: bool) -> Alert:
    limits = spec.metrics.limits
    where = {"service": own["service"], "metric": "cart_items", "label": "user_id", "reason": "forbidden"}
    return Alert(
        "PushedMetricsBounded",
        grew((_BOUNDED,), f'job="collector",{selector}', _WINDOW, ", ".join(where)),
        "warning",
        team,
        f"Metrics that {name} pushes are not taken as sent: {{{{ $labels.metric }}}}",
        f"{{{{ $value | humanize }}}} points of {{{{ $labels.metric }}}} that {name} pushed in {_WINDOW} "
        "were dropped or cut, for: {{ $labels.reason }} {{ $labels.label }}. Allowed: "
        f"{limits.samples_per_scrape} samples, {limits.labels_per_series} labels, "
        f"{limits.label_value_length} bytes of a value. No other metric is touched.",
        growth_cases((_BOUNDED,), {**COUNTED, **where}, where, _WINDOW, coarse),
        labels=own,
    )
