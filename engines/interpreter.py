"""The Python that runs this program, as files that another machine can run: itself, its standard library
without what needs a screen, a terminal or a compiler, and the libraries that both need beside glibc."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engines.errors import EngineError

_GLIBC = re.compile(r"^(ld-linux|ld64|lib(c|m|pthread|dl|rt|resolv|util|anl|mvec)\.so|linux-(vdso|gate))")
"""What every host has, and must have of its own: it belongs to its loader and its name service."""
_LISTED = re.compile(r"^\s*(\S+) => (/.+?|not found)(?: \(0x[0-9a-f]+\))?$", re.MULTILINE)
_NEEDED = re.compile(rb"GLIBC_(\d+)\.(\d+)(?:\.\d+)?\0")

_LEFT_OUT = re.compile(
    r"__pycache__|tests?|(site|dist)-packages|idlelib|lib2to3|tkinter|turtledemo|turtle\.py|ensurepip|pydoc_data"
    r"|distutils|curses|__phello__.*|config-.*|(site|user)customize\.py|EXTERNALLY-MANAGED"
    r"|(_test|_ctypes_test|_xxtest|xxlimited|xxsubtype|_tkinter|_curses|readline|nis|ossaudiodev|_crypt|_gdbm"
    r"|_dbm).*\.so"
)
"""Files and folders of the standard library, wherever they are in it. Several of the modules need libraries
that no host has to have."""


@dataclass(frozen=True)
class Interpreter:
    """Where the parts of an interpreter are."""

    program: Path
    standard_library: Path
    extensions: Path
    place: str
    """Where both go, from the folder that holds `bin`: the program looks for them there."""


def this() -> Interpreter:
    """The interpreter behind this program, without the virtual environment in front of it."""
    place = f"{sys.platlibdir}/python{sys.version_info.major}.{sys.version_info.minor}"
    return Interpreter(
        program=Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable))),
        standard_library=Path(os.__file__).parent,
        extensions=Path(sys.base_exec_prefix) / place / "lib-dynload",
        place=place,
    )


def obstacle() -> str | None:
    """Why this interpreter cannot be taken to another machine; None when it can."""
    if sys.implementation.name != "cpython" or not sys.platform.startswith("linux"):
        return f"this Python is {sys.implementation.name} on {sys.platform}; CPython on Linux is needed"
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        glibc = None
    return None if glibc else "this Python is not linked to glibc, which the hosts have"


def modules(source: Interpreter) -> list[Path]:
    """The extension modules of the standard library that are taken along."""
    found = sorted(source.extensions.glob("*.so"))
    return [path for path in found if not _LEFT_OUT.fullmatch(path.name)]


def libraries(program: Path, loaded: Iterable[Path]) -> dict[str, Path]:
    """The shared libraries that a program and the modules that it will load need, by the name under which
    they are looked for; not glibc's. Asked of the program's own loader, which runs nothing of it.

    Raises EngineError when one is missing here.
    """
    loader, together = loader_of(program), [str(path) for path in loaded]
    alone = [path for path in together if re.search(r"[\s:]", path)]  # the loader would split them there
    listed = load_list(loader, program, ":".join(path for path in together if path not in alone))
    for path in alone:
        listed |= load_list(loader, path)
    found = {name: path for name, path in listed.items() if not _GLIBC.match(name)}
    missing = sorted(name for name, path in found.items() if path == "not found")
    if missing:
        raise EngineError(f"{program} or a module that it loads needs {', '.join(missing)}, not found here")
    return {name: Path(os.path.realpath(path)) for name, path in sorted(found.items())}


def of_glibc(path: Path) -> bool:
    """Whether a file that a program has loaded is one that each host's glibc has: a library, its locales."""
    return bool(_GLIBC.match(path.name)) or "locale" in path.parts or path.name == "gconv-modules.cache"


def copy(source: Interpreter, shared: dict[str, Path], target: Path) -> None:
    """The interpreter and its libraries into `target`, debugging symbols left out where `strip` is there."""
    library = target / source.place
    placed = [target / "bin" / "python"]
    placed[0].parent.mkdir(parents=True)
    shutil.copyfile(source.program, placed[0])
    shutil.copytree(
        source.standard_library,
        library,
        ignore=_left_out,
        copy_function=shutil.copyfile,
        ignore_dangling_symlinks=True,
    )
    for folder, files in (
        (library / "lib-dynload", {path.name: path for path in modules(source)}),
        (target / "shared", shared),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in files.items():
            shutil.copyfile(path, folder / name)
            placed.append(folder / name)
    if strip := shutil.which("strip"):
        subprocess.run([strip, "--strip-debug", *map(str, placed)], capture_output=True, check=False)


def _left_out(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "lib-dynload" or _LEFT_OUT.fullmatch(name)}


def needed_glibc(folder: Path) -> str:
    """The oldest glibc with which the programs and libraries below `folder` run, as `2.36`."""
    versions = {(0, 0)}
    for path in folder.rglob("*"):
        if path.is_file() and (".so" in path.name or path.parent.name == "bin"):
            versions |= {(int(major), int(minor)) for major, minor in _NEEDED.findall(path.read_bytes())}
    return ".".join(map(str, max(versions)))


def load_list(loader: str, file: Path | str, preloaded: str = "") -> dict[str, str]:
    """What the loader would load with a file, and from where."""
    asked = subprocess.run(
        [loader, "--list", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={"LD_PRELOAD": preloaded},
    )
    if asked.returncode != 0 or "cannot be preloaded" in asked.stderr:
        raise EngineError(f"{file}: its loader cannot list its libraries: {asked.stderr.strip()}")
    return dict(_LISTED.findall(asked.stdout))


def loader_of(program: Path) -> str:
    """The loader that an ELF program names at its beginning."""
    with program.open("rb") as content:
        start = content.read(65536)
    found = re.search(rb"/[\x21-\x7e]*/ld[\x21-\x7e]*\.so[\x21-\x7e]*\0", start)
    if not start.startswith(b"\x7fELF") or found is None:
        raise EngineError(f"{program} is not a program that is linked dynamically")
    return found.group(0)[:-1].decode()
