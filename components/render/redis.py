"""Redis, which the demo shop keeps its stock in, and the exporter that watches it."""

from components.render.document import Document, Documents, ordered
from components.site import Site
from components.spec import Spec

COMMAND = ("redis.conf",)
EXPORTER_COMMAND = ("{python}", "-m", "agents.redis_exporter", "--settings", "settings.json")


def render(spec: Spec, site: Site) -> Documents:
    """`redis.conf`: loopback only, a snapshot now and then, little memory."""
    del spec
    lines = [
        f"bind {site.host('redis')}",
        f"port {site.port('redis')}",
        "protected-mode yes",
        "daemonize no",
        f"dir {site.data('redis')}",
        "save 60 1",
        "maxmemory 64mb",
        "maxmemory-policy allkeys-lru",
        "loglevel notice",
    ]
    return {"redis.conf": Document("\n".join(lines) + "\n", "text")}


def render_exporter(spec: Spec, site: Site) -> Documents:
    """`settings.json` of `agents.redis_exporter`."""
    settings = {
        "redis": f"redis://{site.dial('redis')}/0",
        "host": site.host("redis-exporter"),
        "port": site.port("redis-exporter"),
        "labels": spec.environment.labels,
    }
    return {"settings.json": Document(ordered(settings), "json")}
