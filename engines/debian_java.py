"""A whole Java for OpenSearch from Debian's packages, where a machine has none.

The small Java of the Python package registry starts OpenSearch, but knows few languages: OpenSearch tries its
analysers of all of them at each new index, so it makes none with it. What Debian and its descendants publish
is whole. It is unpacked into the cache, as any user, and nothing of the system changes: apt keeps its lists
there too, and checks the signature of what it loads.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from engines.archives import tree_size
from engines.errors import EngineError
from engines.progress import Progress

VERSIONS = (17, 21, 25)
"""Taken in this order; each release of Debian has some."""
FOLDER = "debian-java"


def home_in(cache: Path) -> Path | None:
    """Home of the Java that was unpacked into the cache; None if none was."""
    homes = (java.parent.parent for java in cache.glob(f"toolchains/{FOLDER}/usr/lib/jvm/*/bin/java"))
    return next((home for home in sorted(homes) if not home.is_symlink()), None)


def unpack(cache: Path, progress: Progress) -> Path:
    """Load a Java into the cache, whole or not at all, and give its home. EngineError if it cannot."""
    if lacking := [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]:
        raise EngineError(_refusal(f"no {' and no '.join(lacking)} to load one with"))
    folder = cache / "toolchains" / FOLDER
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if found := home_in(cache):
            return found
        began = time.monotonic()
        progress.start("java", "loading Debian's package", None, unit="s")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-") as scratch:
            tree = Path(scratch) / "tree"
            _run(["dpkg-deb", "-x", str(_load(Path(scratch))), str(tree)], Path(scratch))
            for link in [path for path in tree.rglob("*") if path.is_symlink()]:
                _settle(tree, link)
            size = tree_size(tree)
            tree.rename(folder)
        progress.finish("java", size, time.monotonic() - began)
    if found := home_in(cache):
        return found
    raise EngineError(_refusal("Debian's package holds no java"))


def _load(scratch: Path) -> Path:
    """The package's file."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (scratch / name).mkdir(parents=True)
    told = {
        "Dir::State": str(scratch / "state"),
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": str(scratch / "cache"),
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(word for pair in told.items() for word in ("-o", "=".join(pair)))]
    _run([*apt, "update"], scratch)
    for version in VERSIONS:
        try:
            _run([*apt, "download", f"openjdk-{version}-jre-headless"], scratch)
        except EngineError:
            if version == VERSIONS[-1]:
                raise
        if loaded := next(scratch.glob("*.deb"), None):
            return loaded
    raise EngineError(_refusal("apt loaded no package"))


def _settle(tree: Path, link: Path) -> None:
    """A link to a file of /etc that the package itself brings becomes that file."""
    brought = tree / os.readlink(link).lstrip("/")
    if os.path.isabs(os.readlink(link)) and brought.is_file():
        link.unlink()
        shutil.copy2(brought, link)


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise EngineError(_refusal(f"{Path(command[0]).name}: {last[0]}"))


def _refusal(why: str) -> str:
    return (
        f"opensearch: its archive brings no Java, and this machine has none of version 17 or newer: {why}. "
        "Install one (in Debian: openjdk-17-jre-headless), or set JAVA_HOME"
    )
