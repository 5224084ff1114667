"""This machine as a site: ports of loopback counted from one base, so that two stacks can stand side by side,
and folders spelled relative to a unit's conf folder, so that a rendered file names no folder of the machine.
"""

from components.site import Folders, Listener, Site
from components.spec import Spec

HOST = "127.0.0.1"

OFFSETS = {
    "prometheus": 0,
    "alertmanager": 1,
    "node-exporter": 3,
    "redis-exporter": 5,
    "housekeeper": 6,
    "opensearch": 10,
    "opensearch-transport": 11,
    "redis": 12,
    "collector-otlp-grpc": 20,
    "collector-otlp-http": 21,
    "collector-metrics": 22,  # the collector's own
    "collector-spanmetrics": 23,
    "collector-health": 24,
    "collector-pushed": 25,  # metrics that clients sent
    "collector-agent-metrics": 26,
    "collector-agent-health": 27,
    "jaeger-query-http": 30,
    "jaeger-query-grpc": 31,
    "jaeger-otlp-grpc": 32,
    "jaeger-metrics": 33,
    "jaeger-health": 34,
    "sink": 40,
    "pages": 41,
}
"""Fixed for good: a new program takes new ones, so nothing else moves. Services with `run` take theirs, 100
to 199, from the stack file."""
TLS = ("opensearch", "opensearch-transport")
"""The others hold nothing that loopback would not keep."""

FOLDERS = Folders(
    secrets="../../../secrets",
    certificates="../../../secrets/tls",
    data="../data",
    log="../../{program}/log",
)


def local_site(spec: Spec) -> Site:
    """Where a stack's programs and services are on this machine."""
    base = spec.deploy.port_base
    return Site(
        name="local",
        listeners={name: _listener(base + offset, tls=name in TLS) for name, offset in OFFSETS.items()},
        services={item.name: _listener(base + item.run.port_offset) for item in spec.services if item.run},
        folders=FOLDERS,
    )


def _listener(port: int, *, tls: bool = False) -> Listener:
    address = f"{HOST}:{port}"
    return Listener(bind=address, dial=(address,), tls=tls)
