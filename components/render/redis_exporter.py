"""Settings of `agents.redis_exporter`, which watches Redis."""

from components.render.document import Document, Documents, ordered
from components.running import Health, Running, ours
from components.site import Site
from components.spec import Spec


def render(spec: Spec, site: Site) -> Documents:
    """`settings.json`: where it listens, and whom it asks."""
    settings = {
        "redis": f"redis://{site.dial('redis')}/0",
        "host": site.host("redis-exporter"),
        "port": site.port("redis-exporter"),
        "labels": spec.environment.labels,
    }
    return {"settings.json": Document(ordered(settings), "json")}


def running(spec: Spec, site: Site) -> Running:
    """Beside Redis."""
    del spec, site
    return ours("agents.redis_exporter", Health("redis-exporter", "/metrics"), 60, needs=("redis",))
