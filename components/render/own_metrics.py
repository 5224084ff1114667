"""What the collector and Jaeger tell Prometheus of themselves, which are one kind of program.

Their page of it can ask nobody who reads it. Where loopback is guarded it is not opened: they send their
numbers to themselves, as clients would, and serve them on a page that asks, under the same names.
"""

from typing import Any

from components.render import tls
from components.site import Site
from components.spec import Spec
from components.spec.base import milliseconds

_NAME = "own"
_EXPIRY_MS = 60_000
"""After which a page no longer tells what was not sent again: that it is old must not stay unseen. It is no
less than three times what they are sent in, or the page would be empty between."""


def telemetry(spec: Spec, site: Site, name: str) -> dict[str, Any]:
    """`service.telemetry` of the process `name`, but for its logs."""
    own = site.listeners[f"{name}-metrics"]
    if not sent(site, name):
        reader: dict[str, Any] = {"pull": {"exporter": {"prometheus": {"host": own.host, "port": own.port}}}}
        return {"metrics": {"level": "normal", "readers": [reader]}}
    otlp = {
        "protocol": "http/protobuf",
        "endpoint": f"{site.url(f'{name}-{_NAME}')}/v1/metrics",
        "certificate": site.ca,
        "client_certificate": site.certificate(name),
        "client_key": site.key(name),
    }
    interval = milliseconds(spec.metrics.scrape_interval)
    reader = {"periodic": {"interval": interval, "exporter": {"otlp": otlp}}}
    # Otherwise labels of every metric, and new series with every start.
    unnamed = {"service.instance.id": None, "service.name": None, "service.version": None}
    return {"resource": unnamed, "metrics": {"level": "normal", "readers": [reader]}}


def receivers(site: Site, name: str) -> dict[str, Any]:
    """What takes them; nothing where the page stands open."""
    if not sent(site, name):
        return {}
    http = {"endpoint": site.bind(f"{name}-{_NAME}"), **tls.served(site, f"{name}-{_NAME}", name)}
    return {f"otlp/{_NAME}": {"protocols": {"http": http}}}


def exporters(spec: Spec, site: Site, name: str) -> dict[str, Any]:
    """What serves them."""
    if not sent(site, name):
        return {}
    return {
        f"prometheus/{_NAME}": {
            "endpoint": site.bind(f"{name}-metrics"),
            **tls.served(site, f"{name}-metrics", name),
            "metric_expiration": f"{max(_EXPIRY_MS, 3 * milliseconds(spec.metrics.scrape_interval))}ms",
        }
    }


def pipelines(site: Site, name: str) -> dict[str, Any]:
    """From the one to the other."""
    if not sent(site, name):
        return {}
    return {f"metrics/{_NAME}": {"receivers": [f"otlp/{_NAME}"], "exporters": [f"prometheus/{_NAME}"]}}


def sent(site: Site, name: str) -> bool:
    """Whether the process `name` sends them to itself."""
    return site.has(f"{name}-{_NAME}")
