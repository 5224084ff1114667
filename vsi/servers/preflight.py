"""What the servers lack for a plan, all of them asked at once before anything is changed on any."""

import time
from dataclasses import replace
from typing import cast

from components.errors import SuiteError
from components.spec.problem import AsWritten
from components.target import Obstacle
from vsi import preflight as checks
from vsi.machine import Machine
from vsi.preflight import obstacle
from vsi.reach import Question
from vsi.servers import limits, own_address
from vsi.servers.known import Known
from vsi.servers.machine import Server
from vsi.servers.operate import each
from vsi.servers.plan import ServersPlan
from vsi.servers.site import JOURNAL
from vsi.servers.survey import SET_CLOCK, clock_off
from vsi.systemd.keeper import ABOUT, trouble_in
from vsi.unit import HostUnit

PROGRAMS = (
    "sh",
    "setpriv",
    "timeout",
    "sha256sum",
    "find",
    "stat",
    "sync",
    "tar",
    "flock",
    "ssh-keygen",
    "systemctl",
)
"""What is asked of a host; a minimal Debian with systemd and an SSH server has them all."""


def asked_for(units: list[HostUnit]) -> tuple[str, ...]:
    """What is asked of a host for its units."""
    reads = any(unit.name == JOURNAL for unit in units)
    return (*PROGRAMS, "journalctl") if reads else PROGRAMS


def preflight(plan: ServersPlan) -> list[Obstacle]:
    """What stands in the way, named by host; empty if the plan can be carried out."""
    machines = Known.of(plan).machines(plan.stack)

    def ask(place: str, machine: Machine) -> list[Obstacle]:
        units = [unit for unit in plan.units if unit.place == place]
        connection = plan.connection(place)
        address = connection.address if connection else ""
        return [
            replace(found, path=(AsWritten(f"{place}: {found.key}"),))
            for found in _of_host(cast(Server, machine), units, address)
        ]

    return [found for many in each(machines, ask).values() for found in many]


def _of_host(machine: Server, units: list[HostUnit], address: str) -> list[Obstacle]:
    ports = tuple(port for unit in units for port in unit.ports)
    programs = asked_for(units)
    try:
        question = Question(programs=programs, ports=ports)
        begun = time.time()
        survey, (about, shown, clock, name, given) = machine.reach.survey_and_run(
            question,
            ABOUT,
            machine.keeper.question(),
            ("date", "+%s"),
            own_address.command(address),
            limits.question(units, machine.paths.kept or machine.paths.root),
        )
        ended = time.time()
        if trouble := trouble_in(about):
            return [checks.told(trouble)]
        kept = machine.keeper.programs_in(shown)
    except SuiteError as error:
        what_to_do = "see there; a host that is gone for good leaves the inventory first"
        return [obstacle("SSH", str(error), "a host that can be reached", what_to_do)]
    running = {name for name, program in kept.items() if program.running}
    missing = [program for program in programs if program not in survey.programs]
    return [
        *(
            obstacle(f"program {name}", "not on PATH", "on PATH", f"install what has {name}")
            for name in missing
        ),
        *checks.memory([unit for unit in units if unit.name not in running], survey),
        *checks.ports(units, machine, survey, {program.pid for program in kept.values()}),
        *checks.ephemeral(units, survey),
        *limits.obstacles(units, given.output, survey, frozenset(running)),
        *_clock(clock.output.strip(), (begun, ended)),
        *_own_address(own_address.trouble(address, name.output)),
    ]


def _own_address(found: str) -> list[Obstacle]:
    """A name under which the host knows itself as something that no other reaches."""
    expected = "an address beyond loopback"
    return [obstacle("address", found, expected, own_address.WHAT_TO_DO)] if found else []


def _clock(there: str, here: tuple[float, float]) -> list[Obstacle]:
    """One that is off makes certificates that are not valid yet, or no longer."""
    off = clock_off(int(there), here) if there.isdigit() else ""
    expected = "that of this machine, which signs certificates"
    return [obstacle("clock", off, expected, SET_CLOCK)] if off else []
