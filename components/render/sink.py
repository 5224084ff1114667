"""Settings of `agents.sink`, which stands in for the receivers of alerts."""

from components.render.document import Document, Documents, ordered
from components.site import Site
from components.spec import Spec

COMMAND = ("{python}", "-m", "agents.sink", "--settings", "settings.json")
HEALTH_PATH = "/health"


def render(spec: Spec, site: Site) -> Documents:
    """`settings.json`: where it listens, and where it keeps what was delivered."""
    settings = {
        "host": site.host("sink"),
        "port": site.port("sink"),
        "data": site.data("sink"),
        "labels": spec.environment.labels,
    }
    return {"settings.json": Document(ordered(settings), "json")}
