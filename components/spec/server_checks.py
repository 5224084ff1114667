"""Hosts across a spec: each once, each reached, and each role that the stack needs."""

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.spec.problem import MISSING, KeyPath, Problem, written
from components.spec.references import circles, known, known_secrets, unique
from components.spec.servers import Host, Role

if TYPE_CHECKING:
    from components.spec import Spec

HOSTS: KeyPath = ("servers", "hosts")
NEEDED: tuple[Role, ...] = ("metrics", "alerting", "logs", "traces", "gateway")
"""Roles that every stack on servers has."""


def host_names(spec: "Spec") -> list[Problem]:
    """Hosts are unique, by name and by address."""
    hosts = spec.servers.hosts
    found = unique(HOSTS, [host.name for host in hosts])
    first: dict[object, int] = {}
    for index, host in enumerate(hosts):
        other = first.setdefault(_same(host.address), index)
        if other != index:
            expected = f"expected an address of its own; {written((*HOSTS, other))} has it too"
            found.append(Problem((*HOSTS, index, "address"), host.address, expected))
    return found


def _same(address: str) -> object:
    """An address in the one form that all spellings of it share."""
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return address.lower()


def roles(spec: "Spec") -> list[Problem]:
    """Each role that a stack on servers needs is a host's, and a host does something, or leads to others."""
    hosts = spec.servers.hosts
    runs = any(service.run for service in spec.services)
    needed: tuple[Role, ...] = (*NEEDED, "demo") if runs else NEEDED
    absent = [role for role in needed if hosts and not spec.servers.of_role(role)]
    found: list[Problem] = []
    if absent:
        why = "; demo is for services with `run`" if "demo" in absent else ""
        expected = f"expected a host at least for each role, and none has {', '.join(absent)}{why}"
        found.append(Problem(HOSTS, MISSING, expected))
    jumped = {host.jump for host in hosts}
    for index, host in enumerate(hosts):
        if not host.roles and host.name not in jumped:
            expected = "missing; expected a role, or another host that names this one as its `jump`"
            found.append(Problem((*HOSTS, index, "roles"), MISSING, expected))
    return found


def jumps(spec: "Spec") -> list[Problem]:
    """Hosts are reached through hosts that there are, and in no circle."""
    hosts = spec.servers.hosts
    at = {host.name: index for index, host in enumerate(hosts)}
    found: list[Problem] = []
    for index, host in enumerate(hosts):
        others = [name for name in at if name != host.name]
        if host.jump is not None:
            found += known((*HOSTS, index, "jump"), host.jump, others, "host")
    through = {host.name: [host.jump] if host.jump in at and host.jump else [] for host in hosts}
    for circle in circles(through):
        expected = "expected a way that begins at a host without `jump`"
        found.append(Problem((*HOSTS, at[circle[0]], "jump"), " -> ".join(circle), expected))
    return found


def secrets_of_servers(spec: "Spec") -> list[Problem]:
    """The login names secrets that are there."""
    return known_secrets(spec, servers_secrets(spec))


def servers_secrets(spec: "Spec") -> list[tuple[KeyPath, str]]:
    """Where the login names a secret, and which."""
    servers = spec.servers
    named = (("key", servers.key), ("sudo_password", servers.sudo_password))
    return [(("servers", key), name) for key, name in named if name is not None]


def hosts_of_services(spec: "Spec") -> list[Problem]:
    """Services are on hosts that there are, each once, and run on those that may run them."""
    runs = {host.name for host in spec.servers.of_role("demo")}
    named = {host.name for host in spec.servers.hosts if host.roles}
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        for position, name in enumerate(service.hosts):
            here: KeyPath = ("services", index, "hosts", position)
            if name in service.hosts[:position]:
                found.append(Problem(here, name, "expected each host once"))
            elif service.run:
                found += known(here, name, sorted(runs), "host with the role demo")
            else:
                found += known(here, name, sorted(named), "host with a role")
    return found


def addresses_of_services(spec: "Spec") -> list[Problem]:
    """A port alone is one on hosts that the service names, or of pods that it selects."""
    return [
        Problem(
            ("services", index, "metrics", position, "address"),
            endpoint.address,
            "expected a host before the port, or `hosts` of the service (on Kubernetes its `selector`), "
            "on each of which the port is then",
        )
        for index, service in enumerate(spec.services)
        for position, endpoint in enumerate(service.metrics)
        if endpoint.address and endpoint.address.startswith(":")
        if not service.hosts and not service.selector
    ]


def host_labels(spec: "Spec", reserved: tuple[str, ...]) -> list[Problem]:
    """A host's labels are none that the stack sets itself, and none that would drop its series."""
    found: list[Problem] = []
    for index, host, name in _labels(spec):
        path: KeyPath = (*HOSTS, index, "labels", name)
        if name in reserved:
            expected = "expected no label that the stack sets itself; take it out or rename it"
            found.append(Problem(path, host.labels[name], expected))
        elif name in spec.metrics.forbidden_labels:
            expected = "expected none of metrics.forbidden_labels; this would drop every series of the host"
            found.append(Problem(path, host.labels[name], expected))
    return found


def _labels(spec: "Spec") -> Iterator[tuple[int, Host, str]]:
    for index, host in enumerate(spec.servers.hosts):
        for name in host.labels:
            yield index, host, name
