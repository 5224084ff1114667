"""Where things are, seen from one place: beside the spec, all that a renderer is given.

What is described is the same everywhere; where a program listens, how others reach it, and how configuration
spells a folder are not. A target makes the sites of its places (`vsi.site` that of this machine), and nothing
in `components` names an address or a folder of a host.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.spec import Service, Spec

LOGIN = "obs"
"""The user of the stack's own pages and exporters, where they ask for one."""


@dataclass(frozen=True)
class Listener:
    """A program's socket. On one host `bind` and the one address of `dial` are the same, and nowhere else."""

    bind: str
    """Where it listens, `host:port`."""
    dial: tuple[str, ...]
    """Under which addresses others reach it: several where there are replicas."""
    tls: bool = False
    """Whether it speaks TLS, with a certificate of the stack's authority. Loopback may go without."""
    fronted: bool = False
    """Whether the host's front speaks that TLS in its place: the program itself binds loopback, without."""
    asks: bool = False
    """Whether it asks who dials for a certificate, also where the site does not everywhere (`mutual`)."""

    @property
    def host(self) -> str:
        """What it binds to, without the port."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port that it binds to."""
        return int(self.bind.rpartition(":")[2])

    @property
    def urls(self) -> tuple[str, ...]:
        """How it is reached over HTTP: a URL without a path for each address."""
        return tuple(f"{'https' if self.tls else 'http'}://{address}" for address in self.dial)

    @property
    def url(self) -> str:
        """The first of `urls`."""
        return self.urls[0]


@dataclass(frozen=True)
class Folders:
    """How configuration spells folders: absolute, or relative to the conf folder of whoever reads it.
    `{program}` stands for the name of a program or service."""

    secrets: str
    """Holds a file for each secret."""
    certificates: str
    """Holds `ca.pem`, and `<name>.pem` with `<name>.key` for each certificate."""
    data: str
    """What a program keeps."""
    log: str
    """Where a service's log file is, as the collector finds it."""
    log_file: str = "{program}.log"
    """Its name there; a glob where a container runtime names it."""
    templates: str = "templates"
    """Where Alertmanager finds the texts of its messages."""
    wrapped: tuple[str, ...] = ()
    """Folders in which a container runtime puts its own words before each line: time, stream and a flag."""


@dataclass(frozen=True)
class Place:
    """A host of the inventory, as others see it."""

    at: str
    """Its address as it stands before a port."""
    labels: Mapping[str, str]
    """Of what is scraped there."""


@dataclass(frozen=True)
class Site:
    """One place: its name, the listeners there and elsewhere that matter to it, its folders."""

    name: str
    listeners: Mapping[str, Listener]
    """Those of the stack's own programs, by name."""
    services: Mapping[str, Listener]
    """Those of services with `run`, by the service's name."""
    folders: Folders
    mutual: bool = False
    """Whether who dials a listener with TLS shows a certificate of its own, of the stack's authority, and who
    serves it asks for one."""
    address: str = ""
    """Under which address other hosts reach this one, as it stands before a port; '' where there are none."""

    authority: str = ""
    """The file of the authority of OpenSearch, where that is another stack's."""
    password: str = ""
    """Name of the secret that programs without TLS ask for: our own, of the user `LOGIN`, and Redis; '' where
    they ask nobody."""
    hosts: Mapping[str, Place] = field(default_factory=dict)
    """The hosts of the inventory, by name; none where the target is one place."""

    def has(self, name: str) -> bool:
        """Whether there is a listener of that name."""
        return name in self.listeners

    def bind(self, name: str) -> str:
        """`host:port` at which a program listens."""
        return self.listeners[name].bind

    def host(self, name: str) -> str:
        """The host part of `bind`."""
        return self.listeners[name].host

    def port(self, name: str) -> int:
        """The port of `bind`."""
        return self.listeners[name].port

    def dial(self, name: str) -> str:
        """`host:port` under which others reach a program; the first where there are several."""
        return self.listeners[name].dial[0]

    def dial_all(self, name: str) -> tuple[str, ...]:
        """Every `host:port` under which others reach a program."""
        return self.listeners[name].dial

    def here(self, listener: Listener) -> str | None:
        """That of the addresses of a listener which is of this host; None if it is elsewhere."""
        own = (item for item in listener.dial if item.rpartition(":")[0] == self.address)
        return next(own, None)

    def members(self, name: str) -> tuple[str, ...]:
        """Names of the hosts that have a program, in the order of the inventory."""
        places = {address.rpartition(":")[0] for address in self.dial_all(name)}
        return tuple(host for host, place in self.hosts.items() if place.at in places)

    def first(self, name: str) -> bool:
        """Whether what several need done once is done by the instance of this host: the inventory's first."""
        return self.members(name)[:1] in ((), (self.name,))

    def tls(self, name: str) -> bool:
        """Whether a program is dialled with TLS."""
        return self.listeners[name].tls

    def serves_tls(self, name: str) -> bool:
        """Whether a program speaks TLS itself, and does not leave it to the front."""
        return self.listeners[name].tls and not self.listeners[name].fronted

    def asks(self, name: str) -> bool:
        """Whether who dials a program with TLS shows a certificate of the stack's authority."""
        return self.mutual or self.listeners[name].asks

    def url(self, name: str) -> str:
        """How others reach a program over HTTP, without a path."""
        return self.listeners[name].url

    def urls(self, name: str) -> tuple[str, ...]:
        """A URL for each address under which others reach a program over HTTP."""
        return self.listeners[name].urls

    def service(self, service: Service) -> Listener:
        """A service's listener; ValueError for one that is not run by the stack."""
        if service.name not in self.services:
            raise ValueError(f"service {service.name} is not run by the stack")
        return self.services[service.name]

    def served(self, service: Service, address: str | None) -> tuple[str, ...]:
        """Where a service serves what has this address in the stack file: a port alone is one on each of its
        hosts, None its own listener."""
        if address is None:
            return self.service(service).dial
        if not address.startswith(":"):
            return (address,)
        return tuple(f"{self.hosts[name].at}{address}" for name in service.hosts)

    def labels(self, address: str) -> Mapping[str, str]:
        """Labels of what is scraped at an address: those of its host."""
        at = address.rpartition(":")[0]
        return next((host.labels for host in self.hosts.values() if host.at == at), {})

    def secret(self, name: str) -> str:
        """The file of a secret."""
        return f"{self.folders.secrets}/{name}"

    def wrapped(self, path: str) -> bool:
        """Whether the lines of a file come behind words of a container runtime."""
        return path.startswith(tuple(f"{folder}/" for folder in self.folders.wrapped))

    @property
    def ca(self) -> str:
        """The file of the stack's certificate authority."""
        return f"{self.folders.certificates}/ca.pem"

    @property
    def store_ca(self) -> str:
        """The file of the authority that signed OpenSearch's certificate."""
        return self.authority or self.ca

    def certificate(self, name: str) -> str:
        """The file of a program's own certificate."""
        return f"{self.folders.certificates}/{name}.pem"

    def key(self, name: str) -> str:
        """The file of that certificate's key."""
        return f"{self.folders.certificates}/{name}.key"

    def data(self, program: str) -> str:
        """The folder of what a program keeps."""
        return self.folders.data.replace("{program}", program)

    def log(self, service: Service) -> str:
        """The file that a service with `run` writes its log lines to."""
        return f"{self.folders.log}/{self.folders.log_file}".replace("{program}", service.name)

    def journal(self, unit: str) -> str:
        """The file into which our reader of the journal writes the lines of a unit: a backslash, which has a
        meaning in a glob, is a `+`, which no unit's name has."""
        return f"{self.folders.log}/{unit.replace(chr(92), '+')}.log".replace("{program}", "journal")


def seen_from(folder: str, path: str) -> str:
    """A path as it is spelled in a folder of the conf folder, for programs that read paths from where a file
    stands."""
    return path if posixpath.isabs(path) else posixpath.join(posixpath.relpath("/", f"/{folder}"), path)


def runbooks(spec: Spec, site: Site) -> str:
    """What stands before a runbook's path, so that it opens: `alerting.runbook_base`, or else the stack's own
    pages, of a cluster under the name of its Ingress, since whoever reads a notification is outside."""
    if spec.alerting.runbook_base:
        return spec.alerting.runbook_base
    ingress = spec.kubernetes.ingress
    if ingress.host:
        return f"{'https' if ingress.tls_secret else 'http'}://{ingress.host}/"
    return f"{site.url('pages')}/"
