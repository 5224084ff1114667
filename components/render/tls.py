"""TLS in configuration, where the site says that a listener speaks it: most programs name the keys alike."""

from typing import Any

from components.render.document import Document, Documents
from components.site import Site

WEB = "web.yml"


def certificate(site: Site, program: str) -> dict[str, str]:
    """What a program shows to whoever dials it."""
    return {
        "cert_file": f"{site.folders.certificates}/{program}.pem",
        "key_file": f"{site.folders.certificates}/{program}.key",
    }


def served(site: Site, listener: str, program: str) -> dict[str, Any]:
    """`tls` of a listener of the collector or of Jaeger; empty where it goes without."""
    return {"tls": certificate(site, program)} if site.tls(listener) else {}


def dialled(site: Site, listener: str) -> dict[str, Any]:
    """`tls` of whoever dials it, there."""
    return {"tls": {"ca_file": site.ca} if site.tls(listener) else {"insecure": True}}


def web(site: Site, program: str) -> Documents:
    """`web.yml` of Prometheus, Alertmanager or an exporter, whose listener has the program's name; nothing
    where it goes without."""
    if not site.tls(program):
        return {}
    return {WEB: Document({"tls_server_config": certificate(site, program)}, "yaml")}


def flags(site: Site, program: str) -> tuple[str, ...]:
    """How such a program is told where it listens, and of `web.yml`."""
    listens = (f"--web.listen-address={site.bind(program)}",)
    return (*listens, f"--web.config.file={WEB}") if site.tls(program) else listens
