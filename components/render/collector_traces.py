"""The collector's way of spans: scrubbed, counted as span metrics, judged whole, sent to Jaeger."""

from typing import Any

from components.addresses import Addresses
from components.render import ottl, sizes
from components.spec import Spec, milliseconds


def pipelines() -> dict[str, Any]:
    """Cleaned once, spans go two ways: all of them are counted, and those of sampled traces are kept."""
    return {
        "metrics/spans": {"exporters": ["prometheus/spans"], "receivers": ["spanmetrics"]},
        "traces": {
            "exporters": ["forward/spans"],
            "processors": ["memory_limiter", "mend", "transform/spans", "scrub"],
            "receivers": ["otlp"],
        },
        "traces/counted": {
            "exporters": ["spanmetrics"],
            "processors": ["bound"],
            "receivers": ["forward/spans"],
        },
        "traces/kept": {
            "exporters": ["otlp/jaeger"],
            "processors": ["tail_sampling"],
            "receivers": ["forward/spans"],
        },
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
    """What is put on spans, deleted and hashed, what is counted, and which traces are kept."""
    return {
        "bound": _bound(spec),
        "mend": _mend(spec),
        "tail_sampling": _tail_sampling(spec),
        "transform/spans": _transform(spec),
    }


def exporters(spec: Spec, addresses: Addresses) -> dict[str, Any]:
    """Jaeger, with a queue on disk; and the page with the span metrics."""
    batching, room = spec.tracing.batching, sizes.messages(spec)
    return {
        "otlp/jaeger": {
            "endpoint": addresses["jaeger-otlp-grpc"],
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
            # Jaeger answers when the spans are stored, not before.
            "timeout": "30s",
            "tls": {"insecure": True},
        },
        "prometheus/spans": {
            "enable_open_metrics": True,
            "endpoint": addresses["collector-spanmetrics"],
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


def _tail_sampling(spec: Spec) -> dict[str, Any]:
    """A trace is kept if one policy wants it."""
    sampling = spec.tracing.tail_sampling
    policies: list[dict[str, Any]] = [
        {"latency": {"threshold_ms": milliseconds(sampling.keep_slow)}, "name": "slow", "type": "latency"}
    ]
    if sampling.keep_errors:
        policies.append({"name": "failed", "status_code": {"status_codes": ["ERROR"]}, "type": "status_code"})
    for number, wanted in enumerate(sampling.keep_attributes, 1):
        kind = "boolean_attribute" if isinstance(wanted.value, bool) else "string_attribute"
        value = {"value": wanted.value} if isinstance(wanted.value, bool) else {"values": [wanted.value]}
        policies.append({kind: {"key": wanted.key, **value}, "name": f"marked-{number}", "type": kind})
    if sampling.keep_ratio > 0:
        share = {"sampling_percentage": round(sampling.keep_ratio * 100, 6)}
        policies.append({"name": "share", "probabilistic": share, "type": "probabilistic"})
    return {
        # Spans that come after the decision follow it.
        "decision_cache": {
            "non_sampled_cache_size": sampling.traces_in_memory,
            "sampled_cache_size": sampling.traces_in_memory,
        },
        "decision_wait": ottl.duration(sampling.decision_wait),
        "num_traces": sampling.traces_in_memory,
        "policies": policies,
    }
