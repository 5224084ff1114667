"""What each service does, and one page on which a request is followed through metrics, traces and logs."""

from components.dashboards.model import Dashboard, Graph, Query, Records, Row, Traces, graph
from components.rules.slo import CALLS, DURATION, FAILED_SPAN, SERVER, indicator
from components.spec import Service, milliseconds
from components.spec.services import Slo

QUANTILES = (0.5, 0.95, 0.99)


def of(service: Service) -> Dashboard:
    """Requests, failures, durations, operations, alerts, traces and logs of one service."""
    name, traced = service.name, service.traces.protocol != "none"
    operations = f'sum by (span_name) (rate({CALLS}{{service="{name}",{SERVER}}}[5m]))'
    firing = f'count by (alertname) (ALERTS{{alertstate="firing",service="{name}"}})'
    spans = graph("By operation", "By the service's spans.", "per second", Query(operations, "{{span_name}}"))
    alerts = graph("Alerts firing", "What is wrong right now.", "count", Query(firing, "{{alertname}}"))
    traces = Traces("Latest traces", "Open one to see where its time went.", name)
    counted = traced or (service.slo and service.slo.metrics)
    return Dashboard(
        name=f"service-{name}",
        title=f"Service {name}",
        summary=f"{name} {service.version} of {service.owner}, written in {service.language}.",
        rows=(
            *((Row("Requests", _requests(service)),) if counted else ()),
            Row("Why", (spans, alerts) if traced else (alerts,)),
            *((Row("Traces", (traces,)),) if traced else ()),
            Row("Logs", (_records(f'service:"{name}"'),)),
        ),
        tags=("service", service.owner),
    )


def _requests(service: Service) -> tuple[Graph, ...]:
    slo = service.slo or Slo()
    signals = indicator(service, slo)
    requests = f"sum(rate({signals.requests}[5m]))"
    failed = f"(sum(rate({signals.errors}[5m])) or vector(0)) / ({requests} > 0)"
    return (
        graph("Requests", "None at all is a matter of its own.", "per second", Query(requests, "requests")),
        graph(
            "Failed requests",
            "Share of all requests. The line is what the promise leaves, on average over 30 days.",
            "share",
            Query(failed, "failed"),
            limit=round((100 - slo.availability) / 100, 9) if service.slo else None,
        ),
        graph(
            "Durations",
            "Each point that leads to a trace is a request of that duration.",
            "seconds",
            *_durations(slo, signals.counted.partition("{")[2]),
            limit=milliseconds(slo.latency.threshold) / 1000 if service.slo else None,
        ),
    )


def _durations(slo: Slo, matchers: str) -> list[Query]:
    buckets = f"{slo.metrics.latency if slo.metrics else DURATION}_bucket{{{matchers}"
    return [
        Query(
            f"histogram_quantile({share}, sum by (le) (rate({buckets}[5m])))",
            f"{share * 100:g} % are faster",
            exemplars=share == QUANTILES[-1],
        )
        for share in QUANTILES
    ]


def _records(query: str) -> Records:
    return Records("Latest records", "A record's trace id opens its trace.", query)


def journey() -> Dashboard:
    """From a number to the requests behind it: exemplar, trace, log records."""
    slowest = f"histogram_quantile(0.99, sum by (le, service) (rate({DURATION}_bucket{{{SERVER}}}[5m])))"
    calls = f"sum by (service) (rate({CALLS}{{{SERVER}}}[5m]))"
    failed = (
        f"(sum by (service) (rate({CALLS}{{{SERVER},{FAILED_SPAN}}}[5m])) or {calls} * 0) / ({calls} > 0)"
    )
    numbers = (
        graph(
            "Slowest requests",
            "99 % are faster. Points lead to traces.",
            "seconds",
            Query(slowest, "{{service}}", exemplars=True),
        ),
        graph("Failed requests", "Share of each service's.", "share", Query(failed, "{{service}}")),
    )
    return Dashboard(
        name="three-pillars",
        title="From metric to trace to logs",
        summary="Take a point on a graph (an exemplar), open its trace, and from a span the log records.",
        rows=(
            Row("1. A number stands out", numbers),
            Row("2. Its records", (_records("log_level:(error OR critical)"),)),
        ),
        tags=("journey",),
    )
