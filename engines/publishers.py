"""Filling the lock file with the digests that publishers put beside their archives."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from components.engine import Engine
from engines import archives, release
from engines.errors import EngineError
from engines.lock import Entry, Lock, archive_url, archive_version, file_of, fill_in

_LINE = re.compile(r"^([0-9a-fA-F]{128}|[0-9a-fA-F]{64})(?:\s+\*?(?:\./)?(\S+))?\s*$")
_ALGORITHM = {64: "sha256", 128: "sha512"}


Digests = dict[str, str]
"""Digest as `<algorithm>:<hex>` by file name, '' where a line has none."""


class NoAnswer(str):
    """Why a publisher's server cannot be reached at all."""

    __slots__ = ()


@dataclass(frozen=True)
class Filled:
    """What became of one entry."""

    engine: Engine
    platform: str
    entry: Entry


def fill(
    lock: Lock, engines: list[Engine], http: httpx.Client, mirror: str | None
) -> tuple[Lock, list[Filled]]:
    """Fetch what can be fetched: the new lock, and an entry for each archive of `engines`.

    A digest already known is kept when its publisher does not answer. One that the publisher now gives
    differently raises EngineError: an archive does not change after it is published, unless something is
    wrong.
    """
    entries = dict(lock.entries)
    filled: list[Filled] = []
    for engine in engines:
        if engine.release is None:
            continue
        for platform, _ in engine.release.platforms:
            known = lock.entry(engine, platform)
            fresh = _fetch(engine, platform, http, mirror)
            if known and known.digest and fresh.digest is None:
                fresh = known
            elif known and known.digest and known.digest != fresh.digest:
                raise EngineError(
                    f"{engine.name} for {platform}: the publisher now gives {fresh.digest}, the lock "
                    f"has {known.digest}. Find out why; to accept it, take the entry out of the lock by hand"
                )
            entries[engine.name, archive_version(engine), platform] = fresh
            filled.append(Filled(engine, platform, fresh))
    return Lock(entries), filled


def parse(text: str) -> Digests:
    """A checksum file: digest as `<algorithm>:<hex>` by name, the name '' where a line has none."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            digest, name = match.groups()
            found[name or ""] = f"{_ALGORITHM[len(digest)]}:{digest.lower()}"
    return found


def digests(url: str, http: httpx.Client) -> "Digests | str":
    """What a checksum file says, or why it cannot be had (NoAnswer when its server cannot be reached)."""
    try:
        answer = http.get(url)
    except httpx.HTTPError as error:
        return NoAnswer(f"{url} did not answer ({str(error) or type(error).__name__})")
    if url.startswith("https://") and answer.url.scheme != "https":
        return f"{url} leads to an address without TLS"
    if not answer.is_success:
        return f"{url} answered with status {answer.status_code}"
    return parse(answer.text)


def entry(
    engine: Engine,
    platform: str,
    url: str,
    digests: Digests,
    http: httpx.Client,
    mirror: str | None,
    keep: Path | None = None,
) -> Entry:
    """The archive's entry by what the checksum file at `url` says. An archive that had to be downloaded for
    that is kept in the folder `keep`, where one is given, as the download of whoever takes it next."""
    file = file_of(engine, platform)
    if engine.release is not None and engine.release.digests_of == "members":
        return _by_members(engine, platform, digests, http, mirror, keep)
    digest = digests.get(file) or (digests.get("") if len(digests) == 1 else None)
    return Entry(file, digest, None if digest else f"{url} has no digest of {file}")


def _fetch(engine: Engine, platform: str, http: httpx.Client, mirror: str | None) -> Entry:
    assert engine.release is not None  # noqa: S101 - the caller asks only for engines with one
    url = release.mirrored(fill_in(engine.release.checksums, engine, platform) or "", mirror)
    found = digests(url, http)
    if isinstance(found, str):
        return Entry(file_of(engine, platform), unlocked=found)
    return entry(engine, platform, url, found, http, mirror)


def _by_members(
    engine: Engine,
    platform: str,
    digests: Digests,
    http: httpx.Client,
    mirror: str | None,
    keep: Path | None,
) -> Entry:
    """Where only the files in an archive have published digests: check them, then take its own."""
    file = file_of(engine, platform)
    url = release.mirrored(archive_url(engine, platform) or "", mirror)
    with tempfile.TemporaryDirectory(prefix="obs-lock-") as scratch:
        archive = Path(scratch) / file
        try:
            with http.stream("GET", url) as answer:
                if not answer.is_success:
                    return Entry(file, unlocked=f"{url} answered with status {answer.status_code}")
                with archive.open("wb") as out:
                    for chunk in answer.iter_raw(1 << 18):
                        out.write(chunk)
            content = Path(scratch) / "content"
            archives.unpack(archive, content)
        except (httpx.HTTPError, EngineError) as error:
            return Entry(file, unlocked=f"{url} could not be read ({str(error) or type(error).__name__})")
        members = {path.relative_to(content).as_posix(): path for path in _files(content)}
        if not digests or members.keys() != digests.keys():
            odd = ", ".join(sorted(members.keys() ^ digests.keys())) or "no digests"
            return Entry(file, unlocked=f"{url}: published digests and files differ ({odd})")
        for name, path in members.items():
            if release.file_digest(path, digests[name].partition(":")[0]) != digests[name]:
                return Entry(file, unlocked=f"{url}: {name} does not have its published digest")
        digest = release.file_digest(archive, "sha256")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.move(archive, release.part(release.place(keep, file, digest)))
        return Entry(file, digest)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
