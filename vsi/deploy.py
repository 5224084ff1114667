"""Puts one unit on a host. Interrupted anywhere, the next run converges.

The order is what makes that so: the record is marked incomplete before anything changes; new files are
checked by their engine in a staged copy, then renamed into place; what a process was last started with is
recorded only after it was told.
"""

import time

from components.plan import Frozen
from vsi import files, handover, rollback, telling
from vsi.changes import ChangeFailed
from vsi.errors import DeployError, Rejected, Unreachable
from vsi.host import revive
from vsi.job import Job
from vsi.keepers import Entry
from vsi.machine import Machine
from vsi.paths import check_file_path
from vsi.program import digest
from vsi.reach import Report
from vsi.ready import probe, wait_ready
from vsi.records import Applied, Request, file_digests, read_applied, without_texts
from vsi.telling import Action


class Result(Frozen):
    """What an apply did. Holds no secret."""

    unit: str
    action: Action
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    setup: bool = False
    pid: int = 0
    seconds: float = 0


def apply(request: Request, report: Report, machine: Machine | None = None) -> Result:
    """Bring one unit in line. Raises DeployError, its text masked. What ran before runs on when the engine
    rejects a new configuration, and again when the change fails later."""
    job = Job(request, machine or request.machine(), report)
    for path, _ in request.unit.files:
        check_file_path(request.unit.name, path)
    begun = time.monotonic()
    with job.alone():
        files.put_secrets(job)
        files.mend_access(job)
        old = read_applied(job.machine.reach, job.unit.name)
        attempt = rollback.Attempt(old.started if old and old.complete else None)
        try:
            record, action, setup = _change(job, old, attempt)
        except (Rejected, Unreachable):
            raise
        except (DeployError, ChangeFailed) as failure:
            rollback.after(failure, job, attempt, machine)
        now = job.machine.program(job.unit.name)
    before, after = old.files if old else {}, record.files
    return Result(
        unit=job.unit.name,
        action=action,
        changed=tuple(sorted(path for path in after if before.get(path) != after[path])),
        removed=tuple(sorted(set(before) - set(after))),
        setup=setup,
        pid=now.pid if now else 0,
        seconds=round(time.monotonic() - begun, 2),
    )


def _change(job: Job, old: Applied | None, attempt: rollback.Attempt) -> tuple[Applied, Action, bool]:
    """Files, process, what is inside the engine; the record, complete."""
    entry = job.machine.keeper.entry(job.unit)
    record = files.put_files(job, old, _begun(job, old, entry), entry)
    stopped = _make_way(job, old)
    goal = telling.wanted(job, record)
    attempt.told, attempt.runs = True, goal if attempt.runs else None
    record, action = telling.tell(job, record, goal, stopped=stopped)
    attempt.told = action != "none"
    job.report("ready")
    wait_ready(job.machine, job.unit)
    record, setup = telling.set_up(job, record, anew=action in ("start", "restart"))
    telling.save_complete(job, record)
    return record, action, setup


def _begun(job: Job, old: Applied | None, entry: Entry) -> Applied:
    """The record of what is about to be done; of what was done before, it keeps what still holds."""
    request, digests = job.request, file_digests(job.unit.files)
    record = Applied(
        stack=request.stack,
        host=request.host,
        unit=without_texts(job.unit),
        files=digests,
        managed=tuple(sorted(set(digests) | set(old.managed if old else ()))),
        program=digest(entry.program.text),
        script=digest(entry.script.text),
        retain=request.retain,
        plan_version=request.plan_version,
    )
    if old is None:
        return record
    kept = {"checked": old.checked, "started": old.started, "setup": old.setup, "before": old.before}
    if rollback.keeps(job, old, record):
        kept["before"] = old.started.engines if old.started else {}
    elif not old.complete and _other(old, record):
        kept["started"] = None  # what was cut off may have been told: only a restart is sure to end it
    return record.model_copy(update=kept)


def _other(old: Applied, new: Applied) -> bool:
    """Whether a run that was cut off wanted something else."""
    return (old.files, old.program, old.script) != (new.files, new.program, new.script)


def _make_way(job: Job, old: Applied | None) -> bool:
    """Before the process is told anything: its keeper, what it needs, its ports. True if it was stopped."""
    unit, machine, keeper = job.unit, job.machine, job.machine.keeper
    job.report("supervisor")
    with machine.reach.hold("revive"):  # others wait until what they need is back
        if keeper.wake():
            revive(machine, without=unit.name, report=job.report)
    _check_needs(job)
    stopped = keeper.install(unit.name)
    handover.vacate(machine, unit, _new_ports(job, old, stopped), job.report)
    return stopped


def _new_ports(job: Job, old: Applied | None, stopped: bool) -> set[int]:
    """The ports that the process may not have yet, and another unit may have. An incomplete record tells what
    was wanted, not what the process came to."""
    ports = set(job.unit.ports)
    program = None if stopped else job.machine.program(job.unit.name)
    if program is None or not program.running or old is None or not old.complete:
        return ports
    return ports - set(old.unit.ports)


def _check_needs(job: Job) -> None:
    machine, name = job.machine, job.unit.name
    programs = machine.keeper.programs()
    for need in job.unit.needs_here:
        record = read_applied(machine.reach, need)
        if record is None:
            raise DeployError(name, f"needs {need}, which was never applied here")
        program = programs.get(need)
        if program is None or not program.running:
            state = program.state if program else "absent"
            raise DeployError(name, f"needs {need}, which does not run ({state})")
        if probe(machine, record.unit):
            wait_ready(machine, record.unit)
