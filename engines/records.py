"""What this user's machine took from publishers and mirrors, and with which digest: trust on first use.

The committed lock is the project's word on archives. Where it has none, the digest that a publisher puts
beside its archive is taken once, over the connection that the archive itself comes by, and written here, in
the cache. From then on nothing else is accepted under that name; the committed lock wins where it has an
entry.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from engines.errors import EngineError
from engines.lock import Entry, Lock

FILE = "engines.lock.json"


@dataclass(frozen=True)
class Record:
    """One archive: `digest` is `<algorithm>:<hex>`, `origin` the address where the digest was read."""

    file: str
    digest: str
    origin: str
    taken: str = ""


class Records:
    """The records in a cache, by engine, version (or the key of a build) and platform."""

    def __init__(self, cache: Path) -> None:
        self.path = cache / FILE

    def read(self) -> dict[tuple[str, str, str], Record]:
        """All of them. Raises EngineError when the file is none of ours."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            return {_key(name): Record(**fields) for name, fields in data["taken"].items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(
                f"{self.path}: not a record of archives ({type(error).__name__}: {error}). "
                "Remove it: checksums are then taken anew from the publishers"
            ) from None

    def add(self, engine: str, version: str, platform: str, record: Record) -> None:
        """Write one down. Raises EngineError when another digest stands there already."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name("locks.records")):
            known = self.read()
            before = known.get((engine, version, platform))
            if before and before.digest != record.digest:
                raise EngineError(
                    f"{engine} {version} for {platform}: {record.origin} now gives {record.digest}, but "
                    f"{before.digest} was taken from {before.origin} on {before.taken}. An archive does not "
                    f"change after it is published: find out why; to accept it, take it out of {self.path}"
                )
            if before:
                return
            stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            known[engine, version, platform] = Record(record.file, record.digest, record.origin, stamp)
            taken = {" ".join(key): asdict(value) for key, value in sorted(known.items())}
            fresh = self.path.with_name(f".{FILE}.{os.getpid()}")
            fresh.write_text(json.dumps({"taken": taken}, indent=2) + "\n", encoding="utf-8")
            fresh.replace(self.path)

    def under(self, committed: Lock) -> Lock:
        """The committed lock, and what was taken on first use where it has no digest."""
        entries = dict(committed.entries)
        for key, record in self.read().items():
            entry = entries.get(key)
            if entry is None or entry.digest is None:
                entries[key] = Entry(record.file, record.digest)
        return Lock(entries)


def _key(name: str) -> tuple[str, str, str]:
    engine, version, platform = name.split(" ")
    return engine, version, platform
