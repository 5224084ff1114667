"""A port that passes from one unit to another in one update: a service renamed, two that change places.

Pulumi creates and updates before it deletes, several units at once, and knows of no port. No two units of a
plan want the same one, so whoever has a port that a unit is given is not meant to have it any more: it is
stopped. Either it goes, or its own update starts it elsewhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from vsi.locks import hold
from vsi.paths import StatePaths
from vsi.preflight import is_free
from vsi.records import read_applied
from vsi.supervisor import Supervisor
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


def moves(plan: HostPlan, state: StatePaths) -> list[Move]:
    """Every port of a plan that another unit was last deployed with, by port."""
    had = {name: _recorded(state, name) for name in state.applied_units()}
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


def vacate(state: StatePaths, unit: HostUnit, ports: set[int], report: Callable[[str], None]) -> None:
    """Stop every other unit of the stack that has one of the ports, or was deployed with it.

    Each under the lock of its process, so that one whose own update has moved it meanwhile is left alone."""
    if not ports:
        return
    supervisor = Supervisor(state)
    for name in state.applied_units():
        if name == unit.name:
            continue
        with hold(state.locks, process_lock(name)):
            program = supervisor.program(name)
            if program is None or not program.pid:
                continue
            if ports & _recorded(state, name) or ports & _listened(supervisor, name, ports):
                report(f"stopping {name}, which has a port of {unit.name}")
                supervisor.stop(name)
    end = time.monotonic() + 5
    while not all(is_free(port) for port in ports) and time.monotonic() < end:
        if any(_listened(supervisor, unit.name, ports)):
            return
        time.sleep(0.05)


def process_lock(name: str) -> str:
    """The lock under which the process of a unit is started or stopped."""
    return f"process-{name}"


def _recorded(state: StatePaths, name: str) -> set[int]:
    record = read_applied(state, name)
    return set(record.unit.ports) if record else set()


def _listened(supervisor: Supervisor, name: str, ports: set[int]) -> set[int]:
    """Which of the ports a unit's processes listen on now."""
    found: set[int] = set()
    for connection in psutil.net_connections("tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
            continue
        here = ports & {connection.laddr.port}
        if here and supervisor.owns(connection.pid, name):
            found |= here
    return found
