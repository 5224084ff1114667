"""The network of a lab: a bridge in a network namespace of its own, and one cable from there to this machine.

The bridge stands apart so that no firewall of this machine judges what hosts say to each other. Hosts have no
way out: there is no router. Removing the namespace removes all of it.
"""

import ipaddress
import json
from contextlib import suppress
from pathlib import Path

from tests.hosts.commands import LabError, run

BRIDGE = "br0"
CABLE = "obslab"
"""Interfaces of this machine are named so, with the number of their network."""
_NETWORKS = [ipaddress.IPv4Network(f"10.213.{number}.0/24") for number in range(256)]


class Network:
    """The network of one lab. `name` is that of its namespace."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number

    @classmethod
    def make(cls, name: str) -> "Network":
        """Set it up, in a subnet that this machine does not use. One at a time: see `Lab`."""
        made = cls(name, _unused())
        cable, address = f"{CABLE}{made.number}", made.address(1)
        run("ip", "netns", "add", name)
        made.inside("link", "set", "lo", "up")
        made.inside("link", "add", BRIDGE, "type", "bridge")
        made.inside("link", "set", BRIDGE, "up")
        run("ip", "link", "add", cable, "type", "veth", "peer", "name", "outside", "netns", name)
        made.inside("link", "set", "outside", "master", BRIDGE, "up")
        run("ip", "address", "add", f"{address}/24", "dev", cable)
        run("ip", "link", "set", cable, "up")
        return made

    def address(self, number: int) -> str:
        """An address of the subnet; this machine has 1."""
        return str(_NETWORKS[self.number][number])

    def inside(self, *words: str) -> None:
        """`ip` in the namespace."""
        run("ip", "-n", self.name, *words)

    def enter(self) -> list[str]:
        """What starts a command in the namespace."""
        return ["nsenter", f"--net=/run/netns/{self.name}"]

    def plug(self, port: str, plugged: bool) -> None:
        """Join a port with the bridge, or part it. Both ends keep their link, as with a switch that fails."""
        self.inside("link", "set", port, *(("master", BRIDGE) if plugged else ("nomaster",)))


def remove(name: str) -> None:
    """Remove the namespace of a lab and all interfaces in it."""
    if Path("/run/netns", name).exists():
        # Its cable first: a namespace may outlive its name for as long as a process of it is ending.
        with suppress(LabError):
            run("ip", "-n", name, "link", "delete", "outside")
        run("ip", "netns", "delete", name)


def _unused() -> int:
    used = [
        ipaddress.IPv4Network(route["dst"], strict=False)
        for route in json.loads(run("ip", "-4", "-json", "route", "show", "table", "all"))
        if route["dst"] != "default"
    ]
    for number, network in enumerate(_NETWORKS):
        if not any(network.overlaps(other) for other in used):
            return number
    raise LabError(f"all of {_NETWORKS[0]} to {_NETWORKS[-1]} are in use on this machine")
