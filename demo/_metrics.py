"""The four kinds of Prometheus metrics, with names and labels that stay bounded.

The label ``route`` is always a route template and ``method`` one of a fixed set: a label whose values come
from outside grows without end. Service, environment and team are not labels here; the scrape job adds them.
"""

import platform
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from demo._context import sampled_trace_id

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside every counter, which nothing here reads

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"})
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One service's registry and the metrics every service has. Units: seconds and bytes."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self.counter("http_requests_total", "Requests served.", ("method", "route", "code"))
        self.duration = self.histogram(
            "http_request_duration_seconds", "Time to serve a request.", ("method", "route"), LATENCY_BUCKETS
        )
        self.inflight = self.gauge("http_requests_in_flight", "Requests being served now.", ())
        self.payload = self.summary("http_response_size_bytes", "Size of response bodies.", ("route",))
        self.spans = self.counter("otel_spans_exported_total", "Spans handed to the collector.", ("result",))
        build = self.gauge("service_build_info", "Always 1; the labels say what runs.", ("version", "python"))
        build.labels(version=version, python=platform.python_version()).set(1)

    def counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        """A counter in this registry; its name ends in ``_total``."""
        return Counter(name, text, tuple(labels), registry=self.registry)

    def gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        """A gauge in this registry."""
        return Gauge(name, text, tuple(labels), registry=self.registry)

    def histogram(self, name: str, text: str, labels: Iterable[str], buckets: Iterable[float]) -> Histogram:
        """A histogram in this registry."""
        return Histogram(name, text, tuple(labels), buckets=tuple(buckets), registry=self.registry)

    def summary(self, name: str, text: str, labels: Iterable[str] = ()) -> Summary:
        """A summary (count and sum) in this registry."""
        return Summary(name, text, tuple(labels), registry=self.registry)

    def observe(self, method: str, route: str, code: int, seconds: float, size: int) -> None:
        """Account one served request, with an exemplar when its trace will be found."""
        method = method if method in METHODS else "OTHER"
        example = exemplar()
        self.requests.labels(method=method, route=route, code=str(code)).inc(exemplar=example)
        self.duration.labels(method=method, route=route).observe(seconds, exemplar=example)
        self.payload.labels(route=route).observe(size)

    async def endpoint(self, request: Request) -> Response:
        """``GET /metrics``: OpenMetrics (with exemplars) for who asks for it, else the classic text."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self.registry), headers={"content-type": content_type})


def exemplar() -> dict[str, str] | None:
    """``{trace_id}`` of the current trace, or None when it is not sampled."""
    trace_id = sampled_trace_id()
    return {"trace_id": trace_id} if trace_id else None
