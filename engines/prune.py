"""Emptying the cache of what the catalogue no longer asks for."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from components.engine import PLATFORMS
from engines.archives import tree_size
from engines.keys import pinned_version
from engines.setting import this_platform
from engines.store import Store

_ARTIFACT = re.compile(r"[0-9a-f]{12}")
_SCRATCH = re.compile(r"\.tmp-([0-9a-f]{12})-\d+")


@dataclass(frozen=True)
class Removed:
    """A file or folder that was removed, or would be: what it was, and its bytes."""

    path: Path
    what: str
    size: int


def prune(store: Store, *, dry_run: bool = False) -> list[Removed]:
    """Remove artifacts, unfinished work, downloads and toolchains that nothing in the catalogue asks for.

    Only what this package made is touched, recognised by its name, and nothing that another process holds
    the lock of. A stack still running from an old artifact keeps running, but could not be started again
    without `obs up`.
    """
    removed: list[Removed] = []
    wanted = {(name, key[:12]) for name, key in _keys(store)}
    if not store.cache.is_dir():
        return removed
    for folder in sorted(store.cache.iterdir()):
        if not folder.is_dir() or folder.name in ("locks", "logs", "downloads", "toolchains"):
            continue
        for child in sorted(folder.iterdir()):
            scratch = _SCRATCH.fullmatch(child.name)
            if scratch:
                digest, what = scratch.group(1), "unfinished"
            elif _ARTIFACT.fullmatch(child.name) and (folder.name, child.name) not in wanted:
                digest, what = child.name, "not in the catalogue"
            else:
                continue
            with _free(store.key_lock(folder.name, digest)) as free:
                if free:
                    removed.append(_remove(child, f"{folder.name}, {what}", dry_run))
    removed += _downloads(store, dry_run)
    removed += _toolchains(store, dry_run)
    return removed


def _keys(store: Store) -> Iterator[tuple[str, str]]:
    """Every engine's keys, for all platforms: this machine's cache may serve hosts of another kind."""
    for platform in {*PLATFORMS, this_platform()}:
        other = Store(
            store.cache,
            engines=store.engines.values(),
            tools=store.tools,
            lock=store.lock_file,
            platform=platform,
        )
        for engine in other.engines.values():
            for channel in engine.channels():
                if key := other.key(engine, channel):
                    yield engine.name, key


def _downloads(store: Store, dry_run: bool) -> list[Removed]:
    """Parts of archives: a download that is going on or will be taken up belongs to a digest of the lock
    file."""
    digests = {entry.digest[-12:] for entry in store.lock().entries.values() if entry.digest}
    files = sorted((store.cache / "downloads").glob("*-*"))
    return [_remove(f, "download", dry_run) for f in files if f.name.partition("-")[0] not in digests]


def _toolchains(store: Store, dry_run: bool) -> list[Removed]:
    old = [
        (folder, requirements.stem)
        for requirements in sorted((store.tools / "toolchains").glob("*.txt"))
        for folder in sorted((store.cache / "toolchains").glob(f"{requirements.stem}-[0-9]*"))
        if folder.is_dir() and folder.name != f"{requirements.stem}-{pinned_version(requirements)}"
    ]
    return [_remove(folder, f"{name}, no longer the pinned version", dry_run) for folder, name in old]


def _remove(path: Path, what: str, dry_run: bool) -> Removed:
    removed = Removed(path, what, tree_size(path) if path.is_dir() else path.stat().st_size)
    if not dry_run:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return removed


@contextmanager
def _free(lock: FileLock) -> Iterator[bool]:
    """Whether nobody else holds the lock; held meanwhile."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
