"""From the spec to what stands on each server. Pure: no I/O, no clock, nothing of any machine."""

import re

from pydantic import SerializeAsAny

from components.inventory import PROGRAMS, Program
from components.plan import Part, Pillar, Secret, part_id
from components.render import collector_agent, opensearch
from components.site import Site
from components.spec import Spec
from components.spec.servers import Host
from vsi.servers.parts import Certificate, HostReady, StackKeys
from vsi.servers.site import JOURNAL, Where, seen_at, site_of, where
from vsi.ssh.connection import Connection
from vsi.unit import HostPlan, HostUnit
from vsi.units import Ids, program_unit, service_unit

RUNTIME = "runtime"
"""The engine that our own programs run on, where a host has no Python."""


class ServersPlan(HostPlan):
    """All that one stack puts on servers: beside the units its keys, and each host made ready for them."""

    parts: tuple[SerializeAsAny[Part], ...]  # type: ignore[assignment]  # further kinds, beside units
    connections: tuple[Connection, ...] = ()
    """The way to each host that has a part."""
    login: tuple[tuple[str, str], ...] = ()
    """What one logs in with, by `Login`'s names: where each value comes from, `source:key`. The values are
    inputs of no resource; whoever reaches a host reads them."""

    @property
    def units(self) -> tuple[HostUnit, ...]:
        """The programs, of all hosts."""
        return tuple(part for part in self.parts if isinstance(part, HostUnit))

    @property
    def engines(self) -> tuple[str, ...]:
        """All that a unit needs."""
        return tuple(sorted({engine for unit in self.units for engine in unit.engines}))

    @property
    def login_sources(self) -> dict[str, str]:
        """`login`, by name."""
        return dict(self.login)

    def connection(self, host: str) -> Connection | None:
        """The way to a host; None if nothing is planned there."""
        return next((item for item in self.connections if item.host == host), None)


def plan(spec: Spec, stack: str) -> ServersPlan:
    """The plan of a stack on servers; for a spec without refusals."""
    there = where(spec)
    keys = StackKeys(place=stack, pillar=Pillar.SERVICES, generated=opensearch.SECRETS)
    parts: list[Part] = [keys]
    for host in _with_parts(spec):
        units = _units(spec, stack, host, there)
        ready = _ready(host, units, keys)
        parts += [ready, *(_after(unit, keys.id, ready.id) for unit in units)]
    return ServersPlan(
        stack=stack,
        parts=tuple(parts),
        secrets=_secrets(spec),
        retain=spec.deploy.retain,
        connections=connections(spec),
        login=login_sources(spec),
    )


def _with_parts(spec: Spec) -> tuple[Host, ...]:
    """The hosts on which anything is put."""
    return spec.servers.of_role("agent")


def _units(spec: Spec, stack: str, host: Host, there: Where) -> list[HostUnit]:
    """The programs of one host."""
    site, ids = site_of(spec, stack, host), _ids(host, there)
    seen = dict.fromkeys((collector_agent.NAME, JOURNAL), seen_at(spec, host))
    found = []
    for row in PROGRAMS:
        if host in there[row.name]:
            unit = _completed(site, program_unit(seen.get(row.name, spec), site, row, ids=ids))
            found.append(unit.model_copy(update={"members": _members(row, there)}))
    return found + [
        _completed(site, service_unit(spec, site, service, ids))
        for service in spec.services
        if service.run and host in there[service.name]
    ]


def _members(row: Program, there: Where) -> tuple[str, ...]:
    """Hosts that have a program so that one works while another does not. An agent works for its own host."""
    hosts = tuple(host.name for host in there[row.name])
    return hosts if len(hosts) > 1 and not row.each_host else ()


def _ids(host: Host, there: Where) -> Ids:
    def ids(name: str) -> tuple[str, ...]:
        """The one of the same host if there is one, and the first, which does what is done once for all. Not
        the others: one that cannot be put on its host does not stop what could do without it."""
        first = there[name][:1]
        places = (host, *first) if host in there[name] else first
        return tuple(dict.fromkeys(part_id(name, place.name) for place in places))

    return ids


def _completed(site: Site, unit: HostUnit) -> HostUnit:
    """A unit with the certificates that it reads, and the engine of programs of ours."""
    commands = (unit.process.command, unit.setup, *unit.checks)
    ours = any("{python}" in argument for command in commands for argument in command)
    return unit.model_copy(
        update={
            "certificates": _certificates(site, unit),
            "engines": tuple(sorted({*unit.engines, *((RUNTIME,) if ours else ())})),
        }
    )


def _certificates(site: Site, unit: HostUnit) -> tuple[str, ...]:
    """Names of the certificates that its files name; one of its own name if they name the authority alone."""
    folders = f"{re.escape(site.folders.certificates)}|(?<![\\w/.-]){opensearch.TLS_LINK}"
    named = re.compile(rf"(?:{folders})/([a-z0-9-]+)\.(?:pem|key)\b")
    found = {name for _, text in unit.files for name in named.findall(text)}
    if not found and unit.process.ready.ca is None:
        return ()
    return tuple(sorted(found - {"ca"})) or (unit.name,)


def _ready(host: Host, units: list[HostUnit], keys: StackKeys) -> HostReady:
    """A host with the engines, and the certificates, that its units need."""
    names = sorted({name for unit in units for name in unit.certificates})
    return HostReady(
        place=host.name,
        pillar=Pillar.SERVICES,
        needs=(keys.id,),
        engines=tuple(sorted({engine for unit in units for engine in unit.engines})),
        certificates=tuple(
            Certificate(name=name, sans=tuple(dict.fromkeys((host.name, host.address)))) for name in names
        ),
    )


def _after(unit: HostUnit, *parts: str) -> HostUnit:
    return unit.model_copy(update={"needs": (*parts, *unit.needs)})


def connections(spec: Spec) -> tuple[Connection, ...]:
    """The way to each host that has a part."""
    return tuple(_connection(spec, host) for host in _with_parts(spec))


def _connection(spec: Spec, host: Host) -> Connection:
    """The way to a host, by way of those through which it is reached."""
    servers = spec.servers
    by_name = {other.name: other for other in servers.hosts}
    return Connection(
        host=host.name,
        address=host.address,
        port=host.port or servers.port,
        user=host.user or servers.user,
        jump=_connection(spec, by_name[host.jump]) if host.jump else None,
        host_keys=host.host_keys,
    )


def login_sources(spec: Spec) -> tuple[tuple[str, str], ...]:
    """What one logs in with, by `Login`'s names: where each value comes from."""
    named = (("key", spec.servers.key), ("sudo_password", spec.servers.sudo_password))
    return tuple(
        (name, f"{found.source}:{found.key}") for name, secret in named if (found := _secret(spec, secret))
    )


def _secrets(spec: Spec) -> tuple[Secret, ...]:
    """Those that units read; not those that one logs in with."""
    login = (spec.servers.key, spec.servers.sudo_password)
    secrets = [Secret(name=name, source="generated", key="") for name in opensearch.SECRETS]
    secrets += [
        found for item in spec.secrets if item.name not in login if (found := _secret(spec, item.name))
    ]
    return tuple(sorted(secrets, key=lambda secret: secret.name))


def _secret(spec: Spec, name: str | None) -> Secret | None:
    """A secret of the stack file by its name."""
    found = (item for item in spec.secrets if item.name == name)
    return next((Secret(name=item.name, source=item.source, key=item.key) for item in found), None)
