"""What each process of the collector has for itself, whatever its work: health, metrics of its own, a limit
of memory, queues on disk, redaction. Its listeners are called after it: `<name>-health`, `<name>-metrics`.
"""

from typing import Any

from components.render import collector_logs, ottl, own_metrics, tls
from components.running import Health, Running, program
from components.site import Site
from components.spec import Spec


def whole(
    spec: Spec, site: Site, name: str, work: dict[str, Any], pipelines: dict[str, Any]
) -> dict[str, Any]:
    """The configuration of the process `name`: `work` (components by kind) and what each process has."""
    components = {
        **work,
        "exporters": {**work["exporters"], **own_metrics.exporters(spec, site, name)},
        "extensions": {
            **work["extensions"],
            "health_check": {
                "endpoint": site.bind(f"{name}-health"),
                **tls.served(site, f"{name}-health", name),
            },
        },
        "processors": {
            **work["processors"],
            "memory_limiter": {"check_interval": "1s", "limit_mib": 512, "spike_limit_mib": 128},
            "scrub": _scrub(spec),
        },
        "receivers": {**work["receivers"], **own_metrics.receivers(site, name)},
    }
    service = {
        "extensions": sorted(components["extensions"]),
        "pipelines": {**pipelines, **own_metrics.pipelines(site, name)},
        "telemetry": {
            "logs": {"encoding": "json", "level": "info"},
            **own_metrics.telemetry(spec, site, name),
        },
    }
    config: dict[str, Any] = ottl.literal({**components, "service": service})
    return config


def process(site: Site, name: str) -> Running:
    """The process `name`. A signal makes it read its files again, and what is queued stays on disk; but it
    ends if they are wrong, so they are validated first. It would end as well where it sends its numbers to
    itself, of which the last find nobody: there it is started anew."""
    otelcol = program("otelcol", "otelcol")
    return Running(
        command=(otelcol, "--config", "collector.yaml"),
        checks=((otelcol, "validate", "--config", "collector.yaml"),),
        reload=None if own_metrics.sent(site, name) else "SIGHUP",
        health=Health(f"{name}-health"),
        secrets=(collector_logs.PROGRAM.password,),
        needs=("opensearch",),
        memory_mb=300,
    )


def storage(site: Site, name: str, folder: str, *, fsync: bool) -> dict[str, Any]:
    """A folder for queues and checkpoints, in the data folder of the process `name`."""
    path = f"{site.data(name)}/{folder}"
    return {
        "create_directory": True,
        "directory": path,
        "fsync": fsync,
        # A process that was killed lets go of its files only when the kernel has taken it down.
        "timeout": "10s",
        "compaction": {
            "on_start": False,
            "on_rebound": True,
            "directory": path,
            "cleanup_on_start": True,
        },
    }


_IDS = (collector_logs.UID, "parent_span_id", "span_id", "trace_id", "transaction_id")


def whole_ids(spec: Spec) -> list[str]:
    """Fields whose values stay whole while they have the form of an id: a pattern that fits one by chance
    would cut the thread from record to record."""
    headers = {service.correlation_header.lower() for service in spec.services}
    return sorted({*_IDS, *headers, *(f"http.request.header.{name}" for name in headers)})


def _scrub(spec: Spec) -> dict[str, Any]:
    return {
        "ids": whole_ids(spec),
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
