"""Settings files of the services that the stack itself starts: those with `run`."""

from components.render import tls
from components.render.document import Document, Documents, ordered
from components.site import Site
from components.spec import Service, Spec

_PROTOCOLS = {
    "otlp-grpc": ("grpc", "otlp-grpc"),
    "otlp-http": ("http", "otlp-http"),
}
_TAKERS = ("collector-agent", "collector")
"""Who takes it: the agent of the own host, where it does."""


def render(spec: Spec, site: Site, service: Service) -> Documents:
    """`settings.json` of a service with `run`: who it is, where it listens, whom it calls."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    own = site.service(service)
    by_name = {other.name: other for other in spec.services}
    protocol, wanted = _PROTOCOLS.get(service.traces.protocol, ("none", ""))
    listener = _taker(site, wanted)
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
        **({"redis_password_file": site.secret(site.password)} if run.redis and site.password else {}),
        "options": dict(run.options),
        **({"tls": secured} if secured else {}),
        **tls.serving(site, service.name, own),
    }
    return {"settings.json": Document(ordered(settings), "json")}


def _taker(site: Site, wanted: str) -> str:
    """The listener that takes it. Of a service that sends no spans, the settings name one all the same."""
    names = (wanted,) if wanted else tuple(listener for _, listener in _PROTOCOLS.values())
    every = (f"{program}-{name}" for program in _TAKERS for name in names)
    return next(listener for listener in every if site.has(listener))
