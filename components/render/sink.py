"""Settings of `agents.sink`, which stands in for the receivers of alerts."""

from components.render import tls
from components.render.document import Document, Documents, ordered
from components.running import Health, Running, ours
from components.site import Site
from components.spec import Spec


def render(spec: Spec, site: Site) -> Documents:
    """`settings.json`: where it listens, and where it keeps what was delivered."""
    settings = {
        "host": site.host("sink"),
        "port": site.port("sink"),
        "data": site.data("sink"),
        "labels": spec.environment.labels,
        **tls.login(site),
    }
    return {"settings.json": Document(ordered(settings), "json")}


def running(spec: Spec, site: Site) -> Running:
    """It needs nothing of the others."""
    del spec
    return ours("agents.sink", Health("sink", "/health"), 90, secrets=tls.passwords(site))
