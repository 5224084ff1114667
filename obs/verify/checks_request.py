"""One request, followed through the three pillars: counter, exemplar, trace, log lines, and back."""

from components.spec import Service, Spec
from components.spec.logging import CORE_FIELDS
from obs.verify import shop
from obs.verify.check import Check, seconds
from obs.verify.clients import Json, Span
from obs.verify.context import Context, Sent
from obs.verify.outcome import CheckFailed, NotApplied, NotYet

PROBES = 6
MAX_PROBES = 300


def why_no_shop(spec: Spec) -> str | None:
    """Why there is nothing to send requests to; None if there is."""
    return None if shop.path(spec) else shop.NO_RUN


def _counter(service: Service) -> str:
    own = service.slo.metrics if service.slo else None
    return f'{own.requests if own else "http_requests_total"}{{service="{service.name}"}}'


def settle(spec: Spec) -> float:
    """Seconds within which a trace has been judged, stored and made visible, with a margin."""
    tracing = spec.tracing
    return seconds(tracing.tail_sampling.decision_wait) + seconds(tracing.batching.timeout) + 50


def probes(ctx: Context) -> str:
    """Marked requests succeed, and the ingress's own counter rises by at least as many."""
    entry = shop.demo_path(ctx)[0]
    selector = _counter(entry)
    before = ctx.clients.prometheus.total(selector)

    def first() -> Sent:
        sent = shop.send(ctx, probe=True)
        if sent.status >= 500:  # right after a start the services may still be finding each other
            raise NotYet(
                "a request to succeed", f"{sent.status} from {entry.name}", f"See `obs logs {entry.name}`."
            )
        return sent

    sent = [ctx.wait("probes", first, 20)]
    sent += [shop.send(ctx, probe=True) for _ in range(PROBES - 1)]
    shop.all_answered(sent, entry.name)
    for item in sent:
        if len(item.trace_id) != 32 or not item.transaction_id:
            raise CheckFailed(
                f"a trace id in the body and a correlation id in the header {entry.correlation_header}",
                f"trace id {item.trace_id!r}, correlation id {item.transaction_id!r}",
                f"The middleware of {entry.name} creates both.",
            )
    ctx.probes.extend(sent)

    def look() -> float:
        now = ctx.clients.prometheus.total(selector)
        if now < before + PROBES:
            raise NotYet(
                f"{selector} to rise by at least {PROBES} from {before:.0f}",
                f"{now:.0f}",
                f"Is {entry.name} scraped? See /targets of Prometheus.",
            )
        return now

    now = ctx.wait("probes", look, 2 * seconds(ctx.spec.metrics.scrape_interval) + 10)
    return f"{len(sent)} probes answered by {entry.name}; {selector} rose from {before:.0f} to {now:.0f}"


def why_no_exemplars(spec: Spec) -> str | None:
    """Why no exemplar is kept, or nobody makes one; None if one is."""
    if spec.metrics.exemplars == 0:
        return "metrics.exemplars is 0, so none is kept"
    return why_no_probe_kept(spec)


def exemplar(ctx: Context) -> str:
    """An exemplar of a request metric names a probe's trace, and that trace is stored.

    A series keeps one exemplar per scrape, the last; so probes go on until one of them is the last."""
    services = shop.demo_path(ctx)
    own = services[0].slo.metrics if services[0].slo else None
    base = own.latency if own else "http_request_duration_seconds"
    names = "|".join(item.name for item in services)
    selector = f'{base}_bucket{{service=~"{names}"}}'

    def look() -> tuple[str, str]:
        if len(ctx.probes) < MAX_PROBES:
            ctx.probes.extend(item for item in (shop.send(ctx, probe=True),) if item.status == 200)
        ids = {item.trace_id for item in ctx.probes}
        found = ctx.clients.prometheus.exemplars(selector, ctx.started - 5, ctx.clock.now() + 60)
        ours = [item for item in found if item.trace_id in ids]
        if not ours:
            raise NotYet(
                f"an exemplar of {selector} with the trace id of one of {len(ids)} probes",
                f"{len(found)} exemplars, none of them",
                "Are exemplars switched on (metrics.exemplars), and does the service add them?",
            )
        series = ours[-1].series
        return ours[-1].trace_id, f"{series.get('__name__', base)} of {series.get('service', '?')}"

    interval = seconds(ctx.spec.metrics.scrape_interval)
    trace_id, series = ctx.wait("exemplar", look, 4 * interval + 20, every=0.3)
    spans = _stored(ctx, "exemplar", trace_id)
    return f"an exemplar of {series} leads to trace {trace_id}, stored with {len(spans)} spans"


def _stored(ctx: Context, what: str, trace_id: str) -> list[Span]:
    def look() -> list[Span]:
        spans = ctx.clients.jaeger.trace(trace_id)
        if not spans:
            raise NotYet(
                f"trace {trace_id} in Jaeger",
                "none",
                "See `obs logs collector` and `obs logs jaeger`; does tail sampling keep probes "
                "(tracing.tail_sampling.keep_attributes)?",
            )
        return spans

    return ctx.wait(what, look, settle(ctx.spec))


def _kept_probes(spec: Spec) -> bool:
    sampling = spec.tracing.tail_sampling
    marked = any(item.key == "obs.probe" for item in sampling.keep_attributes)
    return marked or sampling.keep_ratio == 1.0


def why_no_probe_kept(spec: Spec) -> str | None:
    """Why the trace of a probe is not certain to be stored; None if it is."""
    if not _kept_probes(spec):
        return "tail sampling keeps no trace marked obs.probe (tracing.tail_sampling.keep_attributes)"
    return why_no_shop(spec)


def _a_probe(ctx: Context) -> Sent:
    if not ctx.probes:
        raise NotApplied("no probe succeeded, see the check before")
    return ctx.probes[0]


def trace(ctx: Context) -> str:
    """Every service on the path is in a probe's trace, linked parent to child, with the correlation id."""
    services = shop.demo_path(ctx)
    probe = _a_probe(ctx)

    def look() -> list[Span]:
        spans = ctx.clients.jaeger.trace(probe.trace_id)
        missing = {item.name for item in services} - {span.service for span in spans}
        if missing:
            raise NotYet(
                f"every service of the call path in trace {probe.trace_id}",
                f"{len(spans)} spans, none of {', '.join(sorted(missing))}",
                "Does it pass `traceparent` on, and do its spans arrive (otel_spans_exported_total)?",
            )
        _linked(probe.trace_id, spans)
        return spans

    spans = ctx.wait("trace", look, settle(ctx.spec))
    by_id = {span.span_id: span for span in spans}
    for service in services[1:]:
        parents = {
            by_id[span.parent].service for span in spans if span.service == service.name and span.parent
        }
        callers = shop.callers(ctx.spec, service.name)
        if not parents & callers:
            raise CheckFailed(
                f"a span of {service.name} below one of {' or '.join(sorted(callers))}",
                f"parents in {', '.join(sorted(parents)) or 'no service'}",
                "Its caller has to pass `traceparent` on.",
            )
    for service in services:
        found = {
            s.tags["transaction.id"]
            for s in spans
            if s.service == service.name and "transaction.id" in s.tags
        }
        if found != {probe.transaction_id}:
            raise CheckFailed(
                f"the correlation id {probe.transaction_id} as transaction.id on {service.name}'s span",
                ", ".join(sorted(found)) or "no such attribute",
                f"It travels in the header {service.correlation_header}.",
            )
    names = ", ".join(item.name for item in services)
    return f"trace {probe.trace_id}: {len(spans)} spans of {names}, one root, all linked, one transaction.id"


def _linked(trace_id: str, spans: list[Span]) -> None:
    """One root, and every parent stored. The last spans of a trace may come a little later than the rest."""
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent is None]
    orphans = [f"{span.service} {span.operation}" for span in spans if span.parent and span.parent not in ids]
    if len(roots) != 1 or orphans:
        raise NotYet(
            f"one root in trace {trace_id} and every parent stored",
            f"{len(roots)} roots, without parent: {', '.join(orphans) or 'none'}",
            "Spans are missing or the trace context was not passed on.",
        )


def why_no_logs(spec: Spec) -> str | None:
    """Why the lines of a request are not certain to be stored; None if they are."""
    if spec.logging.sampling.info < 1.0:
        return f"logging.sampling.info is {spec.logging.sampling.info}: a request's lines need not be stored"
    return why_no_probe_kept(spec)


def logs(ctx: Context) -> str:
    """Each service's lines about a probe carry its trace id, its correlation id and the whole schema; their
    spans are in its trace. So metric, trace and log lead to each other."""
    services = [item for item in shop.demo_path(ctx) if item.logs]
    if not services:
        raise NotApplied("no service on the call path has `logs`")
    probe = _a_probe(ctx)
    index = f"{ctx.spec.logging.index.prefix}-2*"
    spans = {span.span_id for span in _stored(ctx, "logs", probe.trace_id)}

    def look() -> list[Json]:
        found = [
            hit["_source"]
            for hit in ctx.clients.opensearch.scan(index, {"term": {"trace_id": probe.trace_id}})
        ]
        missing = {item.name for item in services} - {doc.get("service") for doc in found}
        if missing:
            raise NotYet(
                f"lines of every service with trace_id {probe.trace_id} in {index}",
                f"{len(found)} lines, none of {', '.join(sorted(missing))}",
                "See `obs logs collector`, and the service's file under the state folder.",
            )
        return found

    found = ctx.wait("logs", look, 45)
    expected = {
        "env": ctx.spec.environment.name,
        "cluster": ctx.spec.environment.cluster,
        "trace_id": probe.trace_id,
        "transaction_id": probe.transaction_id,
    }
    for doc in found:
        name = f"a line of {doc.get('service')}"
        absent = [field for field in CORE_FIELDS if not doc.get(field)]
        if absent:
            raise CheckFailed(
                f"every core field on {name}",
                f"none of {', '.join(absent)} in {doc.get('message')!r:.80}",
                "The service's logger writes them, or the collector's parsing sets them.",
            )
        for field, value in expected.items():
            if doc[field] != value:
                raise CheckFailed(
                    f"{field} {value} on {name}", f"{doc[field]}", "The stack file and the service disagree."
                )
        if doc["span_id"] not in spans:
            raise CheckFailed(
                f"the span of {name} in trace {probe.trace_id}",
                f"span_id {doc['span_id']}",
                "It leads nowhere.",
            )
    names = ", ".join(item.name for item in services)
    return f"trace {probe.trace_id}: {len(found)} lines of {names}, whole schema, spans found"


PROBES_CHECK = Check("probes counted", "metrics", probes, why_no_shop, calm=True)
EXEMPLAR = Check("metric leads to trace", "metrics", exemplar, why_no_exemplars, calm=True)
TRACE = Check("trace spans every service", "tracing", trace, why_no_probe_kept)
LOGS = Check("trace leads to logs", "logging", logs, why_no_logs)
