"""What a host remembers of a unit, so that drift, status and start need neither Pulumi nor the spec."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from components.plan import Frozen, Secret, part_id
from vsi.machine import Machine, machine_of
from vsi.paths import RELATIVE
from vsi.plan_version import PLAN_VERSION
from vsi.reach import Facts, Look, Reach
from vsi.ssh.connection import Connection, Login
from vsi.unit import HostUnit

SecretOff = Literal["missing", "changed"]
"""What may be wrong with the file of a secret or a certificate."""


class Request(Frozen):
    """One unit to be put on a host: what `python -m vsi.apply` reads on its standard input."""

    stack: str
    host: str
    unit: HostUnit
    secrets: tuple[Secret, ...] = ()
    """Definitions of the unit's secrets."""
    values: dict[str, str] = {}
    """Values of those that are not generated on the host, by name. Never stored, logged or returned."""
    tls_names: tuple[str, ...] = ()
    engines: dict[str, str] = {}
    """Engine name to a text that says which artifact it is, so that a new one is a change."""
    connection: Connection | None = None
    """The way to the host; None for this machine."""
    login: Login = Login()
    retain: bool = True
    plan_version: str = PLAN_VERSION

    def machine(self) -> Machine:
        """Where it is to be put."""
        return machine_of(self.stack, self.connection, self.login, self.engines)


class Started(Frozen):
    """What a process was last started or reloaded with."""

    files: dict[str, str]
    program: str
    secrets: dict[str, str]
    engines: dict[str, str]


class Applied(Frozen):
    """`units/<unit>/applied.json`."""

    stack: str
    host: str
    unit: HostUnit
    """Without the texts of its files."""
    files: dict[str, str]
    """Digest of every planned file by path."""
    managed: tuple[str, ...]
    """Every path that we ever wrote and did not remove yet, also of an interrupted apply."""
    program: str
    """Digests of program file and run script."""
    script: str
    checked: str = ""
    """Digest of what the engine last accepted: files, checks, engines."""
    started: Started | None = None
    setup: str = ""
    """Digest of what the setup command last brought in successfully."""
    complete: bool = False
    """False while an apply is under way, and after one that was interrupted or failed."""
    before: dict[str, str] | None = None
    """Of an incomplete one: the engines of what stood before, which is kept in `previous` and gone back to if
    this fails. None if there is no such thing."""
    retain: bool = True
    plan_version: str = PLAN_VERSION

    def text(self) -> str:
        """Canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, indent=1) + "\n"


def look_of(unit: str = "*") -> Look:
    """The record of a unit, or of all."""
    return Look(read=(str(RELATIVE.unit(unit).applied),))


def applied_in(facts: Facts) -> list[str]:
    """Names of the units that were ever applied here and not removed since."""
    units = str(RELATIVE.units)
    return [name for name in facts.names(units) if facts.get(str(RELATIVE.unit(name).applied))]


def record_in(facts: Facts, unit: str) -> Applied | None:
    """The record of a unit; None if there is none or it cannot be read, which the next apply repairs."""
    return record_of(facts.data(str(RELATIVE.unit(unit).applied)))


def record_of(data: bytes | None) -> Applied | None:
    """A record by its text; None for what is none."""
    try:
        found = json.loads(data or b"")
        return Applied.model_validate({**found, "unit": _placed(found["unit"], found["host"])})
    except (ValueError, TypeError, KeyError):
        return None


def _placed(unit: Mapping[str, Any], host: str) -> dict[str, Any]:
    """A recorded unit; one from before units had places stands on the record's host, with all it needs."""
    if "place" in unit:
        return dict(unit)
    return {**unit, "place": host, "needs": [part_id(need, host) for need in unit["needs"]]}


def read_applied(reach: Reach, unit: str) -> Applied | None:
    """The record of one unit, as `record_in` has it."""
    return record_in(reach.look(look_of(unit)), unit)


def read_all(reach: Reach) -> dict[str, Applied | None]:
    """The record of every unit that was applied here, by name; None for one that cannot be read."""
    facts = reach.look(look_of())
    return {name: record_in(facts, name) for name in applied_in(facts)}


def digest_of(*parts: object) -> str:
    """SHA-256 over canonical JSON of the parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def foreign(planned: Iterable[str], present: Iterable[str]) -> list[str]:
    """Files in a conf folder that nobody planned and that an engine would read all the same.

    Engines write files of their own there (a keystore), which are none of our business; but a file in the
    same folder and with the same ending as a planned one is what a glob such as `rules/*.yml` picks up."""

    def kind(path: str) -> tuple[str, str]:
        folder, _, name = path.rpartition("/")
        return folder, name.rpartition(".")[2]

    planned = set(planned)
    kinds = {kind(path) for path in planned}
    return sorted(path for path in set(present) - planned if kind(path) in kinds)


def uses_tls(unit: HostUnit) -> bool:
    """Whether a unit reads the stack's certificates, so that a renewal concerns it."""
    if unit.certificates:
        return True
    texts = [text for _, text in unit.files] + [value for _, value in unit.process.environment]
    texts += [*unit.process.command, unit.process.ready.ca or ""]
    return any("tls/" in text for text in texts)


def certificate_files(facts: Facts, unit: HostUnit) -> Iterable[str]:
    """The files of certificates that a unit reads: those that it declares, or all."""
    if unit.certificates:
        return unit.certificate_files
    return facts.names(str(RELATIVE.tls)) if uses_tls(unit) else ()


def look_at_secrets() -> Look:
    """What the stamps of secrets and certificates are made of, never their contents."""
    return Look(at=(str(RELATIVE.secrets / "*"), str(RELATIVE.tls / "*")))


def secret_stamps(facts: Facts, names: Iterable[str], tls: Iterable[str]) -> dict[str, str]:
    """Marks that change when a secret's file is written anew, or one of the certificates' files `tls`. No
    digests: weak values could be guessed."""
    paths = {name: str(RELATIVE.secrets / name) for name in names}
    paths |= {f"tls/{name}": str(RELATIVE.tls / name) for name in tls if name.endswith(".pem")}
    found = {name: facts.get(path) for name, path in paths.items()}
    return {name: seen.stamp if seen and seen.stamp else "missing" for name, seen in found.items()}


def secrets_off(facts: Facts, names: Iterable[str], started: Started | None) -> dict[str, SecretOff]:
    """Secrets and certificates whose files are `missing` now, or `changed` since the process was started."""
    before = started.secrets if started else {}
    tls = facts.names(str(RELATIVE.tls)) if any(name.startswith("tls/") for name in before) else ()
    now = secret_stamps(facts, names, tls)
    found: dict[str, SecretOff] = {}
    for name in sorted({*before, *now}):
        stamp = now.get(name, "missing")
        if stamp == "missing":
            found[name] = "missing"
        elif before.get(name, stamp) != stamp:
            found[name] = "changed"
    return found


def without_texts(unit: HostUnit) -> HostUnit:
    """The unit as it is recorded."""
    return unit.model_copy(update={"files": ()})


def file_digests(files: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Digest of each text by path."""
    pairs = files.items() if isinstance(files, Mapping) else files
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in pairs}
