"""An engine as it goes to another machine: one archive with all that it needs there.

Nothing in it leads back to this machine: OpenSearch, which the cache points at this machine's Java where its
archive brings none, takes a copy of that Java along, without what only developers need.
"""

import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from components.engine import MavenSource
from engines.errors import EngineError
from engines.store import Artifact, Store

CHUNK = 16 << 20
_LEVEL = 1
"""Of compression: faster than most networks, and a third of the size; the highest takes six times as long."""
_JAVA = "jdk"
_JAVA_SIZE = 190 << 20
"""Of a Java without what is left out, about."""
_LEFT_OUT = frozenset(("demo", "docs", "include", "jmods", "man", "src.zip"))


@dataclass(frozen=True)
class Packed:
    """An artifact and what goes with it."""

    engine: str
    version: str
    platform: str
    key: str
    """Of everything in it: two that are equal are the same."""
    size: int
    """Bytes when unpacked, about."""
    path: Path
    java: bool
    """Whether a Java goes with it."""


def packed(names: Iterable[str], store: Store | None = None) -> dict[str, Packed]:
    """How each engine would go to another machine; EngineError naming all that are not in the cache. Makes
    nothing."""
    store = store or Store()
    found = {name: store.find(name) for name in dict.fromkeys(names)}
    if missing := [name for name, artifact in found.items() if artifact is None]:
        other = "" if store.setting.native else f" for {store.platform}"
        raise EngineError(
            f"not in the cache of engines{other}: {', '.join(missing)}. "
            f"Run: obs engines build {' '.join(missing)}"
        )
    return {name: _packed(artifact, store) for name, artifact in found.items() if artifact}


def _packed(artifact: Artifact, store: Store) -> Packed:
    needs_java = isinstance(artifact.engine.source, MavenSource) and not _carries_java(artifact.path)
    key = artifact.key
    if needs_java:
        release = (_java(artifact.path) / "release").read_bytes()
        key = hashlib.sha256(key.encode() + release).hexdigest()
    return Packed(
        engine=artifact.engine.name,
        version=artifact.engine.version,
        platform=store.platform,
        key=key,
        size=artifact.size + (_JAVA_SIZE if needs_java else 0),
        path=artifact.path,
        java=needs_java,
    )


def _carries_java(artifact: Path) -> bool:
    java = artifact / _JAVA
    return java.is_dir() and not java.is_symlink()


def _java(artifact: Path) -> Path:
    """The home of the Java that an artifact in the cache points at."""
    home = (artifact / _JAVA).resolve()
    if not (home / "release").is_file():
        raise EngineError(
            f"opensearch: its archive brings no Java, and {artifact / _JAVA} leads to none. "
            "Run: obs engines build opensearch"
        )
    return home


_made: dict[Packed, IO[bytes]] = {}
_making: dict[Packed, threading.Lock] = {}
_turn = threading.Lock()


def archive(engine: Packed) -> Iterator[bytes]:
    """A tar archive, compressed with gzip, in pieces of CHUNK bytes, the last one shorter.

    It is made once in a process, for the first machine that it goes to."""
    file, at = _archive(engine), 0
    while piece := os.pread(file.fileno(), CHUNK, at):
        at += len(piece)
        yield piece


def _archive(engine: Packed) -> IO[bytes]:
    """In a file without a name, which is gone with the process however that ends; beside the artifact, since
    a folder for temporary files may be small."""
    with _turn:
        making = _making.setdefault(engine, threading.Lock())
    with making:
        if engine not in _made:
            file = cast(IO[bytes], tempfile.TemporaryFile(dir=engine.path.parent))  # noqa: SIM115 - kept
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:
                _write(engine, cast(IO[bytes], packed))
            file.flush()
            _made[engine] = file
    return _made[engine]


def _write(engine: Packed, file: IO[bytes]) -> None:
    trees = {"": engine.path}
    if engine.java:
        trees[_JAVA] = _java(engine.path)
    with tarfile.open(fileobj=file, mode="w|", bufsize=1 << 20) as tar:
        for inside, tree in trees.items():
            for path in _members(tree):
                first = path.relative_to(tree).parts[0]
                if first in ((_JAVA,) if inside == "" and engine.java else _LEFT_OUT if inside else ()):
                    continue
                _add(tar, tree, path, inside, follow=bool(inside))


def _members(tree: Path) -> Iterator[Path]:
    """Everything below, folders before what is in them, in an order that does not depend on the disk."""
    for folder, folders, files in os.walk(tree):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in folders if name not in links)
        yield from (Path(folder) / name for name in sorted([*files, *links]))


def _add(tar: tarfile.TarFile, tree: Path, path: Path, inside: str, *, follow: bool) -> None:
    """One member, root's, readable by all; times stay, since Python compares its caches by them. With
    `follow`, what a link leads to takes its place: distributions keep a Java's settings elsewhere."""
    if follow and not path.exists():
        return
    status = path.stat() if follow else path.lstat()
    member = tarfile.TarInfo((Path(inside) / path.relative_to(tree)).as_posix())
    member.mtime = int(status.st_mtime)
    if stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, _inner_link(tree, path)
        tar.addfile(member)
    elif stat.S_ISDIR(status.st_mode):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(member)
    elif stat.S_ISREG(status.st_mode):
        member.size, member.mode = status.st_size, 0o755 if status.st_mode & 0o100 else 0o644
        with path.open("rb") as file:
            tar.addfile(member, file)


def _inner_link(tree: Path, path: Path) -> str:
    target = os.readlink(path)
    end = os.path.normpath(path.parent / target)
    if os.path.isabs(target) or not Path(end).is_relative_to(tree):
        raise EngineError(f"{path}: this link leads out of the artifact, so it cannot go to another machine")
    return target
