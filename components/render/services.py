"""Settings files of the services that the stack itself starts: those with `run`."""

from components.render import tls
from components.render.document import Document, Documents, ordered
from components.site import Site
from components.spec import Service, Spec

_PROTOCOLS = {
    "otlp-grpc": ("grpc", "collector-otlp-grpc"),
    "otlp-http": ("http", "collector-otlp-http"),
}


def render(spec: Spec, site: Site, service: Service) -> Documents:
    """`settings.json` of a service with `run`: who it is, where it listens, whom it calls."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    own = site.service(service)
    by_name = {other.name: other for other in spec.services}
    protocol, listener = _PROTOCOLS.get(service.traces.protocol, ("none", _first_opened(site)))
    calls = {name: site.service(by_name[name]) for name in run.calls}
    secured = tls.client(site, service.name, *calls.values())
    settings: dict[str, object] = {
        "service": service.name,
        "owner": service.owner,
        "version": service.version,
        **spec.environment.labels,
        "host": own.host,
        "port": own.port,
        "correlation_header": service.correlation_header,
        "otlp": {
            "endpoint": site.url(listener),
            "protocol": protocol,
            **tls.client(site, service.name, site.listeners[listener]),
        },
        "head_sampling": spec.tracing.head_sampling,
        "calls": {name: called.url for name, called in calls.items()},
        "redis": f"redis://{site.dial('redis')}/0" if run.redis else None,
        "options": dict(run.options),
        **({"tls": secured} if secured else {}),
    }
    return {"settings.json": Document(ordered(settings), "json")}


def _first_opened(site: Site) -> str:
    """Of a service that sends no spans, the settings name a receiver all the same."""
    return next(listener for _, listener in _PROTOCOLS.values() if site.has(listener))
