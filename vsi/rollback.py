"""Back to what stood before a change that failed: version, configuration, and how it was started.

It is kept beside, as a whole, before the first file is replaced, and until the new one has proved itself. So
it is there too where the run that made the change was killed, and the one after it fails. Secrets and data
are not kept: an old version starts with the values of today, and with what the new one left of its data.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from vsi import telling
from vsi.changes import Activate, ChangeFailed, Keep, Stage, Step, Write
from vsi.errors import DeployError
from vsi.job import Job
from vsi.keepers import Entry
from vsi.machine import Machine
from vsi.paths import RELATIVE
from vsi.reach import Look
from vsi.ready import probe, wait_ready
from vsi.records import Applied, Started, read_applied, record_of
from vsi.telling import Action

CONF, SCRIPT, PROGRAM, RECORD = "conf", "run", "program", "applied.json"


def keeps(job: Job, old: Applied | None, new: Applied) -> bool:
    """Whether what is there is worth going back to: whole, and not what is wanted anyway."""
    if old is None or not old.complete or old.started is None:
        return False
    before = old.unit, old.files, old.program, old.script, old.started.engines
    return before != (new.unit, new.files, new.program, new.script, job.request.engines)


def keep(job: Job, entry: Entry) -> Step:
    """Before the record is marked incomplete: what is copied says of itself that it is whole."""
    own = job.own
    copies = {
        CONF: str(own.conf),
        SCRIPT: entry.script.path,
        PROGRAM: entry.program.path,
        RECORD: str(own.applied),
    }
    return Step("keep", Keep(str(own.previous), copies))


@dataclass(frozen=True)
class _Kept:
    """What was kept."""

    record: Applied
    files: dict[str, str]
    script: bytes
    program: bytes

    @property
    def engines(self) -> dict[str, str]:
        """By name, what says which artifact it was."""
        return self.record.started.engines if self.record.started else {}


@dataclass
class Attempt:
    """How far a change came."""

    runs: Started | None
    """What the process was last told, if that is sure."""
    told: bool = False
    """Whether it was told in this run."""


def after(
    failure: DeployError | ChangeFailed, job: Job, attempt: Attempt, machine: Machine | None
) -> NoReturn:
    """Go back, if there is something to go back to, and raise what failed, with what runs now."""
    record = read_applied(job.machine.reach, job.unit.name)
    if record is None or record.complete or record.before is None:
        raise failure
    job.report("rolling back")
    who = f"{job.request.host} runs {job.unit.name}"
    try:
        _go_back(job, record, attempt, machine)
    except (DeployError, ChangeFailed) as error:
        why = f"its previous version does not come up on {job.request.host} either: {words(error)}"
        raise DeployError(job.unit.name, f"{words(failure)}\nNot rolled back: {why}") from None
    done = f"{who} with the version and configuration from before again. `obs up` tries the new one again."
    raise DeployError(job.unit.name, f"{words(failure)}\nRolled back: {done}") from None


def words(error: DeployError | ChangeFailed) -> str:
    """What failed, for a user; not masked."""
    if isinstance(error, DeployError):
        return error.message
    said = error.last_words()
    return f"{error.name} failed:\n{said}" if said else f"{error.name} failed"


def _go_back(job: Job, now: Applied, attempt: Attempt, machine: Machine | None) -> None:
    kept = _read(job)
    unit = kept.record.unit.model_copy(update={"files": tuple(sorted(kept.files.items()))})
    request = job.request.model_copy(update={"unit": unit, "engines": kept.engines})
    again = Job(request, machine or request.machine(), job.report)
    # until the process was told, a run that comes after this one knows nothing of it
    update = {"complete": False, "before": now.before, "managed": now.managed, "started": None}
    record = kept.record.model_copy(update=update)
    _restore(again, kept, record)
    record = _have_run(again, record, attempt)
    wait_ready(again.machine, unit)
    record, _ = telling.set_up(again, record, anew=True)
    telling.save_complete(again, record)


def _read(job: Job) -> _Kept:
    folder = RELATIVE.unit(job.unit.name).previous
    facts = job.look(Look(read=(str(folder / "*"), str(folder / CONF / "**"))))

    def data(path: Path | str) -> bytes | None:
        return facts.data(str(folder / path))

    record, script, program = record_of(data(RECORD)), data(SCRIPT), data(PROGRAM)
    if record is None or script is None or program is None:
        raise DeployError(job.unit.name, "what was kept of it is not whole")
    files = {path: found for path in record.files if (found := data(Path(CONF, path))) is not None}
    texts = {path: found.decode(errors="replace") for path, found in files.items()}
    return _Kept(record, texts, script, program)


def _restore(job: Job, kept: _Kept, record: Applied) -> None:
    """Put the files back, as an apply puts new ones; its engine took them before."""
    own, machine, conf = job.own, job.machine, str(job.own.conf)
    mode, links = machine.file_mode, machine.links
    script, program = machine.keeper.files(job.unit.name)
    job.change(
        [
            Step("stage", Stage(str(own.staged), conf, kept.files, True, links, mode)),
            Step("record", Write(str(own.applied), record.text().encode())),
            Step("activate", Activate(str(own.staged), conf, kept.files, record.managed, links, mode)),
            Step("run script", Write(str(machine.paths.root / script), kept.script, mode)),
            Step("program", Write(str(machine.paths.root / program), kept.program, mode)),
        ]
    )


def _have_run(job: Job, record: Applied, attempt: Attempt) -> Applied:
    """What the process was told in vain, it may have taken over in part: it is told again in any case."""
    stopped = job.machine.keeper.install(job.unit.name)
    goal = telling.wanted(job, record)
    program = None if stopped else job.machine.program(job.unit.name)
    action: Action = telling.decide(job.machine, program, attempt.runs, goal, job.unit.process)
    if action == "none" and attempt.told:
        action = "reload" if job.unit.process.reload else "restart"
    record = record.model_copy(update={"started": goal})
    try:
        telling.carry_out(job, action)
        failed = action == "reload" and bool(probe(job.machine, job.unit))
    except DeployError:
        if action != "reload":
            raise
        failed = True
    if failed:
        telling.carry_out(job, "restart")
    telling.save(job, record)
    return record
