"""Installed Python packages and the lock: which ones a program needs, and whether they are what is locked."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engines.errors import EngineError

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)((?:.*\\\n)(?:\s+--hash=\S+.*\n)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=(\S+)")


@dataclass(frozen=True)
class Pin:
    """What the lock says of one package."""

    version: str
    hashes: tuple[str, ...]


def locked(requirements: Path) -> dict[str, Pin]:
    """The packages of a lock, by name."""
    text = requirements.read_text(encoding="utf-8")
    return {
        canonicalize_name(name): Pin(version, tuple(sorted(_HASH.findall(rest))))
        for name, version, rest in _PIN.findall(text)
    }


def closure(roots: Iterable[str]) -> dict[str, metadata.Distribution]:
    """The packages of these names and all that they ask for on this machine, by name.

    Raises EngineError when one is not installed.
    """
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        fresh = [extra for extra in ("", *wanted.extras) if (name, extra) not in seen]
        seen.update((name, extra) for extra in fresh)
        if name not in found:
            found[name] = _installed(name)
        waiting += [
            asked
            for asked in map(Requirement, found[name].requires or [])
            if any(asked.marker is None or asked.marker.evaluate({"extra": extra}) for extra in fresh)
        ]
    return dict(sorted(found.items()))


def pinned(found: Mapping[str, metadata.Distribution], lock: Mapping[str, Pin]) -> dict[str, Pin]:
    """The pin of each package. Raises EngineError naming those that are not what the lock says."""
    wrong = [
        f"{name} is {package.version}, "
        + (f"locked is {lock[name].version}" if name in lock else "the lock has none")
        for name, package in found.items()
        if name not in lock or lock[name].version != package.version
    ]
    if wrong:
        raise EngineError(
            f"installed Python packages are not those of the lock: {'; '.join(wrong)}. Run `make setup`"
        )
    return {name: lock[name] for name in found}


def copy(package: metadata.Distribution, target: Path) -> None:
    """Copy a package's modules, data and metadata, each checked against the digest that it came with.

    Programs and what was compiled here stay behind, and what somebody has added to the end of a file, as is
    done to the authorities of `certifi`. Raises EngineError when a file was changed in another way.
    """
    for file in package.files or []:
        if file.parts[0] == ".." or "__pycache__" in file.parts or file.name in ("RECORD", "INSTALLER"):
            continue
        content = Path(str(package.locate_file(file))).read_bytes()[: file.size]
        if file.hash and file.hash.value != _digest(content, file.hash.mode):
            raise EngineError(
                f"{package.locate_file(file)} is not as the package {package.name} brought it; remove the "
                "virtual environment and run `make setup`"
            )
        placed = target / file
        placed.parent.mkdir(parents=True, exist_ok=True)
        placed.write_bytes(content)


def _installed(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise EngineError(f"the Python package {name} is not installed; `make setup` installs it") from None


def _digest(content: bytes, algorithm: str) -> str:
    return base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()
