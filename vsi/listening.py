"""Whether what runs listens where it is asked whether it serves, by the tables of its host's kernel: a
process may run and have lost its port, or wait for one that somebody else has.

The tables come with all else that a refresh asks of a host. Who has a port is asked only where something is
off.
"""

import ipaddress
from urllib.parse import urlsplit

from vsi.keepers import Program
from vsi.machine import Machine
from vsi.ssh import ports
from vsi.unit import HostUnit

Listeners = frozenset[tuple[str, int]]
"""Address and port of each TCP socket that is listened on."""

_LISTENERS = "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} 0A "
QUESTION = ("sh", "-c", f"grep -hE '{_LISTENERS}' /proc/net/tcp /proc/net/tcp6 2>/dev/null; true")
"""What `heard` reads."""


def heard(output: str) -> Listeners:
    """The sockets that are listened on."""
    return frozenset(ports.listening(output))


def trouble(machine: Machine, unit: HostUnit, program: Program | None, listeners: Listeners | None) -> str:
    """Why a unit cannot be asked where it should listen, in words; '' if it can, or if it may not be that far
    yet. `listeners` are None where nobody asked for them."""
    place = urlsplit(unit.process.ready.url)
    if listeners is None or place.port is None or place.hostname is None:
        return ""
    there = any(_reaches(address, place.hostname) for address, port in listeners if port == place.port)
    if program and program.running:
        settled = program.now - program.started >= unit.process.ready.seconds
        if there or not settled:
            return ""
    elif not there:
        return ""
    holder = machine.reach.ports({place.port}).get(place.port)
    who = holder.pid if holder and holder.near else None
    if who and not machine.keeper.owned({who}, unit.name):
        command = f": {holder.command}" if holder and holder.command else ""
        return f"port {place.port} is held by pid {who}{command}"
    return f"does not listen on port {place.port}" if program and program.running and not there else ""


def _reaches(address: str, host: str) -> bool:
    """Whether who dials a host gets to a listener at an address."""
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        return True
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared
        return True
    return ipaddress.ip_address(address.removeprefix("::ffff:")) == wanted
