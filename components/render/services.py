"""Settings files of the services that the stack itself starts: those with `run`."""

import json

from components.addresses import HOST, Addresses
from components.spec import Service, Spec

_PROTOCOLS = {
    "otlp-grpc": ("grpc", "collector-otlp-grpc"),
    "otlp-http": ("http", "collector-otlp-http"),
    "none": ("none", "collector-otlp-grpc"),
}


def render(spec: Spec, addresses: Addresses, service: Service) -> dict[str, str]:
    """`settings.json` of a service with `run`: who it is, where it listens, whom it calls."""
    run = service.run
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    by_name = {other.name: other for other in spec.services}
    protocol, listener = _PROTOCOLS[service.traces.protocol]
    settings: dict[str, object] = {
        "service": service.name,
        "owner": service.owner,
        "version": service.version,
        **spec.environment.labels,
        "host": HOST,
        "port": addresses.service_port(service),
        "correlation_header": service.correlation_header,
        "otlp": {"endpoint": f"http://{addresses[listener]}", "protocol": protocol},
        "head_sampling": spec.tracing.head_sampling,
        "calls": {name: f"http://{addresses.service(by_name[name])}" for name in run.calls},
        "redis": f"redis://{addresses['redis']}/0" if run.redis else None,
        "options": dict(run.options),
    }
    return {"settings.json": to_json(settings)}


def to_json(value: object) -> str:
    """Stable JSON: sorted keys, one line a value, a final newline."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
