"""The collector's way of spans: scrubbed, counted as span metrics, judged whole, sent to Jaeger."""

from typing import Any

from components.render import collector_spread, ottl, sizes, tls
from components.site import Site
from components.spec import Spec

_TAKERS = ("jaeger-otlp-grpc", "xray-otlp-grpc")
"""Who may keep traces: a site has one of them."""


_CLEANED = ("memory_limiter", "mend", "transform/spans", "scrub")


def pipelines(site: Site) -> dict[str, Any]:
    """Cleaned once, spans go two ways: all of them are counted, and those of sampled traces are kept."""
    several = collector_spread.several(site)
    return {
        **spread(site),
        "metrics/spans": {"exporters": ["prometheus/spans"], "receivers": ["spanmetrics"]},
        "traces": {
            "exporters": ["forward/spans"],
            "processors": ["memory_limiter"] if several else list(_CLEANED),
            "receivers": ["otlp/spread" if several else "otlp"],
        },
        "traces/counted": {
            "exporters": ["spanmetrics"],
            "processors": ["bound"],
            "receivers": ["forward/spans"],
        },
        "traces/kept": {
            "exporters": [_exporter(site)],
            "processors": ["keep"],
            "receivers": ["forward/spans"],
        },
    }


def spread(site: Site) -> dict[str, Any]:
    """From clients to the gateways, where there are several: cleaned before they rest on any disk."""
    if not collector_spread.several(site):
        return {}
    return {
        "traces/spread": {
            "exporters": [collector_spread.EXPORTER],
            "processors": list(_CLEANED),
            "receivers": ["otlp"],
        }
    }


def connectors(spec: Spec) -> dict[str, Any]:
    """Request counts and durations from every span, before sampling."""
    metrics, room = spec.tracing.span_metrics, sizes.span_series(spec)
    return {
        "forward/spans": {},
        "spanmetrics": {
            "aggregation_cardinality_limit": room.series_limit,
            "dimensions": [{"name": name} for name in metrics.dimensions],
            "exemplars": {"enabled": True, "max_per_data_point": 5},
            "histogram": {
                "explicit": {"buckets": [ottl.duration(bucket) for bucket in metrics.buckets]},
                "unit": "s",
            },
            "metrics_flush_interval": "5s",
            # Never one too few: the one that is pushed out would count from 0 again.
            "resource_metrics_cache_size": room.services_limit,
            # A service that restarts stays the same series.
            "resource_metrics_key_attributes": ["service.name"],
        },
    }


def processors(spec: Spec) -> dict[str, Any]:
    """What is counted, and which traces are kept."""
    return {"bound": _bound(spec), "keep": _keep(spec), **cleaning(spec)}


def cleaning(spec: Spec) -> dict[str, Any]:
    """What is put on spans, deleted and hashed, wherever they come in."""
    return {"mend": _mend(spec), "transform/spans": _transform(spec)}


def _taker(site: Site) -> str:
    """The listener of who keeps traces."""
    return next(name for name in _TAKERS if site.has(name))


def _exporter(site: Site) -> str:
    """The exporter to it; where there are several, which share the store, the next takes over."""
    name = _taker(site)
    return f"{'spread' if len(site.dial_all(name)) > 1 else 'otlp'}/{name.partition('-')[0]}"


def exporters(spec: Spec, site: Site) -> dict[str, Any]:
    """Who keeps traces, with a queue on disk; and the page with the span metrics."""
    batching, room, taker = spec.tracing.batching, sizes.messages(spec), _taker(site)
    every = site.dial_all(taker)
    return {
        _exporter(site): {
            **({"endpoints": sorted(every)} if len(every) > 1 else {"endpoint": site.dial(taker)}),
            "retry_on_failure": {"max_elapsed_time": "0s"},
            "sending_queue": {
                "batch": {
                    "flush_timeout": ottl.duration(batching.timeout),
                    "max_size": room.batch,
                    "min_size": room.batch,
                    "sizer": "bytes",
                },
                "queue_size": 256 * 2**20,
                "sizer": "bytes",
                "storage": "file_storage/traces",
            },
            # Jaeger answers when the spans are stored, not before. Another is no faster, as they share the
            # store, and to send once more what is being stored only makes it slower.
            **({"timeout": "10m", "patience": "10m"} if len(every) > 1 else {"timeout": "30s"}),
            **tls.dialled(site, taker, "collector"),
        },
        "prometheus/spans": {
            "enable_open_metrics": True,
            "endpoint": site.bind("collector-spanmetrics"),
            **tls.served(site, "collector-spanmetrics", "collector"),
            "resource_to_telemetry_conversion": {"enabled": False},
        },
    }


def _transform(spec: Spec) -> dict[str, Any]:
    labels = {
        **spec.environment.labels,
        "deployment.environment.name": spec.environment.name,
        "deployment.tier": spec.environment.tier,
    }
    scrubbing = spec.tracing.scrubbing
    here = [f"delete_key(attributes, {ottl.text(name)})" for name in scrubbing.delete] + [
        f"set(attributes[{ottl.text(name)}], SHA256(String(attributes[{ottl.text(name)}]))) "
        f"where attributes[{ottl.text(name)}] != nil"
        for name in scrubbing.hash
    ]
    statements = [
        {
            "context": "resource",
            "statements": [ottl.put(f"attributes[{ottl.text(key)}]", labels[key]) for key in sorted(labels)]
            + here,
        }
    ]
    if here:
        statements += [{"context": context, "statements": here} for context in ("span", "spanevent")]
    return {"error_mode": "ignore", "trace_statements": statements}


def _mend(spec: Spec) -> dict[str, Any]:
    """What the store would refuse, hide, or delete at once, is mended and marked."""
    return {
        "bytes": sizes.messages(spec).span,
        "future": "10m",
        "items": 5000,
        "past": ottl.duration(spec.tracing.retention),
        "services": sorted(service.name for service in spec.services),
    }


def _bound(spec: Spec) -> dict[str, Any]:
    """A service that sends ever new names loses detail in its own span metrics alone."""
    room = sizes.span_series(spec)
    return {
        "dimensions": list(spec.tracing.span_metrics.dimensions),
        "length": room.length,
        "other_services": room.other_services,
        "series": room.series,
        "services": list(room.services),
        "values": room.values,
    }


def _keep(spec: Spec) -> dict[str, Any]:
    """A trace is kept if one of these wants it."""
    sampling = spec.tracing.tail_sampling
    return {
        "bytes": sizes.HELD_TRACES,
        "errors": sampling.keep_errors,
        "marks": [{"key": wanted.key, "value": wanted.value} for wanted in sampling.keep_attributes],
        "ratio": sampling.keep_ratio,
        "root_wait": ottl.duration(sampling.root_wait),
        "slow": ottl.duration(sampling.keep_slow),
        "traces": sampling.traces_in_memory,
        "wait": ottl.duration(sampling.decision_wait),
    }
