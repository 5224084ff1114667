"""Who may read what a stack keeps on its host: its owner alone. Refresh and status look, an apply mends."""

from collections.abc import Iterable

from vsi.paths import RELATIVE
from vsi.reach import Facts, Look

FILE, FOLDER = 0o600, 0o700


def look_of(unit: str = "*") -> Look:
    """Modes and owners of what is not looked at for its contents anyway."""
    own = RELATIVE.unit(unit)
    folders = (RELATIVE.root, RELATIVE.units, own.root, own.conf, RELATIVE.secrets, RELATIVE.tls)
    return Look(at=(*map(str, folders), str(RELATIVE.secrets / "*"), str(RELATIVE.tls / "*")))


def kept_files(
    facts: Facts, unit: str, paths: Iterable[str], secrets: Iterable[str], entry: tuple[str, str]
) -> dict[str, str]:
    """The files of a unit that are its owner's alone, by the name that a user knows them by: configuration,
    secrets and certificates, what starts it."""
    secrets = list(secrets)
    own = RELATIVE.unit(unit)
    found = {path: str(own.conf / path) for path in paths}
    found |= {f"secret {name}": str(RELATIVE.secrets / name) for name in secrets if name[:4] != "tls/"}
    if any(name.startswith("tls/") for name in secrets):
        found |= {f"tls/{name}": str(RELATIVE.tls / name) for name in facts.names(str(RELATIVE.tls))}
    script, program = entry
    return found | {"run script": script, "program file": program}


def kept_folders(stack: str, unit: str) -> dict[str, str]:
    """The folders that only the owner may enter."""
    own = RELATIVE.unit(unit)
    folders = (RELATIVE.units, own.root, own.conf, RELATIVE.secrets, RELATIVE.tls)
    return {f"folder {stack}": str(RELATIVE.root)} | {f"folder {stack}/{path}": str(path) for path in folders}


def wrong(facts: Facts, files: dict[str, str], folders: dict[str, str]) -> dict[str, str]:
    """What is not as it was made: name -> `mode 0644` or `owner 1000`. What is missing is not told here.

    The owner is that of the state folder, so that root, who may look at everybody's, is not misled."""
    root = facts.get(str(RELATIVE.root))
    if root is None:
        return {}
    off = {}
    expected = [(name, path, FILE) for name, path in files.items()]
    expected += [(name, path, FOLDER) for name, path in folders.items()]
    for name, path, mode in expected:
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
