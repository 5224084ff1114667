"""A region as a site: tasks have addresses of their own, under names of a private zone; what AWS manages has
the name that AWS gives it, which is known later."""

from dataclasses import replace

from aws.parts import late
from components.inventory import PROGRAMS
from components.render import xray
from components.site import Folders, Listener, Site
from components.spec import Spec

ANY = "0.0.0.0"  # noqa: S104 - of a task's own interface; its security group says who reaches it
ABSENT = ("collector-agent", "front", "node-exporter", "opensearch", "pages", "sink")
"""Programs of the inventory that no task runs."""
PAIRS = ("alertmanager", "prometheus")
"""Those that are two where the stack has its own, and none where AWS runs them in its place. There is a task
`prometheus` then too, but as an agent, which judges nothing and knows no Alertmanager: rules on it would fire
for good."""
PEERS = "alertmanager-cluster"
FOLDERS = Folders(
    secrets="/run/obs/secrets",
    certificates="/etc/obs/certificates",
    data="/var/lib/obs/{program}",
    log="/var/log/{program}",
)


_JAEGER = next(
    socket.offset for row in PROGRAMS for socket in row.sockets if socket.name == "jaeger-otlp-grpc"
)
"""What takes Jaeger's place takes its port."""
GRAFANA = "grafana"
"""Its listener."""
GRAFANA_OFFSET = 91
"""Of its port from `deploy.port_base`: no program of a stack has it (`components.inventory`)."""
POD_LOGS = "/var/log/pods"
"""Where a node keeps what containers write, a folder for each: <namespace>_<pod>_<uid>/<container>."""


def zone(spec: Spec) -> str:
    """In which programs have names: a private zone of the network, or the namespace of pods."""
    return f"{namespace(spec)}.svc" if on_pods(spec) else f"{spec.environment.name}.obs.internal"


def namespace(spec: Spec) -> str:
    """Of the stack's pods in its cluster."""
    return f"obs-{spec.environment.name}"


def on_pods(spec: Spec) -> bool:
    """Whether the stack's own programs are pods of its cluster, and not tasks."""
    return spec.aws.compute == "eks"


def site_of(spec: Spec) -> Site:
    """What every task sees."""
    base = spec.deploy.port_base
    store = Listener(bind=f"{ANY}:443", dial=(f"{late('domain')}:443",), tls=True)
    return Site(
        name=spec.aws.region or "",
        listeners={
            "opensearch": store,
            **({xray.LISTENER: _listener(spec, xray.NAME, base + _JAEGER)} if by_xray(spec) else {}),
            **({GRAFANA: _listener(spec, GRAFANA, base + GRAFANA_OFFSET)} if spec.aws.grafana else {}),
            **{
                socket.name: _listener(spec, row.name, base + socket.offset)
                for row in PROGRAMS
                if row.name not in _absent(spec) and row.runs(spec)
                for socket in row.sockets
                if socket.opened(spec) and (not socket.peers or len(instances(spec, row.name)) > 1)
            },
        },
        services={
            service.name: _listener(spec, service.name, base + service.run.port_offset)
            for service in spec.services
            if service.run
        },
        folders=FOLDERS,
    )


def site_of_nodes(spec: Spec) -> Site:
    """What is seen where pods write: their logs are files of their nodes."""
    site = site_of(spec)
    log = f"{POD_LOGS}/{namespace(spec)}_{{program}}-*/{{program}}"
    folders = replace(site.folders, log=log, log_file="*.log", wrapped=(POD_LOGS,))
    return replace(site, folders=folders)


def site_at(spec: Spec, instance: str) -> Site:
    """What one of a pair sees: its own name, and of those who gossip the other. An Alertmanager that is given
    its own name cannot tell that it is itself; its address it finds."""
    site = site_of(spec)
    peers = site.listeners[PEERS]
    others = tuple(address for address in peers.dial if not address.startswith(f"{instance}."))
    listeners = {**site.listeners, PEERS: replace(peers, dial=others)}
    return replace(site, name=instance, listeners=listeners)


def _absent(spec: Spec) -> tuple[str, ...]:
    kept = ("jaeger",) if by_xray(spec) else ()
    return (*ABSENT, *kept, *(() if self_run(spec) else PAIRS))


def self_run(spec: Spec) -> bool:
    """Whether the stack keeps samples and judges rules itself."""
    return spec.aws.metrics == "self"


def by_xray(spec: Spec) -> bool:
    """Whether X-Ray keeps traces, and no Jaeger."""
    return spec.aws.traces == "xray"


def _listener(spec: Spec, name: str, port: int) -> Listener:
    dialled = tuple(f"{instance}.{zone(spec)}:{port}" for instance in instances(spec, name))
    return Listener(bind=f"{ANY}:{port}", dial=dialled)


def instances(spec: Spec, program: str) -> tuple[str, ...]:
    """Names of the tasks of a program: a gateway in each zone where it matters, pairs, of all others one."""
    if program in PAIRS and self_run(spec):
        return (f"{program}-1", f"{program}-2")
    if program == "collector" and spec.environment.tier in ("staging", "prod"):
        return tuple(f"{program}-{number}" for number in range(1, spec.aws.vpc.zones + 1))
    return (program,)


def opened(spec: Spec) -> tuple[int, ...]:
    """Ports that services reach wherever they are in the network: those that take what they speak."""
    if spec.aws.balancer.certificate:
        return ()  # over the load balancer alone
    site, spoken = site_of(spec), {service.traces.protocol for service in spec.services}
    names = sorted(f"collector-{protocol}" for protocol in spoken)
    return tuple(site.port(name) for name in names if site.has(name))
