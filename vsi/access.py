"""Who may read what a stack keeps on its host: its owner alone. Refresh and status look, an apply mends."""

import stat
from collections.abc import Iterable
from pathlib import Path

from vsi.paths import StatePaths

FILE, FOLDER = 0o600, 0o700


def kept_files(state: StatePaths, unit: str, paths: Iterable[str], secrets: Iterable[str]) -> dict[str, Path]:
    """The files of a unit that are its owner's alone, by the name that a user knows them by: configuration,
    secrets and certificates, what starts it."""
    own = state.unit(unit)
    found = {path: own.conf / path for path in paths}
    found |= {f"secret {name}": state.secrets / name for name in secrets if not name.startswith("tls/")}
    if any(name.startswith("tls/") for name in secrets):
        found |= {f"tls/{path.name}": path for path in sorted(state.tls.glob("*"))}
    return found | {"run script": own.run, "program file": state.programs / f"{unit}.conf"}


def kept_folders(state: StatePaths, unit: str) -> dict[str, Path]:
    """The folders that only the owner may enter."""
    own = state.unit(unit)
    folders = (state.root, state.units, own.root, own.conf, state.secrets, state.tls)
    return {f"folder {path.relative_to(state.root.parent)}": path for path in folders}


def wrong(state: StatePaths, files: dict[str, Path], folders: dict[str, Path]) -> dict[str, str]:
    """What is not as it was made: name -> `mode 0644` or `owner 1000`. What is missing is not told here.

    The owner is that of the state folder, so that root, who may look at everybody's, is not misled."""
    try:
        owner = state.root.stat().st_uid
    except OSError:
        return {}
    found = {}
    expected = [(name, path, FILE) for name, path in files.items()]
    expected += [(name, path, FOLDER) for name, path in folders.items()]
    for name, path, mode in expected:
        try:
            info = path.lstat()
        except OSError:
            continue
        if info.st_uid != owner:
            found[name] = f"owner {info.st_uid}"
        elif not stat.S_ISLNK(info.st_mode) and stat.S_IMODE(info.st_mode) != mode:
            found[name] = f"mode {stat.S_IMODE(info.st_mode):04o}"
    return found


def words(off: dict[str, str]) -> str:
    """`access: app.conf mode 0644`; '' if all is well."""
    return f"access: {', '.join(f'{name} {what}' for name, what in sorted(off.items()))}" if off else ""
