"""TLS in configuration, where the site says that a listener speaks it: most programs name the keys alike.

Where it is mutual, who serves asks for a certificate of the stack's authority, and who dials shows its own.
"""

from typing import Any

from components.render.document import Document, Documents
from components.site import LOGIN, Listener, Site

WEB = "web.yml"


def certificate(site: Site, program: str) -> dict[str, str]:
    """A program's own certificate."""
    return {"cert_file": site.certificate(program), "key_file": site.key(program)}


def served(site: Site, listener: str, program: str) -> dict[str, Any]:
    """`tls` of a listener of the collector or of Jaeger; empty where it goes without."""
    if not site.serves_tls(listener):
        return {}
    asked = {"client_ca_file": site.ca} if site.asks(listener) else {}
    return {"tls": {**certificate(site, program), **asked}}


def shown(site: Site, program: str) -> dict[str, str]:
    """The certificate that a program shows to whom it dials with TLS; empty where nobody asks."""
    return certificate(site, program) if site.mutual else {}


def trusted(site: Site, program: str) -> dict[str, str]:
    """How a program dials another with TLS, as Prometheus, Alertmanager and the collector name it."""
    return {"ca_file": site.ca, **shown(site, program)}


def dialled(site: Site, listener: str, program: str) -> dict[str, Any]:
    """`tls` of the program of the collector that dials it, there."""
    if not site.tls(listener):
        return {"tls": {"insecure": True}}
    own = certificate(site, program) if site.asks(listener) else {}
    return {"tls": {"ca_file": site.ca, **own}}


def client(site: Site, program: str, *listeners: Listener) -> dict[str, str]:
    """What settings of a small program of ours say of how it dials these; empty where none speaks TLS."""
    if not any(listener.tls for listener in listeners):
        return {}
    own = {"certificate": site.certificate(program), "key": site.key(program)} if site.mutual else {}
    return {"ca": site.ca, **own}


def serving(site: Site, name: str, listener: Listener) -> dict[str, Any]:
    """What settings of a service say of the TLS that it serves itself, to who shows a certificate; empty
    where it goes without."""
    if not (listener.tls and listener.asks):
        return {}
    return {"serving": {"ca": site.ca, "certificate": site.certificate(name), "key": site.key(name)}}


def server(site: Site, program: str) -> dict[str, str]:
    """`tls_server_config`, as the programs of Prometheus have it."""
    asked = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": site.ca}
    return {**certificate(site, program), **(asked if site.mutual else {})}


def login(site: Site) -> dict[str, Any]:
    """What settings of programs of ours without TLS say of who may ask them; empty where everybody may."""
    if not site.password:
        return {}
    return {"login": {"user": LOGIN, "password_file": site.secret(site.password)}}


def passwords(site: Site) -> tuple[str, ...]:
    """Names of the secrets that such programs read, and who asks them."""
    return (site.password,) if site.password else ()


def web(site: Site, program: str) -> Documents:
    """`web.yml` of Prometheus, Alertmanager or an exporter, whose listener has the program's name; nothing
    where it goes without."""
    if not site.serves_tls(program):
        return {}
    return {WEB: Document({"tls_server_config": server(site, program)}, "yaml")}


def flags(site: Site, program: str) -> tuple[str, ...]:
    """How such a program is told where it listens, and of `web.yml`."""
    listens = (f"--web.listen-address={site.bind(program)}",)
    return (*listens, f"--web.config.file={WEB}") if site.serves_tls(program) else listens
