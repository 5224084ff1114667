"""A renewed certificate reaches the processes that read it, in the run that renewed it.

Who reads which, the records of a host tell: a unit that was started with other files than are there now. So a
run that was cut off in between is finished by the next.
"""

from collections.abc import Iterator

from vsi import telling
from vsi.host import start_order
from vsi.job import Job
from vsi.keepers import KEPT_STATES
from vsi.machine import Machine
from vsi.reach import Report
from vsi.ready import wait_ready
from vsi.records import (
    Applied,
    Request,
    applied_in,
    look_at_secrets,
    look_of,
    read_applied,
    record_in,
    secrets_off,
)
from vsi.ssh.connection import Connection, Login
from vsi.telling import Action


def outdated(machine: Machine) -> list[Applied]:
    """Units that were last told of certificates that have been replaced since, in the order in which they
    start. Those that an apply left half done are that one's."""
    facts = machine.reach.look(look_of() | look_at_secrets())
    found = {name: record for name in applied_in(facts) if (record := record_in(facts, name))}

    def renewed(record: Applied) -> Iterator[str]:
        off = secrets_off(facts, record.unit.secrets, record.started)
        return (name for name, what in off.items() if name.startswith("tls/") and what == "changed")

    return [found[name] for name in start_order(found) if found[name].complete and any(renewed(found[name]))]


def request_of(record: Applied, connection: Connection | None, login: Login) -> Request:
    """What `renew` is asked, by what a host remembers."""
    engines = record.started.engines if record.started else {}
    return Request(
        stack=record.stack,
        host=record.host,
        unit=record.unit,
        engines=engines,
        connection=connection,
        login=login,
    )


def renew(request: Request, report: Report, machine: Machine | None = None) -> Action:
    """Have a process that runs read its certificates and secrets again, and wait until it serves. One that
    does not run reads them when it starts. Raises DeployError, its text masked."""
    job = Job(request, machine or request.machine(), report)
    with job.alone():
        record = read_applied(job.machine.reach, job.unit.name)
        program = job.machine.program(job.unit.name)
        if record is None or not record.complete or program is None or program.state not in KEPT_STATES:
            return "none"
        record, action = telling.tell(job, record, telling.wanted(job, record), stopped=False)
        wait_ready(job.machine, job.unit)
    return action
