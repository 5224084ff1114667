"""What is really on the host, compared with what was applied: one look, for refresh and status."""

from dataclasses import dataclass

from components.plan import Pillar
from vsi import access, records
from vsi.keepers import Program
from vsi.machine import Machine
from vsi.paths import RELATIVE
from vsi.reach import Facts, Look
from vsi.records import Applied, applied_in, foreign, record_in, secrets_off


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


def look_of(machine: Machine, unit: str = "*") -> Look:
    """All that a unit, or every unit, is compared by."""
    conf = str(RELATIVE.unit(unit).conf / "**")
    compared = Look(digest=(conf, *machine.keeper.files(unit)))
    return records.look_of(unit) | records.look_at_secrets() | access.look_of(unit) | compared


def read_machine(machine: Machine) -> list[Observed]:
    """Every unit that was applied here, by name. A unit whose record is gone counts as never applied."""
    facts = machine.reach.look(look_of(machine))
    names = applied_in(facts)
    programs = machine.keeper.programs() if names else {}
    found = {name: record_in(facts, name) for name in names}
    return [observe(machine, facts, record, programs.get(name)) for name, record in found.items() if record]


def observe(machine: Machine, facts: Facts, record: Applied, program: Program | None) -> Observed:
    """Compare one unit's files and process with its record."""
    unit = record.unit
    conf = str(RELATIVE.unit(unit.name).conf)
    found = {path: facts.digest(f"{conf}/{path}") for path in record.files}
    present = facts.files(conf)
    unplanned = (set(record.managed) - set(record.files)) & set(present) | set(foreign(record.files, present))
    script, program_file = machine.keeper.files(unit.name)
    off = secrets_off(facts, unit.secrets, record.started)
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
        program_changed=facts.digest(program_file) != record.program or facts.digest(script) != record.script,
        secrets_off=tuple(f"{name} {what}" for name, what in off.items()),
        access=access_words(machine, facts, record),
        complete=record.complete,
    )


def access_words(machine: Machine, facts: Facts, record: Applied) -> str:
    """What of a unit is not its owner's alone; '' if all is."""
    name, secrets = record.unit.name, record.started.secrets if record.started else record.unit.secrets
    files = access.files_of(machine, facts, name, record.files, secrets)
    return access.words(access.wrong(facts, files | access.folders_of(machine, record.stack, name)))


def process_words(program: Program | None) -> str:
    """`running`, `stopped`, `fatal`, ...: a process that is just starting counts as running."""
    if program is None:
        return "stopped"
    return "running" if program.running else program.state.lower()
