"""node_exporter: a host's own metrics. All that it is told stands in its flags."""

from components.render import tls
from components.render.document import Documents
from components.running import Health, Running, program
from components.site import Site
from components.spec import Spec


def render(spec: Spec, site: Site) -> Documents:
    """`web.yml` where it speaks TLS."""
    del spec
    return tls.web(site, "node-exporter")


def running(spec: Spec, site: Site) -> Running:
    """On each host."""
    del spec
    return Running(
        command=(
            program("node_exporter", "node_exporter"),
            *tls.flags(site, "node-exporter"),
            "--log.format=json",
        ),
        health=Health("node-exporter"),
        memory_mb=30,
    )
