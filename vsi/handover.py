"""A port that passes from one unit to another in one update: a service renamed, two that change places.

Pulumi creates and updates before it deletes, several units at once, and knows of no port. No two units of a
plan want the same one, so whoever has a port that a unit is given is not meant to have it any more: it is
stopped. Either it goes, or its own update starts it elsewhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from vsi.machine import Machine
from vsi.records import read_all, read_applied
from vsi.unit import HostPlan, HostUnit


@dataclass(frozen=True)
class Move:
    """A port that a plan gives to another unit than the one that has it."""

    port: int
    holder: str
    unit: str
    stays: bool
    """Whether the holder is in the plan too, with another port."""

    def __str__(self) -> str:
        rest = "starts again with its new port" if self.stays else "is removed at the end"
        return (
            f"port {self.port} passes from {self.holder} to {self.unit}: {self.holder} is stopped just "
            f"before {self.unit} takes it, and {rest}"
        )


def moves(plan: HostPlan, machine: Machine) -> list[Move]:
    """Every port of a plan that another unit was last deployed with, by port."""
    records = read_all(machine.reach)
    had = {name: set(record.unit.ports) if record else set() for name, record in records.items()}
    names = {unit.name for unit in plan.parts}
    return sorted(
        (
            Move(port, holder, unit.name, holder in names)
            for unit in plan.parts
            for port in set(unit.ports) - had.get(unit.name, set())
            for holder, ports in had.items()
            if port in ports and holder != unit.name
        ),
        key=lambda move: (move.port, move.unit),
    )


def vacate(machine: Machine, unit: HostUnit, ports: set[int], report: Callable[[str], None]) -> None:
    """Stop every other unit of the stack that has one of the ports, or was deployed with it. One that listens
    at another address of the host is in nobody's way: so does the front, which serves for all others.

    Each under the lock of its process, so that one whose own update has moved it meanwhile is left alone."""
    if not ports:
        return
    for name in read_all(machine.reach):
        if name == unit.name:
            continue
        with machine.reach.hold(process_lock(name)):
            program = machine.program(name)
            if program is None or not program.pid:
                continue
            if ports & _recorded(machine, name) or _listens(machine, name, ports):
                report(f"stopping {name}, which has a port of {unit.name}")
                machine.keeper.stop(name)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        holders = machine.reach.ports(ports)
        if all(holder.free for holder in holders.values()) or _listens(machine, unit.name, ports):
            return
        time.sleep(0.05)


def process_lock(name: str) -> str:
    """The lock under which the process of a unit is started or stopped."""
    return f"process-{name}"


def _recorded(machine: Machine, name: str) -> set[int]:
    record = read_applied(machine.reach, name)
    return set(record.unit.ports) if record else set()


def _listens(machine: Machine, name: str, ports: set[int]) -> bool:
    """Whether a unit's processes listen on one of the ports now, so that no other could: the front, which
    listens beyond loopback under the port of each program, is in the way of none."""
    holders = machine.reach.ports(ports).values()
    pids = {pid for holder in holders for pid in holder.near if pid}
    return bool(pids and machine.keeper.owned(pids, name))
