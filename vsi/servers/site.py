"""Each server as a site: which hosts have which program, where it listens, how the others reach it.

What speaks HTTP listens on loopback, and the host's front passes on to it what comes under the host's
address, with TLS: so it can be asked on the host itself without a key. What speaks anything else does TLS
itself. What only its own host needs is on loopback alone.
"""

from collections.abc import Mapping

from components.inventory import PROGRAMS, Program, Socket
from components.render import collector_agent
from components.site import Folders, Listener, Place, Site
from components.spec import Service, Spec
from components.spec.servers import Host
from vsi.systemd.places import logs

JOURNAL = "journal"
"""Our reader of the journal, which is only where a log source names a unit of its host."""
LOOPBACK = "127.0.0.1"

Where = Mapping[str, tuple[Host, ...]]
"""Name of a program or service -> the hosts that have one, in the order of the inventory."""


def where(spec: Spec) -> Where:
    """Which hosts have what; nobody has what the stack goes without."""
    found = {row.name: _hosts_of(spec, row) for row in PROGRAMS}
    found |= {service.name: hosts_of(spec, service) for service in spec.services if service.run}
    return found


def _hosts_of(spec: Spec, row: Program) -> tuple[Host, ...]:
    if not row.runs(spec):
        return ()
    hosts = spec.servers.of_role(row.role)
    if row.name == collector_agent.NAME:
        several = len(spec.servers.of_role("gateway")) > 1
        return tuple(host for host in hosts if several or _has_logs(spec, host))
    if row.name == JOURNAL:
        return tuple(host for host in hosts if row.runs(seen_at(spec, host)))
    return hosts[:1] if row.once else hosts


def hosts_of(spec: Spec, service: Service) -> tuple[Host, ...]:
    """Where a service runs, or without `run` is watched."""
    if service.run and not service.hosts:
        return spec.servers.of_role("demo")[:1]
    return tuple(host for host in spec.servers.hosts if host.name in service.hosts)


def _has_logs(spec: Spec, host: Host) -> bool:
    """Whether there is anything to read for the log agent of a host."""
    return bool(spec.logging.inputs) or any(service.logs for service in seen_at(spec, host).services)


def seen_at(spec: Spec, host: Host) -> Spec:
    """The spec as the log agent of a host has it: without the logs of services that are elsewhere."""
    services = tuple(
        service if host in hosts_of(spec, service) else service.model_copy(update={"logs": ()})
        for service in spec.services
    )
    return spec.model_copy(update={"services": services})


def site_of(spec: Spec, stack: str, host: Host) -> Site:
    """A host: its own listeners, and those of others. `has` says whether the stack has such a program at all,
    wherever it is: what one host lacks is asked on another."""
    base, there = spec.deploy.port_base, where(spec)
    return Site(
        name=host.name,
        listeners={
            socket.name: _listener(host, there[row.name], base + socket.offset, socket)
            for row in PROGRAMS
            if there[row.name]
            for socket in row.sockets
            if socket.opened(spec) and (len(there[row.name]) > 1 or not socket.peers)
        },
        services={
            service.name: _fronted(host, there[service.name], base + service.run.port_offset)
            for service in spec.services
            if service.run
        },
        folders=Folders(
            secrets="../credentials",
            certificates="../credentials",
            data="../data",
            log=logs(stack, "{program}"),
        ),
        mutual=True,
        address=host.at,
        hosts={item.name: Place(item.at, item.labels) for item in spec.servers.hosts},
    )


def _listener(host: Host, hosts: tuple[Host, ...], port: int, socket: Socket) -> Listener:
    if socket.near:
        return Listener(bind=f"{LOOPBACK}:{port}", dial=(f"{LOOPBACK}:{port}",))
    if socket.speaks == "http" and socket.tls != "always":
        return _fronted(host, hosts, port)
    return Listener(bind=f"{host.at}:{port}", dial=_dialled(host, hosts, port), tls=True)


def _fronted(host: Host, hosts: tuple[Host, ...], port: int) -> Listener:
    return Listener(bind=f"{LOOPBACK}:{port}", dial=_dialled(host, hosts, port), tls=True, fronted=True)


def _dialled(host: Host, hosts: tuple[Host, ...], port: int) -> tuple[str, ...]:
    """The addresses of all that there are: that of the own host first, since it is the nearest."""
    nearest = sorted(hosts, key=lambda other: other is not host)
    return tuple(f"{other.at}:{port}" for other in nearest)
