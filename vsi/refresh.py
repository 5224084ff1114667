"""What a host has in place of what was planned, for `read`: file by file, secret by secret, and the process.

One look tells whether anything differs; texts are fetched only of files that do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vsi import listening
from vsi.drift import access_words, look_of, process_words
from vsi.keepers import Program
from vsi.listening import Listeners
from vsi.machine import Machine
from vsi.paths import RELATIVE
from vsi.reach import Facts, Look
from vsi.records import Applied, file_digests, foreign, record_in, secrets_off


@dataclass(frozen=True)
class Expected:
    """A unit as its resource's state has it, which is what was planned or what an earlier refresh found."""

    unit: str
    files: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...]
    """Names of all."""
    values: Mapping[str, str] = field(repr=False)
    """Values of those that are not made on the host, by name."""


@dataclass(frozen=True)
class Differences:
    """What was found otherwise. Holds no value of a secret."""

    process_state: str
    gone: tuple[str, ...] = ()
    """Paths of files that are not there."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What stands in place of a file's text, by path."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with the file of a secret or a certificate, by name."""


@dataclass(frozen=True)
class Seen:
    """What a unit is compared by: what `look_of` it and its secrets found, and its process."""

    facts: Facts = field(repr=False)
    program: Program | None
    listeners: Listeners | None = None


def look(machine: Machine, expected: Expected) -> Seen:
    """Ask for one unit."""
    values = tuple(str(RELATIVE.secrets / secret) for secret in expected.values)
    facts = machine.reach.look(look_of(machine, expected.unit) | Look(digest=values))
    return Seen(facts, machine.program(expected.unit))


def differences(machine: Machine, expected: Expected, seen: Seen | None = None) -> Differences | None:
    """Compare with the host, which is asked unless it was; None if the unit is not there at all."""
    seen = seen or look(machine, expected)
    name, facts = expected.unit, seen.facts
    record = record_in(facts, name)
    if record is None and facts.get(str(RELATIVE.unit(name).conf)) is None:
        return None
    digests, present = file_digests(expected.files), facts.files(str(RELATIVE.unit(name).conf))
    differing = [
        path for path, digest in digests.items() if path in present and present[path].digest != digest
    ]
    managed = set(record.managed) if record else set()
    unplanned = {*foreign(digests, present), *(managed - set(digests)) & set(present)}
    return Differences(
        process_state=_process_state(machine, seen, name, record),
        gone=tuple(sorted(set(digests) - set(present))),
        files=_texts(machine, name, differing)
        | {path: f"not planned, {present[path].size} bytes" for path in unplanned},
        secrets=_secrets(facts, record, expected),
    )


def _texts(machine: Machine, name: str, paths: list[str]) -> dict[str, str]:
    """What stands in files; a second look, which a host that is as planned is spared."""
    if not paths:
        return {}
    conf = RELATIVE.unit(name).conf
    facts = machine.reach.look(Look(read=tuple(str(conf / path) for path in paths)))
    found = {path: facts.data(str(conf / path)) for path in paths}
    return {
        path: "cannot be read" if data is None else data.decode(errors="replace")
        for path, data in found.items()
    }


def _secrets(facts: Facts, record: Applied | None, expected: Expected) -> dict[str, str]:
    """Says that a file is missing or differs, never what it holds."""
    off = secrets_off(facts, expected.secrets, record.started if record else None)
    found = {name: f"{what} on the host" for name, what in off.items()}
    for name, digest in file_digests(expected.values).items():
        there = facts.get(str(RELATIVE.secrets / name))
        if there is not None and there.digest and there.digest != digest:
            found[name] = "changed on the host"
    return found


def _process_state(machine: Machine, seen: Seen, name: str, record: Applied | None) -> str:
    words, facts = process_words(seen.program), seen.facts
    script, program = machine.keeper.files(name)
    if record is None or not record.complete:
        words = f"{words}, last apply did not finish"
    elif facts.digest(program) != record.program:
        words = f"{words}, supervisor's program file changed"
    elif facts.digest(script) != record.script:
        words = f"{words}, run script changed"
    elif opened := access_words(machine, facts, record):
        words = f"{words}, {opened}"
    elif silent := listening.trouble(machine, record.unit, seen.program, seen.listeners):
        words = f"{words}, {silent}"
    return words
