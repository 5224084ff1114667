"""What is really on the host, compared with what was applied: one cheap pass, for refresh and status.

No pyinfra and no subprocess: a refresh that finds nothing must cost next to nothing."""

from dataclasses import dataclass
from pathlib import Path

from components.plan import Pillar
from vsi import access
from vsi.paths import StatePaths
from vsi.records import Applied, digest_file, foreign, read_applied, secrets_off
from vsi.supervisor import Program, Supervisor


@dataclass(frozen=True)
class Observed:
    """One unit as found. `process_state` is `running`, or what else it is in small letters."""

    unit: str
    pillar: Pillar
    process_state: str
    pid: int
    uptime: int
    ports: tuple[int, ...]
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    program_changed: bool
    secrets_off: tuple[str, ...]
    access: str
    """Whose files or folders others can read, in words; '' if nobody else can."""
    complete: bool

    @property
    def drifted(self) -> bool:
        """Whether anything differs from what was applied."""
        files = self.changed or self.missing or self.extra or self.secrets_off or self.access
        return bool(files) or self.program_changed or not self.complete or self.process_state != "running"


def read_host(state: StatePaths) -> list[Observed]:
    """Every unit that was applied here, by name. A unit whose record is gone counts as never applied."""
    names = state.applied_units()
    programs = Supervisor(state).programs() if names else {}
    records = {name: read_applied(state, name) for name in names}
    return [observe(state, record, programs.get(name)) for name, record in records.items() if record]


def observe(state: StatePaths, record: Applied, program: Program | None) -> Observed:
    """Compare one unit's files and process with its record."""
    unit, own = record.unit, state.unit(record.unit.name)
    found = {path: digest_file(own.conf / path) for path in record.files}
    present = conf_files(own.conf)
    unplanned = (set(record.managed) - set(record.files)) & set(present) | set(foreign(record.files, present))
    program_file = state.programs / f"{unit.name}.conf"
    return Observed(
        unit=unit.name,
        pillar=unit.pillar,
        process_state=process_words(program),
        pid=program.pid if program and program.running else 0,
        uptime=max(0, program.now - program.started) if program and program.running else 0,
        ports=unit.ports,
        changed=tuple(sorted(p for p, v in found.items() if v is not None and v != record.files[p])),
        missing=tuple(sorted(p for p, v in found.items() if v is None)),
        extra=tuple(sorted(unplanned)),
        program_changed=digest_file(program_file) != record.program or digest_file(own.run) != record.script,
        secrets_off=tuple(
            f"{name} {what}" for name, what in secrets_off(state, unit.secrets, record.started).items()
        ),
        access=access_words(state, record),
        complete=record.complete,
    )


def access_words(state: StatePaths, record: Applied) -> str:
    """What of a unit is not its owner's alone; '' if all is."""
    name, secrets = record.unit.name, record.started.secrets if record.started else record.unit.secrets
    files = access.kept_files(state, name, record.files, tuple(secrets))
    return access.words(access.wrong(state, files, access.kept_folders(state, name)))


def process_words(program: Program | None) -> str:
    """`running`, `stopped`, `fatal`, ...: a process that is just starting counts as running."""
    if program is None:
        return "stopped"
    return "running" if program.running else program.state.lower()


def conf_files(conf: Path) -> list[str]:
    """Regular files below a conf folder, relative; links are not followed."""
    return sorted(
        str(path.relative_to(conf)) for path in conf.rglob("*") if path.is_file() and not path.is_symlink()
    )
