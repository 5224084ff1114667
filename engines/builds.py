"""Builds that a mirror offers: what one machine has made, others need not make again.

`obs engines export DIR` writes each build of the cache below DIR/obs, named by its key, which says all that
went into it, with its digest beside it. Serve DIR, beside the publishers' archives or alone, and set
OBS_ENGINE_MIRROR: an engine that would be built is then taken from there. The digest is trusted on first use
and recorded, like a publisher's.
"""

import tarfile
from dataclasses import dataclass
from pathlib import Path

import httpx

from components.engine import Engine
from engines import publishers, release

Found = dict[str, str | None]


@dataclass(frozen=True)
class Build:
    """An archive on a mirror: its address, its digest, and where the digest stands."""

    url: str
    digest: str
    origin: str


def path_of(engine: Engine, key: str, platform: str) -> str:
    """Where a mirror has the build of that key."""
    return f"/obs/{engine.name}/{engine.name}-{engine.version}-{platform.replace('/', '-')}-{key[:12]}.tar.gz"


def find(engine: Engine, key: str, platform: str, mirror: str, answers: Found) -> Build | None:
    """The mirror's build of that key, None when it has none. A mirror that is silent is asked once."""
    if mirror in answers:
        return None
    url = mirror.rstrip("/") + path_of(engine, key, platform)
    origin = f"{url}.sha256"
    with release.client(httpx.Timeout(10, connect=3)) as http:
        found = publishers.digests(origin, http)
    if isinstance(found, publishers.NoAnswer):
        answers[mirror] = str(found)
    if isinstance(found, str) or len(found) != 1:
        return None
    return Build(url, next(iter(found.values())), origin)


def write(folder: Path, artifact: Path, engine: Engine, key: str, platform: str) -> Path:
    """Pack an artifact, and its digest beside it, where `find` looks below `folder`; the archive."""
    target = folder / path_of(engine, key, platform).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}")
    with tarfile.open(fresh, "w:gz", compresslevel=1) as packed:
        packed.add(artifact, arcname=".", filter=_kept)
    digest = release.file_digest(fresh, "sha256").partition(":")[2]
    fresh.replace(target)
    target.with_name(f"{target.name}.sha256").write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    return target


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Not the manifest, which is made anew, and no link out of the folder, such as to this machine's Java."""
    if member.name == "./manifest.json" or (member.issym() and member.linkname.startswith("/")):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
