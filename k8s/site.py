"""A namespace as a site: programs listen on all addresses of their pods and are reached by the names of
Services; folders are where Secrets, ConfigMaps and volumes are mounted.

What a chart runs has its usual ports, which people and dashboards expect; what is ours counts from the
stack's base, as elsewhere.
"""

from components import inventory
from components.inventory import PROGRAMS, Program, Socket
from components.site import Folders, Listener, Site
from components.spec import Spec

CONF = "/etc/obs/conf"
"""Where a program of ours finds its documents."""
SECRETS = "/etc/obs/secrets"
"""Where secrets are mounted: a file each."""
CERTIFICATES = "/etc/obs/tls"
"""Where certificates are mounted: `ca.pem`, and a program's own."""
TEMPLATES = "/etc/alertmanager/templates"
"""Where Alertmanager's are: beside its configuration nothing can be mounted, its operator writes there."""
DATA = "/var/lib/obs"
"""Where a program's volume is mounted."""
POD_LOGS = "/var/log/pods"
"""Where a node keeps what containers write."""

NODE_LOGS = "/var/log"
"""What of a node the log agent may be given."""

WITHOUT = ("front", "journal")
"""Programs that this target does without: Services lead to programs, and nobody needs a front."""

SERVICES = {
    "prometheus": "obs-prometheus",
    "alertmanager": "obs-alertmanager",
}
"""Program -> its Service, where the chart does not let it have the program's name."""

SPREAD = "collector-spread"
"""Where a gateway takes the spans of its own traces from the others."""
ASKING = (SPREAD, "jaeger-otlp-grpc")
"""Listeners with TLS that ask for a certificate: programs of the stack alone dial them, and no probe does."""

MONITORING = ("prometheus", "alertmanager")
"""Programs that the Prometheus Operator makes, and their listeners: with TLS where the stack file says so."""

PORTS = {
    "prometheus": 9090,
    "alertmanager": 9093,
    "node-exporter": 9100,
    "redis": 6379,
    "redis-exporter": 9121,
    "opensearch": 9200,
    "opensearch-transport": 9300,
    "collector-otlp-grpc": 4317,
    "collector-otlp-http": 4318,
    "collector-metrics": 8888,
    "collector-spanmetrics": 8889,
    "collector-pushed": 8890,
    "collector-health": 13133,
    "collector-spread": 4319,
    "collector-agent-metrics": 8888,
    "collector-agent-health": 13133,
    "jaeger-query-http": 16686,
    "jaeger-query-grpc": 16685,
    "jaeger-otlp-grpc": 4317,
    "jaeger-metrics": 8888,
    "jaeger-health": 13133,
}
"""Listener -> port; all others count from `deploy.port_base`."""


def certificates_of(program: Program, site: Site) -> tuple[str, ...]:
    """Names of the certificates that a program reads. Agents send no spans in a cluster, so nobody asks them
    for one."""
    return () if program.name == "collector-agent" else inventory.certificates_of(program, site)


def certificates(site: Site) -> tuple[str, ...]:
    """Names of all that there are, each once."""
    there = (row for row in PROGRAMS if any(site.has(socket.name) for socket in row.sockets))
    return tuple(dict.fromkeys(name for row in there for name in certificates_of(row, site)))


def log_folder(spec: Spec) -> str:
    """What of a node the log agent is given: the logs of pods, or all where others are to be read."""
    paths = [item.path for item in spec.logging.inputs if item.path]
    paths += [source.path for service in spec.services for source in service.logs if source.path]
    return POD_LOGS if all(path.startswith(f"{POD_LOGS}/") for path in paths) else NODE_LOGS


def service_of(program: str) -> str:
    """The Service that leads to a program, or to a service of the stack."""
    return SERVICES.get(program, program)


def site_of(spec: Spec) -> Site:
    """Where a stack's programs and services are, seen from any pod of it."""
    return Site(
        name=spec.kubernetes.namespace,
        listeners={
            socket.name: _listener(spec, row, socket)
            for row in PROGRAMS
            if row.name not in WITHOUT and row.runs(spec)
            if row.name != "collector-agent" or spec.kubernetes.shipper == "collector"
            for socket in row.sockets
            # Alertmanagers find each other through their operator.
            if socket.opened(spec) and (not socket.peers or (socket.name == SPREAD and gateways(spec) > 1))
        },
        services={
            service.name: _at(spec, (service.name,), spec.deploy.port_base + service.run.port_offset)
            for service in spec.services
            if service.run
        },
        folders=Folders(
            secrets=SECRETS,
            certificates=CERTIFICATES,
            data=DATA,
            # <namespace>_<pod>_<uid>/<container>/<restarts>.log
            log=f"{POD_LOGS}/{spec.kubernetes.namespace}_{{program}}-*/{{program}}",
            log_file="*.log",
            templates=TEMPLATES,
            wrapped=(POD_LOGS, "/var/log/containers"),
        ),
    )


def gateways(spec: Spec) -> int:
    """How many gateways of the collector there are."""
    return 2 if spec.kubernetes.ha else 1


def gateway_services(spec: Spec) -> tuple[str, ...]:
    """The Service of each gateway, which are called like its pods: a trace goes to that whose it is."""
    return tuple(f"collector-{number}" for number in range(gateways(spec)))


def _listener(spec: Spec, row: Program, socket: Socket) -> Listener:
    port = PORTS.get(socket.name, spec.deploy.port_base + socket.offset)
    services = gateway_services(spec) if socket.name == SPREAD else (service_of(row.name),)
    asks = socket.name in ASKING
    asked_for = spec.kubernetes.monitoring_tls and socket.name in MONITORING
    return _at(spec, services, port, tls=asks or asked_for or socket.tls == "always", asks=asks)


def _at(
    spec: Spec, services: tuple[str, ...], port: int, *, tls: bool = False, asks: bool = False
) -> Listener:
    dialled = tuple(f"{service}.{spec.kubernetes.namespace}.svc:{port}" for service in services)
    return Listener(bind=f"0.0.0.0:{port}", dial=dialled, tls=tls, asks=asks)
