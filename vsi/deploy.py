"""Puts one unit on a host, or takes it away. Interrupted anywhere, the next run converges.

The order is what makes that so: the record is marked incomplete before anything changes; new files are
checked by their engine in a staged copy, then renamed into place; what a process was last started with is
recorded only after it was told.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from components.plan import Frozen
from vsi import access, handover, operations, session, tls
from vsi.errors import DeployError, Mask
from vsi.host import revive
from vsi.locks import hold
from vsi.paths import StatePaths, Tokens, check_file_path, check_name, state_paths
from vsi.program import clean_environment, digest, program_file, run_script, unit_environment
from vsi.ready import probe, wait_ready, wait_reloaded
from vsi.records import (
    Applied,
    Request,
    Started,
    digest_of,
    file_digests,
    read_applied,
    secret_stamps,
    uses_tls,
    without_texts,
)
from vsi.supervisor import Program, Supervisor
from vsi.unit import HostUnit, Process

Action = Literal["none", "start", "reload", "restart"]
Report = Callable[[str], None]
CHECK_SECONDS, SETUP_SECONDS = 300, 300
CHECK_SECONDS_PER_FILE = 2
"""promtool runs a service's rule tests for up to a second a file on a busy machine, and a new stack may have
hundreds."""


class Result(Frozen):
    """What an apply did. Holds no secret."""

    unit: str
    action: Action
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    setup: bool = False
    pid: int = 0
    seconds: float = 0


class Kept(Frozen):
    """What a removal left behind: a folder and its size in bytes."""

    unit: str
    path: str
    size: int


def connector(host: str) -> str:
    """pyinfra's name of a host. Only this machine exists yet."""
    if host not in ("local", "localhost", "@local"):
        raise DeployError(host, f"host {host!r}: expected 'local'; hosts over SSH do not exist yet")
    return "@local"


def decide(program: Program | None, old: Started | None, new: Started, process: Process) -> Action:
    """What has to be done to a process so that it runs with what is on disk."""
    if program is None or program.state not in ("STARTING", "RUNNING", "BACKOFF"):
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


def mask_for(state: StatePaths, request: Request) -> Mask:
    """Hides what came with the request and what stands in the unit's secret files."""
    values = list(request.values.values())
    for name in request.unit.secrets:
        path = state.secrets / name
        if path.is_file():
            values.append(path.read_text(errors="replace"))
    return Mask.of(values)


def apply(request: Request, report: Report) -> Result:
    """Bring one unit in line. Raises DeployError, its text masked; the running configuration is untouched
    when the engine rejects the new one."""
    unit = request.unit
    check_name("unit", unit.name)
    for path, _ in unit.files:
        check_file_path(unit.name, path)
    state = state_paths(request.stack)
    host = connector(request.host)
    with hold(state.locks, f"unit-{unit.name}"), _scratch(state, unit.name):
        try:
            return _apply(request, state, host, report)
        except DeployError as error:
            raise DeployError(unit.name, mask_for(state, request)(error.message)) from None
        except session.OperationFailed as error:
            words = "\n".join(error.output.splitlines()[-20:])
            text = f"{error.name} failed:\n{words}" if words else f"{error.name} failed"
            raise DeployError(unit.name, mask_for(state, request)(text)) from None


@contextmanager
def _scratch(state: StatePaths, name: str) -> Iterator[None]:
    """Temporary files of this process in a folder of the unit, emptied before and removed after.

    pyinfra writes what it puts in place, secrets and keys too, to a temporary file first. A process that is
    killed, as ours are when the engine ends, leaves that behind: in /tmp for good, here until the next run.
    It is reached by a descriptor, because pyinfra does not quote the file's name, and the state folder may
    hold blanks and worse. Under the unit's lock only."""
    folder, before = state.unit(name).scratch, tempfile.tempdir
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    tempfile.tempdir = f"/proc/{os.getpid()}/fd/{descriptor}"
    try:
        yield
    finally:
        tempfile.tempdir = before
        os.close(descriptor)
        shutil.rmtree(folder, ignore_errors=True)


def _apply(request: Request, state: StatePaths, host: str, report: Report) -> Result:
    unit = request.unit
    begun = time.monotonic()
    with hold(state.locks, "secrets"):
        session.run(host, _folder_and_secret_steps(request, state), report)
        session.run(host, _tls_steps(request, state), report)

    files = file_digests(unit.files)
    _mend_access(state, unit, host, report)
    tokens = Tokens(state, unit.name)
    script = run_script(unit, tokens)
    program = program_file(unit, state, script)
    old = read_applied(state, unit.name)
    record = Applied(
        stack=request.stack,
        host=request.host,
        unit=without_texts(unit),
        files=files,
        managed=tuple(sorted(set(files) | set(old.managed if old else ()))),
        program=digest(program),
        script=digest(script),
        checked=old.checked if old else "",
        started=old.started if old else None,
        setup=old.setup if old else "",
        retain=request.retain,
        plan_version=request.plan_version,
    )
    before = old.files if old else {}
    record = _put_files(request, state, host, record, script, program, report)

    supervisor = Supervisor(state)
    report("supervisor")
    with hold(state.locks, "revive"):  # others wait until what they need is back
        if supervisor.ensure_running():
            revive(state, without=unit.name, report=report)
    _check_needs(unit, state)
    updated = supervisor.update(unit.name)
    wanted = Started(
        files=files,
        program=digest_of(record.program, record.script),
        secrets=secret_stamps(state, unit.secrets, uses_tls(unit)),
        engines=request.engines,
    )
    program_now = None if updated else supervisor.program(unit.name)
    fresh = set(unit.ports) - set(old.unit.ports if old else ())
    stopped = program_now is None or not program_now.running
    handover.vacate(state, unit, set(unit.ports) if stopped else fresh, report)
    with hold(state.locks, handover.process_lock(unit.name)):
        program_now = None if updated else supervisor.program(unit.name)
        action = decide(program_now, record.started, wanted, unit.process)
        record = record.model_copy(update={"started": wanted})
        _carry_out(action, supervisor, state, unit, record, report)
    report("ready")
    wait_ready(state, unit)

    setup_digest = digest_of(files, unit.setup, wanted.secrets, request.engines)
    needs_setup = bool(unit.setup) and (action in ("start", "restart") or record.setup != setup_digest)
    if needs_setup:
        # what a failed or interrupted setup leaves inside the engine is unknown: have it repeated in any case
        _save(state, record.model_copy(update={"setup": ""}))
        session.run(
            host, [("setup", operations.ran, _command(unit, state, unit.setup, SETUP_SECONDS))], report
        )
    record = record.model_copy(
        update={"setup": setup_digest, "complete": True, "managed": tuple(sorted(files))}
    )
    _save(state, record)
    now = supervisor.program(unit.name)
    return Result(
        unit=unit.name,
        action=action,
        changed=tuple(sorted(p for p in files if before.get(p) != files[p])),
        removed=tuple(sorted(set(before) - set(files))),
        setup=needs_setup,
        pid=now.pid if now else 0,
        seconds=round(time.monotonic() - begun, 2),
    )


def _mend_access(state: StatePaths, unit: HostUnit, host: str, report: Report) -> None:
    """Take back what was opened to others. Contents and times stay, so nothing is restarted for it."""
    tls_names = ("tls/",) if uses_tls(unit) else ()
    files = access.kept_files(state, unit.name, dict(unit.files), (*unit.secrets, *tls_names))
    if off := access.wrong(state, files, {}):
        paths = [str(files[name]) for name in sorted(off)]
        session.run(host, [("access", operations.owned_alone, {"paths": paths})], report)


def _folder_and_secret_steps(request: Request, state: StatePaths) -> list[session.Step]:
    own = state.unit(request.unit.name)
    folders = [state.root, state.units, own.root, own.conf, own.data, own.log]
    folders += [state.secrets, state.tls, state.supervisor, state.programs]
    steps: list[session.Step] = [
        ("folders", operations.private_folders, {"folders": [str(folder) for folder in folders]})
    ]
    sources = {secret.name: secret for secret in request.secrets}
    for name in request.unit.secrets:
        check_name("secret", name)
        path = str(state.secrets / name)
        if name in request.values:
            steps.append((f"secret {name}", operations.written, {"path": path, "text": request.values[name]}))
        elif name in sources and sources[name].source == "generated":
            steps.append((f"secret {name}", operations.generated_secret, {"path": path}))
        else:
            source = f"{sources[name].source} {sources[name].key!r}" if name in sources else "nowhere"
            raise DeployError(request.unit.name, f"secret {name!r} has no value: expected one from {source}")
    return steps


def _tls_steps(request: Request, state: StatePaths) -> list[session.Step]:
    existing = {path.name: path.read_bytes() for path in state.tls.glob("*") if path.is_file()}
    return [
        (f"certificate {name}", operations.written, {"path": str(state.tls / name), "text": data})
        for name, data in tls.renewed(existing, request.tls_names).items()
    ]


def _command(
    unit: HostUnit, state: StatePaths, arguments: tuple[str, ...], seconds: int, *, staged: bool = False
) -> Any:
    tokens = Tokens(state, unit.name, staged=staged)
    own = state.unit(unit.name)
    return {
        "arguments": tokens.command(arguments),
        "folder": str(own.staged if staged else own.conf),
        "environment": clean_environment() | {"TMPDIR": str(own.scratch)} | unit_environment(unit, tokens),
        "seconds": seconds,
    }


def _put_files(
    request: Request, state: StatePaths, host: str, record: Applied, script: str, program: str, report: Report
) -> Applied:
    """Stage, check, activate; then the supervisor's files."""
    unit, own, files = request.unit, state.unit(request.unit.name), dict(request.unit.files)
    check_digest = digest_of(record.files, unit.checks, request.engines)
    conf, folder = str(own.conf), str(own.staged)
    patience = CHECK_SECONDS + CHECK_SECONDS_PER_FILE * len(files)
    steps: list[session.Step] = [
        (
            "stage",
            operations.staged,
            {"folder": folder, "conf": conf, "files": files, "again": record.checked != check_digest},
        ),
    ]
    for number, check in enumerate(unit.checks, 1):
        program_name = Tokens(state, unit.name).fill(check[0]).rpartition("/")[2]
        name = f"check {number} ({program_name})"
        steps.append(
            (
                name,
                operations.ran,
                {**_command(unit, state, check, patience, staged=True), "only_if": "stage"},
            )
        )
    accepted = record.model_copy(update={"checked": check_digest})
    steps += [
        ("record", operations.written, {"path": str(own.applied), "text": accepted.text()}),
        (
            "activate",
            operations.activated,
            {"folder": folder, "conf": conf, "files": files, "managed": list(record.managed)},
        ),
        ("run script", operations.written, {"path": str(own.run), "text": script}),
        ("program", operations.written, {"path": str(state.programs / f"{unit.name}.conf"), "text": program}),
    ]
    try:
        session.run(host, steps, report)
    except session.OperationFailed as error:
        if error.name.startswith("check "):
            shutil.rmtree(own.staged, ignore_errors=True)
            words = "\n".join(error.output.splitlines()[-20:]) or "it said nothing"
            raise DeployError(
                unit.name,
                f"{error.name} rejected the new configuration; the running one is untouched:\n{words}",
            ) from None
        raise
    return accepted


def _check_needs(unit: HostUnit, state: StatePaths) -> None:
    programs = Supervisor(state).programs()
    for name in unit.needs_here:
        need = read_applied(state, name)
        if need is None:
            raise DeployError(unit.name, f"needs {name}, which was never applied here")
        program = programs.get(name)
        if program is None or not program.running:
            raise DeployError(
                unit.name, f"needs {name}, which does not run ({program.state if program else 'absent'})"
            )
        if probe(state, need.unit):
            wait_ready(state, need.unit)


def _carry_out(
    action: Action, supervisor: Supervisor, state: StatePaths, unit: HostUnit, record: Applied, report: Report
) -> None:
    report(action)
    sent = time.time()
    if action == "start":
        supervisor.start(unit.name)
    elif action == "restart":
        supervisor.restart(unit.name)
    elif action == "reload":
        supervisor.reload(unit.name, "SIGHUP")
        if problem := wait_reloaded(state, unit, sent):
            raise DeployError(unit.name, f"reload: {problem}. See `obs logs {unit.name}`.")
    _save(state, record)


def _save(state: StatePaths, record: Applied) -> None:
    path = state.unit(record.unit.name).applied
    new = path.with_suffix(".json.tmp")
    new.write_text(record.text(), encoding="utf-8")
    new.chmod(0o600)
    new.replace(path)


def remove(request: Request, report: Report) -> tuple[Kept, ...]:
    """Take one unit away: its process, program file, configuration and log; its data too unless `retain`.

    With the last unit go the supervisor, certificates and, if no data is kept, generated secrets: kept data
    may be locked with one. Returns what was kept. Fine if the unit is gone already."""
    unit = request.unit
    check_name("unit", unit.name)
    state = state_paths(request.stack)
    host = connector(request.host)
    with hold(state.locks, f"unit-{unit.name}"), _scratch(state, unit.name):
        try:
            kept = _remove(request, state, host, report)
        except session.OperationFailed as error:
            text = f"{error.name} failed:\n{error.output}"
            raise DeployError(unit.name, mask_for(state, request)(text)) from None
    return kept


def _remove(request: Request, state: StatePaths, host: str, report: Report) -> tuple[Kept, ...]:
    unit, own = request.unit, state.unit(request.unit.name)
    supervisor = Supervisor(state)
    report("stop")
    if supervisor.alive():
        supervisor.stop(unit.name)
    elif lost := supervisor.cut_off():
        raise DeployError(unit.name, lost)
    program = state.programs / f"{unit.name}.conf"
    session.run(host, [("program", operations.removed, {"paths": [str(program)]})], report)
    if supervisor.alive():
        supervisor.update(unit.name)

    keep = request.retain and own.data.is_dir() and any(own.data.iterdir())
    gone = [own.conf, own.staged, own.log, own.cache, own.run] + ([] if keep else [own.root])
    others = {s for name in state.applied_units() if name != unit.name for s in _secrets_of(state, name)}
    generated = {secret.name for secret in request.secrets if secret.source == "generated"}
    gone += [state.secrets / name for name in unit.secrets if name not in others | generated]
    steps: list[session.Step] = [("remove", operations.removed, {"paths": [str(path) for path in gone]})]
    # the record last: as long as it stands, an interrupted removal is seen and repeated
    steps.append(("record", operations.removed, {"paths": [str(own.applied)]}))
    session.run(host, steps, report)
    if not state.applied_units():
        supervisor.shutdown()
        any_data = any(state.units.glob("*/data/*"))
        rest = [state.supervisor, state.locks, state.tls, *state.units.glob("*/scratch")]
        rest += [] if any_data else [state.secrets, state.units]
        session.run(host, [("clean up", operations.removed, {"paths": [str(path) for path in rest]})], report)
        if state.root.is_dir() and not any(state.root.iterdir()):
            state.root.rmdir()
    return (Kept(unit=unit.name, path=str(own.data), size=_size(own.data)),) if keep else ()


def _secrets_of(state: StatePaths, name: str) -> tuple[str, ...]:
    record = read_applied(state, name)
    return record.unit.secrets if record else ()


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
