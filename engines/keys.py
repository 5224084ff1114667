"""What an artifact's name in the cache depends on: everything that could change what is in it.

The toolchain counts as the one that a build *demands* (the pinned minimum in `tools/toolchains/go.txt`, or
the `go` line of the engine's go.mod where that is later), not as the one that happens to be installed. So a
key can be worked out without Go or Java on the machine, an artifact stays good offline and after Go is
gone, and raising the pinned version still rebuilds everything. Which toolchain was really used stands in
the artifact's manifest.
"""

import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from components.engine import Channel, Engine, GoSource, MavenSource, RuntimeSource, WheelSource
from engines.gobuild import FLAGS
from engines.lock import Lock
from engines.setting import this_platform

_NOT_INPUT = re.compile(r"(^|/)(\.[^/]*|testdata)(/|$)|_test\.go$|\.md$")


def key(engine: Engine, channel: Channel, platform: str, tools: Path, lock: Lock) -> str | None:
    """The key of the artifact that `channel` gives of `engine` on `platform`, 64 hexadecimal digits.

    None where it has none: the channel does not exist, the release archive's checksum is not known, or what
    it is made of is not on this machine.
    """
    inputs: dict[str, Any] = {
        "engine": engine.name,
        "version": engine.version,
        "channel": channel,
        "platform": platform,
        "executables": engine.executables_in(channel),
    }
    if channel == "release":
        if engine.release is None or (entry := lock.entry(engine, platform)) is None or entry.digest is None:
            return None
        return _digest(inputs | {"digest": entry.digest, "file": entry.file, "strip": engine.release.strip})
    match engine.source:
        case None:
            return None
        case GoSource() as source:
            folder = tools / source.folder
            return _digest(
                inputs
                | {
                    "files": _files(folder),
                    "packages": source.packages,
                    "ldflags": source.ldflags,
                    "tags": source.tags,
                    "flags": FLAGS,
                    "go": required_go(folder, tools),
                }
                | ({"embeds": source.embeds} if source.embeds else {})
            )
        case MavenSource() as source:
            assembly = Path(__file__).with_name("opensearch.py")
            return _digest(inputs | {"files": _files(tools / source.folder), "assembly": _file(assembly)})
        case WheelSource() as source:
            return _digest(
                inputs | {"wheel": [source.distribution, source.version], "members": source.members}
            )
        case RuntimeSource() as source:
            from engines import runtime  # only here: what it imports is slow to import

            made_of = runtime.inputs(source, tools.parent) if platform == this_platform() else None
            return _digest(inputs | made_of) if made_of else None


def required_go(folder: Path, tools: Path) -> str:
    """The oldest Go that builds `folder`, as `1.26.6`."""
    demanded = re.search(r"^go (\S+)$", (folder / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = pinned_version(tools / "toolchains" / "go.txt")
    return max(pinned, demanded.group(1) if demanded else "0", key=version_tuple)


def pinned_version(requirements: Path) -> str:
    """The version in a requirement file of one package, as `1.26.6`."""
    found = re.search(r"==(\S+)", requirements.read_text(encoding="utf-8"))
    return found.group(1) if found else "0"


def version_tuple(text: str) -> tuple[int, ...]:
    """`go1.26.6`, `1.26.6` or `17.0.15+6` as numbers to compare; a pre-release counts as its release."""
    found = re.search(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in found.group(0).split(".")) if found else ()


def _digest(inputs: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> dict[str, str]:
    """Digest by path of each file that goes into a build: no tests, no documentation, nothing hidden."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: _file(path) for name, path in sorted(names.items()) if not _NOT_INPUT.search(name)}


def _file(path: Path) -> str:
    status = path.stat()
    return _file_at(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _file_at(path: Path, mtime: int, size: int) -> str:
    """Digest of a file, remembered for as long as it looks the same."""
    del mtime, size
    return hashlib.sha256(path.read_bytes()).hexdigest()
