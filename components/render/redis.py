"""Redis, which the demo shop keeps its stock in, and the exporter that watches it."""

from components.addresses import HOST, Addresses
from components.render.services import to_json
from components.spec import Spec

COMMAND = ("redis.conf",)
EXPORTER_COMMAND = ("{python}", "-m", "agents.redis_exporter", "--settings", "settings.json")


def render(spec: Spec, addresses: Addresses) -> dict[str, str]:
    """`redis.conf`: loopback only, a snapshot now and then, little memory."""
    del spec
    lines = [
        f"bind {HOST}",
        f"port {addresses.port('redis')}",
        "protected-mode yes",
        "daemonize no",
        "dir ../data",
        "save 60 1",
        "maxmemory 64mb",
        "maxmemory-policy allkeys-lru",
        "loglevel notice",
    ]
    return {"redis.conf": "\n".join(lines) + "\n"}


def render_exporter(spec: Spec, addresses: Addresses) -> dict[str, str]:
    """`settings.json` of `agents.redis_exporter`."""
    settings = {
        "redis": f"redis://{addresses['redis']}/0",
        "host": HOST,
        "port": addresses.port("redis-exporter"),
        "labels": spec.environment.labels,
    }
    return {"settings.json": to_json(settings)}
