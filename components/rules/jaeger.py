"""Alerts on Jaeger: whether it gets spans into its store."""

from components.rules.model import Alert
from components.rules.platform import Platform, grew, growth_cases
from components.spec import Spec

_OWN, _HERE = 'job="jaeger"', {"instance": "host:1", "job": "jaeger"}
_ERRORS = "jaeger_storage_bulk_index_errors_total"
_REFUSALS = ("otelcol_receiver_refused_spans_total", "otelcol_exporter_send_failed_spans_total")


def jaeger(spec: Spec) -> tuple[Alert, ...]:
    """Whether Jaeger gets spans into its store."""
    platform = Platform(spec, "jaeger")
    return (
        _jaeger_storage_failing(platform),
        _jaeger_refusing_spans(platform),
    )


def _jaeger_storage_failing(platform: Platform) -> Alert:
    return platform.alert(
        name="JaegerStorageFailing",
        expr=grew((_ERRORS,), _OWN, "5m", "instance"),
        severity="warning",
        summary="Jaeger cannot store spans",
        description="{{ $value | humanize }} writes to OpenSearch failed in 5 minutes.",
        cases=lambda: growth_cases((_ERRORS,), _HERE, {"instance": "host:1"}),
    )


def _jaeger_refusing_spans(platform: Platform) -> Alert:
    return platform.alert(
        name="JaegerRefusingSpans",
        expr=grew(_REFUSALS, _OWN, "5m", "instance"),
        severity="warning",
        summary="Jaeger refuses spans",
        description="{{ $value | humanize }} spans were refused or could not be written in 5 minutes; the "
        "collector sends them again.",
        cases=lambda: growth_cases(_REFUSALS, _HERE, {"instance": "host:1"}),
    )
