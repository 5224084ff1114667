"""Where things listen on one host: ports counted from one base, so that two stacks can stand side by side.

Offsets are fixed for good: a new engine takes a new one, so nothing else moves. Services with `run` take
theirs (100 to 199) from the stack file.
"""

from components.spec import Service, Spec

HOST = "127.0.0.1"

OFFSETS = {
    "prometheus": 0,
    "alertmanager": 1,
    "node-exporter": 3,
    "redis-exporter": 5,
    "housekeeper": 6,
    "opensearch": 10,
    "opensearch-transport": 11,
    "redis": 12,
    "collector-otlp-grpc": 20,
    "collector-otlp-http": 21,
    "collector-metrics": 22,  # the collector's own
    "collector-spanmetrics": 23,
    "collector-health": 24,
    "collector-pushed": 25,  # metrics that clients sent
    "collector-agent-metrics": 26,
    "collector-agent-health": 27,
    "jaeger-query-http": 30,
    "jaeger-query-grpc": 31,
    "jaeger-otlp-grpc": 32,
    "jaeger-metrics": 33,
    "jaeger-health": 34,
    "sink": 40,
    "pages": 41,
}


class Addresses:
    """Name of a listener -> port and host:port."""

    def __init__(self, port_base: int) -> None:
        self.port_base = port_base

    def port(self, name: str) -> int:
        """Port of a listener of `OFFSETS`."""
        return self.port_base + OFFSETS[name]

    def __getitem__(self, name: str) -> str:
        """`host:port` of a listener of `OFFSETS`."""
        return f"{HOST}:{self.port(name)}"

    def service_port(self, service: Service) -> int:
        """Port of a service with `run`; ValueError for one without."""
        if service.run is None:
            raise ValueError(f"service {service.name} is not run by the stack")
        return self.port_base + service.run.port_offset

    def service(self, service: Service) -> str:
        """`host:port` of a service with `run`; ValueError for one without."""
        return f"{HOST}:{self.service_port(service)}"


def addresses(spec: Spec) -> Addresses:
    """The addresses of a stack."""
    return Addresses(spec.deploy.port_base)


def runbooks(spec: Spec) -> str:
    """What stands before a runbook's path, so that it opens: `alerting.runbook_base`, or else the stack's own
    pages."""
    return spec.alerting.runbook_base or f"http://{addresses(spec)['pages']}/"
