"""The cache of engines: each artifact once, in a folder named by what went into it.

Layout: `<cache>/<engine>/<first 12 digits of the key>/` holds the artifact and its `manifest.json`. A
folder is either whole or not there: it is made beside, as `.tmp-...`, and renamed. Whoever makes it holds
the lock of its key, so two processes never make the same one, and what a killed process left is removed by
the next that holds the lock.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from components import catalog
from components.engine import Channel, Engine, GoSource, MavenSource, RuntimeSource, WheelSource
from engines import choice, opensearch, sources, toolchains
from engines.archives import tree_size
from engines.errors import BadRequest, EngineError, LayoutError
from engines.keys import key, required_go
from engines.lock import Lock, archive_url, archive_version
from engines.progress import Progress, Silent
from engines.records import Record, Records
from engines.setting import CACHE_VARIABLE, Setting, default_cache, mirror, this_platform

if TYPE_CHECKING:
    from engines.builds import Build

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
LOCK = ROOT / "components" / "engines.lock.json"


@dataclass(frozen=True)
class Artifact:
    """An engine in the cache."""

    engine: Engine
    channel: Channel
    key: str
    path: Path
    manifest: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Bytes on disk, as counted when it was made."""
        return int(self.manifest["size"])

    @property
    def platform(self) -> str:
        """What it runs on, as `linux/amd64`."""
        return str(self.manifest["platform"])


class Store:
    """The engines of the catalogue in a cache on this machine."""

    def __init__(
        self,
        cache: Path | None = None,
        *,
        engines: Iterable[Engine] = catalog.ENGINES,
        tools: Path = TOOLS,
        lock: Path = LOCK,
        platform: str | None = None,
    ) -> None:
        """`platform` other than this machine's serves hosts of another kind: Go programs are cross-built."""
        self.cache = cache.absolute() if cache else default_cache()
        self.engines = {engine.name: engine for engine in engines}
        self.tools = tools
        self.lock_file = lock
        self.platform = platform or this_platform()
        self.setting = Setting(self.cache, tools, self.platform)
        self.records = Records(self.cache)

    def engine(self, name: str) -> Engine:
        """The catalogue's entry; EngineError naming those there are when there is none."""
        if name not in self.engines:
            raise BadRequest(f"no engine {name!r} in the catalogue; there are: {', '.join(self.engines)}")
        return self.engines[name]

    def locate(self, name: str) -> Path | None:
        """The folder of a cached artifact of an engine, from any channel allowed; None when there is none.

        Makes nothing, starts nothing and needs neither network nor compiler.
        """
        found = self.find(name)
        return found.path if found else None

    def executable(self, name: str, exe: str) -> Path:
        """Path of a program of a cached engine. EngineError when it is not cached or has no such program."""
        found = self.find(name)
        if found is None:
            raise EngineError(
                f"{name} is not in the cache {self.cache}; get it with `obs engines build {name}`"
            )
        try:
            return found.path / found.engine.path_of(exe, found.channel)
        except KeyError:
            there = ", ".join(program for program, _ in found.engine.executables)
            raise BadRequest(f"{name} has no program {exe!r}; it has: {there}") from None

    def find(self, name: str, channel: str | None = None) -> Artifact | None:
        """As `locate`, with all that is known of the artifact."""
        engine = self.engine(name)
        lock = self.lock()
        for candidate in choice.candidates(engine, channel):
            its_key = self.key(engine, candidate, lock)
            if its_key and (artifact := self._read(engine, candidate, its_key)):
                return artifact
        return None

    def key(self, engine: Engine, channel: Channel, lock: Lock | None = None) -> str | None:
        """See `engines.keys.key`."""
        return key(engine, channel, self.platform, self.tools, lock or self.lock())

    def ensure(
        self, names: Iterable[str], *, channel: str | None = None, progress: Progress | None = None
    ) -> dict[str, Path]:
        """Build or download what is missing; the folder of each engine named.

        `channel` overrides OBS_ENGINE_CHANNEL. Before anything is built or downloaded it is decided for
        every engine where it will come from, and one EngineError says of all that cannot be had why and
        what to do.
        """
        wanted = [self.engine(name) for name in dict.fromkeys(names)]
        found = {engine.name: artifact for engine in wanted if (artifact := self.find(engine.name, channel))}
        shown = progress or Silent()
        try:
            for job in self._jobs([engine for engine in wanted if engine.name not in found], channel, shown):
                found[job.engine.name] = self._obtain_or_build(job, channel, shown)
            for artifact in found.values():
                self._complete(artifact)
        except OSError as error:
            raise EngineError(
                f"the cache {self.cache} cannot be used: {error}. {CACHE_VARIABLE} can name another folder"
            ) from None
        return {engine.name: found[engine.name].path for engine in wanted}

    def _jobs(self, missing: list[Engine], channel: str | None, progress: Progress) -> list[choice.Job]:
        """Where each of the missing engines will come from; one EngineError for all that cannot be had."""
        jobs: list[choice.Job] = []
        problems: list[str] = []
        answers: dict[str, str | None] = {}
        lock = self._first_use(missing, channel, progress)
        for engine in missing:
            try:
                jobs.append(choice.choose(engine, channel, self.setting, lock, answers, progress))
            except EngineError as error:
                problems.append(str(error))
        if problems:
            raise EngineError("\n".join(problems))
        return jobs

    def _first_use(self, missing: list[Engine], channel: str | None, progress: Progress) -> Lock:
        """The lock, with the checksums that publishers give for what it lacks; those are recorded. What they
        do not give stands in it with the reason."""
        lock = self.lock()
        unlocked = [
            engine
            for engine in missing
            if "release" in choice.candidates(engine, channel)
            and archive_url(engine, self.platform)
            and ((entry := lock.entry(engine, self.platform)) is None or entry.digest is None)
        ]
        if not unlocked:
            return lock
        from engines import first_use  # only here: httpx is slow to import

        base, silent = mirror(), set[str]()
        found = first_use.ask(unlocked, self.platform, base, self.cache / "downloads")
        entries = dict(lock.entries)
        for engine in unlocked:
            entry, version = found[engine.name], archive_version(engine)
            entries[engine.name, version, self.platform] = entry
            if entry.digest:
                origin = first_use.checksums_url(engine, self.platform, base) or ""
                record = Record(entry.file, entry.digest, origin)
                self.records.add(engine.name, version, self.platform, record)
            elif entry.unlocked and entry.unlocked not in silent:
                silent.add(entry.unlocked)
                progress.note(f"{engine.name}: no official archive, {entry.unlocked}")
        return Lock(entries)

    def _obtain_or_build(self, job: choice.Job, channel: str | None, progress: Progress) -> Artifact:
        """Where an official archive is not laid out as the catalogue says, a build does."""
        try:
            return self._obtain(job, progress)
        except LayoutError as error:
            if job.channel != "release" or "source" not in choice.candidates(job.engine, channel):
                raise
            progress.note(f"{error}\n  It is built instead")
            lock: Lock = self.lock()
            other = choice.choose(job.engine, "source", self.setting, lock, {}, progress)
            return self._obtain(other, progress)

    def _complete(self, artifact: Artifact) -> None:
        """What an artifact needs of this machine: OpenSearch, a Java where it brings none."""
        if isinstance(artifact.engine.source, MavenSource) and self.setting.native:
            opensearch.link_java(artifact.path, lambda: toolchains.whole_java(self.cache))

    def _obtain(self, job: choice.Job, progress: Progress) -> Artifact:
        """Make the artifact, unless another process has done so by the time that it is this one's turn."""
        engine, name = job.engine, job.engine.name
        with self._held(job, lambda: progress.wait(name)):
            if artifact := self._read(engine, job.channel, job.key):
                return artifact
            target = self._folder(engine, job.key)
            for stale in target.parent.glob(f".tmp-{target.name}-*"):
                shutil.rmtree(stale, ignore_errors=True)
            scratch = target.with_name(f".tmp-{target.name}-{os.getpid()}")
            scratch.mkdir(parents=True)
            start = time.monotonic()
            try:
                content = scratch / "artifact"
                built_with = self._make(job, content, scratch, progress)
                seconds = time.monotonic() - start
                if self.key(engine, job.channel) != job.key:
                    raise EngineError("its sources were changed while it was being built; run again")
                self._finish(job, content, built_with, seconds)
                if target.exists():  # damaged: `_read` refused it above
                    shutil.rmtree(target)
                content.rename(target)
            except EngineError as error:
                raise type(error)(f"{name} {engine.version}, channel {job.channel}: {error}") from None
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            artifact = self._read(engine, job.channel, job.key)
            if artifact is None:
                raise EngineError(f"{name}: the artifact just made is not readable in {target}")
            progress.finish(name, artifact.size, seconds)
            return artifact

    def _make(self, job: choice.Job, content: Path, scratch: Path, progress: Progress) -> str:
        """Fill `content` through the job's channel; what it was made with, for the manifest."""
        engine = job.engine

        def tick(seconds: float) -> None:
            progress.advance(engine.name, seconds)

        if job.channel == "release":
            return self._fetch(engine, content, progress)
        if job.build:
            return self._take(job, job.build, content, progress)
        log = self.cache / "logs" / f"{engine.name}.log"
        match engine.source:
            case GoSource() as source:
                folder = self.tools / source.folder
                go = toolchains.ensure_go(required_go(folder, self.tools), self.cache, self.tools)
                progress.start(
                    engine.name,
                    f"building {engine.version} with {go.version}{job.why}",
                    engine.estimate_s,
                    unit="s",
                )
                sources.go(source, folder, content, go=go.path, platform=self.platform, log=log, tick=tick)
                return go.version
            case MavenSource() as source:
                java = toolchains.ensure_java(self.cache, self.tools)
                progress.start(
                    engine.name, f"assembling {engine.version}{job.why}", engine.estimate_s, unit="s"
                )
                folder = self.tools / source.folder
                sources.maven(folder, content, scratch, engine.version, java=java, log=log, tick=tick)
                return f"java {toolchains.java_version(java)}"
            case WheelSource() as source:
                progress.start(
                    engine.name,
                    f"taking {engine.version} from {source.distribution}{job.why}",
                    None,
                    unit="s",
                )
                sources.wheel(source, content)
                return f"{source.distribution} {source.version}"
            case RuntimeSource() as source:
                from engines import runtime  # only here: what it imports is slow to import

                progress.start(engine.name, f"putting {engine.version} together", None, unit="s")
                return runtime.build(source, self.tools.parent, content)
            case None:
                raise EngineError("there is no source")

    def _fetch(self, engine: Engine, content: Path, progress: Progress) -> str:
        from engines import release

        entry = self.lock().entry(engine, self.platform)
        url = archive_url(engine, self.platform)
        if entry is None or entry.digest is None or url is None or engine.release is None:
            raise EngineError("the archive's checksum is unlocked")
        address = release.mirrored(url, mirror())
        self._download(engine, address, entry.digest, content, engine.release.strip, progress)
        if engine.name == "opensearch":
            opensearch.harden(content)
        record = self.records.read().get((engine.name, archive_version(engine), self.platform))
        if record and record.digest == entry.digest:
            progress.note(
                f"{engine.name}: {address} has the checksum that {record.origin} gave; "
                f"recorded in {self.records.path}"
            )
        return entry.digest

    def _take(self, job: choice.Job, build: "Build", content: Path, progress: Progress) -> str:
        """A build that the mirror offers."""
        record = Record(build.url.rpartition("/")[2], build.digest, build.origin)
        self.records.add(job.engine.name, job.key, self.platform, record)
        self._download(job.engine, build.url, build.digest, content, 0, progress)
        progress.note(
            f"{job.engine.name}: {build.url} is a build of these very sources, with the checksum beside it; "
            f"recorded in {self.records.path}"
        )
        return f"{build.url} {build.digest}"

    def _download(
        self, engine: Engine, address: str, digest: str, content: Path, strip: int, progress: Progress
    ) -> None:
        from engines import archives, release  # only here: httpx is slow to import

        file = address.rpartition("/")[2]
        archive = release.place(self.cache / "downloads", file, digest)
        progress.start(engine.name, f"downloading {address}", None, unit="bytes")

        def tick(done: int, total: int | None) -> None:
            progress.advance(engine.name, done, total)

        with release.client() as http:
            release.download(address, archive, digest, http, tick)
        try:
            archives.unpack(archive, content, strip)
        finally:
            archive.unlink()

    def _finish(self, job: choice.Job, content: Path, built_with: str, seconds: float) -> None:
        """Check that every program is there, and write the manifest."""
        programs: dict[str, int] = {}
        for program, path in job.engine.executables_in(job.channel):
            file = content / path
            if not (file.is_file() and os.access(file, os.X_OK)):
                there = ", ".join(sorted(child.name for child in content.iterdir())[:12])
                raise LayoutError(f"no program {program} at {path} in what was made; at its top are: {there}")
            programs[path] = file.stat().st_size
        manifest = {
            "engine": job.engine.name,
            "version": job.engine.version,
            "channel": job.channel,
            "platform": self.platform,
            "key": job.key,
            "made_with": built_with,
            "seconds": round(seconds, 1),
            "size": tree_size(content),
            "programs": programs,
        }
        (content / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    def _read(self, engine: Engine, channel: Channel, its_key: str) -> Artifact | None:
        """The artifact of that key, None when it is not there or its programs are not as they were made."""
        path = self._folder(engine, its_key)
        try:
            manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
            whole = manifest["key"] == its_key and all(
                (path / program).stat().st_size == size for program, size in manifest["programs"].items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Artifact(engine, channel, its_key, path, manifest) if whole else None

    def _folder(self, engine: Engine, its_key: str) -> Path:
        return self.cache / engine.name / its_key[:12]

    @contextmanager
    def _held(self, job: choice.Job, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock of a key. It goes with the process, however that ends."""
        lock = self.key_lock(job.engine.name, job.key[:12])
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def key_lock(self, engine: str, digest: str) -> FileLock:
        """The lock, not yet acquired, that whoever makes or removes an artifact holds."""
        path = self.cache / "locks" / f"{engine}-{digest}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)

    def lock(self) -> Lock:
        """What the lock file says now, and what was taken on first use where it says nothing."""
        return self.records.under(Lock.read(self.lock_file))
