"""A namespace as a site: programs listen on all addresses of their pods and are reached by the names of
Services; folders are where Secrets, ConfigMaps and volumes are mounted.

What a chart runs has its usual ports, which people and dashboards expect; what is ours counts from the
stack's base, as elsewhere.
"""

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

WITHOUT = ("front",)
"""Programs that this target does without: Services lead to programs, and nobody needs a front."""

SERVICES = {
    "prometheus": "obs-prometheus",
    "alertmanager": "obs-alertmanager",
}
"""Program -> its Service, where the chart does not let it have the program's name."""

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
    "collector-agent-metrics": 8888,
    "collector-agent-health": 13133,
    "jaeger-query-http": 16686,
    "jaeger-query-grpc": 16685,
    "jaeger-otlp-grpc": 4317,
    "jaeger-metrics": 8888,
    "jaeger-health": 13133,
}
"""Listener -> port; all others count from `deploy.port_base`."""


def log_folder(spec: Spec) -> str:
    """What of a node the log agent is given: the logs of pods, or all where others are to be read."""
    paths = [item.path for item in spec.logging.inputs]
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
            if socket.opened(spec) and not socket.peers
        },
        services={
            service.name: _at(spec, service.name, spec.deploy.port_base + service.run.port_offset)
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


def _listener(spec: Spec, row: Program, socket: Socket) -> Listener:
    port = PORTS.get(socket.name, spec.deploy.port_base + socket.offset)
    return _at(spec, service_of(row.name), port, tls=socket.tls == "always")


def _at(spec: Spec, service: str, port: int, *, tls: bool = False) -> Listener:
    dialled = f"{service}.{spec.kubernetes.namespace}.svc:{port}"
    return Listener(bind=f"0.0.0.0:{port}", dial=(dialled,), tls=tls)
