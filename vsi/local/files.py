"""Looking at files of this machine."""

import hashlib
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from vsi.reach import Facts, Found, Kind, Look


def look(root: Path, what: Look) -> Facts:
    """What a look finds below a folder. What is not there, or may not be seen, is not in it."""
    found: dict[str, Found] = {}
    for wish, patterns in (("at", what.at), ("digest", what.digest), ("read", what.read)):
        for pattern in patterns:
            for path in _matching(root, pattern):
                if seen := _found(root / path, wish, found.get(path)):
                    found[path] = seen
    return Facts(found)


def _matching(root: Path, pattern: str) -> Iterator[str]:
    """Paths relative to the root; those without `*` whether they are there or not."""
    known = ["/" if pattern.startswith("/") else ""]
    for part in pattern.removeprefix("/").split("/"):
        if part == "**":
            known = [path for folder in known for path in _below(root, folder)]
        elif "*" in part:
            known = [
                _joined(folder, entry.name)
                for folder in known
                for entry in _entries(root / folder)
                if fnmatchcase(entry.name, part)
            ]
        else:
            known = [_joined(folder, part) for folder in known]
    yield from known


def _joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder else name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _below(root: Path, folder: str) -> Iterator[str]:
    for entry in _entries(root / folder):
        path = _joined(folder, entry.name)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(root, path)
        else:
            yield path


def _kind(mode: int) -> Kind:
    for test, kind in ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link")):
        if test(mode):
            return kind  # type: ignore[return-value]
    return "other"


def _found(path: Path, wish: str, before: Found | None) -> Found | None:
    try:
        own = path.lstat()
    except OSError:
        return None
    kind = _kind(own.st_mode)
    try:
        info = path.stat() if kind == "link" else own
    except OSError:
        return Found(kind, stat.S_IMODE(own.st_mode), own.st_uid, mtime_ns=-1)
    data = _data(path) if wish != "at" and stat.S_ISREG(info.st_mode) else None
    digest = hashlib.sha256(data).hexdigest() if data is not None else ""
    return Found(
        kind=kind,
        mode=stat.S_IMODE(own.st_mode),
        owner=own.st_uid,
        size=info.st_size,
        mtime_ns=info.st_mtime_ns,
        digest=digest or (before.digest if before else ""),
        data=data if wish == "read" else (before.data if before else None),
    )


def _data(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
