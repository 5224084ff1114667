"""Takes a unit off a host. Interrupted anywhere, the next removal finishes."""

from components.plan import Frozen
from vsi.changes import RemoveEmpty, Step
from vsi.errors import DeployError
from vsi.job import Job
from vsi.machine import Machine
from vsi.paths import RELATIVE
from vsi.reach import Look, Report
from vsi.records import Request, read_all, read_applied


class Kept(Frozen):
    """What a removal left behind: a folder and its size in bytes."""

    unit: str
    path: str
    size: int


def remove(request: Request, report: Report, machine: Machine | None = None) -> tuple[Kept, ...]:
    """Take one unit away: its process, program file, configuration and log; its data too unless `retain`.

    With the last unit go the supervisor, certificates and, if no data is kept, generated secrets: kept data
    may be locked with one. Returns what was kept. Fine if the unit is gone already. A unit that the machine
    has under another host's name by now is that one's, and stays: a host that was renamed is one machine."""
    job = Job(request, machine or request.machine(), report)
    with job.alone():
        record = read_applied(job.machine.reach, job.unit.name)
        if record and record.host != request.host:
            return ()
        _stop(job)
        kept = _take_away(job)
        if not read_all(job.machine.reach):
            _clean_up(job)
    return kept


def _stop(job: Job) -> None:
    """End its process, and have the keeper forget it."""
    name, keeper = job.unit.name, job.machine.keeper
    job.report("stop")
    if keeper.awake():
        keeper.stop(name)
    elif (trouble := keeper.trouble()) and trouble.kind == "cut off":
        raise DeployError(name, trouble.words)
    _, program = keeper.files(name)
    job.change([job.remove("program", [job.machine.paths.root / program])])
    if keeper.awake():
        keeper.install(name)


def _take_away(job: Job) -> tuple[Kept, ...]:
    """The record last: as long as it stands, an interrupted removal is seen and repeated."""
    unit, own, paths = job.unit, job.own, job.machine.paths
    kept = str(job.machine.relative.unit(unit.name).data)
    data = job.look(Look(at=(f"{kept}/*",)))
    keep = job.request.retain and bool(data.names(kept))
    gone = [own.conf, own.staged, own.log, own.cache, own.run, own.credentials, own.previous]
    apart = not own.data.is_relative_to(own.root)  # what is kept does not lie among the unit's own
    gone += [own.root] if apart or not keep else []
    gone += [] if keep else [own.data]
    records = read_all(job.machine.reach)
    others = {
        s for name, record in records.items() if record and name != unit.name for s in record.unit.secrets
    }
    generated = {secret.name for secret in job.request.secrets if secret.source == "generated"}
    gone += [paths.secrets / name for name in unit.secrets if name not in others | generated]
    job.change([job.remove("remove", gone), job.remove("record", [own.applied])])
    path = str(own.data)
    return (Kept(unit=unit.name, path=path, size=job.machine.reach.folder_size(path)),) if keep else ()


def _clean_up(job: Job) -> None:
    """After the last unit: what all of them shared."""
    paths = job.machine.paths
    job.machine.keeper.end()
    any_data = bool(job.look(Look(at=(str(job.machine.relative.unit("*").data / "*"),))))
    scratches = job.look(Look(at=(str(RELATIVE.unit("*").scratch),)))
    rest = [paths.supervisor, paths.locks, paths.tls]
    rest += [paths.unit(name).scratch for name in scratches.names(str(RELATIVE.units))]
    rest += [] if any_data else [paths.secrets, paths.units]
    job.change([job.remove("clean up", rest), Step("state folder", RemoveEmpty(str(paths.root)))])
