"""Settings of `agents.redis_exporter`, which watches Redis."""

from components.render import tls
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
        **({"redis_password_file": site.secret(site.password)} if site.password else {}),
        **tls.login(site),
    }
    return {"settings.json": Document(ordered(settings), "json")}


def running(spec: Spec, site: Site) -> Running:
    """Beside Redis."""
    del spec
    health = Health("redis-exporter", "/health" if site.password else "/metrics")
    return ours("agents.redis_exporter", health, 60, secrets=tls.passwords(site), needs=("redis",))
