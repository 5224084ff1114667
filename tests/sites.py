"""Sites for tests."""

from components.inventory import PROGRAMS
from components.site import Folders, Listener, Place, Site
from components.spec import Spec
from tests import specs
from vsi.site import MERGED, local_site


def apart(spec: Spec) -> Site:
    """This machine with each program as a process of its own."""
    return local_site(spec, without=())


def at_base(port_base: int, spec: Spec | None = None, without: tuple[str, ...] = MERGED) -> Site:
    """This machine with its ports counted from `port_base`, for the demo shop unless told otherwise."""
    spec = spec or specs.spec()
    moved = spec.model_copy(update={"deploy": spec.deploy.model_copy(update={"port_base": port_base})})
    return local_site(moved, without)


HOSTS = {"obs-1": "10.0.0.11", "obs-2": "10.0.0.12"}
PAIRS = ("alertmanager", "opensearch", "prometheus")
"""Programs of which both hosts have one. The others that a stack has once are on the first."""


LOOPBACK = "127.0.0.7"
"""Where those listen that speak no TLS: no renderer knows this one."""


def of_host(spec: Spec, host: str, root: str = "") -> Site:
    """One of two hosts: other addresses, absolute folders, TLS of both sides everywhere, which the front
    speaks for those programs that cannot."""
    base = spec.deploy.port_base

    def listener(port: int, places: list[str], *, able: bool) -> Listener:
        dial = tuple(f"{place}:{port}" for place in places)
        return Listener(f"{HOSTS[host] if able else LOOPBACK}:{port}", dial, tls=True, fronted=not able)

    listeners = {}
    for program in PROGRAMS:
        if not program.runs(spec):
            continue
        places = list(HOSTS.values()) if program.each_host or program.name in PAIRS else [HOSTS["obs-1"]]
        for socket in program.sockets:
            if socket.opened(spec) and (len(places) > 1 or not socket.peers):
                able = socket.tls in ("able", "always")
                listeners[socket.name] = listener(base + socket.offset, places, able=able)
    redis = f"{LOOPBACK}:{base + 12}"
    listeners["redis"] = Listener(redis, (redis,))
    services = {
        service.name: listener(base + service.run.port_offset, [HOSTS["obs-2"]], able=False)
        for service in spec.services
        if service.run
    }
    folders = Folders(
        secrets=f"{root}/etc/obs/secrets",
        certificates=f"{root}/etc/obs/tls",
        data=root + "/var/lib/obs/{program}",
        log=root + "/var/log/obs/{program}",
    )
    hosts = {name: Place(address, {}) for name, address in HOSTS.items()}
    return Site(host, listeners, services, folders, mutual=True, address=HOSTS[host], hosts=hosts)
