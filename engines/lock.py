"""The lock file: which digest each official archive must have.

Written by `obs engines lock` from what the publishers put beside their archives, never by hand and never
invented: an archive whose digest could not be fetched is `unlocked`, with the reason, and is not
downloaded.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.catalog import ENGINES
from components.engine import Engine
from engines.errors import EngineError

NOT_FETCHED = "not fetched yet; the names of the archive and its checksum file were never seen to exist"


@dataclass(frozen=True)
class Entry:
    """One archive: `digest` is `<algorithm>:<hex>`, or None with the reason in `unlocked`."""

    file: str
    digest: str | None = None
    unlocked: str | None = None


@dataclass(frozen=True)
class Lock:
    """What the lock file says. `entries` are by engine, archive version and platform."""

    entries: dict[tuple[str, str, str], Entry]

    @classmethod
    def read(cls, path: Path) -> "Lock":
        """The lock in `path`, empty when there is no such file. Raises EngineError when it is not valid."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                {
                    (name, engine["version"], platform): Entry(
                        file=fields["file"], digest=fields.get("digest"), unlocked=fields.get("unlocked")
                    )
                    for name, engine in data["engines"].items()
                    for platform, fields in engine["archives"].items()
                }
            )
        except FileNotFoundError:
            return cls({})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(
                f"{path.name}: not a lock file ({type(error).__name__}: {error}). "
                "Take the committed one back and run `obs engines lock`"
            ) from None

    def entry(self, engine: Engine, platform: str) -> Entry | None:
        """What is known of the engine's archive in the version that the catalogue asks for; None when
        nothing."""
        return self.entries.get((engine.name, archive_version(engine), platform))

    def write(self, path: Path, engines: Iterable[Engine] = ENGINES) -> None:
        """Write the entries of the catalogue's versions; those of older versions fall away."""
        data: dict[str, object] = {}
        for engine in sorted(engines, key=lambda engine: engine.name):
            if engine.release is None:
                continue
            archives: dict[str, dict[str, str]] = {}
            for platform, _ in engine.release.platforms:
                entry = self.entry(engine, platform) or Entry(file_of(engine, platform), unlocked=NOT_FETCHED)
                archives[platform] = {"file": entry.file} | (
                    {"digest": entry.digest} if entry.digest else {"unlocked": entry.unlocked or NOT_FETCHED}
                )
            data[engine.name] = {"version": archive_version(engine), "archives": archives}
        text = json.dumps({"engines": data}, indent=2) + "\n"
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def archive_version(engine: Engine) -> str:
    """The version that the engine's archive carries in its name."""
    return (engine.release.version if engine.release else None) or engine.version


def fill_in(template: str, engine: Engine, platform: str) -> str | None:
    """A URL of the engine's release for `platform`; None when there is no archive for it."""
    if engine.release is None or platform not in dict(engine.release.platforms):
        return None
    theirs = dict(engine.release.platforms)[platform]
    return template.format(version=archive_version(engine), platform=theirs)


def archive_url(engine: Engine, platform: str) -> str | None:
    """The official address of the archive; None when there is none for `platform`."""
    return fill_in(engine.release.url, engine, platform) if engine.release else None


def file_of(engine: Engine, platform: str) -> str:
    """The archive's file name, '' when there is none."""
    return (archive_url(engine, platform) or "").rpartition("/")[2]
