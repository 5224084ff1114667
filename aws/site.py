"""A region as a site: tasks have addresses of their own, under names of a private zone; what AWS manages has
the name that AWS gives it, which is known later."""

from aws.parts import late
from components.inventory import sockets
from components.site import Folders, Listener, Site
from components.spec import Spec

ANY = "0.0.0.0"  # noqa: S104 - of a task's own interface; its security group says who reaches it
MANAGED = ("opensearch", "alertmanager")
"""Programs of the inventory that AWS runs in the stack's place."""
ABSENT = (*MANAGED, "collector-agent", "front", "node-exporter", "pages", "redis", "redis-exporter", "sink")
"""Those that no task runs."""
FOLDERS = Folders(
    secrets="/run/obs/secrets",
    certificates="/etc/obs/certificates",
    data="/var/lib/obs/{program}",
    log="/var/log/{program}",
)


def zone(spec: Spec) -> str:
    """The private zone in which tasks have names."""
    return f"{spec.environment.name}.obs.internal"


def site_of(spec: Spec) -> Site:
    """What every task sees."""
    base = spec.deploy.port_base
    store = Listener(bind=f"{ANY}:443", dial=(f"{late('domain')}:443",), tls=True)
    return Site(
        name=spec.aws.region or "",
        listeners={
            "opensearch": store,
            **{
                socket.name: _listener(spec, socket.name, base + socket.offset)
                for socket in sockets(spec, ABSENT)
            },
        },
        services={
            service.name: _listener(spec, service.name, base + service.run.port_offset)
            for service in spec.services
            if service.run
        },
        folders=FOLDERS,
    )


def _listener(spec: Spec, name: str, port: int) -> Listener:
    return Listener(bind=f"{ANY}:{port}", dial=(f"{name}.{zone(spec)}:{port}",))


def opened(spec: Spec) -> tuple[int, ...]:
    """Ports that services reach wherever they are in the network: those that take OTLP."""
    site = site_of(spec)
    names = ("collector-otlp-grpc", "collector-otlp-http")
    return tuple(site.port(name) for name in names if site.has(name))
