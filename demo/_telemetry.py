"""OpenTelemetry by hand, in one page: provider, sampler, exporter, and the two ways to make a span.

``traced`` (decorator) and ``span`` (context manager) are all that business code needs; server spans come
from the middleware (``_middleware``) and client spans from the callers (``_calls``, ``_stock``).
"""

import functools
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from opentelemetry import propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes, AttributeValue
from prometheus_client import Counter

from demo._context import PROBE_KEY
from demo._logging import logger
from demo._metrics import Metrics
from demo.settings import Otlp, Settings

if TYPE_CHECKING:
    import requests

P = ParamSpec("P")
R = TypeVar("R")
Function: TypeAlias = Callable[P, Coroutine[Any, Any, R]]

EXPORT_TIMEOUT = 2.0  # seconds; a collector that hangs must not hold the worker for long
FLUSH_TIMEOUT = 2.5  # seconds; within the five that a service has to stop


class ProbeOrRatio(Sampler):
    """Head sampling by ratio, except that a probe is always kept: someone is waiting for its trace."""

    def __init__(self, ratio: float) -> None:
        self._ratio = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        probe = bool(attributes and attributes.get(PROBE_KEY))
        sampler: Sampler = ALWAYS_ON if probe else self._ratio
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"ProbeOr{self._ratio.get_description()}"


class QuietExporter(SpanExporter):
    """Counts what was exported or lost, and logs only when that changes.

    A collector that is away for an hour must cost the service one log line, not one per batch.
    """

    def __init__(self, inner: SpanExporter, spans: Counter) -> None:
        self._inner = inner
        self._spans = spans
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._inner.export(spans)
        except Exception as error:  # whatever it is, it is the exporter's problem, not the service's
            result, reason = SpanExportResult.FAILURE, repr(error)
        else:
            reason = "the collector did not accept them"
        failed = result is not SpanExportResult.SUCCESS
        self._spans.labels(result="failed" if failed else "ok").inc(len(spans))
        if failed and not self._failing:
            logger().warning("spans cannot be exported; they are dropped until this recovers", reason=reason)
        elif self._failing and not failed:
            logger().info("spans are exported again")
        self._failing = failed
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def resource_of(settings: Settings) -> Resource:
    """Who sends the spans; ``env``, ``cluster``, ``region`` and ``team`` as on metrics and logs."""
    return Resource.create(
        {
            "service.name": settings.service,
            "service.version": settings.version,
            "deployment.environment.name": settings.env,
            "env": settings.env,
            "cluster": settings.cluster,
            "region": settings.region,
            "team": settings.team,
        }
    )


def make_exporter(otlp: Otlp) -> SpanExporter | None:
    """The OTLP exporter of the settings, or None for protocol ``none``.

    Imported here, because each brings its own transport, which takes a second to load.
    """
    if otlp.protocol == "grpc":
        from grpc import ssl_channel_credentials  # type: ignore[import-untyped]
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        insecure = otlp.endpoint.startswith("http://")
        read = (Path(path).read_bytes() if path else None for path in (otlp.ca, otlp.key, otlp.certificate))
        own = ssl_channel_credentials(*read) if otlp.ca else None
        return GrpcExporter(
            endpoint=otlp.endpoint, insecure=insecure, credentials=own, timeout=EXPORT_TIMEOUT
        )
    if otlp.protocol == "http":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        return HttpExporter(
            endpoint=f"{otlp.endpoint}/v1/traces",
            certificate_file=otlp.ca,
            client_certificate_file=otlp.certificate,
            client_key_file=otlp.key,
            timeout=EXPORT_TIMEOUT,
            session=_session(otlp),
        )
    return None


def _session(otlp: Otlp) -> "requests.Session | None":
    """One that trusts the authority of the settings, and not that of REQUESTS_CA_BUNDLE in its place."""
    if otlp.ca is None:
        return None
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


def start_tracing(settings: Settings, metrics: Metrics) -> TracerProvider:
    """Make the process-wide tracer provider and propagator (trace context and baggage)."""
    provider = TracerProvider(
        resource=resource_of(settings),
        sampler=ParentBased(root=ProbeOrRatio(settings.head_sampling)),
        shutdown_on_exit=False,  # stop_tracing does it, with a deadline
    )
    exporter = make_exporter(settings.otlp)
    if exporter is not None:
        provider.add_span_processor(
            BatchSpanProcessor(
                QuietExporter(exporter, metrics.spans),
                max_queue_size=8192,
                schedule_delay_millis=500,
                max_export_batch_size=512,
            )
        )
    trace.set_tracer_provider(provider)
    propagate.set_global_textmap(
        CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    )
    return provider


def stop_tracing(provider: TracerProvider) -> None:
    """Flush what is queued, but never hold the process longer than FLUSH_TIMEOUT."""
    worker = threading.Thread(target=provider.shutdown, daemon=True)
    worker.start()
    worker.join(FLUSH_TIMEOUT)


@contextmanager
def span(
    name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue | None
) -> Iterator[Span]:
    """A span around a block; an exception is recorded on it, marks it ERROR, and goes on.

    Attribute names are given with ``__`` for the dot: ``span("reserve", order__id="o-1")``.
    """
    named = {key.replace("__", "."): value for key, value in attributes.items() if value is not None}
    with trace.get_tracer("demo").start_as_current_span(name, kind=kind, attributes=named) as current:
        yield current


def traced(name: str) -> Callable[[Function[P, R]], Function[P, R]]:
    """Decorator: every call of the coroutine function is a span called ``name``."""

    def decorate(function: Function[P, R]) -> Function[P, R]:
        @functools.wraps(function)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            with span(name, code__function__name=function.__qualname__):
                return await function(*args, **kwargs)

        return wrapper

    return decorate


def mark_error(current: Span, description: str) -> None:
    """Set the span's status to ERROR; tail sampling keeps such traces."""
    current.set_status(Status(StatusCode.ERROR, description))
