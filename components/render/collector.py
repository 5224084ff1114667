"""The OpenTelemetry Collector: log files and spans in; treated; to the store, to Jaeger, to span metrics.

What keeps log lines from being lost or doubled (docs/adr/0006-log-shipper.md) stands in `collector_logs`,
the way of spans in `collector_traces`. The collector runs with the conf folder as working directory.
"""

from typing import Any

from components.addresses import HOST, Addresses
from components.render import (
    collector_files,
    collector_logs,
    collector_otlp,
    collector_traces,
    sizes,
    yaml_text,
)
from components.render.opensearch_store import SECRET_OF
from components.spec import Spec

USER = "collector"
SECRET = SECRET_OF[USER]
"""Secret with the password of the store's user `USER`; read when the collector starts or reloads."""
RELOAD = "SIGHUP"
"""Makes the running collector read its files again; what is queued stays on disk. It ends the collector if
the files are wrong, so they are validated first."""


_LARGEST: dict[str, dict[str, int]] = {
    "grpc": {"max_recv_msg_size_mib": sizes.REQUEST_MIB},
    "http": {"max_request_body_size": sizes.REQUEST_MIB * 2**20},
}


class Reference(str):
    """Text that the collector expands (`${file:...}`); all other text means itself."""

    __slots__ = ()


def render(spec: Spec, addresses: Addresses) -> dict[str, str]:
    """`collector.yaml`."""
    receivers = collector_files.receivers(spec)
    protocols = {
        name: {"endpoint": addresses[f"collector-otlp-{name}"], **_LARGEST[name]}
        for name, on in (("grpc", spec.tracing.otlp.grpc), ("http", spec.tracing.otlp.http))
        if on
    }
    store = {
        "endpoint": f"https://{addresses['opensearch']}",
        "tls": {"ca_file": "../../../secrets/tls/ca.pem"},
        "user": USER,
        "password": Reference(f"${{file:../../../secrets/{SECRET}}}"),
    }
    logs = ({"logs": collector_logs.pipeline(spec)} if receivers else {}) | collector_otlp.logs(spec)
    config: dict[str, Any] = {
        "connectors": collector_traces.connectors(spec),
        "exporters": {
            **(collector_logs.exporters(spec, store) if logs else {}),
            **collector_otlp.exporters(spec, addresses),
            **collector_traces.exporters(spec, addresses),
        },
        "extensions": {
            # What is in a queue or a checkpoint has reached the disk, so that it outlives a power cut.
            **({"file_storage/logs": _storage("../data/logs", fsync=True)} if logs else {}),
            "file_storage/traces": _storage("../data/traces", fsync=False),
            "health_check": {"endpoint": addresses["collector-health"]},
        },
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_mib": 512, "spike_limit_mib": 128},
            "scrub": _scrub(spec),
            **(collector_logs.processors(spec) if logs else {}),
            **collector_otlp.processors(spec),
            **collector_otlp.metrics_processors(spec),
            **collector_traces.processors(spec),
        },
        "receivers": {**receivers, "otlp": {"protocols": protocols}},
    }
    config["service"] = {
        "extensions": sorted(config["extensions"]),
        "pipelines": {**logs, **collector_otlp.metrics(spec), **collector_traces.pipelines()},
        "telemetry": {
            "logs": {"encoding": "json", "level": "info"},
            "metrics": {
                "level": "normal",
                "readers": [
                    {
                        "pull": {
                            "exporter": {
                                "prometheus": {"host": HOST, "port": addresses.port("collector-metrics")}
                            }
                        }
                    }
                ],
            },
        },
    }
    return {"collector.yaml": yaml_text.dump(_literal(config))}


def _storage(folder: str, *, fsync: bool) -> dict[str, Any]:
    return {
        "create_directory": True,
        "directory": folder,
        "fsync": fsync,
        # A process that was killed lets go of its files only when the kernel has taken it down.
        "timeout": "10s",
        "compaction": {
            "on_start": False,
            "on_rebound": True,
            "directory": folder,
            "cleanup_on_start": True,
        },
    }


_IDS = (collector_logs.UID, "parent_span_id", "span_id", "trace_id", "transaction_id")


def _scrub(spec: Spec) -> dict[str, Any]:
    headers = {service.correlation_header.lower() for service in spec.services}
    return {
        # Values of these stay whole while they have the form of an id: a pattern that fits one by chance
        # would cut the thread from record to record.
        "ids": sorted({*_IDS, *headers, *(f"http.request.header.{name}" for name in headers)}),
        "patterns": [
            {
                "name": rule.name,
                **({"pattern": rule.pattern} if rule.pattern else {}),
                **({"check": rule.check} if rule.check else {}),
                "replacement": rule.replacement,
            }
            for rule in spec.logging.redaction
        ],
    }


def _literal(value: Any) -> Any:
    """The same with sorted keys; every `$` means itself, as a stack file must not name files to read."""
    if isinstance(value, dict):
        return {key: _literal(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_literal(item) for item in value]
    if isinstance(value, Reference):
        return str(value)
    return value.replace("$", "$$") if isinstance(value, str) else value
