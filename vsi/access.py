"""Who may read what a stack keeps on its host: its owner alone, or units below a folder that nobody else
enters. Refresh and status look, an apply mends."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vsi.changes import PRIVATE_FILE, PRIVATE_FOLDER
from vsi.machine import Machine
from vsi.paths import RELATIVE
from vsi.reach import Facts, Look


class Wanted(NamedTuple):
    """A path, as a `Look` names it, and the mode that it shall have."""

    path: str
    mode: int


def look_of(unit: str = "*") -> Look:
    """Modes and owners of what is not looked at for its contents anyway."""
    own = RELATIVE.unit(unit)
    folders = (RELATIVE.root, RELATIVE.units, own.root, own.conf, RELATIVE.secrets, RELATIVE.tls)
    return Look(at=(*map(str, folders), str(RELATIVE.secrets / "*"), str(RELATIVE.tls / "*")))


def files_of(
    machine: Machine, facts: Facts, unit: str, paths: Iterable[str], secrets: Iterable[str]
) -> dict[str, Wanted]:
    """The files of a unit by the name that a user knows them by: configuration, secrets and certificates,
    what starts it."""
    secrets = list(secrets)
    own, mode = RELATIVE.unit(unit), machine.file_mode
    private = {f"secret {name}": str(RELATIVE.secrets / name) for name in secrets if name[:4] != "tls/"}
    if any(name.startswith("tls/") for name in secrets):
        private |= {f"tls/{name}": str(RELATIVE.tls / name) for name in facts.names(str(RELATIVE.tls))}
    script, program = machine.keeper.files(unit)
    opened = {path: str(own.conf / path) for path in paths} | {"run script": script, "program file": program}
    return {name: Wanted(path, mode) for name, path in opened.items()} | {
        name: Wanted(path, PRIVATE_FILE) for name, path in private.items()
    }


def folders_of(machine: Machine, stack: str, unit: str) -> dict[str, Wanted]:
    """The folders of a unit, and those that it shares."""
    own, mode = RELATIVE.unit(unit), machine.folder_mode
    modes = dict.fromkeys((RELATIVE.units, own.root, own.conf), mode)
    modes |= dict.fromkeys((RELATIVE.secrets, RELATIVE.tls), PRIVATE_FOLDER)
    found = {f"folder {stack}": Wanted(str(RELATIVE.root), PRIVATE_FOLDER)}
    return found | {f"folder {stack}/{path}": Wanted(str(path), mode) for path, mode in modes.items()}


def wrong(facts: Facts, wanted: Mapping[str, Wanted]) -> dict[str, str]:
    """What is not as it was made: name -> `mode 0644` or `owner 1000`. What is missing is not told here.

    The owner is that of the state folder, so that root, who may look at everybody's, is not misled."""
    root = facts.get(str(RELATIVE.root))
    if root is None:
        return {}
    off = {}
    for name, (path, mode) in wanted.items():
        found = facts.get(path)
        if found is None:
            continue
        if found.owner != root.owner:
            off[name] = f"owner {found.owner}"
        elif found.kind != "link" and found.mode != mode:
            off[name] = f"mode {found.mode:04o}"
    return off


def words(off: dict[str, str]) -> str:
    """`access: app.conf mode 0644`; '' if all is well."""
    return f"access: {', '.join(f'{name} {what}' for name, what in sorted(off.items()))}" if off else ""
