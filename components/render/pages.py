"""Settings of `agents.pages`, the stack's web pages."""

from components.inventory import BY_NAME, STORE
from components.render import tls
from components.render.document import Document, Documents, ordered
from components.render.opensearch_store import user_of
from components.rules.slo import DURATION, indicator
from components.running import Health, Running, ours
from components.site import Site
from components.spec import Service, Spec
from components.spec.services import Slo

PROGRAM = BY_NAME["pages"]
OF_STORE = tuple(socket.name for program in STORE for socket in BY_NAME[program].sockets)
ENGINES = ("prometheus", "alertmanager", "jaeger")
"""Programs that the pages ask."""


def render(spec: Spec, site: Site) -> Documents:
    """`settings.json`: whom the pages read, and where each service's requests are counted."""
    asked = {name: site.urls(BY_NAME[name].api) for name in ENGINES}
    further = {name: urls[1:] for name, urls in asked.items() if urls[1:]}
    settings = {
        "stack": spec.environment.name,
        "host": site.host("pages"),
        **({"hosts": [ingress]} if (ingress := spec.kubernetes.ingress.host) else {}),
        "port": site.port("pages"),
        "labels": spec.environment.labels,
        "engines": {name: urls[0] for name, urls in asked.items()},
        **({"further": further} if further else {}),
        **tls.client(site, PROGRAM.name, *(site.listeners[BY_NAME[name].api] for name in ENGINES)),
        **({"shown": _shown(site)} if site.mutual else {}),
        **tls.login(site),
        "sink": site.url("sink") if spec.alerting.sink else None,
        "services": [_service(service, site) for service in spec.services],
        "logs": {
            "url": site.url("opensearch"),
            "user": user_of(spec, PROGRAM.user),
            "password_file": site.secret(PROGRAM.password),
            "ca": site.store_ca,
            "indices": f"{spec.logging.index.prefix}-*",
        },
    }
    return {"settings.json": Document(ordered(settings), "json")}


def _shown(site: Site) -> list[str]:
    """Each certificate once, where it is shown: a host's front has the same at all of its ports. Not those of
    another stack's store."""
    own = [
        listener
        for name, listener in site.listeners.items()
        if listener.tls and not listener.fronted and not (site.authority and name in OF_STORE)
    ]
    fronts: dict[str, str] = {}
    for listener in site.listeners.values():
        for address in listener.dial if listener.fronted else ():
            fronts.setdefault(address.rpartition(":")[0], address)
    return sorted({*(address for listener in own for address in listener.dial), *fronts.values()})


def _service(service: Service, site: Site) -> dict[str, object]:
    """A service that promises nothing is shown by its server spans."""
    slo = service.slo or Slo()
    signals = indicator(service, slo)
    histogram = slo.metrics.latency if slo.metrics else DURATION
    matchers = signals.counted.partition("{")[2]
    promise = (
        f"{slo.availability:g} % without failure, {slo.latency.target:g} % within {slo.latency.threshold}"
    )
    return {
        "name": service.name,
        "owner": service.owner,
        "version": service.version,
        "page": f"{site.service(service).url}/" if service.run else None,
        "requests": signals.requests,
        "errors": signals.errors,
        "buckets": f"{histogram}_bucket{{{matchers}",
        "promise": promise if service.slo else None,
    }


def running(spec: Spec, site: Site) -> Running:
    """It needs none of those that it reads to start."""
    del spec
    return ours("agents.pages", Health("pages", "/health"), 70, secrets=tls.passwords(site))
