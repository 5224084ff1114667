"""The steps by which a unit's secrets and files come onto a host, as data."""

from vsi import access, records, rollback, tls
from vsi.changes import Activate, ChangeFailed, Folders, Generate, Links, Run, Stage, Step, Tighten, Write
from vsi.errors import DeployError, Rejected
from vsi.job import Job
from vsi.keepers import Entry
from vsi.paths import RELATIVE, check_name
from vsi.reach import Look
from vsi.records import Applied, digest_of, uses_tls

CHECK_SECONDS = 300
CHECK_SECONDS_PER_FILE = 2
"""promtool runs a service's rule tests for up to a second a file on a busy machine, and a new stack may have
hundreds."""


def put_secrets(job: Job) -> None:
    """Folders, secrets and certificates, before anything is made of them. Under a lock of the stack, since
    several units share them."""
    with job.machine.reach.hold("secrets"):
        job.change(_folder_and_secret_steps(job))
        if steps := _tls_steps(job):
            job.change(steps)


def _folder_and_secret_steps(job: Job) -> list[Step]:
    request, paths = job.request, job.machine.paths
    steps = _folder_steps(job)
    sources = {secret.name: secret for secret in request.secrets}
    for name in job.unit.secrets:
        check_name("secret", name)
        path = str(paths.secrets / name)
        if name in request.values:
            steps.append(Step(f"secret {name}", Write(path, request.values[name].encode())))
        elif name in sources and sources[name].source == "generated":
            steps.append(Step(f"secret {name}", Generate(path)))
        else:
            source = f"{sources[name].source} {sources[name].key!r}" if name in sources else "nowhere"
            raise DeployError(job.unit.name, f"secret {name!r} has no value: expected one from {source}")
    return steps


def _folder_steps(job: Job) -> list[Step]:
    """The state folder keeps others out; below it, units may read what is theirs."""
    machine, paths, own = job.machine, job.machine.paths, job.own
    private = [paths.root, paths.secrets, paths.tls]
    if not machine.credentials:
        private += [paths.units, own.root, own.conf, own.data, own.log, paths.supervisor, paths.programs]
        return [Step("folders", Folders(tuple(map(str, private))))]
    # `data` and `credentials` are where a unit finds what its keeper puts there
    opened = [paths.units, own.root, own.conf, own.root / "data"]
    names = {name: f"../../../secrets/{name}" for name in job.unit.secrets}
    names |= {name: f"../../../secrets/tls/{name}" for name in job.unit.certificate_files}
    return [
        Step("private folders", Folders(tuple(map(str, [*private, own.credentials])))),
        Step("folders", Folders(tuple(map(str, opened)), machine.folder_mode)),
        Step("credentials", Links(str(own.credentials), names)),
    ]


def _tls_steps(job: Job) -> list[Step]:
    """The key of a pair comes first, so that an interruption leaves one that does not fit."""
    if not job.request.tls_names:
        return []
    folder = str(RELATIVE.tls)
    facts = job.look(Look(read=(f"{folder}/*",)))
    found = {
        name: data for name in facts.names(folder) if (data := facts.data(f"{folder}/{name}")) is not None
    }
    return [
        Step(f"certificate {name}", Write(str(job.machine.paths.tls / name), data))
        for name, data in tls.renewed(found, job.request.tls_names).items()
    ]


def mend_access(job: Job) -> None:
    """Take back what was opened to others. Contents and times stay, so nothing is restarted for it."""
    unit, entry = job.unit, job.machine.keeper.files(job.unit.name)
    conf = str(RELATIVE.unit(unit.name).conf / "**")
    facts = job.look(access.look_of(unit.name) | records.look_at_secrets() | Look(at=(conf, *entry)))
    tls_names = ("tls/",) if uses_tls(unit) else ()
    secrets, root = (*unit.secrets, *tls_names), job.machine.paths.root
    files = access.files_of(job.machine, facts, unit.name, dict(unit.files), secrets)
    off = [files[name] for name in sorted(access.wrong(facts, files))]
    modes = sorted({mode for _, mode in off})
    if steps := [
        Step(f"access {mode:04o}", Tighten(tuple(str(root / path) for path, own in off if own == mode), mode))
        for mode in modes
    ]:
        job.change(steps)


def put_files(job: Job, old: Applied | None, record: Applied, entry: Entry) -> Applied:
    """Stage, check, keep what was there, activate; then what the keeper reads. Returns the record as it
    stands then."""
    accepted = record.model_copy(
        update={"checked": digest_of(record.files, job.unit.checks, job.request.engines)}
    )
    kept = [rollback.keep(job, entry)] if rollback.keeps(job, old, record) else []
    try:
        job.change(_file_steps(job, record, accepted, entry, kept))
    except ChangeFailed as error:
        if error.step is None or not _is_check(error.step):
            raise
        job.change_quietly(job.remove("staged copy", [job.own.staged]))
        words = error.last_words() or "it said nothing"
        raise Rejected(
            job.unit.name,
            f"{error.name} rejected the new configuration; the running one is untouched:\n{words}",
        ) from None
    return accepted


def _file_steps(job: Job, before: Applied, accepted: Applied, entry: Entry, kept: list[Step]) -> list[Step]:
    """The record comes before the first file that changes: it is incomplete until the end of the job."""
    own, files = job.own, dict(job.unit.files)
    conf, folder = str(own.conf), str(own.staged)
    again = before.checked != accepted.checked
    mode, links = job.machine.file_mode, job.machine.links
    return [
        Step("stage", Stage(folder, conf, files, again, links, mode)),
        *_check_steps(job),
        *kept,
        Step("record", Write(str(own.applied), accepted.text().encode())),
        Step("activate", Activate(folder, conf, files, before.managed, links, mode)),
        Step("run script", Write(entry.script.path, entry.script.data, mode)),
        Step("program", Write(entry.program.path, entry.program.data, mode)),
    ]


def _check_steps(job: Job) -> list[Step]:
    patience = CHECK_SECONDS + CHECK_SECONDS_PER_FILE * len(job.unit.files)
    tokens = job.machine.tokens(job.unit.name)
    steps = []
    for number, check in enumerate(job.unit.checks, 1):
        program = tokens.fill(check[0]).rpartition("/")[2]
        command = job.command(check, patience, staged=True)
        steps.append(Step(f"check {number} ({program})", command, only_if="stage"))
    return steps


def _is_check(step: Step) -> bool:
    return isinstance(step.change, Run) and step.change.purpose == "check"
