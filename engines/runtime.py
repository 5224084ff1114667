"""Our own programs for hosts that have no Python: interpreter, locked packages and modules in one folder.

The folder works wherever it lies, with any working directory, read-only and for any user:

    bin/python    starts the interpreter, isolated from the host's own
    python/       the interpreter, its standard library, and in shared/ the libraries that it needs
    packages/     the locked packages that our programs import, and what those ask for
    programs/     our modules, and the files that they read
    contents.json what all this is, and the oldest glibc that runs it

It is of one platform, this machine's, and its hosts need a glibc as new as `needed_glibc` says.
"""

import compileall
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

from components.engine import RuntimeSource
from engines import interpreter, packages
from engines.errors import EngineError

TIME = 1_577_836_800  # 2020-01-01: the time of every file, so that equal contents are equal files

_PROOF = """
import importlib, json, os, pkgutil, sys
for name in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        importlib.import_module(found.name)
import ctypes, sqlite3, ssl, bz2, lzma, uuid
with open("/proc/self/maps") as maps:
    print(json.dumps(sorted({line.split(None, 5)[5].strip() for line in maps if "/" in line})))
"""
"""Imports everything of ours, and tells which files that took."""


def obstacle(source: RuntimeSource, root: Path, native: bool) -> str | None:
    """Why no runtime can be made here; None when it can."""
    if not native:
        return "it is made of this machine's Python, and so for this machine's platform only"
    try:
        _parts(source, root)
    except EngineError as error:
        return str(error)
    return None


def inputs(source: RuntimeSource, root: Path) -> dict[str, Any] | None:
    """What an artifact of `source` is made of, by digest; None where none can be made."""
    try:
        _, pins, shared = _parts(source, root)
    except EngineError:
        return None
    here = Path(__file__)
    assembly = [here, here.with_name("interpreter.py"), here.with_name("packages.py")]
    return {
        "python": [sys.version, sys.implementation.cache_tag],
        "libraries": {name: _digest(path) for name, path in shared.items()},
        "packages": {name: [pin.version, pin.hashes] for name, pin in pins.items()},
        "files": {name: _digest(path) for name, path in files(source, root)},
        "started by": {
            path.name: _digest(path) for path in sorted((root / "tools" / source.folder).iterdir())
        },
        "assembly": {path.name: _digest(path) for path in assembly},
    }


def files(source: RuntimeSource, root: Path) -> Iterator[tuple[str, Path]]:
    """Our modules and what they read, by path: nothing compiled, nothing hidden."""
    folders = [(name, "") for name in source.programs] + list(source.beside)
    for folder, suffix in folders:
        for path in sorted((root / folder).rglob(f"*{suffix}")):
            name = path.relative_to(root)
            if path.is_file() and not any(p.startswith(".") or p == "__pycache__" for p in name.parts):
                yield name.as_posix(), path


def build(source: RuntimeSource, root: Path, content: Path) -> str:
    """Fill `content`; what it was made of. Raises EngineError when it would not run elsewhere."""
    found, pins, shared = _parts(source, root)
    this = interpreter.this()
    interpreter.copy(this, shared, content / "python")
    for package in found.values():
        packages.copy(package, content / "packages")
    for name, path in files(source, root):
        _place(path, content / "programs" / name)
    tools = root / "tools" / source.folder
    _place(tools / "python", content / "bin" / "python")
    _place(tools / "sitecustomize.py", content / "python" / this.place / "sitecustomize.py")
    contents = {
        "python": sys.version,
        "glibc": interpreter.needed_glibc(content),
        "libraries": list(shared),
        "packages": {name: pin.version for name, pin in pins.items()},
    }
    (content / "contents.json").write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
    _compile(content)
    _settle(content)
    _prove(source, content)
    return f"CPython {sys.version.split()[0]}, {len(pins)} packages, glibc {contents['glibc']} or later"


def needed_glibc(artifact: Path) -> str:
    """The oldest glibc that runs an artifact, as `2.36`."""
    return str(json.loads((artifact / "contents.json").read_text(encoding="utf-8"))["glibc"])


Parts = tuple[dict[str, metadata.Distribution], dict[str, packages.Pin], dict[str, Path]]


def _parts(source: RuntimeSource, root: Path) -> Parts:
    """Packages, their pins, and the libraries that go along. Raises EngineError when something is missing."""
    lock = root / "requirements" / "runtime.txt"
    return _parts_of(source, lock, lock.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _parts_of(source: RuntimeSource, lock: Path, _mtime: int) -> Parts:
    if problem := interpreter.obstacle():
        raise EngineError(problem)
    found = packages.closure(source.packages)
    pins = packages.pinned(found, packages.locked(lock))
    this = interpreter.this()
    own = [
        Path(str(package.locate_file(file)))
        for package in found.values()
        for file in package.files or []
        if file.suffix == ".so"
    ]
    brought = {os.path.realpath(path) for path in own}
    shared = interpreter.libraries(this.program, [*interpreter.modules(this), *own])
    return found, pins, {name: path for name, path in shared.items() if str(path) not in brought}


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def _compile(content: Path) -> None:
    """Compile all modules, for good: what was compiled is valid whatever becomes of the files' times."""
    compileall.compile_dir(
        content,
        maxlevels=30,
        quiet=2,
        force=True,
        stripdir=str(content),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )


def _settle(content: Path) -> None:
    """Modes and times that do not depend on who made it and when."""
    for folder, _, names in os.walk(content, topdown=False):
        for name in names:
            path = Path(folder, name)
            path.chmod(0o755 if path.parent.name == "bin" else 0o644)
            os.utime(path, (TIME, TIME))
        Path(folder).chmod(0o755)
        os.utime(folder, (TIME, TIME))


def _prove(source: RuntimeSource, content: Path) -> None:
    """Import everything as a host would, and see that nothing of this machine was needed but glibc."""
    ran = subprocess.run(
        [str(content / "bin" / "python"), "-c", _PROOF, *source.programs],
        capture_output=True,
        text=True,
        check=False,
        env={},
        cwd="/",
    )
    if ran.returncode != 0:
        raise EngineError(f"what was made does not run:\n{ran.stderr[-2000:]}")
    loaded = [Path(path) for path in json.loads(ran.stdout)]
    strangers = [
        str(path)
        for path in loaded
        if not path.is_relative_to(os.path.realpath(content)) and not interpreter.of_glibc(path)
    ]
    if strangers:
        raise EngineError(f"what was made needs files of this machine: {', '.join(strangers)}")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
