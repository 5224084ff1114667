"""Has the process of a unit run with what is on disk, and what its engine keeps inside in line with it.

What a process was last started with is recorded only after it was told.
"""

import time
from typing import Literal

from vsi import handover
from vsi.changes import Remove, Step, Write
from vsi.errors import DeployError
from vsi.job import Job
from vsi.keepers import KEPT_STATES, Program
from vsi.machine import Machine
from vsi.ready import wait_reloaded
from vsi.records import Applied, Started, certificate_files, digest_of, look_at_secrets, secret_stamps
from vsi.unit import Process

Action = Literal["none", "start", "reload", "restart"]
SETUP_SECONDS = 300


def wanted(job: Job, record: Applied) -> Started:
    """What the process shall run with."""
    facts = job.look(look_at_secrets())
    return Started(
        files=record.files,
        program=digest_of(record.program, record.script),
        secrets=secret_stamps(facts, job.unit.secrets, certificate_files(facts, job.unit)),
        engines=job.request.engines,
    )


def decide(
    machine: Machine, program: Program | None, old: Started | None, new: Started, process: Process
) -> Action:
    """What has to be done to a process so that it runs with what is on disk. Where secrets are given to it as
    credentials, it has those that were there when it started: a reload would read the same again."""
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
    if machine.credentials and old.secrets != new.secrets:
        return "restart"
    if program.state == "STARTING":  # it may not listen to signals yet, and would end
        return "restart"
    return "reload"


def tell(job: Job, record: Applied, goal: Started, *, stopped: bool) -> tuple[Applied, Action]:
    """Do what has to be done; returns the record as it stands then. Does not wait until the unit serves."""
    with job.machine.reach.hold(handover.process_lock(job.unit.name)):
        program = None if stopped else job.machine.program(job.unit.name)
        action = decide(job.machine, program, record.started, goal, job.unit.process)
        record = record.model_copy(update={"started": goal})
        carry_out(job, action)
        save(job, record)
    return record, action


def carry_out(job: Job, action: Action) -> None:
    """Tell the keeper. Raises DeployError where the process says that it did not take its files over."""
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


def set_up(job: Job, record: Applied, *, anew: bool) -> tuple[Applied, bool]:
    """Bring what is kept inside the engine in line with the files. True if that was needed."""
    unit, request = job.unit, job.request
    secrets = record.started.secrets if record.started else {}
    goal = digest_of(record.files, unit.setup, secrets, request.engines)
    needed = bool(unit.setup) and (anew or record.setup != goal)
    if needed:
        # what a failed or interrupted setup leaves inside the engine is unknown: have it repeated in any case
        save(job, record.model_copy(update={"setup": ""}))
        job.change([Step("setup", job.command(unit.setup, SETUP_SECONDS))])
    return record.model_copy(update={"setup": goal}), needed


def save(job: Job, record: Applied) -> None:
    """Write the record."""
    job.change_quietly(Step("record", _record(job, record)))


def save_complete(job: Job, record: Applied) -> None:
    """All of it holds; nothing is gone back to any more."""
    update = {"complete": True, "before": None, "managed": tuple(sorted(record.files))}
    whole = Step("record", _record(job, record.model_copy(update=update)))
    job.change_quietly(whole, Step("previous", Remove((str(job.own.previous),))))


def _record(job: Job, record: Applied) -> Write:
    return Write(str(job.own.applied), record.text().encode())
