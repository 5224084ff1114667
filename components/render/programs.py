"""Each program of the inventory: its documents, and how it is run."""

from typing import Protocol

from components.render import (
    alertmanager,
    collector_agent,
    collector_gateway,
    front,
    housekeeper,
    jaeger,
    journal,
    node_exporter,
    opensearch,
    pages,
    prometheus,
    redis,
    redis_exporter,
    sink,
)
from components.render.document import Documents
from components.running import Running
from components.site import Site
from components.spec import Spec


class Renderer(Protocol):
    """A module that describes a program."""

    def render(self, spec: Spec, site: Site) -> Documents:
        """What it reads, by path."""
        ...

    def running(self, spec: Spec, site: Site) -> Running:
        """What a target needs to know beside that."""
        ...


RENDERERS: dict[str, Renderer] = {
    "alertmanager": alertmanager,
    "collector": collector_gateway,
    "collector-agent": collector_agent,
    "front": front,
    "housekeeper": housekeeper,
    "jaeger": jaeger,
    "journal": journal,
    "node-exporter": node_exporter,
    "opensearch": opensearch,
    "pages": pages,
    "prometheus": prometheus,
    "redis": redis,
    "redis-exporter": redis_exporter,
    "sink": sink,
}
"""By the program's name."""
