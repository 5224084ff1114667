"""Spans on their way to one of several gateways, that of their trace (`spread`, in `tools/otelcol/`).

The agent of each host takes them on loopback from the services there, cleans them, and holds them on disk
until a gateway has them: a service need not know which gateways there are, nor that one is away. What a
client sends to any of the gateways itself goes the same way.
"""

from typing import Any

from components.render import sizes, tls
from components.site import Site
from components.spec import Spec
from components.spec.base import milliseconds

_RECEIVER = "collector-spread"
EXPORTER = "spread/gateways"

KEEPALIVE = {"enforcement_policy": {"min_time": "5s", "permit_without_stream": True}}
"""Who spreads asks every 10 s whether the other is still there; without this it would be turned away."""

_NOTICED_MS = 20_000
"""A host that is gone says nothing, and is asked every 10 s whether it is there, with 10 s to answer."""


def several(site: Site) -> bool:
    """Whether there are several gateways."""
    return site.has(_RECEIVER)


def receivers(site: Site, program: str) -> dict[str, Any]:
    """What a gateway opens for spans of its own traces."""
    if not several(site):
        return {}
    grpc = {
        "endpoint": site.bind(_RECEIVER),
        "keepalive": KEEPALIVE,
        "max_recv_msg_size_mib": sizes.REQUEST_MIB,
        **tls.served(site, _RECEIVER, program),
    }
    return {"otlp/spread": {"protocols": {"grpc": grpc}}}


def exporters(spec: Spec, site: Site, program: str) -> dict[str, Any]:
    """The gateways, with a queue on disk; spelled alike by all who send.

    What a gateway took is remembered for as long as it usually holds a trace before it judges it, with time
    for its death to be noticed."""
    if not several(site):
        return {}
    held = milliseconds(spec.tracing.tail_sampling.decision_wait)
    return {
        EXPORTER: {
            "endpoints": sorted(site.dial_all(_RECEIVER)),
            "remember": f"{held + _NOTICED_MS}ms",
            "sending_queue": {
                "queue_size": 256 * 2**20,
                "sizer": "bytes",
                "storage": "file_storage/traces",
            },
            **tls.dialled(site, _RECEIVER, program),
        }
    }
