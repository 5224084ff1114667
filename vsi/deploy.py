"""Puts one unit on a host. Interrupted anywhere, the next run converges.

The order is what makes that so: the record is marked incomplete before anything changes; new files are
checked by their engine in a staged copy, then renamed into place; what a process was last started with is
recorded only after it was told.
"""

import time
from typing import Literal

from components.plan import Frozen
from vsi import files, handover
from vsi.changes import Step, Write
from vsi.errors import DeployError
from vsi.host import revive
from vsi.job import Job
from vsi.keepers import KEPT_STATES, Entry, Program
from vsi.machine import Machine
from vsi.paths import check_file_path
from vsi.program import digest
from vsi.reach import Report
from vsi.ready import probe, wait_ready, wait_reloaded
from vsi.records import (
    Applied,
    Request,
    Started,
    certificate_files,
    digest_of,
    file_digests,
    look_at_secrets,
    read_applied,
    secret_stamps,
    without_texts,
)
from vsi.unit import Process

Action = Literal["none", "start", "reload", "restart"]
SETUP_SECONDS = 300


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
    """Bring one unit in line. Raises DeployError, its text masked; the running configuration is untouched
    when the engine rejects the new one."""
    job = Job(request, machine or request.machine(), report)
    for path, _ in request.unit.files:
        check_file_path(request.unit.name, path)
    begun = time.monotonic()
    with job.alone():
        files.put_secrets(job)
        files.mend_access(job)
        old = read_applied(job.machine.reach, job.unit.name)
        entry = job.machine.keeper.entry(job.unit)
        record = files.put_files(job, _begun(job, old, entry), entry)
        record, action = _bring_up(job, old, record)
        record, setup = _set_up(job, record, anew=action in ("start", "restart"))
        _save(job, record.model_copy(update={"complete": True, "managed": tuple(sorted(record.files))}))
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


def _begun(job: Job, old: Applied | None, entry: Entry) -> Applied:
    """The record of what is about to be done; of what was done before, it keeps what still holds."""
    request, digests = job.request, file_digests(job.unit.files)
    return Applied(
        stack=request.stack,
        host=request.host,
        unit=without_texts(job.unit),
        files=digests,
        managed=tuple(sorted(set(digests) | set(old.managed if old else ()))),
        program=digest(entry.program.text),
        script=digest(entry.script.text),
        checked=old.checked if old else "",
        started=old.started if old else None,
        setup=old.setup if old else "",
        retain=request.retain,
        plan_version=request.plan_version,
    )


def _bring_up(job: Job, old: Applied | None, record: Applied) -> tuple[Applied, Action]:
    """Have the process run with what is on disk, and wait until it serves."""
    unit, machine, keeper = job.unit, job.machine, job.machine.keeper
    job.report("supervisor")
    with machine.reach.hold("revive"):  # others wait until what they need is back
        if keeper.wake():
            revive(machine, without=unit.name, report=job.report)
    _check_needs(job)
    stopped = keeper.install(unit.name)
    facts = machine.reach.look(look_at_secrets())
    stamps = secret_stamps(facts, unit.secrets, certificate_files(facts, unit))
    wanted = Started(
        files=record.files,
        program=digest_of(record.program, record.script),
        secrets=stamps,
        engines=job.request.engines,
    )
    handover.vacate(machine, unit, _new_ports(job, old, stopped), job.report)
    with machine.reach.hold(handover.process_lock(unit.name)):
        program = None if stopped else machine.program(unit.name)
        action = decide(program, record.started, wanted, unit.process)
        record = record.model_copy(update={"started": wanted})
        _carry_out(job, action)
        _save(job, record)
    job.report("ready")
    wait_ready(machine, unit)
    return record, action


def _new_ports(job: Job, old: Applied | None, stopped: bool) -> set[int]:
    """The ports that the process may not have yet, and another unit may have. An incomplete record tells what
    was wanted, not what the process came to."""
    ports = set(job.unit.ports)
    program = None if stopped else job.machine.program(job.unit.name)
    if program is None or not program.running or old is None or not old.complete:
        return ports
    return ports - set(old.unit.ports)


def decide(program: Program | None, old: Started | None, new: Started, process: Process) -> Action:
    """What has to be done to a process so that it runs with what is on disk."""
    if program is None or program.state not in KEPT_STATES:
        return "start"
    if old is None or old.program != new.program or old.engines != new.engines or program.state == "BACKOFF":
        return "restart"
    changed = {
        path
        for path in old.files | new.files
        if old.files.get(path) != new.files.get(path) and not path.startswith(process.setup_only_files)
    }
    if not changed and old.secrets == new.secrets:
        return "none"
    if process.reload is None or changed & set(process.restart_files):
        return "restart"
    if program.state == "STARTING":  # it may not listen to signals yet, and would end
        return "restart"
    return "reload"


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


def _carry_out(job: Job, action: Action) -> None:
    name, keeper = job.unit.name, job.machine.keeper
    job.report(action)
    sent = time.time()
    if action == "restart":
        keeper.stop(name)
    if action in ("start", "restart"):
        keeper.start(name)
    elif action == "reload":
        keeper.reload(name, "SIGHUP")
        if problem := wait_reloaded(job.machine, job.unit, sent):
            raise DeployError(name, f"reload: {problem}. See `obs logs {name}`.")


def _set_up(job: Job, record: Applied, *, anew: bool) -> tuple[Applied, bool]:
    """Bring what is kept inside the engine in line with the files. True if that was needed."""
    unit, request = job.unit, job.request
    secrets = record.started.secrets if record.started else {}
    wanted = digest_of(record.files, unit.setup, secrets, request.engines)
    needed = bool(unit.setup) and (anew or record.setup != wanted)
    if needed:
        # what a failed or interrupted setup leaves inside the engine is unknown: have it repeated in any case
        _save(job, record.model_copy(update={"setup": ""}))
        job.change([Step("setup", job.command(unit.setup, SETUP_SECONDS))])
    return record.model_copy(update={"setup": wanted}), needed


def _save(job: Job, record: Applied) -> None:
    job.change_quietly("record", Write(str(job.own.applied), record.text().encode()))
